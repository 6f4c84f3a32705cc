/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The md superblock, metadata 1.2 (struct mdp_superblock_1 of linux/raid/md_p.h), as it lies 4 KiB into a member. Codec
 * on byte slices.
 *
 * Decisions about legs are taken from these fields and never from mdadm's output. Never touches a disk. Called by
 * leg.c, array.c, the tests and the fuzzer. Any thread.
 */
#ifndef HAMON_ACT_MD_SUPER_H
#define HAMON_ACT_MD_SUPER_H

#include "base/id.h"

#include <stddef.h>

#define MD_SUPER_OFFSET 4096u /* of metadata 1.2 in the member */
#define MD_SUPER_BYTES 4096u  /* read so much: 256 bytes and a role of 2 bytes for each of up to 1920 devices */
#define MD_SUPER_DEVICES_MAX 1920u

#define MD_ROLE_SPARE 0xffffu
#define MD_ROLE_FAULTY 0xfffeu

enum {
        MD_FEATURE_BITMAP = 1,
        MD_FEATURE_RECOVERY_OFFSET = 2,
        MD_FEATURE_RESHAPE_ACTIVE = 4,
        MD_FEATURE_BAD_BLOCKS = 8,
        MD_FEATURE_REPLACEMENT = 16,
        MD_FEATURE_RECOVERY_BITMAP = 128,
};

struct md_super {
        struct uuid array;
        uint32_t feature_map;
        uint32_t level, raid_disks;
        uint64_t size_sectors;         /* of the array that each member holds */
        int32_t bitmap_offset_sectors; /* from the superblock; meaningful with MD_FEATURE_BITMAP */
        uint64_t data_offset_sectors, data_size_sectors, super_offset_sectors;
        uint64_t recovery_offset_sectors; /* with MD_FEATURE_RECOVERY_OFFSET: below it the member is up to date */
        uint32_t dev_number;
        struct uuid device;
        bool write_mostly;
        uint64_t updated_s; /* when md wrote it, seconds since 1970 */
        uint64_t events;
        uint64_t resync_offset_sectors; /* UINT64_MAX: clean */
        uint32_t max_dev;               /* roles in use */
        uint16_t role;                  /* of this member: slot, MD_ROLE_SPARE or MD_ROLE_FAULTY */
        bool slot_present[2];           /* some device has role 0 / role 1 */
};

/* -EBADMSG: no superblock or a wrong checksum; -EPROTO: not one that we make (other level, other metadata version). */
int md_super_decode(const uint8_t *bytes, size_t size_bytes, struct md_super *ret);

static inline bool md_super_is_clean(const struct md_super *s)
{
        return s->resync_offset_sectors == UINT64_MAX;
}

/* Holds everything up to its event count: a member with a slot that no recovery is busy with. */
bool md_super_is_in_sync(const struct md_super *s);

/*
 * Says of the device in the other slot that it is not in the array: a role table in which nobody has that slot. md
 * writes this before it completes any write that the other leg did not get.
 */
bool md_super_calls_peer_failed(const struct md_super *s, unsigned own_slot);

/*
 * Makes the superblock of the other device out of a running member's: other device UUID, number `dev_number` with
 * `role` (a slot that nobody has, or MD_ROLE_SPARE), not write-mostly until md says so, no bad-block log, checksum.
 * `bytes` is changed in place. -EBADMSG when it is no superblock, -ENOSPC when the table is full or `member_sectors`
 * (size of the new member) is too small for the array, -EEXIST for a slot that somebody has.
 */
int md_super_make_other(uint8_t *bytes, size_t size_bytes, uint32_t dev_number, uint16_t role, const struct uuid *device,
                        uint64_t member_sectors);

#endif
