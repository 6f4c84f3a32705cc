/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * md's write-intent bitmap on disk (bitmap_super_t of drivers/md/md-bitmap.h, version 4): 256 bytes of header, then one
 * bit for each chunk of the array, least significant first. Codec on byte slices; never touches a disk. Called by
 * leg.c, the tests and the fuzzer. Any thread.
 */
#ifndef HAMON_ACT_MD_BITMAP_H
#define HAMON_ACT_MD_BITMAP_H

#include "base/id.h"

#include <stddef.h>

#define MD_BITMAP_HEADER_BYTES 256u

struct md_bitmap {
        struct uuid array;
        uint64_t events, events_cleared;
        uint64_t sync_size_sectors;
        uint32_t state; /* of the header */
        uint32_t chunk_bytes;
        uint64_t chunks; /* bits that mean something */
};

/* -EBADMSG: no bitmap of version 4, or numbers that cannot be. */
int md_bitmap_decode(const uint8_t *bytes, size_t size_bytes, struct md_bitmap *ret);

/* Bytes that header and bits take together. */
uint64_t md_bitmap_total_bytes(const struct md_bitmap *b);

/*
 * Do the bits tell what may differ, for a member with that event count? Not when the bitmap is marked stale or when md
 * stopped maintaining it before the superblock (its events are lower): then every chunk counts as dirty, as it does for
 * the kernel.
 */
bool md_bitmap_is_current(const struct md_bitmap *b, uint64_t super_events);

#endif
