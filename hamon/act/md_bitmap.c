/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/md_bitmap.h"

#include "base/bytes.h"

#include <errno.h>

#define MAGIC 0x6d746962u /* "bitm" */
#define VERSION 4u
#define STATE_STALE 2u       /* 1 << BITMAP_STALE */
#define STATE_WRITE_ERROR 4u /* 1 << BITMAP_WRITE_ERROR */
#define CHUNK_MIN 512u
#define CHUNKS_MAX (1ull << 40) /* far above what fits in front of any member's data */

int md_bitmap_decode(const uint8_t *bytes, size_t size_bytes, struct md_bitmap *ret)
{
        struct breader r = breader_of(bytes, size_bytes);
        struct md_bitmap b = {0};

        uint32_t magic = breader_le32(&r), version = breader_le32(&r);
        breader_copy(&r, b.array.bytes, sizeof b.array.bytes);
        b.events = breader_le64(&r);
        b.events_cleared = breader_le64(&r);
        b.sync_size_sectors = breader_le64(&r);
        b.state = breader_le32(&r);
        b.chunk_bytes = breader_le32(&r);
        if (r.bad || magic != MAGIC || version != VERSION || b.chunk_bytes < CHUNK_MIN ||
            (b.chunk_bytes & (b.chunk_bytes - 1)) != 0)
                return -EBADMSG;
        uint64_t chunk_sectors = b.chunk_bytes / 512;
        b.chunks = b.sync_size_sectors / chunk_sectors + (b.sync_size_sectors % chunk_sectors != 0);
        if (b.chunks == 0 || b.chunks > CHUNKS_MAX)
                return -EBADMSG;
        *ret = b;
        return 0;
}

uint64_t md_bitmap_total_bytes(const struct md_bitmap *b)
{
        return MD_BITMAP_HEADER_BYTES + (b->chunks + 7) / 8;
}

bool md_bitmap_is_current(const struct md_bitmap *b, uint64_t super_events)
{
        return !(b->state & (STATE_STALE | STATE_WRITE_ERROR)) && b->events >= super_events;
}
