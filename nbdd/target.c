/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening, identifying, flushing and closing what is exported. See target.h. */
#include "nbdd/target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "nbdd/shared_file.h"

#ifndef BLKGETDISKSEQ
#define BLKGETDISKSEQ _IOR(0x12, 128, __u64)
#endif

#define FILE_DIRECT_BLOCK_BYTES 4096u /* O_DIRECT on a file: a block that every file system accepts */

static int sysfs_u64(dev_t device, const char *attribute, uint64_t *ret)
{
        char path[128];
        (void)snprintf(path, sizeof path, "/sys/dev/block/%u:%u/%s", major(device), minor(device), attribute);
        FILE *f = fopen(path, "re");
        if (!f)
                return -errno;
        uint64_t v;
        int n = fscanf(f, "%" SCNu64, &v);
        (void)fclose(f);
        if (n != 1)
                return -EINVAL;
        *ret = v;
        return 0;
}

/* A number that the kernel never gives twice to a disk in one boot: it changes when a device is detached and attached again. */
static int block_identity(int fd, dev_t device, char *ret)
{
        uint64_t sequence = 0;
        if (ioctl(fd, BLKGETDISKSEQ, &sequence) < 0) {
                int r = sysfs_u64(device, "diskseq", &sequence);
                if (r < 0)
                        r = sysfs_u64(device, "../diskseq", &sequence); /* a partition: its disk's */
                if (r < 0)
                        return r;
        }
        (void)snprintf(ret, TARGET_ATTACHMENT_SIZE, "diskseq:%" PRIu64 ":%u:%u", sequence, major(device), minor(device));
        return 0;
}

/*
 * What a dead server left in the page cache is written now or never. Forgetting the clean pages, too, needs CAP_SYS_ADMIN for BLKFLSBUF; without it
 * the advice has to do, which is enough: a leg is read and written with O_DIRECT, past them.
 */
static int settle_cache(int fd)
{
        if (fsync(fd) < 0)
                return -errno;
        if (ioctl(fd, BLKFLSBUF, 0) == 0)
                return 0;
        if (errno != EACCES && errno != EPERM)
                return -errno;
        return -posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static int open_block(struct target *t, const struct stat *st, uint64_t *ret_size_bytes, char *reason, size_t reason_size)
{
        uint64_t size_bytes, rotational = 0;
        int block_bytes = 0;

        if (ioctl(t->fd, BLKGETSIZE64, &size_bytes) < 0 || ioctl(t->fd, BLKSSZGET, &block_bytes) < 0 || block_bytes <= 0) {
                int r = errno ? -errno : -EINVAL;
                (void)snprintf(reason, reason_size, "cannot read the size of the device: %s", strerror(-r));
                return r;
        }
        t->block_device = true;
        t->zero_block_bytes = (uint32_t)block_bytes;
        t->block_bytes = t->direct ? (uint32_t)block_bytes : 1;
        if (sysfs_u64(st->st_rdev, "queue/rotational", &rotational) == 0)
                t->rotational = rotational != 0;
        int r = block_identity(t->fd, st->st_rdev, t->attachment);
        if (r < 0) {
                (void)snprintf(reason, reason_size, "cannot read the device's sequence number: %s", strerror(-r));
                return r;
        }
        if (!t->read_only && (r = settle_cache(t->fd)) < 0) {
                (void)snprintf(reason, reason_size, "cannot flush the device: %s", strerror(-r));
                return r;
        }
        *ret_size_bytes = size_bytes;
        return 0;
}

static int open_file(struct target *t, const struct stat *st, uint64_t *ret_size_bytes, char *reason, size_t reason_size)
{
        struct statfs fs;

        if (flock(t->fd, (t->file->writable ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
                int r = errno == EWOULDBLOCK ? -EBUSY : -errno;
                (void)snprintf(reason, reason_size, r == -EBUSY ? "the file is locked by another program" : "cannot lock the file");
                return r;
        }
        t->zero_block_bytes = 1;
        t->block_bytes = t->direct ? FILE_DIRECT_BLOCK_BYTES : 1;
        t->memory_backed = fstatfs(t->fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
        if (t->memory_backed && !t->direct)
                mapping_open(&t->mapping, t->fd, st);
        (void)snprintf(t->attachment, sizeof t->attachment, "file:%ju:%ju", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino);
        if (!t->read_only && fsync(t->fd) < 0) {
                int r = -errno;
                (void)snprintf(reason, reason_size, "cannot flush the file: %s", strerror(-r));
                return r;
        }
        *ret_size_bytes = (uint64_t)st->st_size;
        return 0;
}

static int slice(struct target *t, const struct target_options *o, uint64_t whole_bytes, char *reason, size_t reason_size)
{
        if (o->offset_bytes > whole_bytes || o->size_bytes > whole_bytes - o->offset_bytes) {
                (void)snprintf(reason, reason_size, "the slice ends past the device's %" PRIu64 " bytes", whole_bytes);
                return -ERANGE;
        }
        uint64_t size_bytes = o->size_bytes ? o->size_bytes : whole_bytes - o->offset_bytes;

        t->offset_bytes = o->offset_bytes;
        t->to_end = o->size_bytes == 0;
        if (t->offset_bytes % t->block_bytes) {
                (void)snprintf(reason, reason_size, "the slice does not start on a block of %u bytes", t->block_bytes);
                return -EINVAL;
        }
        atomic_store(&t->size_bytes, size_bytes - size_bytes % t->block_bytes); /* no aligned request could reach the rest */
        return 0;
}

int target_open(const struct target_options *options, struct target **ret, char *reason, size_t reason_size)
{
        int r;
        struct stat st;
        struct target *t = calloc(1, sizeof *t);

        if (!t) {
                (void)snprintf(reason, reason_size, "out of memory");
                return -ENOMEM;
        }
        t->fd = -1;
        t->read_only = options->read_only;
        t->direct = options->direct;
        if (stat(options->path, &st) < 0) {
                r = -errno;
                (void)snprintf(reason, reason_size, "cannot open \"%s\": %s", options->path, strerror(-r));
                goto out;
        }
        if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode)) {
                r = -ENODEV;
                (void)snprintf(reason, reason_size, "\"%s\" is neither a block device nor a regular file", options->path);
                goto out;
        }
        if (!t->direct && (t->file = shared_file_find(options->path, &st, !t->read_only, false))) {
                r = atomic_load(&t->file->sync_failed) ? -EIO : 0;
                t->fd = t->file->fd;
                if (r < 0) {
                        (void)snprintf(reason, reason_size, "another export of \"%s\" has failed: stop all of them first", options->path);
                        goto out;
                }
                goto opened;
        }
        int flags = (t->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK;
        if (S_ISBLK(st.st_mode) && !t->read_only)
                flags |= O_EXCL; /* refused while mounted, in md or dm, or held by another server */
        if (t->direct)
                flags |= O_DIRECT;
        t->fd = open(options->path, flags);
        if (t->fd < 0 && errno == EINVAL && t->direct && S_ISREG(st.st_mode)) {
                t->direct = false; /* a file on a file system without O_DIRECT (old tmpfs): tests only, disks have it */
                t->fd = open(options->path, flags & ~O_DIRECT);
        }
        if (t->fd < 0) {
                r = -errno;
                (void)snprintf(reason, reason_size,
                               r == -EBUSY ? "\"%s\" is in use (mounted, or held by md, device-mapper or another server)"
                                           : "cannot open \"%s\": %m",
                               options->path);
                goto out;
        }
        struct stat opened;
        if (fstat(t->fd, &opened) < 0 || opened.st_mode != st.st_mode || opened.st_ino != st.st_ino) {
                r = -EAGAIN;
                (void)snprintf(reason, reason_size, "\"%s\" changed while it was opened", options->path);
                goto out;
        }
        int fd = t->fd;
        t->fd = -1; /* the shared file's now, whatever happens */
        t->file = shared_file_new(fd, options->path, &st, !t->read_only, t->direct);
        if (!t->file) {
                r = -ENOMEM;
                (void)snprintf(reason, reason_size, "out of memory");
                goto out;
        }
        t->fd = fd;
opened:;
        uint64_t whole_bytes = 0;
        r = S_ISBLK(st.st_mode) ? open_block(t, &st, &whole_bytes, reason, reason_size)
                                : open_file(t, &st, &whole_bytes, reason, reason_size);
        if (r == 0)
                r = slice(t, options, whole_bytes, reason, reason_size);
        if (r == 0) {
                *ret = t;
                t = NULL;
        }
out:
        target_close(t);
        return r;
}

static int whole_size(const struct target *t, uint64_t *ret)
{
        struct stat st;

        if (t->block_device)
                return ioctl(t->fd, BLKGETSIZE64, ret) < 0 ? -errno : 0;
        if (fstat(t->fd, &st) < 0)
                return -errno;
        *ret = (uint64_t)st.st_size;
        return 0;
}

int target_check_slice(const struct target *t, uint64_t offset_bytes, uint64_t size_bytes, char *reason, size_t reason_size)
{
        struct target copy = {.block_bytes = t->block_bytes};
        uint64_t whole_bytes = 0;
        int r = whole_size(t, &whole_bytes);

        if (r < 0) {
                (void)snprintf(reason, reason_size, "cannot read the size of the device: %s", strerror(-r));
                return r;
        }
        return slice(&copy, &(struct target_options){.offset_bytes = offset_bytes, .size_bytes = size_bytes}, whole_bytes, reason, reason_size);
}

bool slices_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
        if (a > b)
                return slices_overlap(b, b_size, a, a_size);
        return a_size == 0 || b - a < a_size;
}

void target_follow_size(struct target *t)
{
        uint64_t whole_bytes;

        if (!t->to_end || whole_size(t, &whole_bytes) < 0) /* it is going away: requests will tell */
                return;
        uint64_t size_bytes = whole_bytes > t->offset_bytes ? whole_bytes - t->offset_bytes : 0;
        size_bytes -= size_bytes % t->block_bytes;
        if (size_bytes != atomic_load(&t->size_bytes)) {
                atomic_store(&t->size_bytes, size_bytes);
                atomic_store(&t->no_holes, false);
        }
}

int target_sync(struct target *t)
{
        if (atomic_load(&t->file->sync_failed))
                return -EIO;
        if (t->read_only)
                return 0;
        if (fsync(t->fd) < 0) {
                int r = -errno;
                atomic_store(&t->file->sync_failed, true);
                return r;
        }
        return 0;
}

void target_close(struct target *t)
{
        if (!t)
                return;
        mapping_close(&t->mapping);
        if (t->file)
                shared_file_put(t->file);
        else if (t->fd >= 0)
                (void)close(t->fd);
        free(t);
}
