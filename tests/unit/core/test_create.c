/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mirror comes to be: create and join, and what is refused, cut short or given up. */
#include "tests/unit/core/fixture.h"

#include <errno.h>

#include "tests/unit/cmocka_all.h"

static struct world w;

static void create_wants_consent_for_a_used_disk(void **state)
{
        (void)state;
        world_init(&w);
        w.machine[A].disk.leg.bytes[0] = 1;
        world_run(&w, 4000);
        world_command(&w, A, COMMAND_CREATE, false, 1);
        world_run(&w, 500);
        world_expect_answer(&w, 1, -EEXIST, REASON_COMMAND_CONSENT);
        assert_int_equal(world_view(&w, A).health, HEALTH_UNCONFIGURED);
        world_run(&w, 60000);
        assert_int_equal(world_view(&w, A).reason, REASON_NOT_CREATED);
        world_command(&w, A, COMMAND_CREATE, true, 2);
        world_run(&w, 500);
        world_expect_answer(&w, 2, 0, REASON_COMMAND_DONE);
        assert_true(world_serves(&w, A));
        world_command(&w, A, COMMAND_CREATE, true, 3);
        world_command(&w, B, COMMAND_CREATE, true, 4);
        world_run(&w, 500);
        world_expect_answer(&w, 3, -EINVAL, REASON_COMMAND_WRONG_STATE);
        world_expect_answer(&w, 4, -EINVAL, REASON_COMMAND_WRONG_STATE);
}

/* Power is lost between the array and the record: nothing is left behind that is in the way. */
static void create_is_cut_short(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        world_power_off(&w, W); /* a first record needs all three */
        world_command(&w, A, COMMAND_CREATE, false, 1);
        world_run(&w, 2000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_CREATE_SWAP);
        assert_false(w.machine[A].service);
        world_restart_hamon(&w, A);
        world_power_on(&w, W);
        world_run(&w, 5000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_STANDBY);
        assert_false(w.machine[A].running);
        world_command(&w, A, COMMAND_CREATE, true, 2);
        world_run(&w, 2000);
        world_expect_answer(&w, 2, 0, REASON_COMMAND_DONE);
}

/* The restart comes when the record is decided, or may be: the array is adopted. */
static void hamon_restarts_while_creating(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        w.machine[A].hold = EFFECT_HISTORY;
        world_command(&w, A, COMMAND_CREATE, false, 1);
        world_run(&w, 1000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_HISTORY);
        w.machine[A].hold = EFFECT_TYPES;
        world_restart_hamon(&w, A);
        world_run(&w, 2000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_PRIMARY);
        assert_true(world_serves(&w, A));
}

static void join_never_takes_the_only_good_leg(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_command(&w, B, COMMAND_JOIN, true, 5);
        world_expect_answer(&w, 5, -EINVAL, REASON_COMMAND_WRONG_STATE);
        world_power_off(&w, B);
        world_live(&w, 3000);
        world_power_on(&w, B);
        world_command(&w, A, COMMAND_JOIN, true, 6);
        world_expect_answer(&w, 6, -EINVAL, REASON_COMMAND_WRONG_STATE);
}

/* What is refused disturbs nothing: the leg that is there is being copied to. */
static void join_without_consent_leaves_the_leg_alone(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        struct uuid leg = w.machine[B].disk.leg;
        world_power_off(&w, B);
        world_live(&w, 3000);
        w.machine[A].hold = EFFECT_LEG_ADD;
        world_power_on(&w, B);
        world_live(&w, 3000);
        assert_int_equal(w.core[A].leg[M].state, LEG_ADD);
        unsigned since = w.effects;
        world_command(&w, B, COMMAND_JOIN, false, 5);
        world_expect_answer(&w, 5, -EPERM, REASON_COMMAND_CONSENT);
        for (unsigned i = since; i < w.effects; i++)
                assert_true(w.effect[i].effect.type != EFFECT_REVOKE && w.effect[i].effect.type != EFFECT_LEG_CREATE);
        w.machine[A].hold = EFFECT_TYPES;
        world_live(&w, 3000);
        assert_true(uuid_equal(&w.machine[B].disk.leg, &leg));
}

/* A new disk in B: its leg has another UUID and is resynced whole. */
static void a_swapped_disk_is_another_leg(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        struct uuid old = w.machine[B].disk.leg;
        world_power_off(&w, B);
        world_live(&w, 3000);
        w.machine[B].disk = (struct disk){.leg = {{0}}};
        world_power_on(&w, B);
        world_live(&w, 3000);
        assert_int_equal(w.core[A].leg[M].state, LEG_OUT);
        unsigned since = w.effects;
        world_command(&w, B, COMMAND_JOIN, false, 5);
        world_live(&w, 6000);
        world_expect_answer(&w, 5, 0, REASON_COMMAND_DONE);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        assert_false(uuid_equal(&world_record(&w)->legs[B].uuid, &old));
        bool whole = false;
        for (unsigned i = since; i < w.effects; i++)
                if (w.effect[i].effect.type == EFFECT_LEG_ADD)
                        whole = w.effect[i].effect.whole;
        assert_true(whole);
}

/*
 * R6a: a creation that has no majority is given up in time. No voter can have accepted it, so nothing of it is left, and nothing of it happens
 * when the others come.
 */
static void a_creation_is_given_up(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        world_power_off(&w, W);
        world_command(&w, A, COMMAND_CREATE, true, 1);
        world_run(&w, 59000);
        assert_false(w.answered[1].present);
        world_run(&w, 2000);
        world_expect_answer(&w, 1, -ETIMEDOUT, REASON_NO_MAJORITY);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_STANDBY);
        assert_false(w.machine[A].running);
        world_power_on(&w, W);
        world_run(&w, 20000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_STANDBY);
        assert_int_equal(w.core[A].reg[M].acceptor.value.version, 0);
        world_command(&w, A, COMMAND_CREATE, true, 2);
        world_run(&w, 2000);
        world_expect_answer(&w, 2, 0, REASON_COMMAND_DONE);
}

/* The same, but its ACCEPT is out: some voter may have it. It is told as unsettled, and settled when the others are back. */
static void a_creation_that_was_sent_is_settled(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        w.message_max_ms = 40;
        world_command(&w, A, COMMAND_CREATE, true, 1);
        while (!w.core[A].reg[M].proposer.accept_sent)
                world_run(&w, 1);
        world_isolate(&w, A, true);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_CREATE_SWAP);
        world_run(&w, 61000);
        world_expect_answer(&w, 1, -EINPROGRESS, REASON_COMMAND_UNSETTLED);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_CREATE_SWAP);
        world_isolate(&w, A, false);
        world_run(&w, 5000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_PRIMARY);
}

/* A person's consent holds for the time that the person waits, and not for the day when the witness is back. */
static void a_consent_does_not_outlive_its_command(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_power_off(&w, W);
        world_power_off(&w, B);
        world_power_off(&w, A);
        world_power_on(&w, A);
        world_live(&w, 5000);
        world_command(&w, A, COMMAND_START_ALONE, true, 9);
        world_live(&w, 62000);
        world_expect_answer(&w, 9, -ETIMEDOUT, REASON_NO_MAJORITY);
        world_power_on(&w, W);
        world_live(&w, 10000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_STANDBY);
        world_command(&w, A, COMMAND_START_ALONE, true, 10);
        world_live(&w, 5000);
        world_expect_answer(&w, 10, 0, REASON_COMMAND_DONE);
}

/* The disk hangs before the header is written: hamon-act may be at it, and begins none later. */
static void a_join_is_given_up(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_power_off(&w, B);
        world_live(&w, 3000);
        w.machine[B].disk = (struct disk){.leg = {{0}}};
        world_power_on(&w, B);
        world_live(&w, 3000);
        w.machine[B].hold = EFFECT_LEG_CREATE;
        world_command(&w, B, COMMAND_JOIN, true, 5);
        world_live(&w, 61000);
        world_expect_answer(&w, 5, -EINPROGRESS, REASON_COMMAND_UNSETTLED);
        unsigned i = w.effects - 1;
        while (w.effect[i].effect.type != EFFECT_LEG_CREATE)
                i--;
        assert_true(w.effect[i].effect.until_ms > w.effect[i].at_ms && w.effect[i].effect.until_ms < w.now_ms);
}

static void nothing_without_hamon_act(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        world_act(&w, A, false);
        world_command(&w, A, COMMAND_CREATE, false, 5);
        world_expect_answer(&w, 5, -EINVAL, REASON_ACT_LOST);
}

/* Right after the start nobody has looked at the disks: what is asked then waits for the look. */
static void a_command_waits_for_the_first_look(void **state)
{
        (void)state;
        world_init(&w);
        world_command(&w, A, COMMAND_CREATE, false, 1);
        world_run(&w, 4000);
        world_expect_answer(&w, 1, 0, REASON_COMMAND_DONE);
        assert_true(world_serves(&w, A));
}

/* Not for ever, and one that is asked to leave has other things to do. */
static void a_command_does_not_wait_for_ever(void **state)
{
        (void)state;
        world_init(&w);
        world_act(&w, A, false);
        world_command(&w, A, COMMAND_CREATE, false, 1);
        world_run(&w, 1000);
        world_command(&w, A, COMMAND_CREATE, false, 2);
        world_run(&w, 1000);
        world_expect_answer(&w, 2, -EBUSY, REASON_COMMAND_BUSY);
        world_run(&w, FIRST_LOOK_MS);
        world_expect_answer(&w, 1, -EINVAL, REASON_ACT_LOST);
        assert_false(world_serves(&w, A));

        world_init(&w);
        world_act(&w, B, false);
        world_command(&w, B, COMMAND_CREATE, false, 3);
        world_run(&w, 1000);
        world_command(&w, B, COMMAND_LEAVE, false, 4);
        world_run(&w, 1000);
        world_expect_answer(&w, 3, -EBUSY, REASON_COMMAND_BUSY);
}

static void service_does_not_start(void **state)
{
        (void)state;
        struct mirror_view v;

        world_init(&w);
        world_run(&w, 4000);
        w.machine[A].service_broken = true;
        world_command(&w, A, COMMAND_CREATE, false, 1);
        world_run(&w, 2500);
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_SERVICE_FAILED);
        assert_int_equal(v.health, HEALTH_DOWN);
        w.machine[A].service_broken = false;
        world_run(&w, 5000);
        assert_true(world_serves(&w, A));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(create_wants_consent_for_a_used_disk),
            cmocka_unit_test(create_is_cut_short),
            cmocka_unit_test(hamon_restarts_while_creating),
            cmocka_unit_test(join_never_takes_the_only_good_leg),
            cmocka_unit_test(join_without_consent_leaves_the_leg_alone),
            cmocka_unit_test(a_swapped_disk_is_another_leg),
            cmocka_unit_test(a_creation_is_given_up),
            cmocka_unit_test(a_creation_that_was_sent_is_settled),
            cmocka_unit_test(a_consent_does_not_outlive_its_command),
            cmocka_unit_test(a_join_is_given_up),
            cmocka_unit_test(nothing_without_hamon_act),
            cmocka_unit_test(a_command_waits_for_the_first_look),
            cmocka_unit_test(a_command_does_not_wait_for_ever),
            cmocka_unit_test(service_does_not_start),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
