/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/chaos/block.h"

#include <endian.h>
#include <string.h>

static const char magic[8] = "CHAOSBLK";
enum { PATTERN_AT = 40, SUM_AT = BLOCK_BYTES - 8 };

static void put64(uint8_t *at, uint64_t v)
{
        v = htole64(v);
        memcpy(at, &v, sizeof v);
}

static uint64_t get64(const uint8_t *at)
{
        uint64_t v;
        memcpy(&v, at, sizeof v);
        return le64toh(v);
}

/* FNV-1a over 64-bit words: a checksum against tearing and mixing, cheap in an emulated machine. */
static uint64_t sum(const uint8_t *at)
{
        uint64_t h = 0xcbf29ce484222325U;
        for (int i = 0; i < SUM_AT; i += 8)
                h = (h ^ get64(at + i)) * 0x100000001b3U;
        return h;
}

void block_encode(const struct block *b, uint8_t ret[static BLOCK_BYTES])
{
        uint64_t x = (b->sector << 32) ^ b->sequence;
        memcpy(ret, magic, sizeof magic);
        put64(ret + 8, b->sector);
        put64(ret + 16, b->sequence);
        put64(ret + 24, b->generation);
        put64(ret + 32, b->writer | (uint64_t)b->node << 32);
        for (int i = PATTERN_AT; i < SUM_AT; i += 8) {
                x = x * 6364136223846793005U + 1442695040888963407U; /* Knuth's MMIX generator: no run of equal words */
                put64(ret + i, x);
        }
        put64(ret + SUM_AT, sum(ret));
}

enum block_kind block_decode(const uint8_t from[static BLOCK_BYTES], struct block *ret)
{
        static const uint8_t zeroes[BLOCK_BYTES];
        if (memcmp(from, zeroes, BLOCK_BYTES) == 0)
                return BLOCK_BLANK;
        if (memcmp(from, magic, sizeof magic) != 0 || get64(from + SUM_AT) != sum(from))
                return BLOCK_TORN;
        *ret = (struct block){.sector = get64(from + 8),
                              .sequence = get64(from + 16),
                              .generation = get64(from + 24),
                              .writer = (uint32_t)get64(from + 32),
                              .node = (uint32_t)(get64(from + 32) >> 32)};
        return BLOCK_GOOD;
}
