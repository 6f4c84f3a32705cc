/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Payload buffers. See pool.h. */
#include "nbdd/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static unsigned class_of(size_t size_bytes)
{
        unsigned c = 0;
        while (((size_t)POOL_BUFFER_MIN << c) < size_bytes)
                c++;
        assert(c < POOL_CLASSES);
        return c;
}

void pool_release(struct pool *p)
{
        for (unsigned c = 0; c < POOL_CLASSES; c++) {
                while (p->free[c]) {
                        void *buffer = p->free[c];
                        memcpy(&p->free[c], buffer, sizeof(void *));
                        free(buffer);
                }
        }
        p->kept_bytes = 0;
}

uint8_t *pool_get(struct pool *p, size_t size_bytes, size_t *ret_size)
{
        unsigned c = class_of(size_bytes);
        size_t size = (size_t)POOL_BUFFER_MIN << c;
        void *buffer = p->free[c];

        if (buffer) {
                memcpy(&p->free[c], buffer, sizeof(void *));
                p->kept_bytes -= size;
        } else if (posix_memalign(&buffer, POOL_BUFFER_MIN, size) != 0) {
                return NULL;
        }
        *ret_size = size;
        return buffer;
}

void pool_put(struct pool *p, uint8_t *buffer, size_t size_bytes)
{
        unsigned c = class_of(size_bytes);

        if (p->kept_bytes + size_bytes > POOL_KEEP_BYTES) {
                free(buffer);
                return;
        }
        memcpy(buffer, &p->free[c], sizeof(void *));
        p->free[c] = buffer;
        p->kept_bytes += size_bytes;
}
