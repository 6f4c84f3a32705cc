/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mount of a mirror's service: what is mounted where, its check, mounting and unmounting, all through systemd but the look.
 *
 * Blocks for as long as these take: the service's worker only; mount_look() also from its monitor.
 */
#ifndef HAMON_ACT_MOUNT_H
#define HAMON_ACT_MOUNT_H

#include "hamon/act/mount_errors.h"
#include "hamon/act/trouble.h"
#include "hamon/config.h"

enum mount_state {
        MOUNT_NOTHING,   /* nothing, or the device is not there */
        MOUNT_OURS,
        MOUNT_READ_ONLY, /* ours, and nothing can be written to it */
        MOUNT_OTHER,     /* something else */
};

/* A mount_state, or -ENOMEM. By its options alone. */
int mount_look(const char *where, const char *device);

/* The same, and whether a file system that is to be written to still is, which some kernels do not show. `*known`, all zero before the first look, is the caller's. */
int mount_look_closely(const struct config_service *s, const char *device, struct mount_errors *known);

/* The same of the text of a mountinfo file. */
enum mount_state mount_parse(const char *text, const char *where, unsigned major_number, unsigned minor_number);

/* A file system that was to be writable has turned read-only, which is how it tells of an error; the configuration says that this counts. */
bool mount_has_turned(const struct config_service *s, int state);

/* 0 when it is mounted, by now or already. */
int mount_start(const struct config_service *s, const char *device, struct trouble *t);

/* 0 when nothing of `device` is mounted there any more; -EBUSY says who holds it. */
int mount_stop(const struct config_service *s, const char *device, struct trouble *t);

#endif
