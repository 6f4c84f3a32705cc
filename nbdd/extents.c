/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holes of a file. See extents.h. */
#include "nbdd/extents.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct extents *extents_new(unsigned max, bool whole, uint32_t block_bytes)
{
        struct extents *x = malloc(sizeof *x + max * sizeof x->list[0]);
        if (x) {
                x->count = 0;
                x->max = max;
                x->whole = whole;
                x->is_full = false;
                x->block_bytes = block_bytes;
        }
        return x;
}

/* False: it is full. */
static bool add(struct extents *x, uint64_t length_bytes, bool is_hole)
{
        if (length_bytes == 0)
                return true;
        if (x->count && x->list[x->count - 1].is_hole == is_hole) {
                x->list[x->count - 1].length_bytes += (uint32_t)length_bytes; /* the sum is at most the range */
                return true;
        }
        if (x->count == x->max || (x->whole && is_hole && x->count + 1 == x->max)) /* the last place is for the rest */
                return false;
        x->list[x->count].length_bytes = (uint32_t)length_bytes;
        x->list[x->count++].is_hole = is_hole;
        return true;
}

/* Where the extent that begins at `at` ends, at most at `end`, and what it is. */
static uint64_t next_change(int fd, uint64_t at, uint64_t end, bool *ret_is_hole)
{
        off_t hole = lseek(fd, (off_t)at, SEEK_HOLE);

        *ret_is_hole = false;
        if (hole < 0)
                return end; /* ENXIO: behind the end of a file that became shorter */
        if ((uint64_t)hole > at)
                return (uint64_t)hole < end ? (uint64_t)hole : end;
        off_t data = lseek(fd, (off_t)at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
                data = lseek(fd, 0, SEEK_END); /* no data any more: a hole to the end of the file */
        if (data < 0 || (uint64_t)data <= at)
                return end; /* it changes while we look, or the file system does not say */
        *ret_is_hole = true;
        return (uint64_t)data < end ? (uint64_t)data : end;
}

/* As many blocks as bytes: cheaper to see than that no hole follows, for which tmpfs walks through every page to the end of the file. */
static bool file_is_full(int fd)
{
        struct stat st;
        return fstat(fd, &st) == 0 && (uint64_t)st.st_blocks * 512 >= (uint64_t)st.st_size;
}

void extents_find(int fd, uint64_t start_bytes, uint32_t length_bytes, struct extents *x)
{
        uint64_t at = start_bytes, end = start_bytes + length_bytes, mask = x->block_bytes - 1;
        bool has_room = true, is_hole;

        x->count = 0;
        x->is_full = x->whole && file_is_full(fd);
        if (x->is_full) {
                (void)add(x, length_bytes, false);
                return;
        }
        while (at < end && has_room) {
                uint64_t stop = next_change(fd, at, end, &is_hole);
                uint64_t first = (at + mask) & ~mask, last = stop & ~mask;
                if (is_hole && first < last) { /* only whole blocks of it */
                        has_room = add(x, first - at, false) && add(x, last - first, true);
                        at = has_room ? last : at;
                        has_room = has_room && add(x, stop - last, false);
                } else {
                        has_room = add(x, stop - at, false);
                }
                if (has_room)
                        at = stop;
        }
        if (x->whole && !has_room) {
                uint64_t sum = 0;
                for (unsigned i = 0; i < x->count; i++)
                        sum += x->list[i].length_bytes;
                (void)add(x, length_bytes - sum, false); /* either the last is data, or its place is kept */
        }
}
