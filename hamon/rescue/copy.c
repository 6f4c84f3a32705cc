/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads one disk of a mirror. See copy.h. */
#include "hamon/rescue/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hamon/act/direct_io.h"
#include "hamon/act/md_bitmap.h"

#define SECTOR 512u
#define BITMAP_BYTES_MAX (16u << 20)

/* Nobody else has it: an exclusive open of a block device says so. */
static int open_unused(const char *path, struct trouble *t)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return trouble_errno(t, -errno, "cannot open %s", path);
        if (S_ISBLK(st.st_mode)) {
                int exclusive = open(path, O_RDONLY | O_CLOEXEC | O_EXCL);
                if (exclusive < 0)
                        return errno == EBUSY ? trouble_say(t, -EBUSY, "%s is in use on this machine: read the mirror itself, or stop what holds it", path)
                                              : trouble_errno(t, -errno, "cannot open %s", path);
                (void)close(exclusive);
        }
        int fd = direct_open(path, false);
        return fd < 0 ? trouble_errno(t, fd, "cannot open %s", path) : fd;
}

static int read_header(int fd, const char *path, struct copy *ret, struct trouble *t)
{
        uint8_t a[LEG_HEADER_BYTES], b[LEG_HEADER_BYTES];
        int which, r;

        if ((r = direct_read(fd, LEG_HEADER_A_OFFSET, a, sizeof a)) < 0 || (r = direct_read(fd, LEG_HEADER_B_OFFSET, b, sizeof b)) < 0)
                return trouble_errno(t, r, "cannot read %s", path);
        r = leg_header_choose(a, b, &ret->header, &which);
        if (r == -EPROTO)
                return trouble_say(t, r, "%s was written by a newer version: use that version's hamon-rescue", path);
        return r < 0 ? trouble_say(t, -EBADMSG, "%s is no leg of a mirror: it has no whole header", path) : 0;
}

static int read_super(int fd, const char *path, struct copy *ret, struct trouble *t)
{
        uint8_t bytes[MD_SUPER_BYTES];
        uint64_t disk_bytes;
        int r = direct_read(fd, LEG_MEMBER_OFFSET + MD_SUPER_OFFSET, bytes, sizeof bytes);

        if (r < 0)
                return trouble_errno(t, r, "cannot read %s", path);
        if (md_super_decode(bytes, sizeof bytes, &ret->super) < 0)
                return trouble_say(t, -EBADMSG, "%s has a leg's header, but no array: nothing was ever mirrored on it", path);
        if ((r = direct_size_bytes(fd, &disk_bytes)) < 0)
                return trouble_errno(t, r, "cannot read the size of %s", path);
        ret->offset_bytes = LEG_MEMBER_OFFSET + ret->super.data_offset_sectors * SECTOR;
        ret->size_bytes = ret->super.size_sectors * SECTOR;
        if (ret->super.data_offset_sectors > disk_bytes / SECTOR || ret->super.size_sectors > (disk_bytes - ret->offset_bytes) / SECTOR)
                return trouble_say(t, -EBADMSG, "%s is smaller than the array on it: the copy is cut off", path);
        return 0;
}

static uint64_t count_dirty(const uint8_t *bits, const struct md_bitmap *b)
{
        uint64_t dirty = 0;

        for (uint64_t i = 0; i < b->chunks; i++)
                dirty += bits[i / 8] >> (i % 8) & 1;
        return dirty * b->chunk_bytes;
}

/* UINT64_MAX when the bitmap does not tell. */
static uint64_t read_dirty(int fd, const struct md_super *super)
{
        uint8_t header[MD_BITMAP_HEADER_BYTES];
        struct md_bitmap bitmap;
        uint64_t dirty = UINT64_MAX, at = LEG_MEMBER_OFFSET + MD_SUPER_OFFSET + (uint64_t)(super->bitmap_offset_sectors * (int64_t)SECTOR);

        if (!(super->feature_map & MD_FEATURE_BITMAP) || direct_read(fd, at, header, sizeof header) < 0 ||
            md_bitmap_decode(header, sizeof header, &bitmap) < 0 || !md_bitmap_is_current(&bitmap, super->events) ||
            md_bitmap_total_bytes(&bitmap) > BITMAP_BYTES_MAX)
                return dirty;
        uint8_t *all = malloc(md_bitmap_total_bytes(&bitmap));
        if (all && direct_read(fd, at, all, md_bitmap_total_bytes(&bitmap)) == 0)
                dirty = count_dirty(all + MD_BITMAP_HEADER_BYTES, &bitmap);
        free(all);
        return dirty;
}

static enum copy_worth judge(const struct md_super *super)
{
        if (super->feature_map & (MD_FEATURE_RECOVERY_OFFSET | MD_FEATURE_REPLACEMENT) && !md_super_is_in_sync(super))
                return COPY_TORN;
        return super->role == MD_ROLE_SPARE ? COPY_TORN : super->role == MD_ROLE_FAULTY ? COPY_LEFT : COPY_COMPLETE;
}

int copy_read(const char *path, struct copy *ret, struct trouble *t)
{
        int fd = open_unused(path, t), r;

        if (fd < 0)
                return fd;
        r = read_header(fd, path, ret, t);
        if (r == 0)
                r = read_super(fd, path, ret, t);
        if (r == 0) {
                ret->dirty_bytes = read_dirty(fd, &ret->super);
                ret->worth = judge(&ret->super);
        }
        (void)close(fd);
        return r;
}
