/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/array.h"

#define MIB (1ull << 20)
#define CHUNKS_WANTED (256u << 10)

uint64_t array_chunk_bytes(uint64_t member_bytes)
{
        uint64_t chunk = 4 * MIB;

        while (chunk < 64 * MIB && member_bytes / chunk > CHUNKS_WANTED)
                chunk *= 2;
        return chunk;
}
