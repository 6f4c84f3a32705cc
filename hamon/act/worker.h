/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread that performs a mirror's effects one after the other. Reason for the thread: md, device-mapper, nbdd, D-Bus
 * and disks block, each for seconds, and one mirror must not hold up another, the main loop or the service address.
 * Each mirror has two: one for what may wait for writes that only a detach frees (its service, growing), and one
 * for all else.
 *
 * The main loop gives effects and takes results; everything else of the mirror's state is the worker's own.
 */
#ifndef HAMON_ACT_WORKER_H
#define HAMON_ACT_WORKER_H

#include "hamon/act/mirror.h"
#include "hamon/core/effect.h"

#include <systemd/sd-event.h>

#define WORKER_QUEUE_MAX 64

struct worker;

/* Called in the main loop with each result, in order. */
typedef void (*worker_done)(void *userdata, const struct effect_result *result);

/* Starts the thread. What `m` marks as the worker's belongs to the one that is given the effects on legs and arrays. 0
 * or -errno. */
int worker_start(struct mirror *m, sd_event *loop, worker_done done, void *userdata, struct worker **ret);

/* -ENOBUFS: the queue is full. */
int worker_give(struct worker *w, const struct effect *e);

/* Nothing runs, waits, or has an answer that was not taken. */
bool worker_is_idle(struct worker *w);

/* Drops what has not begun (its client is gone: outcomes are unknown to it anyway). What runs goes on to its end. */
void worker_forget(struct worker *w);

#endif
