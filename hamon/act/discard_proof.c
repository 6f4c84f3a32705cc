/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/discard_proof.h"

#include "hamon/act/direct_io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

enum { KIB = 1024, PARTS = 5 };

struct part {
        uint32_t from, to;
};

/*
 * A logical block, a block of a file system, and more than most disks' granularity (discard_granularity), each also where it is aligned to nothing else
 * than logical blocks. Noise is left between them and at both ends, to be found unchanged.
 */
static void choose(uint32_t block, struct part ret[PARTS])
{
        const struct part parts[PARTS] = {
            {4 * KIB, 8 * KIB}, {16 * KIB + block, 16 * KIB + 2 * block}, {24 * KIB + block, 28 * KIB + block}, {64 * KIB, 128 * KIB}, {160 * KIB + block, 240 * KIB - block},
        };
        memcpy(ret, parts, sizeof parts);
}

/* No byte of it is zero, and no two proofs write the same: what an earlier one left does not pass for it. */
static int make_noise(uint8_t *ret, size_t size)
{
        uint64_t x;

        if (getrandom(&x, sizeof x, 0) != sizeof x)
                return -EIO;
        for (size_t i = 0; i < size; i++) {
                x = x * 6364136223846793005u + 1442695040888963407u;
                ret[i] = (uint8_t)(x >> 56) | 1;
        }
        return 0;
}

/* `expected` is noise, and zero at last where it was discarded. Once with what was written still in the disk's cache, once without. */
static int try_once(int fd, uint64_t at, uint32_t block, discard_way way, bool flushed, uint8_t *expected, uint8_t *found, bool *ret_equal)
{
        struct part parts[PARTS];

        choose(block, parts);
        int r = make_noise(expected, DISCARD_PROOF_BYTES);
        if (r == 0)
                r = direct_write(fd, at, expected, DISCARD_PROOF_BYTES);
        if (r == 0 && flushed)
                r = direct_flush(fd);
        for (unsigned i = 0; r == 0 && i < PARTS; i++) {
                r = way(fd, at + parts[i].from, parts[i].to - parts[i].from);
                memset(expected + parts[i].from, 0, parts[i].to - parts[i].from);
        }
        if (r == 0)
                r = direct_flush(fd);
        if (r == 0)
                r = direct_read(fd, at, found, DISCARD_PROOF_BYTES);
        *ret_equal = r == 0 && memcmp(found, expected, DISCARD_PROOF_BYTES) == 0;
        return r;
}

enum discard_proof discard_prove_way(int fd, uint64_t at_bytes, uint32_t block_bytes, discard_way way)
{
        uint8_t *expected = malloc(DISCARD_PROOF_BYTES), *found = malloc(DISCARD_PROOF_BYTES);
        bool equal = true;
        int r = expected && found ? 0 : -ENOMEM;

        for (int flushed = 0; r == 0 && equal && flushed < 2; flushed++)
                r = try_once(fd, at_bytes, block_bytes, way, flushed, expected, found, &equal);
        free(expected);
        free(found);
#ifdef MUTANT_discards_believed
        if (r == 0)
                return DISCARD_PROVEN;
#endif
        return r == -EOPNOTSUPP ? DISCARD_NOT_TAKEN : r < 0 ? DISCARD_FAILED : equal ? DISCARD_PROVEN : DISCARD_NOT_ZERO;
}

static int plainly(int fd, uint64_t from_bytes, uint64_t size_bytes)
{
        uint64_t range[2] = {from_bytes, size_bytes};

        return ioctl(fd, BLKDISCARD, range) < 0 ? -errno : 0;
}

static int as_nbdd(int fd, uint64_t from_bytes, uint64_t size_bytes)
{
        return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from_bytes, (off_t)size_bytes) < 0 ? -errno : 0;
}

enum discard_proof discard_prove(const char *disk)
{
        int block, fd = direct_open(disk, true);

        if (fd < 0)
                return DISCARD_FAILED;
        enum discard_proof proof = DISCARD_FAILED;
        if (ioctl(fd, BLKSSZGET, &block) == 0 && block > 0 && (unsigned)block <= DIRECT_BLOCK)
                proof = discard_prove_way(fd, DISCARD_PROOF_OFFSET, (uint32_t)block, plainly);
        if (proof == DISCARD_PROVEN) {
                enum discard_proof other = discard_prove_way(fd, DISCARD_PROOF_OFFSET, (uint32_t)block, as_nbdd);
                proof = other == DISCARD_NOT_TAKEN ? proof : other; /* nbdd discards plainly then */
        }
        close(fd);
        return proof;
}
