/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/debt.h"

#include "base/bytes.h"
#include "base/statefile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OWNER "hamon-act-debt"
#define VERSION 2u /* 2: says, too, that nothing is owed; 1 removed the file then */
#define HEADER_BYTES (16u + 8u + 8u) /* array, chunk_bytes, chunks */

static bool is_power_of_two(uint64_t v)
{
        return v != 0 && (v & (v - 1)) == 0;
}

static size_t bits_bytes(uint64_t chunks)
{
        return (size_t)((chunks + 7) / 8);
}

int debt_init(struct debt *d, const struct uuid *array, uint64_t chunk_bytes, uint64_t chunks)
{
        if (!is_power_of_two(chunk_bytes) || chunks == 0)
                return -EINVAL;
        if (chunks > DEBT_CHUNKS_MAX)
                return -EFBIG;
        uint8_t *bits = calloc(1, bits_bytes(chunks));
        if (!bits)
                return -ENOMEM;
        *d = (struct debt){.array = *array, .chunk_bytes = chunk_bytes, .chunks = chunks, .bits = bits};
        return 0;
}

int debt_grow(struct debt *d, uint64_t chunks)
{
        if (chunks <= d->chunks)
                return 0;
        if (chunks > DEBT_CHUNKS_MAX)
                return -EFBIG;
        uint8_t *bits = realloc(d->bits, bits_bytes(chunks));
        if (!bits)
                return -ENOMEM;
        memset(bits + bits_bytes(d->chunks), 0, bits_bytes(chunks) - bits_bytes(d->chunks)); /* the last byte has no bits past its end */
        d->bits = bits;
        d->chunks = chunks;
        return 0;
}

void debt_release(struct debt *d)
{
        free(d->bits);
        *d = (struct debt){0};
}

static bool bit_get(const uint8_t *bits, uint64_t i)
{
        return bits[i / 8] >> (i % 8) & 1;
}

static void bit_set(uint8_t *bits, uint64_t i)
{
        bits[i / 8] = (uint8_t)(bits[i / 8] | 1u << (i % 8));
}

bool debt_is_none(const struct debt *d)
{
        return !d->bits;
}

bool debt_is_set(const struct debt *d, uint64_t chunk)
{
        return chunk < d->chunks && bit_get(d->bits, chunk);
}

void debt_set_all(struct debt *d)
{
        for (uint64_t i = 0; i < d->chunks; i++)
                bit_set(d->bits, i);
}

uint64_t debt_count(const struct debt *d)
{
        uint64_t n = 0;

        for (uint64_t i = 0; i < d->chunks; i++)
                n += bit_get(d->bits, i);
        return n;
}

int debt_add_bits(struct debt *d, const uint8_t *bits, uint64_t chunks, uint64_t chunk_bytes)
{
        if (!is_power_of_two(chunk_bytes))
                return -EINVAL;
        for (uint64_t i = 0; i < chunks; i++) {
                if (!bit_get(bits, i))
                        continue;
                /* Powers of two: either one of theirs lies in one of ours, or it covers some of ours exactly. */
                uint64_t first, last;
                if (chunk_bytes <= d->chunk_bytes) {
                        first = last = i / (d->chunk_bytes / chunk_bytes);
                } else {
                        uint64_t factor = chunk_bytes / d->chunk_bytes;
                        if (i >= d->chunks / factor + 1)
                                return -ERANGE;
                        first = i * factor;
                        last = first + factor - 1;
                }
                if (first >= d->chunks)
                        return -ERANGE;
                for (uint64_t c = first; c <= last && c < d->chunks; c++)
                        bit_set(d->bits, c);
        }
        return 0;
}

bool debt_next_range(const struct debt *d, uint64_t *start, uint64_t *ret_end)
{
        uint64_t i = *start;

        while (i < d->chunks && !bit_get(d->bits, i))
                i++;
        if (i >= d->chunks)
                return false;
        *start = i;
        while (i + 1 < d->chunks && bit_get(d->bits, i + 1))
                i++;
        *ret_end = i;
        return true;
}

int debt_encode(const struct debt *d, uint8_t **ret, size_t *ret_size_bytes)
{
        size_t size = HEADER_BYTES + bits_bytes(d->chunks);
        uint8_t *bytes = malloc(size);

        if (!bytes)
                return -ENOMEM;
        struct bwriter w = bwriter_of(bytes, size);
        bwriter_copy(&w, d->array.bytes, sizeof d->array.bytes);
        bwriter_le64(&w, d->chunk_bytes);
        bwriter_le64(&w, d->chunks);
        bwriter_copy(&w, d->bits, bits_bytes(d->chunks));
        *ret = bytes;
        *ret_size_bytes = size;
        return 0;
}

int debt_decode(const uint8_t *bytes, size_t size_bytes, struct debt *ret)
{
        struct breader r = breader_of(bytes, size_bytes);
        struct uuid array;
        struct debt d;

        breader_copy(&r, array.bytes, sizeof array.bytes);
        uint64_t chunk_bytes = breader_le64(&r), chunks = breader_le64(&r);
        if (!r.bad && uuid_is_null(&array) && chunk_bytes == 0 && chunks == 0 && size_bytes == HEADER_BYTES) {
                *ret = (struct debt){0};
                return 0;
        }
        if (r.bad || chunks > DEBT_CHUNKS_MAX || size_bytes != HEADER_BYTES + bits_bytes(chunks))
                return -EBADMSG;
        int n = debt_init(&d, &array, chunk_bytes, chunks);
        if (n < 0)
                return n == -ENOMEM ? n : -EBADMSG;
        breader_copy(&r, d.bits, bits_bytes(chunks));
        if (chunks % 8 != 0 && d.bits[chunks / 8] >> (chunks % 8) != 0) {
                debt_release(&d);
                return -EBADMSG;
        }
        *ret = d;
        return 0;
}

static int load(const char *path, struct debt *ret, int (*read)(const char *, const char *, unsigned, unsigned *, char **, size_t *))
{
        unsigned version;
        char *payload;
        size_t size;

        int r = read(path, OWNER, VERSION, &version, &payload, &size);
        if (r < 0)
                return r;
        r = debt_decode((const uint8_t *)payload, size, ret);
        free(payload);
        return r;
}

int debt_load(const char *path, struct debt *ret)
{
        return load(path, ret, statefile_read);
}

int debt_peek(const char *path, struct debt *ret)
{
        return load(path, ret, statefile_peek);
}

int debt_save(const char *path, const struct debt *d)
{
        uint8_t *bytes;
        size_t size;

        int r = debt_encode(d, &bytes, &size);
        if (r < 0)
                return r;
        r = statefile_write(path, OWNER, VERSION, bytes, size);
        free(bytes);
        return r;
}

int debt_save_none(const char *path)
{
        return debt_save(path, &(struct debt){0});
}
