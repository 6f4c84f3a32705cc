/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where in its disk a leg's device-mapper device lies, and whether one that is there is this leg's. Pure. */
#ifndef HAMON_ACT_DM_MAPPING_H
#define HAMON_ACT_DM_MAPPING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct dm_mapping {
        dev_t disk;
        uint64_t start_sectors, size_sectors;
};

/*
 * `want` is what the disk has room for. A shorter device is this leg's, too: the disk has grown under it. It stays as it is until a
 * person grows the mirror (dm_leg_grow()) or the next boot makes a longer one; md goes by its superblock. One that is longer than its disk is of a disk that was changed.
 */
static inline bool dm_mapping_is_of_leg(const struct dm_mapping *have, const struct dm_mapping *want)
{
        return have->disk == want->disk && have->start_sectors == want->start_sectors && have->size_sectors > 0 && have->size_sectors <= want->size_sectors;
}

#endif
