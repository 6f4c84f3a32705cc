/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One thread that makes the calls which may block in the kernel: NBD's netlink requests (they share a lock with every
 * other generic netlink user) and writes to queue limits (they may wait for requests in flight). The event loop itself
 * never waits.
 *
 * One job at a time: worker_post() while one is under way is a programmer error. worker_fd() becomes readable when it
 * ended; worker_take() then gives its result. Post, take and free from the loop's thread only. A thread that never
 * returns is left behind.
 */
#ifndef NBDD_NBDC_WORKER_H
#define NBDD_NBDC_WORKER_H

#include <stdbool.h>

struct worker;

typedef int (*worker_call)(void *argument);

int worker_new(struct worker **ret);
int worker_fd(const struct worker *w);
bool worker_busy(const struct worker *w);
void worker_post(struct worker *w, worker_call call, void *argument);
/* -EAGAIN: not ended yet. */
int worker_take(struct worker *w, int *ret_result);
/* Waits for the thread unless it is in a call. */
void worker_free(struct worker *w);

#endif
