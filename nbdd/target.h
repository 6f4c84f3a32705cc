/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An opened device or file behind an export: opening it exclusively, what it can do, its identity, flushing and closing it.
 *
 * Owns the descriptor, with other slices of the same device. Never decides who may use it. Everything here may block on the disk: called from control threads and at start, never
 * from a worker (workers only use the open descriptor's fields). Constant after target_open(), but for what is marked atomic.
 */
#ifndef NBDD_TARGET_H
#define NBDD_TARGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nbdd/mapping.h"

#define TARGET_ATTACHMENT_SIZE 64

struct target_options {
        const char *path;
        bool read_only;
        bool direct;           /* O_DIRECT: legs */
        uint64_t offset_bytes; /* start of the slice */
        uint64_t size_bytes;   /* of the slice; 0: to the end */
};

struct shared_file;

struct target {
        struct shared_file *file; /* its descriptor may be that of other slices, too */
        int fd;                   /* of `file` */
        bool read_only;
        bool direct;
        bool block_device;
        bool memory_backed;       /* tmpfs: a read or write never waits for a disk */
        bool rotational;
        uint32_t block_bytes;     /* smallest aligned unit of I/O: the logical block size with O_DIRECT, else 1 */
        uint32_t zero_block_bytes; /* alignment that fallocate wants: a block device's logical block, else 1 */
        uint64_t offset_bytes;
        _Atomic uint64_t size_bytes; /* of the export; see target_follow_size() */
        bool to_end; /* the slice goes to the end of the device */
        char attachment[TARGET_ATTACHMENT_SIZE]; /* which attachment of a disk this is: "diskseq:17", "file:DEV:INODE" */

        atomic_bool no_holes;      /* the file had none when last seen, and none was made since: reads do not look for them */
        struct mapping mapping;    /* of a file in memory */
        atomic_bool no_punch;      /* punching holes answered "not supported": do not ask again */
        atomic_bool no_zero_range; /* the same of zeroing without a hole */
        atomic_bool no_discard;    /* and of discarding, which legs ask for where no hole can be punched */
};

/*
 * Opens a block device with O_EXCL or locks a regular file; flushes and drops what the kernel caches of a block device, so that nothing that
 * a dead server left can come later. On error a negative errno and a sentence in `reason`: -EBUSY in use, -ENODEV not a device or file ...
 */
int target_open(const struct target_options *options, struct target **ret, char *reason, size_t reason_size);

/*
 * Takes over what the device or file has grown to, when the slice goes to its end; a smaller one, too, so that nobody new is promised what is
 * not there. Asks the kernel, not the disk. Sessions keep the size that they were told.
 */
void target_follow_size(struct target *t);

/* fsync; a failure is latched in sync_failed for all slices of the device, and every later call returns it again without asking the kernel. */
int target_sync(struct target *t);

/* 0, or -ERANGE, -EINVAL and a sentence: whether this part of what is open could be exported. */
int target_check_slice(const struct target *t, uint64_t offset_bytes, uint64_t size_bytes, char *reason, size_t reason_size);

/* Whether two parts of a device have bytes in common. Size 0: to its end. */
bool slices_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size);

/* Closes without syncing. NULL is allowed. */
void target_close(struct target *t);

#endif
