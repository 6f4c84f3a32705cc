/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which device-mapper device that is there already is the leg's. */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/dm_mapping.h"

static void of_this_leg(void **state)
{
        const struct dm_mapping want = {.disk = 7, .start_sectors = 2048, .size_sectors = 100000};
        struct dm_mapping have = want;

        (void)state;
        assert_true(dm_mapping_is_of_leg(&have, &want));
        have.size_sectors = 50000; /* the disk has grown: a take-over must find its leg */
        assert_true(dm_mapping_is_of_leg(&have, &want));
        have.size_sectors = 100001; /* longer than the disk */
        assert_false(dm_mapping_is_of_leg(&have, &want));
        have.size_sectors = 0;
        assert_false(dm_mapping_is_of_leg(&have, &want));
        have = want;
        have.disk = 8;
        assert_false(dm_mapping_is_of_leg(&have, &want));
        have = want;
        have.start_sectors = UINT64_MAX; /* not one linear target */
        assert_false(dm_mapping_is_of_leg(&have, &want));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(of_this_leg),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
