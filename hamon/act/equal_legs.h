/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * May two legs be assembled together? Only after a stop in order: DESIGN 3.5's one exception.
 *
 * md itself knows no ancestry: of two legs with the same event count slot 0 wins, whichever is newer, and one with a lower count is taken by
 * bitmap. So everything that could differ is looked at here first. Pure; called by effects_handover.c and the tests. Any thread.
 */
#ifndef HAMON_ACT_EQUAL_LEGS_H
#define HAMON_ACT_EQUAL_LEGS_H

#include "hamon/act/md_bitmap.h"
#include "hamon/act/md_super.h"

/* What one leg says of itself. */
struct leg_face {
        struct md_super super;
        struct md_bitmap bitmap;
        bool bitmap_empty; /* no bit is set on disk */
};

/*
 * NULL when the legs are members of one array in their own slots, complete, stopped cleanly, with equal event counts and empty bitmaps; else
 * the first reason why not, for people. `own_slot` is the slot of `own`.
 */
const char *equal_legs_obstacle(const struct leg_face *own, const struct leg_face *peer, unsigned own_slot);

#endif
