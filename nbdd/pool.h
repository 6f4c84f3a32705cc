/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Page-aligned payload buffers in powers of two from 4 KiB to 32 MiB, kept for reuse up to POOL_KEEP_BYTES. One pool for each worker, used by its
 * thread alone.
 */
#ifndef NBDD_POOL_H
#define NBDD_POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_CLASSES 14               /* 4 KiB << 0 ... 4 KiB << 13 */
#define POOL_BUFFER_MIN 4096u
#define POOL_KEEP_BYTES (64u << 20)   /* idle memory of one worker */

struct pool {
        void *free[POOL_CLASSES]; /* singly linked through the buffers' first word */
        size_t kept_bytes;
};

void pool_release(struct pool *p);

/* A buffer of at least `size_bytes` (1 to 32 MiB), not zeroed; *ret_size is what pool_put() wants back. NULL: out of memory. */
uint8_t *pool_get(struct pool *p, size_t size_bytes, size_t *ret_size);
void pool_put(struct pool *p, uint8_t *buffer, size_t size_bytes);

#endif
