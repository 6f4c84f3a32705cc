/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Byte slices with bounds: the reader and writer under every wire and disk codec of the project.
 *
 * A reader or writer that runs past its end becomes `bad` and stays so; reads then give 0 and writes do nothing, so that a codec is
 * written straight through and checks `bad` once at its end. Neither owns its memory. Nothing here allocates, logs or calls the kernel.
 * Any thread; one object in one thread at a time.
 */
#ifndef NBDD_BASE_BYTES_H
#define NBDD_BASE_BYTES_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct breader {
        const uint8_t *data;
        size_t size_bytes;
        size_t offset_bytes;
        bool bad;
};

struct bwriter {
        uint8_t *data;
        size_t size_bytes;
        size_t offset_bytes;
        bool bad;
};

static inline struct breader breader_of(const void *data, size_t size_bytes)
{
        return (struct breader){.data = data, .size_bytes = size_bytes};
}

static inline struct bwriter bwriter_of(void *data, size_t size_bytes)
{
        return (struct bwriter){.data = data, .size_bytes = size_bytes};
}

static inline size_t breader_left(const struct breader *r)
{
        return r->bad ? 0 : r->size_bytes - r->offset_bytes;
}

/* The next n bytes in place, or NULL (and bad) when fewer are left. */
static inline const uint8_t *breader_take(struct breader *r, size_t n)
{
        if (r->bad || n > r->size_bytes - r->offset_bytes) {
                r->bad = true;
                return NULL;
        }
        const uint8_t *p = r->data + r->offset_bytes;
        r->offset_bytes += n;
        return p;
}

/* Room for the next n bytes, or NULL (and bad) when there is none. */
static inline uint8_t *bwriter_take(struct bwriter *w, size_t n)
{
        if (w->bad || n > w->size_bytes - w->offset_bytes) {
                w->bad = true;
                return NULL;
        }
        uint8_t *p = w->data + w->offset_bytes;
        w->offset_bytes += n;
        return p;
}

#define BYTES_ACCESSOR(bits, order)                                                                                    \
        static inline uint##bits##_t breader_##order##bits(struct breader *r)                                          \
        {                                                                                                              \
                uint##bits##_t v = 0;                                                                                  \
                const uint8_t *p = breader_take(r, sizeof v);                                                          \
                if (!p)                                                                                                \
                        return 0;                                                                                      \
                memcpy(&v, p, sizeof v);                                                                               \
                return order##bits##toh(v);                                                                            \
        }                                                                                                              \
        static inline void bwriter_##order##bits(struct bwriter *w, uint##bits##_t v)                                  \
        {                                                                                                              \
                uint8_t *p = bwriter_take(w, sizeof v);                                                                \
                v = hto##order##bits(v);                                                                               \
                if (p)                                                                                                 \
                        memcpy(p, &v, sizeof v);                                                                       \
        }

BYTES_ACCESSOR(16, be)
BYTES_ACCESSOR(32, be)
BYTES_ACCESSOR(64, be)
BYTES_ACCESSOR(16, le)
BYTES_ACCESSOR(32, le)
BYTES_ACCESSOR(64, le)
#undef BYTES_ACCESSOR

static inline uint8_t breader_u8(struct breader *r)
{
        const uint8_t *p = breader_take(r, 1);
        return p ? *p : 0;
}

static inline void bwriter_u8(struct bwriter *w, uint8_t v)
{
        uint8_t *p = bwriter_take(w, 1);
        if (p)
                *p = v;
}

static inline void breader_copy(struct breader *r, void *to, size_t n)
{
        const uint8_t *p = breader_take(r, n);
        if (p)
                memcpy(to, p, n);
        else
                memset(to, 0, n);
}

static inline void bwriter_copy(struct bwriter *w, const void *from, size_t n)
{
        uint8_t *p = bwriter_take(w, n);
        if (p && n) /* `from` may be NULL then */
                memcpy(p, from, n);
}

#endif
