/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nbdc/device.h"
#include "nbdc/limits.h"
#include "wire/nbd_proto.h"

void queue_limits_for(uint16_t transmission_flags, uint32_t block_maximum_bytes, uint32_t io_timeout_ms,
                      struct queue_limits *ret)
{
        uint32_t kb = NBDC_MAX_SECTORS_KB;
        if (block_maximum_bytes >= 4096 && block_maximum_bytes / 1024 < kb)
                kb = block_maximum_bytes / 1024;
        *ret = (struct queue_limits){
            .io_timeout_ms = io_timeout_ms,
            .max_sectors_kb = kb,
            .rotational = transmission_flags & NBD_TFLAG_ROTATIONAL,
            .discard_max_bytes = NBDC_DISCARD_MAX_BYTES,
        };
}

static int write_text(int index, const char *name, const char *text)
{
        char path[256];
        device_path(index, name, path, sizeof path);
        int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        ssize_t n = write(fd, text, strlen(text));
        int rc = n < 0 ? -errno : 0;
        close(fd);
        return rc;
}

/* 1 when it could not be set. */
static unsigned set(int index, const char *name, uint64_t value, char *ret_failed, size_t size)
{
        uint64_t now;
        char text[32];
        int rc = device_read_u64(index, name, &now);
        if (rc == -ENOENT || (rc == 0 && now == value))
                return 0;
        snprintf(text, sizeof text, "%" PRIu64, value);
        if (write_text(index, name, text) == 0)
                return 0;
        size_t used = strlen(ret_failed);
        snprintf(ret_failed + used, size - used, "%s%s", used ? ", " : "", name);
        return 1;
}

/* The device's own bound is lower where the server offers no discards: then there are none. */
static uint64_t discard_max(int index, uint64_t cap)
{
        uint64_t own;
        return device_read_u64(index, "queue/discard_max_hw_bytes", &own) == 0 && own < cap ? own : cap;
}

unsigned queue_apply(int index, const struct queue_limits *l, char *ret_failed, size_t size)
{
        char scheduler[128];
        unsigned failed = 0;
        ret_failed[0] = '\0';
        failed += set(index, "queue/io_timeout", l->io_timeout_ms, ret_failed, size);
        if (l->only_io_timeout)
                return failed;
        failed += set(index, "queue/max_sectors_kb", l->max_sectors_kb, ret_failed, size);
        failed += set(index, "queue/rotational", l->rotational, ret_failed, size);
        failed += set(index, "queue/discard_max_bytes", discard_max(index, l->discard_max_bytes), ret_failed, size);
        /* The server's disk has a scheduler of its own; a second one only adds waiting. */
        if (device_read(index, "queue/scheduler", scheduler, sizeof scheduler) == 0 && !strstr(scheduler, "[none]") &&
            strcmp(scheduler, "none") != 0 && write_text(index, "queue/scheduler", "none") < 0) {
                size_t used = strlen(ret_failed);
                snprintf(ret_failed + used, size - used, "%squeue/scheduler", used ? ", " : "");
                failed++;
        }
        return failed;
}
