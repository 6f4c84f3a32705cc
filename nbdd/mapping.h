/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file in memory (tmpfs), mapped so that a read's reply is sent from its own pages, without a copy to a buffer before. Only the kernel ever reads through the
 * mapping, in sendmsg(): where the file has become shorter that is EFAULT, not SIGBUS.
 *
 * Not of a file with holes: to read one through a mapping fills it (mm/shmem.c, shmem_fault()). Opened and closed by target.c; the rest is for any thread.
 */
#ifndef NBDD_MAPPING_H
#define NBDD_MAPPING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stat;

struct mapping {
        const uint8_t *start; /* NULL: not mapped */
        size_t size_bytes;
        atomic_bool unusable; /* a hole was made since, or the file became shorter: for good */
};

/* Maps what `fd` is now, when it has no holes. Without success nothing is mapped, and reads go the usual way. */
void mapping_open(struct mapping *m, int fd, const struct stat *st);
void mapping_close(struct mapping *m);

/* Where these bytes of the file are, or NULL: read them. Valid until mapping_close(); to be given to the kernel only. */
const uint8_t *mapping_at(const struct mapping *m, uint64_t offset_bytes, uint32_t length_bytes);

/* From now on mapping_at() gives NULL. */
void mapping_give_up(struct mapping *m);

#endif
