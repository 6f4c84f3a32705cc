/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does a disk read zeroes where something was discarded, exactly there, and nothing else elsewhere? Then a discard is as good as a write of zeroes, and
 * two legs that were both given one stay equal.
 *
 * An administrator says so of both disks (discard = zeroes), and nobody believes it unseen: the space between a leg's header and its member, which belongs
 * to nobody, is written with noise, parts of it are discarded in the sizes and alignments in which md passes discards on, and all of it is read back past
 * every cache. Only what is found wrong is certain: a disk that is right here and wrong elsewhere is not found out.
 *
 * Blocks on the disk: the mirror's worker only.
 */
#ifndef HAMON_ACT_DISCARD_PROOF_H
#define HAMON_ACT_DISCARD_PROOF_H

#include <stdint.h>

#define DISCARD_PROOF_OFFSET (512u << 10) /* in the raw disk: behind the header's blocks, before the member (leg_header.h) */
#define DISCARD_PROOF_BYTES (256u << 10)

enum discard_proof {
        DISCARD_UNPROVEN,  /* nobody has tried */
        DISCARD_PROVEN,
        DISCARD_NOT_TAKEN, /* the disk takes no discards */
        DISCARD_NOT_ZERO,  /* it does, and something else than zeroes is read in what was discarded, or than what was written beside it */
        DISCARD_FAILED,    /* it could not be found out */
};

/* Makes `size_bytes` at `from_bytes` be discarded; 0, or -errno: -EOPNOTSUPP where the disk does not do that. */
typedef int (*discard_way)(int fd, uint64_t from_bytes, uint64_t size_bytes);

/* Proves one way on DISCARD_PROOF_BYTES from `at_bytes`. `block_bytes`: the disk's logical block, up to DIRECT_BLOCK. */
enum discard_proof discard_prove_way(int fd, uint64_t at_bytes, uint32_t block_bytes, discard_way way);

/* Both ways that a leg's discards take: as md passes them on to the own leg, and as nbdd does it for the other node, where the disk has that one. */
enum discard_proof discard_prove(const char *disk);

#endif
