/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dm-linear device behind a leg: /dev/mapper/nbdd-leg-NAME maps the disk from LEG_MEMBER_OFFSET on, rounded down to
 * 1 MiB.
 *
 * md and nbdd open this device exclusively and nothing else does: an exclusive open that succeeds proves that nobody
 * writes. udev is told not to scan it. libdevmapper is not thread-safe: one lock serialises all calls. Blocks on udev:
 * never from the main loop. Workers call it.
 */
#ifndef HAMON_ACT_DM_H
#define HAMON_ACT_DM_H

#include "hamon/act/trouble.h"

#include <stdint.h>
#include <sys/types.h>

#define DM_PATH_SIZE 128
#define LEG_GRAIN_BYTES (1u << 20)

/* "/dev/mapper/nbdd-leg-MIRROR" */
void dm_leg_path(const char *mirror, char ret[DM_PATH_SIZE]);

/*
 * Makes the device over `disk`, or finds the one that is there with this mapping, or a shorter one when the disk has grown. Sets its device number and
 * size. -EEXIST: the name is used for something else; -ENOSPC: the disk is too small; -ENOTBLK: `disk` is no block
 * device.
 */
int dm_leg_ensure(const char *mirror, const char *disk, dev_t *ret_device, uint64_t *ret_size_bytes, struct trouble *t);

/*
 * Makes the device as long as its disk has become, under whoever has it open: requests under way end first, later ones wait for a moment. *ret_size_bytes
 * is its size then. -ENXIO: it is not there.
 */
int dm_leg_grow(const char *mirror, const char *disk, uint64_t *ret_size_bytes, struct trouble *t);

/* Removes the device; one that is not there is success. -EBUSY: somebody holds it. */
int dm_leg_remove(const char *mirror, struct trouble *t);

#endif
