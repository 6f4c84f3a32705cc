/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading one md member, superblock and write-intent bitmap, from the disk itself (O_DIRECT): the own leg behind its
 * header, or the peer's through the attached nbd device. Works while md or nbdd holds the device; what is read is on
 * that disk.
 *
 * Blocks on the disk: workers only.
 */
#ifndef HAMON_ACT_MEMBER_H
#define HAMON_ACT_MEMBER_H

#include "hamon/act/debt.h"
#include "hamon/act/md_bitmap.h"
#include "hamon/act/md_super.h"

/* One open member; `base_bytes` is where it begins in the device. */
struct member {
        int fd;
        uint64_t base_bytes;
};

/* 0 or -errno. Close with member_close(), also after an error. */
int member_open(const char *device, uint64_t base_bytes, struct member *ret);
void member_close(struct member *m); /* of one with fd -1: nothing */

/* -EBADMSG: no superblock or torn; -EPROTO: one of an array that is not ours; other -errno: the disk. */
int member_read_super(const struct member *m, struct md_super *ret);

/* The bitmap that the superblock names; *ret_bits is malloc'ed (b->chunks bits). -EBADMSG: none, or not this array's.
 */
int member_read_bitmap(const struct member *m, const struct md_super *s, struct md_bitmap *ret, uint8_t **ret_bits);

/*
 * debt |= the member's bitmap, or everything when its bitmap cannot be trusted. `d` may be zeroed: it is made in the
 * bitmap's chunk size, or with `fallback_chunk_bytes` when there is no bitmap. A debt of another array is replaced. 0
 * or -errno.
 */
int member_add_debt(const struct member *m, const struct md_super *s, uint64_t fallback_chunk_bytes, struct debt *d);

/*
 * The debt in the file `path`. When that is gone nobody knows what is owed: then *ret_gone, and `ret` has every chunk of this member. Other errors as
 * debt_load(), and those of the member.
 */
int member_load_debt(const struct member *m, const struct md_super *s, uint64_t fallback_chunk_bytes, const char *path, struct debt *ret, bool *ret_gone);

#endif
