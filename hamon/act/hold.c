/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/hold.h"

#include "hamon/act/md_sysfs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECTOR = 512 };

static uint64_t bound(const char *root, const char *md, const char *name)
{
        char path[384], text[32];

        (void)snprintf(path, sizeof path, "%s/block/%s/md/%s", root, md, name);
        return md_sysfs_text(path, text, sizeof text) < 0 ? 0 : strtoull(text, NULL, 10);
}

bool hold_is_set(const char *root, const char *md)
{
        return bound(root, md, "suspend_hi") > bound(root, md, "suspend_lo");
}

static int set(const char *root, const char *md, const char *name, uint64_t sector)
{
        char text[32];

        (void)snprintf(text, sizeof text, "%" PRIu64, sector);
        return md_sysfs_write(root, md, name, text);
}

int hold_end(const char *root, const char *md)
{
        int r = set(root, md, "suspend_hi", 0); /* empty from here on */

        return r < 0 ? r : set(root, md, "suspend_lo", 0);
}

int hold_begin(const char *root, const char *md, uint64_t offset_bytes, uint32_t size_bytes)
{
        if (hold_is_set(root, md))
                return -EBUSY;
        int r = set(root, md, "suspend_lo", offset_bytes / SECTOR); /* nothing yet: the other end is below */
        if (r == 0)
                r = set(root, md, "suspend_hi", (offset_bytes + size_bytes + SECTOR - 1) / SECTOR);
        if (r < 0)
                (void)hold_end(root, md); /* whatever was set; the first error counts */
        return r;
}
