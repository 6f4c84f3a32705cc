/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The disks have grown: on a standby its leg is lengthened, on the primary the array, and nothing of it while a leg is missing. */
#include "tests/unit/core/fixture.h"
#include "tests/unit/core/fixture_node.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/cmocka_all.h"

static struct world w;

/* How often the node was asked to grow its leg, or the array. */
static unsigned asked(uint8_t node, enum effect_type type)
{
        unsigned n = 0;

        for (unsigned i = 0; i < w.effects; i++)
                n += w.effect[i].node == node && w.effect[i].effect.type == type;
        return n;
}

static void grow(uint8_t node, uint64_t ticket)
{
        world_command(&w, node, COMMAND_GROW, false, ticket);
        world_run(&w, 500);
}

static void each_node_grows_what_it_has(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        grow(B, 10);
        world_expect_answer(&w, 10, 0, REASON_COMMAND_DONE);
        assert_int_equal(asked(B, EFFECT_LEG_GROW), 1);
        grow(A, 11);
        world_expect_answer(&w, 11, 0, REASON_COMMAND_DONE);
        assert_int_equal(asked(A, EFFECT_ARRAY_GROW), 1);
        assert_int_equal(asked(A, EFFECT_LEG_GROW) + asked(B, EFFECT_ARRAY_GROW), 0);
        world_live(&w, 5000);
        assert_true(world_serves(&w, A) && world_record(&w)->legs[A].in_sync && world_record(&w)->legs[B].in_sync);
}

static void nothing_of_it_with_a_leg_missing(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        grow(A, 9);
        world_expect_answer(&w, 9, -EINVAL, REASON_NOT_CREATED);
        world_make_redundant(&w);
        world_power_off(&w, B);
        world_live(&w, 8000);
        grow(A, 10);
        world_expect_answer(&w, 10, -EINVAL, REASON_COMMAND_WRONG_STATE);
        world_power_off(&w, A);
        world_power_on(&w, B);
        world_run(&w, 8000);
        grow(B, 11); /* of a standby without a primary the leg is what somebody may have to take over with */
        world_expect_answer(&w, 11, -EINVAL, REASON_COMMAND_WRONG_STATE);
        assert_int_equal(asked(A, EFFECT_ARRAY_GROW) + asked(B, EFFECT_LEG_GROW), 0);
}

static void no_room_is_said_and_changes_nothing(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        w.machine[A].fail = EFFECT_ARRAY_GROW;
        w.machine[A].error = -ENOSPC;
        grow(A, 10);
        world_expect_answer(&w, 10, -ENOSPC, REASON_EFFECT_FAILED);
        w.machine[A].fail = EFFECT_TYPES;
        world_live(&w, 5000);
        assert_true(world_serves(&w, A) && world_record(&w)->legs[B].in_sync);
        grow(A, 11);
        world_expect_answer(&w, 11, 0, REASON_COMMAND_DONE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(each_node_grows_what_it_has),
            cmocka_unit_test(nothing_of_it_with_a_leg_missing),
            cmocka_unit_test(no_room_is_said_and_changes_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
