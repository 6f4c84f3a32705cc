/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What hamon-act reads from disks: leg header, md superblock and bitmap, debt. What decodes must encode to the same
 * again. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "hamon/act/debt.h"
#include "hamon/act/leg_header.h"
#include "hamon/act/md_bitmap.h"
#include "hamon/act/md_super.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct uuid device = {{1}};
        uint8_t *copy = malloc(size + 1);
        struct leg_header h, h2;
        struct md_bitmap b;
        struct md_super s, s2;
        struct debt d;

        if (!copy)
                return 0;
        memcpy(copy, data, size);
        if (md_super_decode(data, size, &s) == 0 &&
            md_super_make_other(copy, size, s.dev_number ? 0 : 1, MD_ROLE_SPARE, &device, UINT64_MAX / 2) == 0) {
                assert(md_super_decode(copy, size, &s2) == 0);
                assert(s2.role == MD_ROLE_SPARE && uuid_equal(&s2.array, &s.array) &&
                       s2.size_sectors == s.size_sectors);
        }
        if (md_bitmap_decode(data, size, &b) == 0)
                assert(b.chunks > 0 && md_bitmap_total_bytes(&b) > MD_BITMAP_HEADER_BYTES);
        if (size >= LEG_HEADER_BYTES && leg_header_decode(data, size, &h) == 0) {
                uint8_t bytes[LEG_HEADER_BYTES];
                assert(leg_header_encode(&h, bytes) == 0 && leg_header_decode(bytes, sizeof bytes, &h2) == 0);
                assert(memcmp(&h, &h2, sizeof h) == 0);
        }
        if (debt_decode(data, size, &d) == 0) {
                uint8_t *again;
                size_t again_size;
                uint64_t start = 0, end, count = 0;
                assert(debt_encode(&d, &again, &again_size) == 0 && again_size == size &&
                       memcmp(again, data, size) == 0);
                for (; debt_next_range(&d, &start, &end); start = end + 1)
                        count += end - start + 1;
                assert(count == debt_count(&d));
                free(again);
                debt_release(&d);
        }
        free(copy);
        return 0;
}
