/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/owed.h"

#include "hamon/act/array.h"
#include "hamon/act/leg_header.h"
#include "hamon/act/member.h"

enum { SECTOR = 512 };

int owed_look(const char *disk, struct debt *debt, uint64_t *ret_bytes)
{
        struct member m;
        struct md_super s;

        int r = member_open(disk, LEG_MEMBER_OFFSET, &m);
        if (r == 0)
                r = member_read_super(&m, &s);
        if (r == 0)
                r = member_add_debt(&m, &s, array_chunk_bytes(s.size_sectors * SECTOR), debt);
        member_close(&m);
        if (r < 0)
                return r;
        uint64_t bytes = debt_count(debt) * debt->chunk_bytes, size = s.size_sectors * SECTOR;
        *ret_bytes = bytes < size ? bytes : size;
        return 0;
}
