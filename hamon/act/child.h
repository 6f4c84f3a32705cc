/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one way in which hamon-act runs another program: with a time-out, its words in the log, and nothing inherited but
 * /dev/null and a pipe.
 *
 * Blocks its caller for at most `timeout_ms` plus one second: never from the main loop. Any thread.
 */
#ifndef HAMON_ACT_CHILD_H
#define HAMON_ACT_CHILD_H

#include "hamon/act/trouble.h"

/*
 * Runs argv[0] (an absolute path) and waits for its end. 0 when it exits with 0. -EIO: it did not; `t` says so with its
 * last line. -ETIMEDOUT: it was killed, and may be stuck in the kernel still. -ENOENT and others: it could not be
 * started.
 */
int child_run(const char *const *argv, unsigned timeout_ms, struct trouble *t);

#endif
