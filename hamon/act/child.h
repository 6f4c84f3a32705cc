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

#include <stdbool.h>

/*
 * Runs argv[0] (an absolute path) and waits for its end. 0 when it exits with 0. -EIO: it did not; `t` says so with its
 * last line. -ETIMEDOUT: it was killed, and may be stuck in the kernel still. -ENOENT and others: it could not be
 * started.
 */
int child_run(const char *const *argv, unsigned timeout_ms, struct trouble *t);

struct child {
        const char *const *argv;
        const char *const *environment; /* NULL: PATH and LC_ALL only */
        unsigned timeout_ms;
        bool foreign; /* not of this project: in a session of its own, whose processes are all killed at its end */
};

/* The same; *ret_status (may be NULL) is its exit status, 128 and the signal that killed it, or -1 when it did not end in time. */
int child_run_full(const struct child *c, int *ret_status, struct trouble *t);

#endif
