/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one channel of [notify] still has to tell: which events are worth it, the same one only once, in order, bounded, and when to try again.
 *
 * - An event passes by its severity. The end of a trouble (a leg joined, a service up, a node heard) passes, whatever its severity, when the
 *   trouble was told.
 * - The same (reason, mirror, node) again within `repeat_ms` is not told, unless its trouble had ended meanwhile; how often it was held back
 *   is said with the next one ("repeats").
 * - NOTIFY_QUEUE_MAX wait at most; then the oldest makes room and is counted as dropped.
 * - The first in the queue is tried until it is taken, after 1 s, 2 s, ... up to NOTIFY_RETRY_MAX_MS; after NOTIFY_TRIES_MAX tries it is dropped.
 *
 * Pure: time is CLOCK_BOOTTIME, given by the caller. One thread.
 */
#ifndef HAMON_API_NOTIFY_QUEUE_H
#define HAMON_API_NOTIFY_QUEUE_H

#include "hamon/api/event_log.h"

enum { NOTIFY_QUEUE_MAX = 64, NOTIFY_TOLD_MAX = 64, NOTIFY_TRIES_MAX = 16, NOTIFY_RETRY_MS = 1000, NOTIFY_RETRY_MAX_MS = 300000 };

#define NOTIFY_TEST "notify-test"     /* reason code of the event that is told at once */
#define NOTIFY_FAILED "notify-failed" /* of the one that a channel says of itself */

struct notice {
        struct event_entry event;
        unsigned repeats; /* of the same, not told since the last one that was */
};

struct notify_told {
        char code[32], mirror[CONFIG_NAME_SIZE], node[CONFIG_NAME_SIZE];
        uint64_t at_ms;
        unsigned repeats;
        bool ended; /* its trouble: the next one is news */
};

struct notify_queue {
        enum severity least;
        uint32_t repeat_ms;
        unsigned count;
        struct notice waiting[NOTIFY_QUEUE_MAX]; /* in order */
        unsigned told_count;
        struct notify_told told[NOTIFY_TOLD_MAX]; /* in order of their last notice */
        unsigned tries;                          /* of the first in the queue */
        uint64_t retry_ms;                       /* not before */
        uint64_t delivered, dropped, suppressed;
};

void notify_queue_init(struct notify_queue *q, enum severity least, uint32_t repeat_ms);

/* True: it waits to be told now. */
bool notify_queue_put(struct notify_queue *q, const struct event_entry *e, uint64_t now_ms);

/* The one to tell now, or NULL. */
const struct notice *notify_queue_due(const struct notify_queue *q, uint64_t now_ms);

/* How long until notify_queue_due() has one; UINT64_MAX: nothing waits. */
uint64_t notify_queue_wait_ms(const struct notify_queue *q, uint64_t now_ms);

/* What became of the one that was due. */
void notify_queue_taken(struct notify_queue *q);
void notify_queue_failed(struct notify_queue *q, uint64_t now_ms);

/* The number up to which every event was told or needs not be; `seen`: of the last one that was put. */
uint64_t notify_queue_settled(const struct notify_queue *q, uint64_t seen);

#endif
