/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call into the kernel that may stand still for as long as the peer's leg does, waited for with a time limit.
 *
 * A REQUIRED leg is disconnected by a decided record only, and what decides that waits for this worker: so the call runs in a thread of its
 * own, and one that is late is left to itself. It ends when the leg is detached. Workers only.
 */
#ifndef HAMON_ACT_BOUNDED_H
#define HAMON_ACT_BOUNDED_H

#include "hamon/act/array.h"

/* Runs `function` on a copy of `a`; -ETIMEDOUT with `what` in the sentence when it has not come back after `limit_ms`. */
int bounded_run(int (*function)(const struct array *a, struct trouble *t), const struct array *a, unsigned limit_ms, const char *what,
                struct trouble *t);

#endif
