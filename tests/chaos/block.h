/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The self-describing block of the chaos load: who wrote it, where it belongs, which write it is, and a checksum over all of it.
 *
 * Owns the layout; never touches a disk. Pure functions, any thread. All fields little-endian:
 *   0 magic "CHAOSBLK", 8 sector, 16 sequence, 24 generation of the service that wrote it, 32 writer, 36 node, 40.. a pattern made from sector and
 *   sequence, 4088 FNV-1a 64 over bytes 0..4087.
 */
#ifndef TESTS_CHAOS_BLOCK_H
#define TESTS_CHAOS_BLOCK_H

#include <stdint.h>

enum { BLOCK_BYTES = 4096 };

enum block_kind {
        BLOCK_BLANK, /* all zeroes: never written */
        BLOCK_GOOD,
        BLOCK_TORN, /* anything else */
};

struct block {
        uint64_t sector, sequence, generation;
        uint32_t writer, node;
};

void block_encode(const struct block *b, uint8_t ret[static BLOCK_BYTES]);
enum block_kind block_decode(const uint8_t from[static BLOCK_BYTES], struct block *ret); /* *ret is written for BLOCK_GOOD only */

#endif
