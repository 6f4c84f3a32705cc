/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long requests have been waiting without any completing (R8a), from samples of the device's counters. Reconnects
 * do not touch it: the block layer counts a request from its submission until its end, on whichever connection that
 * happens.
 *
 * A request that waits for a connection is not counted in flight by the kernel, so that without a connection nothing is
 * taken to have ended. Flushes are not counted in flight by the block layer; account.h finds those.
 *
 * Pure. The age is too small by at most the time between two samples, never too large.
 */
#ifndef NBDD_NBDC_PROGRESS_H
#define NBDD_NBDC_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
        bool waiting;
        uint64_t since_ms;
        uint64_t completed;
};

static inline void progress_sample(struct progress *p, uint64_t in_flight, uint64_t completed, bool connected,
                                   uint64_t now_ms)
{
        if (in_flight == 0) {
                p->waiting = p->waiting && !connected;
        } else if (!p->waiting || completed != p->completed) {
                p->waiting = true;
                p->since_ms = now_ms;
        }
        p->completed = completed;
}

static inline uint64_t progress_oldest_ms(const struct progress *p, uint64_t now_ms)
{
        return p->waiting ? now_ms - p->since_ms : 0;
}

#endif
