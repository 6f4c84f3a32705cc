/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a file has holes: SEEK_HOLE and SEEK_DATA into a bounded list. For sparse reads and for BLOCK_STATUS.
 *
 * Owns nothing but the list. May block on the disk, so it runs where disk operations run. What the file system does not tell counts as data:
 * that is always true enough, and a read of it reports its own error.
 */
#ifndef NBDD_EXTENTS_H
#define NBDD_EXTENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/nbd_wire.h"

#define EXTENTS_READ_MAX 32u    /* in one read's reply; what lies behind is sent as data */
#define EXTENTS_STATUS_MAX 256u /* in one block status reply; the client asks on from its end */

struct extent {
        uint32_t length_bytes;
        bool is_hole;
        uint8_t head[NBD_CHUNK_HEADER_BYTES + 12]; /* reply.c: the chunk's bytes before its data */
};

struct extents {
        unsigned count, max;
        bool whole;           /* cover the range to its end even when `max` is reached */
        bool is_full;         /* found: the file has no hole at all (looked at when `whole`) */
        uint32_t block_bytes; /* a hole starts and ends on this power of two */
        struct extent list[];
};

/* NULL: out of memory. free() it. */
struct extents *extents_new(unsigned max, bool whole, uint32_t block_bytes);

/*
 * Fills `x` for the range, which starts and ends on blocks and has at least one byte. Neighbours differ in is_hole; there is at least one
 * extent; their sum is the range, or less when `whole` is not set.
 */
void extents_find(int fd, uint64_t start_bytes, uint32_t length_bytes, struct extents *x);

#endif
