/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a person said about a mirror's resync, on disk: it survives a restart of hamon-act, and not the boot in which it was said (the times are of that
 * boot's clock, and after it another node may be primary). A state file like the others; blocks on the disk.
 */
#ifndef HAMON_ACT_RESYNC_FILE_H
#define HAMON_ACT_RESYNC_FILE_H

#include "base/id.h"

#include <stdbool.h>
#include <stdint.h>

struct resync_said {
        struct uuid boot;
        bool paused;
        uint64_t until_ms;    /* CLOCK_BOOTTIME; 0: until somebody resumes */
        uint32_t ceiling_kib; /* KiB/s; 0: none */
};

/* None, or one of another boot: success, and nothing was said. -EBADMSG, ...: it cannot be read; *ret says nothing then. */
int resync_file_read(const char *path, const struct uuid *boot, struct resync_said *ret);
int resync_file_write(const char *path, const struct resync_said *said);
int resync_file_remove(const char *path);

#endif
