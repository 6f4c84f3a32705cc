/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Digests of the own leg, read from its disk past every cache: one half of a verify; the other node does the same with its own leg.
 *
 * Reads the raw disk and never exclusively, so that it works while md or nbdd holds the member. A write that is under way may be seen or not:
 * that is the caller's to sort out (hold.h). Blocks on the disk; any thread, never the main loop.
 */
#ifndef HAMON_ACT_DIGEST_H
#define HAMON_ACT_DIGEST_H

#include "hamon/act/trouble.h"
#include "hamon/verify/ask.h"

/* What names a leg: its disk, and whose it must be. */
struct digest_leg {
        const char *disk, *cluster, *mirror;
};

/*
 * Fills in size, count and digests of `ret`. -ESTALE: the disk holds another leg; -ERANGE: past the end of the array; else the disk's error, with
 * the place in `t`.
 */
int digest_blocks(const struct digest_leg *leg, const struct verify_ask *ask, struct verify_answer *ret, struct trouble *t);

/* What is on the disk, whosever it is: fills in disk_bytes, room_bytes, needs_bytes and holds. */
int digest_look_at_disk(const struct digest_leg *leg, struct verify_answer *ret, struct trouble *t);

#endif
