/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scenarios of the whole core: how a mirror comes to be, and who goes on when something dies. */
#include "tests/unit/core/fixture.h"

#include <errno.h>

#include "tests/unit/cmocka_all.h"

static struct world w;

static void create_and_join(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_STANDBY);
        unsigned since = w.effects;
        world_command(&w, A, COMMAND_CREATE, false, 1);
        world_run(&w, 500);
        world_expect_effects(&w, since, A, "leg-create array-create history note-clear service-start");
        assert_true(w.answered[1].present && w.answered[1].error == 0);
        assert_true(world_serves(&w, A));
        assert_int_equal(world_record(&w)->epoch, 1);

        since = w.effects;
        world_command(&w, B, COMMAND_JOIN, false, 2);
        world_run(&w, 5000);
        world_expect_effects(&w, since, B, "leg-create release grant check-leg");
        world_expect_effects(&w, since, A, "note-set attach debt-union leg-add require debt-drop");
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        assert_true(world_record(&w)->legs[B].in_sync);
        assert_false(world_record(&w)->legs[B].inconsistent);
}

static void primary_dies(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_write(&w);
        unsigned since = w.effects;
        world_power_off(&w, A);
        uint64_t died_ms = w.now_ms;
        while (!world_serves(&w, B) && w.now_ms < died_ms + 10000)
                world_run(&w, 10);
        assert_in_range(w.now_ms - died_ms, 1000, 2500);
        world_expect_effects(&w, since, B, "probe revoke debt-capture assemble debt-apply history note-clear service-start");
        assert_int_equal(world_record(&w)->epoch, 2);
        assert_int_equal(world_record(&w)->primary, B);
        assert_false(world_record(&w)->legs[A].in_sync);

        /* and it comes back and is joined by debt */
        since = w.effects;
        world_write(&w);
        world_power_on(&w, A);
        world_run(&w, 10000);
        assert_int_equal(w.core[B].leg[M].state, LEG_IN);
        world_expect_effects(&w, since, B, "note-set attach debt-union leg-add require debt-drop");
        assert_int_equal(w.machine[A].disk.data, w.machine[B].disk.data);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_STANDBY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(create_and_join),
            cmocka_unit_test(primary_dies),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
