/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is on one disk of a mirror, read from the disk alone: whose leg it is, and what its copy of the data is worth. Never writes.
 */
#ifndef HAMON_RESCUE_COPY_H
#define HAMON_RESCUE_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "hamon/act/leg_header.h"
#include "hamon/act/md_super.h"
#include "hamon/act/trouble.h"

enum copy_worth {
        COPY_COMPLETE, /* a whole member: everything that it ever acknowledged, up to when it last ran */
        COPY_LEFT,     /* whole, but the other leg went on without it, or md called it failed: it is old */
        COPY_TORN,     /* a rebuild was under way: new and old blocks side by side */
};

struct copy {
        struct leg_header header;
        struct md_super super;
        uint64_t offset_bytes, size_bytes; /* of the data on the disk */
        uint64_t dirty_bytes;              /* that the other disk may lack; UINT64_MAX: unknown */
        enum copy_worth worth;
};

/*
 * `path` is a disk or a copy of one in a file. 0 or -errno with a sentence; -EBUSY: this machine uses the disk now; -EBADMSG: no leg, or
 * damaged.
 */
int copy_read(const char *path, struct copy *ret, struct trouble *t);

#endif
