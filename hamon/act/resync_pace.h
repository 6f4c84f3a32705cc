/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How fast may a resync go? As fast as the application does not feel it: its latency is measured at the array's own device, and the pace is halved
 * when that is above the goal and grows by a quarter when it is well below. md's own rule (sync_speed_min while anything else is busy) knows no latency: it
 * starves the resync on a busy mirror, and lets it hurt on one that is idle but for a few slow writes.
 *
 * The goal is twice what the application had before the resync began, and at least RESYNC_LATENCY_GOAL_US: a slow disk or a busy
 * application must not keep a mirror from becoming redundant. For the same reason there is a floor. Pure; the caller's thread.
 */
#ifndef HAMON_ACT_RESYNC_PACE_H
#define HAMON_ACT_RESYNC_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        RESYNC_LATENCY_GOAL_US = 20000,   /* what a database's commit bears beside its own time */
        RESYNC_PACE_START_KIB = 64 << 10, /* 64 MiB/s: less than a gigabit link, so that the first second hurts nobody */
        RESYNC_PACE_FLOOR_KIB = 8 << 10,  /* 8 MiB/s: a terabyte in a day and a half */
        RESYNC_PACE_MOST_KIB = 4 << 20,   /* 4 GiB/s: as good as unbounded */
        RESYNC_RATE_WINDOW_MS = 10000,    /* over which the copied bytes are measured */
};

struct resync_pace {
        bool primed; /* the counters below are of an earlier look */
        uint64_t requests, waited_ms;
        uint32_t before_us;  /* the application's latency without a resync; 0: never seen */
        uint32_t latency_us; /* in the last look; 0: it asked for nothing */
        uint32_t limit_kib;  /* 0: no resync runs */
};

/*
 * A look, once a second, at the counters of the array's device: requests that ended, the time that they took together, and those under way.
 * `syncing`: the leg is being copied to. `ceiling_kib`: a person's, 0 for none. Returns the pace in KiB/s; 0: none is needed.
 */
uint32_t resync_pace_look(struct resync_pace *p, uint64_t requests, uint64_t waited_ms, uint64_t in_flight, bool syncing, uint32_t ceiling_kib);

/* How fast it goes, and whether it moves. */
struct resync_rate {
        uint64_t mark_ms, mark_sectors; /* begin of the window */
        uint64_t moved_ms, at_sectors;  /* when it was last seen to move, and where it was */
        uint32_t rate_kib;
};

/* A look at the position; `now_ms` never goes back. A position that went back begins anew. */
void resync_rate_look(struct resync_rate *r, uint64_t done_sectors, uint64_t now_ms);

/* The resync's position in the text of /proc/mdstat, in sectors; false: that array is not being resynced. (sysfs knows it in sixteenths only.) */
bool resync_position(const char *mdstat, const char *md, uint64_t *ret_done_sectors, uint64_t *ret_total_sectors);

#endif
