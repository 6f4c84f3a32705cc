/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The peer's leg in a running array, and the debt: ioctls and sysfs. */
#include "hamon/act/array.h"

#include "hamon/act/direct_io.h"
#include "hamon/act/leg_header.h"
#include "hamon/act/member.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/major.h>
#include <linux/raid/md_p.h>
#include <linux/raid/md_u.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define WAIT_STEP_MS 20u
#define BITS_TEXT_MAX 3500u /* of one write: sysfs takes a page */
#define SPARE_ZERO_BYTES (1u << 20)

static void pause_ms(unsigned ms)
{
        struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

        (void)nanosleep(&ts, NULL); /* woken early means looked early */
}

int array_apply_debt(const struct array *a, const struct debt *d, uint64_t bitmap_chunk_bytes, struct trouble *t)
{
        char text[BITS_TEXT_MAX + 64];
        uint64_t start = 0, end;
        size_t length = 0;
        int r = 0;

        for (bool more = true; more && r == 0;) {
                more = debt_next_range(d, &start, &end);
                if (more) {
                        /* Chunk numbers of the running bitmap: theirs may be of another size. */
                        uint64_t first = start * d->chunk_bytes / bitmap_chunk_bytes;
                        uint64_t last = ((end + 1) * d->chunk_bytes - 1) / bitmap_chunk_bytes;

                        length += (size_t)snprintf(text + length, sizeof text - length, "%llu-%llu ",
                                                   (unsigned long long)first, (unsigned long long)last);
                        start = end + 1;
                }
                if (length > BITS_TEXT_MAX || (!more && length > 0)) {
                        r = md_sysfs_write(MD_SYSFS_ROOT, a->md, "bitmap_set_bits", text);
                        length = 0;
                }
        }
        return r < 0 ? trouble_errno(t, r, "cannot set the debt in the bitmap of %s", a->md) : 0;
}

static int read_state(const struct array *a, struct md_state *ret, struct trouble *t)
{
        int r = md_sysfs_read(MD_SYSFS_ROOT, a->md, a->own, a->peer, ret);

        if (r < 0)
                return trouble_errno(t, r, "cannot read the state of %s", a->md);
        if (!ret->running || !ret->own.present)
                return trouble_say(t, -ENODEV, "%s does not run with its own leg", a->md);
        return 0;
}

static int add_disk(const struct array *a, bool as_member)
{
        unsigned slot = a->own_slot ^ 1u;
        mdu_disk_info_t info = {
            .number = -1,
            .major = (int)major(a->peer),
            .minor = (int)minor(a->peer),
            .raid_disk = as_member ? (int)slot : -1,
            .state = 1 << MD_DISK_WRITEMOSTLY | (as_member ? 1 << MD_DISK_SYNC | 1 << MD_DISK_ACTIVE : 0),
        };
        int fd = open(a->md_path, O_RDWR | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        int r = ioctl(fd, ADD_NEW_DISK, &info) < 0 ? -errno : 0;
        close(fd);
        return r;
}

/* md sets the flag from the ioctl; after a re-add of an old superblock it is set again to be sure, and the slot is
 * checked. */
static int settle_peer(const struct array *a, struct trouble *t)
{
        struct md_state s;
        char key[64];

        int r = read_state(a, &s, t);
        if (r < 0)
                return r;
        if (!s.peer.present || s.peer.faulty)
                return trouble_say(t, -EIO, "%s did not keep the peer's leg", a->md);
        snprintf(key, sizeof key, "dev-%s/state", s.peer.name);
        r = s.peer.write_mostly ? 0 : md_sysfs_write(MD_SYSFS_ROOT, a->md, key, "writemostly");
        return r < 0 ? trouble_errno(t, r, "cannot make the peer's leg write-mostly in %s", a->md) : 0;
}

static int ready_for_peer(const struct array *a, bool *ret_there, struct trouble *t)
{
        struct md_state s;

        int r = read_state(a, &s, t);
        if (r < 0)
                return r;
        if (a->peer == 0)
                return trouble_say(t, -ENODEV, "the peer's leg is not attached");
        if (s.peer.present && s.peer.faulty)
                return trouble_say(t, -EBUSY, "the peer's leg is still in %s, failed: remove it first", a->md);
        *ret_there = s.peer.present;
        return 0;
}

int array_readd(const struct array *a, struct trouble *t)
{
        bool there;

        int r = ready_for_peer(a, &there, t);
        if (r == 0 && !there)
                array_set_discards(a, true);
        if (r == 0 && !there && (r = add_disk(a, true)) < 0)
                r = trouble_errno(t, r, "%s does not take the peer's leg back as a member", a->md);
        return r < 0 ? r : settle_peer(a, t);
}

/* What stands on the peer's leg before its superblock: of a spare nothing, of a blank leg an empty bitmap, which begins as the own one does. */
static int write_before_super(int from, int to, const struct md_super *own, uint16_t role)
{
        uint64_t at = (own->super_offset_sectors + (uint64_t)own->bitmap_offset_sectors) * 512;
        uint8_t block[DIRECT_BLOCK] = {0};

        if (role == MD_ROLE_SPARE)
                return direct_zero(to, 0, SPARE_ZERO_BYTES);
        if (!(own->feature_map & MD_FEATURE_BITMAP) || own->bitmap_offset_sectors <= 0 || at % DIRECT_BLOCK != 0)
                return -EPROTO;
        int r = direct_read(from, at, block, MD_BITMAP_HEADER_BYTES);
        if (r == 0)
                r = direct_write(to, at, block, sizeof block);
        return r < 0 ? r : direct_flush(to);
}

/* Writes a superblock of this array to the peer's leg: of a spare, or of the member in its slot. */
static int write_super(const struct array *a, uint16_t role, struct trouble *t)
{
        uint8_t bytes[MD_SUPER_BYTES];
        struct uuid device;
        struct md_super own;
        uint64_t size;

        int from = direct_open(a->own_path, false), to = direct_open(a->peer_path, true);
        int r = from < 0 ? from : to < 0 ? to : direct_read(from, MD_SUPER_OFFSET, bytes, sizeof bytes);
        if (r == 0)
                r = md_super_decode(bytes, sizeof bytes, &own);
        if (r == 0)
                r = direct_size_bytes(to, &size);
        uuid_generate(&device);
        if (r == 0)
                r = md_super_make_other(bytes, sizeof bytes, own.dev_number == 0 ? 1 : 0, role, &device, size / 512);
        if (r == -ENOSPC)
                (void)trouble_say(t, r, "the peer's leg is too small for %s", a->md);
        else if (r == 0 && (r = write_before_super(from, to, &own, role)) == 0 &&
                 (r = direct_write(to, MD_SUPER_OFFSET, bytes, sizeof bytes)) == 0)
                r = direct_flush(to);
        if (r < 0 && r != -ENOSPC)
                (void)trouble_errno(t, r, "cannot write a superblock to the peer's leg");
        if (from >= 0)
                close(from);
        if (to >= 0)
                close(to);
        return r;
}

int array_welcome_blank(const struct array *a, struct trouble *t)
{
        bool there = false;

        int r = ready_for_peer(a, &there, t);
        return r < 0 || there ? r : write_super(a, (uint16_t)(a->own_slot ^ 1u), t);
}

int array_add_new(const struct array *a, struct trouble *t)
{
        bool there;

        int r = ready_for_peer(a, &there, t);
        if (r == 0 && !there)
                array_set_discards(a, true);
        if (r == 0 && !there && (r = write_super(a, MD_ROLE_SPARE, t)) == 0 && (r = add_disk(a, false)) < 0)
                r = trouble_errno(t, r, "%s does not take the peer's leg", a->md);
        return r < 0 ? r : settle_peer(a, t);
}

int array_remove_peer(const struct array *a, struct trouble *t)
{
        struct md_state s;
        char key[64];

        for (unsigned waited_ms = 0;; waited_ms += WAIT_STEP_MS) {
                int r = md_sysfs_read(MD_SYSFS_ROOT, a->md, a->own, a->peer, &s);
                if (r < 0)
                        return trouble_errno(t, r, "cannot read the state of %s", a->md);
                if (!s.running || !s.peer.present)
                        return 0;
                snprintf(key, sizeof key, "dev-%s/state", s.peer.name);
                if (!s.peer.faulty && (r = md_sysfs_write(MD_SYSFS_ROOT, a->md, key, "faulty")) < 0 && r != -EBUSY)
                        return trouble_errno(t, r, "%s does not fail the peer's leg", a->md);
                r = md_sysfs_write(MD_SYSFS_ROOT, a->md, key, "remove");
                if (r < 0 && r != -EBUSY && r != -ENOENT)
                        return trouble_errno(t, r, "%s does not remove the peer's leg", a->md);
                if (waited_ms >= a->timeout_ms)
                        return trouble_say(t, -ETIMEDOUT, "%s did not let go of the peer's leg within %u ms", a->md,
                                           a->timeout_ms);
                if (r < 0)
                        pause_ms(WAIT_STEP_MS);
        }
}
