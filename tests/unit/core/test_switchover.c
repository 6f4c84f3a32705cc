/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A planned switchover: both legs kept in sync, or one alone when anything is in the way. */
#include "tests/unit/core/fixture.h"

#include <errno.h>

#include "tests/unit/cmocka_all.h"

static struct world w;

static void switchover(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_command(&w, B, COMMAND_SWITCHOVER, true, 5);
        world_expect_answer(&w, 5, -EINVAL, REASON_COMMAND_WRONG_STATE);
        unsigned since = w.effects;
        w.machine[A].hold = EFFECT_SERVICE_STOP;
        world_command(&w, A, COMMAND_SWITCHOVER, false, 6);
        world_command(&w, A, COMMAND_SWITCHOVER, false, 7);
        world_expect_answer(&w, 7, -EBUSY, REASON_COMMAND_BUSY);
        w.machine[A].hold = EFFECT_TYPES;
        world_live(&w, 1000);
        world_expect_answer(&w, 6, 0, REASON_COMMAND_DONE);
        assert_true(world_serves(&w, B));
        assert_int_equal(world_record(&w)->primary, B);
        world_expect_effects(&w, since, A, "service-stop array-stop note-clear leg-open grant");
        world_expect_effects(&w, since, B, "probe revoke note-set attach assemble-both history service-start");
        assert_int_equal(w.core[B].leg[M].state, LEG_IN); /* and nothing was resynced */
        assert_true(world_record(&w)->legs[A].in_sync);
        world_live(&w, 8000);
        assert_int_equal(w.core[B].leg[M].state, LEG_IN);
        assert_int_equal(world_record(&w)->epoch, 2);
        world_command(&w, B, COMMAND_SWITCHOVER, false, 8); /* and back */
        world_live(&w, 2000);
        world_expect_answer(&w, 8, 0, REASON_COMMAND_DONE);
        assert_true(world_serves(&w, A));
        assert_true(world_record(&w)->legs[B].in_sync);
}

/* The record is decided without the peer's leg before the own one is assembled alone; what was attached is detached first. */
static void expect_alone(unsigned since)
{
        unsigned detached = 0, assembled = 0;

        for (unsigned i = since; i < w.effects; i++) {
                if (w.effect[i].node == B && w.effect[i].effect.type == EFFECT_DETACH && !detached)
                        detached = i;
                if (w.effect[i].node == B && w.effect[i].effect.type == EFFECT_ASSEMBLE)
                        assembled = i;
        }
        assert_true(assembled > 0 && detached < assembled);
        assert_true(world_serves(&w, B));
        assert_true(world_reported(&w, 0, B, REASON_HANDOVER_FAILED));
}

/* The two legs are not equal: found out by hamon-act, when both are at hand. */
static void switchover_of_unequal_legs(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        unsigned since = w.effects;
        w.machine[B].fail = EFFECT_ASSEMBLE_BOTH;
        w.machine[B].error = -ESTALE;
        world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
        world_live(&w, 2000);
        world_expect_answer(&w, 5, 0, REASON_COMMAND_DONE);
        expect_alone(since);
        world_live(&w, 8000);
        assert_int_equal(w.core[B].leg[M].state, LEG_IN); /* by a resync */
}

/* The old primary dies while its leg is asked for, attached or assembled: the new one goes on alone. */
static void old_primary_dies_in_a_switchover(void **state)
{
        static const enum effect_type steps[] = {EFFECT_REVOKE, EFFECT_NOTE_SET, EFFECT_ATTACH, EFFECT_ASSEMBLE_BOTH};

        (void)state;
        for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
                world_init(&w);
                world_make_redundant(&w);
                unsigned since = w.effects;
                w.machine[B].hold = steps[i];
                world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
                world_live(&w, 500);
                assert_int_equal(world_record(&w)->epoch, 2);
                assert_true(world_record(&w)->legs[A].in_sync);
                world_power_off(&w, A);
                world_live(&w, 300);
                w.machine[B].hold = EFFECT_TYPES;
                world_live(&w, 9000);
                expect_alone(since);
                assert_false(world_record(&w)->legs[A].in_sync);
                world_power_on(&w, A);
                world_live(&w, 9000);
                assert_int_equal(w.core[B].leg[M].state, LEG_IN);
        }
}

/* The new primary dies instead: the old one has everything, for nothing was written since it stopped. */
static void new_primary_dies_in_a_switchover(void **state)
{
        static const enum effect_type steps[] = {EFFECT_REVOKE, EFFECT_NOTE_SET, EFFECT_ATTACH, EFFECT_ASSEMBLE_BOTH};

        (void)state;
        for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
                world_hold_switchover(&w, steps[i]);
                world_power_off(&w, B);
                world_live(&w, 8000);
                assert_true(world_serves(&w, A));
                assert_int_equal(world_record(&w)->epoch, 3);
                w.machine[B].hold = EFFECT_TYPES;
                world_power_on(&w, B);
                world_live(&w, 9000);
                assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        }
}

/* The new primary is cut off while it fences, the old one takes over again, and the new one hears of it: it has assembled nothing, and stands by. */
static void new_primary_is_superseded_while_it_fences(void **state)
{
        (void)state;
        world_hold_switchover(&w, EFFECT_REVOKE);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_REVOKE);
        world_isolate(&w, B, true);
        world_live(&w, 8000);
        assert_true(world_serves(&w, A));
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_REVOKE);
        unsigned since = w.effects;
        world_isolate(&w, B, false);
        world_live(&w, 1000);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_STANDBY);
        w.machine[B].hold = EFFECT_TYPES;
        world_live(&w, 9000);
        assert_true(world_serves(&w, A) && w.core[A].leg[M].state == LEG_IN);
        for (unsigned i = since; i < w.effects; i++)
                assert_false(w.effect[i].node == B && w.effect[i].effect.type == EFFECT_ASSEMBLE);
}

/* hamon-act dies with its hold: everything from REVOKE on is done again. */
static void act_dies_in_a_switchover(void **state)
{
        static const enum effect_type steps[] = {EFFECT_REVOKE, EFFECT_NOTE_SET, EFFECT_ATTACH, EFFECT_ASSEMBLE_BOTH};

        (void)state;
        for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
                world_hold_switchover(&w, steps[i]);
                world_act(&w, B, false);
                world_live(&w, 200);
                w.machine[B].hold = EFFECT_TYPES;
                world_act(&w, B, true);
                world_live(&w, 3000);
                assert_true(world_serves(&w, B));
                assert_true(world_record(&w)->legs[A].in_sync);
                assert_int_equal(w.core[B].leg[M].state, LEG_IN);
        }
}

/* The other node cannot after all: this one stopped in order and goes on. */
static void switchover_to_a_node_whose_disk_fails(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        w.machine[B].fail = EFFECT_PROBE;
        w.machine[B].error = -EIO;
        world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
        world_live(&w, 8000);
        assert_true(world_serves(&w, A));
}

/* The other node dies before it takes over: this one stopped in order, with its own leg in sync, and may start again. */
static void switchover_to_a_dying_node(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
        world_run(&w, 100);
        world_power_off(&w, B);
        world_live(&w, 8000);
        assert_true(world_serves(&w, A));
}

/* hamon-act dies when both legs are assembled, and cannot read the leg at first: the running array is not taken for none. */
static void hamon_act_dies_in_a_hand_over(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        w.machine[B].hold = EFFECT_HISTORY;
        world_command(&w, A, COMMAND_SWITCHOVER, false, 6);
        for (int ms = 0; ms < 5000 && w.core[B].mirror[M].state != MIRROR_HISTORY; ms++)
                world_run(&w, 1);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_HISTORY);
        assert_true(w.machine[B].running && world_record(&w)->legs[A].in_sync);
        world_act(&w, B, false);
        w.machine[B].hold = EFFECT_TYPES;
        w.machine[B].fail = EFFECT_LEG_OPEN;
        w.machine[B].error = -EIO;
        world_run(&w, 100);
        world_act(&w, B, true);
        world_run(&w, 600);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_HISTORY);
        w.machine[B].fail = EFFECT_TYPES;
        world_live(&w, 8000);
        assert_true(world_serves(&w, B));
        assert_int_equal(world_record(&w)->epoch, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(switchover),
            cmocka_unit_test(switchover_to_a_dying_node),
            cmocka_unit_test(switchover_of_unequal_legs),
            cmocka_unit_test(old_primary_dies_in_a_switchover),
            cmocka_unit_test(new_primary_dies_in_a_switchover),
            cmocka_unit_test(new_primary_is_superseded_while_it_fences),
            cmocka_unit_test(act_dies_in_a_switchover),
            cmocka_unit_test(switchover_to_a_node_whose_disk_fails),
            cmocka_unit_test(hamon_act_dies_in_a_hand_over),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
