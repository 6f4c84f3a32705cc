/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/leg.h"

#include "hamon/act/blank.h"
#include "hamon/act/direct_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Where file systems, partition tables and other md versions keep what names them: the front, and the end (GPT, md 0.90
 * and 1.0). */
#define FRONT_BYTES (4u << 20)
#define END_BYTES (1u << 20)

#define BLANK_MS 5000u /* what a proof that the leg is blank may take: without it the first copy is of everything */

static int read_header(int fd, struct leg_header *ret, int *ret_copy)
{
        uint8_t a[LEG_HEADER_BYTES], b[LEG_HEADER_BYTES];

        int r = direct_read(fd, LEG_HEADER_A_OFFSET, a, sizeof a);
        if (r == 0)
                r = direct_read(fd, LEG_HEADER_B_OFFSET, b, sizeof b);
        return r < 0 ? r : leg_header_choose(a, b, ret, ret_copy);
}

/* Writes over the copy that does not count, then flushes: a torn write leaves the other one. */
static int write_header(int fd, struct leg_header *h, int counting_copy)
{
        uint8_t bytes[LEG_HEADER_BYTES];

        h->sequence++;
        int r = leg_header_encode(h, bytes);
        if (r == 0)
                r = direct_write(fd, counting_copy == 0 ? LEG_HEADER_B_OFFSET : LEG_HEADER_A_OFFSET, bytes,
                                 sizeof bytes);
        return r < 0 ? r : direct_flush(fd);
}

static int check_owner(const struct leg_header *h, const char *disk, const char *cluster, const char *mirror,
                       struct trouble *t)
{
        if (strcmp(h->cluster, cluster) == 0 && strcmp(h->mirror, mirror) == 0)
                return 0;
        return trouble_say(t, -EREMOTE, "disk \"%s\" is a leg of mirror \"%s\" of cluster \"%s\"", disk, h->mirror,
                           h->cluster);
}

static int open_disk(const char *disk, bool write, struct trouble *t)
{
        int fd = direct_open(disk, write);

        return fd < 0 ? trouble_errno(t, fd, "cannot open disk \"%s\"", disk) : fd;
}

static int read_owned(int fd, const char *disk, const char *cluster, const char *mirror, struct leg_header *ret,
                      int *ret_copy, struct trouble *t)
{
        int r = read_header(fd, ret, ret_copy);

        if (r == -EBADMSG)
                return trouble_say(t, -ENODATA, "disk \"%s\" has no leg header", disk);
        if (r == -EPROTO)
                return trouble_say(t, r, "the leg header of disk \"%s\" is of a newer version: install that version",
                                   disk);
        if (r < 0)
                return trouble_errno(t, r, "cannot read the leg header of disk \"%s\"", disk);
        return check_owner(ret, disk, cluster, mirror, t);
}

int leg_read(const char *disk, const char *cluster, const char *mirror, struct leg_header *ret, struct trouble *t)
{
        int copy, fd = open_disk(disk, false, t);

        if (fd < 0)
                return fd;
        int r = read_owned(fd, disk, cluster, mirror, ret, &copy, t);
        close(fd);
        return r;
}

static int range_is_blank(int fd, uint64_t offset_bytes, size_t size_bytes, bool *ret)
{
        uint8_t *bytes = malloc(size_bytes);

        if (!bytes)
                return -ENOMEM;
        int r = direct_read(fd, offset_bytes, bytes, size_bytes);
        *ret = r == 0 && bytes[0] == 0 && memcmp(bytes, bytes + 1, size_bytes - 1) == 0;
        free(bytes);
        return r;
}

int leg_disk_is_blank(int fd, uint64_t size_bytes, bool *ret)
{
        bool front = false, end = false;

        int r = range_is_blank(fd, 0, size_bytes < FRONT_BYTES ? (size_t)size_bytes : FRONT_BYTES, &front);
        if (r == 0 && front && size_bytes > END_BYTES)
                r = range_is_blank(fd, size_bytes - END_BYTES, END_BYTES, &end);
        *ret = front && end;
        return r;
}

static int make(int fd, const char *disk, const char *cluster, const char *mirror, const struct uuid *uuid,
                bool overwrite, struct leg_header *ret, struct trouble *t)
{
        struct leg_header h = {.uuid = *uuid};
        uint64_t size;
        bool front_blank = false, end_blank = false, blank = false;

        int r = direct_size_bytes(fd, &size);
        if (r == 0 && size < 2ull * FRONT_BYTES + END_BYTES)
                return trouble_say(t, -ENOSPC, "disk \"%s\" is too small for a leg", disk);
        if (r == 0)
                r = range_is_blank(fd, 0, FRONT_BYTES, &front_blank);
        if (r == 0)
                r = range_is_blank(fd, size - END_BYTES, END_BYTES, &end_blank);
        if (r < 0)
                return trouble_errno(t, r, "cannot read disk \"%s\"", disk);
        if (!overwrite && !(front_blank && end_blank))
                return trouble_say(t, -EEXIST, "disk \"%s\" is not blank: overwriting it needs consent", disk);
        snprintf(h.cluster, sizeof h.cluster, "%s", cluster);
        snprintf(h.mirror, sizeof h.mirror, "%s", mirror);
        if (uuid_is_null(uuid))
                uuid_generate(&h.uuid);
        if (!front_blank)
                r = direct_zero(fd, 0, FRONT_BYTES);
        if (r == 0 && !end_blank)
                r = direct_zero(fd, (size - END_BYTES) & ~(uint64_t)(DIRECT_BLOCK - 1), END_BYTES);
        if (r == 0) {
                blank = blank_prove(fd, LEG_MEMBER_OFFSET, size & ~(uint64_t)(DIRECT_BLOCK - 1), overwrite, BLANK_MS);
                r = direct_flush(fd); /* nothing old behind a header that says "new", or a mark that says "blank" */
        }
        for (int copy = 1; r == 0 && copy >= 0; copy--)
                r = write_header(fd, &h, copy);
        if (r == 0 && blank && (r = blank_mark(fd, LEG_MEMBER_OFFSET)) == 0)
                r = direct_flush(fd);
        if (r < 0)
                return trouble_errno(t, r, "cannot write the leg header of disk \"%s\"", disk);
        *ret = h;
        return 0;
}

bool leg_is_there(const char *disk, const char *cluster, const char *mirror, const struct uuid *uuid, bool overwrite,
                  struct leg_header *ret)
{
        struct trouble ignored;

        if (leg_read(disk, cluster, mirror, ret, &ignored) < 0)
                return false;
        return uuid_is_null(uuid) ? !overwrite : uuid_equal(uuid, &ret->uuid);
}

int leg_create(const char *disk, const char *cluster, const char *mirror, const struct uuid *uuid, bool overwrite,
               struct leg_header *ret, struct trouble *t)
{
        struct leg_header h;

        if (leg_is_there(disk, cluster, mirror, uuid, overwrite, ret))
                return 0;
        int r = leg_read(disk, cluster, mirror, &h, t);
        if ((r == 0 || r == -EREMOTE || r == -EPROTO) && !overwrite)
                return trouble_say(t, -EEXIST, "disk \"%s\" is a leg already: overwriting it needs consent", disk);
        if (r < 0 && r != -ENODATA && r != -EREMOTE && r != -EPROTO)
                return r;
        /* Exclusive: a mounted or otherwise used disk is never made a leg, consent or not. */
        int fd = open(disk, O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC);
        if (fd < 0)
                return trouble_errno(t, -errno, "cannot have disk \"%s\" for ourselves", disk);
        r = make(fd, disk, cluster, mirror, uuid, overwrite, ret, t);
        close(fd);
        return r;
}

int leg_add_epoch(const char *disk, const char *cluster, const char *mirror, uint64_t epoch, struct trouble *t)
{
        struct leg_header h;
        int copy, fd = open_disk(disk, true, t);

        if (fd < 0)
                return fd;
        int r = read_owned(fd, disk, cluster, mirror, &h, &copy, t);
        if (r == 0 && leg_header_last_epoch(&h) != epoch) {
                r = leg_header_add_epoch(&h, epoch);
                if (r < 0)
                        r = trouble_say(t, r, "disk \"%s\" has served epoch %llu already", disk,
                                        (unsigned long long)leg_header_last_epoch(&h));
                else if ((r = write_header(fd, &h, copy)) < 0)
                        r = trouble_errno(t, r, "cannot write the leg header of disk \"%s\"", disk);
        }
        close(fd);
        return r;
}

int leg_probe(const char *disk, struct trouble *t)
{
        uint8_t block[LEG_HEADER_BYTES] = "NBDDPROBE";
        struct timespec now;
        int fd = open_disk(disk, true, t);

        if (fd < 0)
                return fd;
        clock_gettime(CLOCK_REALTIME, &now);
        memcpy(block + 16, &now, sizeof now); /* only so that each probe writes something else */
        int r = direct_write(fd, LEG_PROBE_OFFSET, block, sizeof block);
        if (r == 0)
                r = direct_flush(fd);
        close(fd);
        return r < 0 ? trouble_errno(t, r, "disk \"%s\" does not take a write", disk) : 0;
}
