/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading and writing of disks past every page cache (O_DIRECT): what is read is on the disk, what is flushed stays
 * there.
 *
 * Any offset and size may be read (a bounce buffer aligns them); writes are whole blocks of DIRECT_BLOCK bytes. Blocks
 * on the disk: never from the main loop. Any thread.
 */
#ifndef HAMON_ACT_DIRECT_IO_H
#define HAMON_ACT_DIRECT_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIRECT_BLOCK 4096u

/* Not exclusive: it works while nbdd or md holds the device. A file descriptor, or -errno. */
int direct_open(const char *path, bool write);

/* Size of a block device or file. */
int direct_size_bytes(int fd, uint64_t *ret);

/* 0, or -errno; -EIO also when the device ends before. */
int direct_read(int fd, uint64_t offset_bytes, void *to, size_t size_bytes);

/* `offset_bytes` and `size_bytes` are multiples of DIRECT_BLOCK (asserted). Durable only after direct_flush(). */
int direct_write(int fd, uint64_t offset_bytes, const void *from, size_t size_bytes);
int direct_zero(int fd, uint64_t offset_bytes, size_t size_bytes);

/* Flushes the disk's own cache (fsync). An error is not to be retried: what was written may be lost. */
int direct_flush(int fd);

#endif
