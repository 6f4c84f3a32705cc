/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long a disk's requests have been waiting without any of them completing (R8a), from its counters in
 * /sys/.../stat. Pure.
 */
#ifndef HAMON_ACT_PROGRESS_H
#define HAMON_ACT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
        uint64_t completed; /* requests, at the last look */
        uint64_t since_ms;  /* when it last moved, or had nothing to do */
};

struct progress_counters {
        uint64_t completed; /* reads, writes, discards and flushes */
        uint64_t in_flight;
        uint64_t waited_ms; /* what the completed ones took, together */
};

/* The text of a block device's "stat". -EBADMSG. */
int progress_parse(const char *text, struct progress_counters *ret);

/* Age in ms of what waits; 0 when nothing does. `now_ms` never goes back. */
uint32_t progress_look(struct progress *p, const struct progress_counters *c, uint64_t now_ms);

/* How long a request takes: the mean of those that ended in the last whole window. */
enum { PROGRESS_WINDOW_MS = 5000 };

struct request_time {
        bool primed; /* what follows is of the window's begin */
        uint64_t completed, waited_ms, since_ms;
        uint32_t mean_us; /* of the window before; 0: none ended */
};

/* A look; counters that went back (another device) begin anew. Returns mean_us. */
uint32_t request_time_look(struct request_time *t, const struct progress_counters *c, uint64_t now_ms);

#endif
