/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The resync of the peer's leg while it runs: its pace by the application's latency, and what a person wants of it (pause, ceiling). And no
 * check of the array that somebody else began.
 *
 * Owns md's sync_speed_min and _max, the pause ("frozen" in md's sync_action), and the file NAME.resync. A thread of its own for each
 * mirror: writing "frozen" waits until what is being copied has ended, for as long as a dead leg takes; nothing else may wait for that.
 * What a person said holds for this boot and this run of the array, a pause only until the leg is in sync: nothing stays paused that nobody remembers. It
 * survives a restart of hamon-act. Decides nothing about the leg: a leave, a stop or an own failure go on as they would without a pause.
 */
#ifndef HAMON_ACT_RESYNC_H
#define HAMON_ACT_RESYNC_H

#include "hamon/act/mirror.h"
#include "hamon/act/trouble.h"
#include "hamon/core/effect.h"

#define RESYNC_LOOK_MS 500  /* a pause and a resumption are in force within it */
#define RESYNC_PACE_MS 1000 /* between two changes of the pace: long enough to see what the last one did */

struct resync;

/* What the last look saw; its position is 0/0 when nothing is to be copied. */
struct resync_view {
        struct resync_seen seen;
        uint64_t done_sectors, total_sectors;
};

/* Reads what was said before a restart, and starts the thread. `m` must live as long as the process. 0 or -errno. */
int resync_start(const struct mirror *m, struct resync **ret);

/* A person's order: durable when this returns 0. -ENODEV: no array runs here. The mirror's worker. */
int resync_order(struct resync *r, const struct resync_order *order, struct trouble *t);

/* Any thread; never waits for a disk. */
void resync_look(struct resync *r, struct resync_view *ret);

#endif
