/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/device.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR_BYTES 512u /* of /sys/block/X/size, whatever the device's own block size */

void device_path(int index, const char *name, char *ret, size_t size)
{
        const char *root = getenv("NBDC_SYSFS");
        snprintf(ret, size, "%s/block/nbd%d/%s", root && *root ? root : "/sys", index, name);
}

int device_read(int index, const char *name, char *ret, size_t size)
{
        char path[256];
        device_path(index, name, path, sizeof path);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        ssize_t n = read(fd, ret, size);
        int rc = n < 0 ? -errno : (size_t)n >= size ? -ENOBUFS : 0;
        close(fd);
        if (rc < 0)
                return rc;
        ret[n] = '\0';
        ret[strcspn(ret, "\n")] = '\0';
        return 0;
}

int device_read_u64(int index, const char *name, uint64_t *ret)
{
        char text[32], *end;
        int rc = device_read(index, name, text, sizeof text);
        if (rc < 0)
                return rc;
        errno = 0;
        uint64_t v = strtoull(text, &end, 10);
        if (errno || end == text || *end)
                return -EBADMSG;
        *ret = v;
        return 0;
}

bool device_is_configured(int index)
{
        char path[256];
        device_path(index, "pid", path, sizeof path);
        return access(path, F_OK) == 0;
}

int device_backend(int index, char ret[DEVICE_BACKEND_SIZE])
{
        return device_read(index, "backend", ret, DEVICE_BACKEND_SIZE);
}

int device_size_bytes(int index, uint64_t *ret)
{
        uint64_t sectors;
        int rc = device_read_u64(index, "size", &sectors);
        if (rc < 0)
                return rc;
        return __builtin_mul_overflow(sectors, (uint64_t)SECTOR_BYTES, ret) ? -EOVERFLOW : 0;
}

int device_sampler_open(struct device_sampler *s, int index)
{
        char path[256];
        device_path(index, "stat", path, sizeof path);
        s->stat_fd = open(path, O_RDONLY | O_CLOEXEC);
        int rc = s->stat_fd < 0 ? -errno : 0;
        device_path(index, "inflight", path, sizeof path);
        s->inflight_fd = open(path, O_RDONLY | O_CLOEXEC);
        if (rc == 0 && s->inflight_fd < 0)
                rc = -errno;
        if (rc < 0)
                device_sampler_close(s);
        return rc;
}

void device_sampler_close(struct device_sampler *s)
{
        if (s->stat_fd >= 0)
                close(s->stat_fd);
        if (s->inflight_fd >= 0)
                close(s->inflight_fd);
        s->stat_fd = s->inflight_fd = -1;
}

/* Numbers of a line, as many as there are up to `count`. */
static int read_numbers(int fd, uint64_t *to, int count)
{
        char text[512];
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        int got = 0;
        for (char *p = text, *end; got < count; p = end, got++) {
                to[got] = strtoull(p, &end, 10);
                if (end == p)
                        break;
        }
        return got;
}

int device_sampler_read(const struct device_sampler *s, struct device_counters *ret)
{
        /* Documentation/block/stat.rst: reads 0 (sectors 2), writes 4 (6), discards 11, flushes 15 (the last two not on
         * old kernels). */
        uint64_t stat[17] = {0}, in_flight[2] = {0};
        int n = read_numbers(s->stat_fd, stat, 17);
        if (n < 0)
                return n;
        int m = read_numbers(s->inflight_fd, in_flight, 2);
        if (m < 0)
                return m;
        if (n < 11 || m < 2)
                return -EBADMSG;
        ret->read_bytes = stat[2] * SECTOR_BYTES;
        ret->written_bytes = stat[6] * SECTOR_BYTES;
        ret->completed = stat[0] + stat[4] + stat[11] + stat[15];
        ret->in_flight = in_flight[0] + in_flight[1];
        return 0;
}
