/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files in memory, mapped. See mapping.h. */
#include "nbdd/mapping.h"

#include <sys/mman.h>
#include <sys/stat.h>

#define STAT_BLOCK_BYTES 512u /* what st_blocks counts, stat(2) */

void mapping_open(struct mapping *m, int fd, const struct stat *st)
{
        bool has_holes = (uint64_t)st->st_blocks * STAT_BLOCK_BYTES < (uint64_t)st->st_size;

        *m = (struct mapping){0};
        if (st->st_size <= 0 || (uint64_t)st->st_size > SIZE_MAX || has_holes)
                return;
        void *start = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (start == MAP_FAILED)
                return;
        m->start = start;
        m->size_bytes = (size_t)st->st_size;
}

void mapping_close(struct mapping *m)
{
        if (m->start)
                (void)munmap((void *)(uintptr_t)m->start, m->size_bytes);
        m->start = NULL;
}

const uint8_t *mapping_at(const struct mapping *m, uint64_t offset_bytes, uint32_t length_bytes)
{
        if (!m->start || atomic_load_explicit(&m->unusable, memory_order_relaxed))
                return NULL;
        if (offset_bytes > m->size_bytes || length_bytes > m->size_bytes - offset_bytes)
                return NULL; /* the file has grown */
        return m->start + offset_bytes;
}

void mapping_give_up(struct mapping *m)
{
        atomic_store_explicit(&m->unusable, true, memory_order_relaxed);
}
