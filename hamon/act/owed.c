/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/owed.h"

#include "hamon/act/array.h"
#include "hamon/act/leg_header.h"
#include "hamon/act/member.h"

enum { SECTOR = 512 };

int owed_look(const char *disk, const char *debt_path, uint64_t *ret_bytes)
{
        struct member m;
        struct md_super s;
        struct debt d = {0};
        bool gone;

        int r = member_open(disk, LEG_MEMBER_OFFSET, &m);
        if (r == 0)
                r = member_read_super(&m, &s);
        if (r == 0)
                r = member_load_debt(&m, &s, array_chunk_bytes(s.size_sectors * SECTOR), debt_path, &d, &gone);
        if (r == 0)
                r = member_add_debt(&m, &s, array_chunk_bytes(s.size_sectors * SECTOR), &d);
        member_close(&m);
        if (r == 0) {
                uint64_t bytes = debt_count(&d) * d.chunk_bytes, size = s.size_sectors * SECTOR;
                *ret_bytes = bytes < size ? bytes : size;
        }
        debt_release(&d);
        return r;
}
