/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The header in front of a leg: who it belongs to, its UUID, and the epochs that were served from it. Codec on byte
 * slices.
 *
 * A disk has two copies, each of LEG_HEADER_BYTES. The valid copy with the higher sequence counts; a change is written
 * over the other one with the next sequence, so that a torn write leaves the header as it was. All numbers are
 * little-endian:
 *
 *        0  magic "NBDDLEG1"            8  version (1)            12  length of the history
 *       16  cluster, NUL-padded, 32    48  mirror, 32             80  leg UUID, 16
 *       96  sequence, 8               104  reserved, 24          128  history: 64 epochs, 8 each, oldest first
 *      640  reserved                 4064  SHA-256 of the bytes 0 to 4063
 *
 * Never reads or writes a disk. Called by leg.c and the tests. Any thread.
 */
#ifndef HAMON_ACT_LEG_HEADER_H
#define HAMON_ACT_LEG_HEADER_H

#include "base/id.h"

#include <stddef.h>

#define LEG_HEADER_BYTES 4096u
#define LEG_HEADER_A_OFFSET 0u
#define LEG_HEADER_B_OFFSET 4096u
#define LEG_PROBE_OFFSET 8192u       /* one block of LEG_HEADER_BYTES */
#define LEG_MEMBER_OFFSET (1u << 20) /* where the md member begins */
#define LEG_HISTORY_MAX 64
#define LEG_NAME_SIZE 32 /* with its NUL */

struct leg_header {
        char cluster[LEG_NAME_SIZE], mirror[LEG_NAME_SIZE];
        struct uuid uuid;
        uint64_t sequence; /* of the copy; from 1 */
        unsigned epochs;
        uint64_t epoch[LEG_HISTORY_MAX]; /* ascending, the newest last */
};

/* -EBADMSG: no header, torn or damaged; -EPROTO: a whole header of a newer version. */
int leg_header_decode(const uint8_t *bytes, size_t size_bytes, struct leg_header *ret);

/* `ret` has LEG_HEADER_BYTES. -EIO when the hash cannot be computed. */
int leg_header_encode(const struct leg_header *h, uint8_t *ret);

/*
 * The header that counts, and which copy it is (0: A, 1: B). -EBADMSG when neither is whole; -EPROTO when one is of a
 * newer version: then nobody may conclude anything from the other.
 */
int leg_header_choose(const uint8_t *a, const uint8_t *b, struct leg_header *ret, int *ret_copy);

/* Adds an epoch to the history unless it is the newest already; the oldest falls out. -ESTALE: below the newest. */
int leg_header_add_epoch(struct leg_header *h, uint64_t epoch);

/* The newest epoch, or 0. */
uint64_t leg_header_last_epoch(const struct leg_header *h);

#endif
