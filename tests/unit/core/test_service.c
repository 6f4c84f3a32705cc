/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A service that fails: started again as often as it may be, then moved if that is safe, or left with a name; and a person's word. */
#include "tests/unit/core/fixture.h"
#include "tests/unit/core/fixture_node.h"

#include "tests/unit/cmocka_all.h"

#include <errno.h>

static struct world w;

enum { WINDOW_MS = 60000 };

static const struct service_policy three_and_move = {.limited = true, .restarts = 3, .window_ms = WINDOW_MS, .may_move = true};

static void begin(struct service_policy policy)
{
        world_init(&w);
        w.policy = policy;
        for (uint8_t n = A; n <= B; n++)
                w.core[n].config.service[M] = policy;
        world_make_redundant(&w);
        world_live(&w, 2000);
        assert_true(world_serves(&w, A));
}

static void die(uint8_t node)
{
        w.machine[node].service = false;
        w.machine[node].service_died = true;
}

static unsigned starts(unsigned since, uint8_t node, bool whole)
{
        unsigned n = 0;

        for (unsigned i = since; i < w.effects; i++)
                n += w.effect[i].node == node && w.effect[i].effect.type == EFFECT_SERVICE_START && w.effect[i].effect.whole == whole;
        return n;
}

static enum reason reason_of(uint8_t node)
{
        struct mirror_view v;

        core_view_mirror(&w.core[node], M, w.now_ms, &v);
        return v.reason;
}

static enum health health_of(uint8_t node)
{
        struct mirror_view v;

        core_view_mirror(&w.core[node], M, w.now_ms, &v);
        return v.health;
}

static void expect_answer(uint64_t ticket, int error, enum reason reason)
{
        assert_true(w.answered[ticket].present);
        assert_int_equal(w.answered[ticket].error, error);
        assert_int_equal(w.answered[ticket].reason, reason);
}

static void what_is_unhealthy_is_started_again_with_its_units_stopped(void **state)
{
        (void)state;
        begin((struct service_policy){.limited = false});
        unsigned since = w.effects, told = w.reports;
        w.machine[A].service_sick = true;
        world_live(&w, 2000);
        assert_int_equal(starts(since, A, true), 1);
        assert_true(world_reported(&w, told, A, REASON_SERVICE_UNHEALTHY));
        assert_true(world_serves(&w, A));
        assert_int_equal(reason_of(A), REASON_REDUNDANT);
}

static void without_a_limit_it_is_started_for_ever(void **state)
{
        (void)state;
        begin((struct service_policy){.limited = false});
        unsigned since = w.effects;
        die(A);
        w.machine[A].service_broken = true;
        world_live(&w, 600000);
        assert_true(starts(since, A, false) > 10);
        assert_int_equal(reason_of(A), REASON_SERVICE_FAILED);
        w.machine[A].service_broken = false;
        world_live(&w, 70000);
        assert_true(world_serves(&w, A));
}

/* A start would wait for the leg that nobody can let go of, and stand before the detach that helps. */
static void what_is_gone_while_writes_wait_is_started_behind_the_leave(void **state)
{
        (void)state;
        begin((struct service_policy){.limited = false});
        world_power_off(&w, W);
        world_live(&w, 5000);
        world_power_off(&w, B);
        world_live(&w, 4000);
        unsigned since = w.effects;
        die(A);
        world_live(&w, 30000);
        assert_int_equal(w.core[A].service[M].state, SERVICE_UP);
        assert_int_equal(starts(since, A, false) + starts(since, A, true), 0);
        world_power_on(&w, W);
        world_live(&w, 12000);
        assert_false(world_record(&w)->legs[B].in_sync);
        assert_int_equal(starts(since, A, false) + starts(since, A, true), 1);
        assert_true(world_serves(&w, A));
}

static void what_fails_too_often_moves_and_stays_there(void **state)
{
        (void)state;
        begin(three_and_move);
        world_live(&w, WINDOW_MS);
        unsigned since = w.effects, told = w.reports;
        die(A);
        w.machine[A].service_broken = true;
        world_live(&w, 40000);
        assert_int_equal(starts(since, A, false), 3);
        assert_true(world_reported(&w, told, A, REASON_SERVICE_GIVEN_UP) && world_reported(&w, told, A, REASON_SERVICE_MOVES));
        assert_true(world_serves(&w, B));
        assert_true(world_record(&w)->legs[A].in_sync && world_record(&w)->legs[B].in_sync); /* as by a switchover */
        w.machine[A].service_broken = false;
        world_live(&w, 10 * WINDOW_MS);
        assert_true(world_serves(&w, B)); /* no failback */
}

/* Broken on both nodes: it does not go to and fro. */
static void what_has_just_moved_stays(void **state)
{
        (void)state;
        begin(three_and_move);
        world_live(&w, WINDOW_MS);
        die(A);
        w.machine[A].service_broken = w.machine[B].service_broken = true;
        world_live(&w, 10 * WINDOW_MS);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_PRIMARY);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_STANDBY);
        assert_int_equal(reason_of(B), REASON_SERVICE_GIVEN_UP);
        assert_int_equal(health_of(B), HEALTH_DOWN);
        unsigned since = w.effects;
        world_live(&w, WINDOW_MS);
        assert_int_equal(starts(since, B, false) + starts(since, B, true), 0);
        assert_int_equal(w.machine[B].address_until_ms > w.now_ms, false);
}

static void what_may_not_move_stays(void **state)
{
        struct service_policy stay = three_and_move;

        (void)state;
        stay.may_move = false;
        begin(stay);
        world_live(&w, WINDOW_MS);
        die(A);
        w.machine[A].service_broken = true;
        world_live(&w, 40000);
        assert_int_equal(reason_of(A), REASON_SERVICE_GIVEN_UP);
        assert_int_equal(w.core[A].service[M].state, SERVICE_GIVEN_UP);
        world_live(&w, 5 * WINDOW_MS);
        assert_int_equal(w.core[A].service[M].state, SERVICE_GIVEN_UP);
}

static void it_moves_when_the_other_node_can_have_it(void **state)
{
        (void)state;
        begin(three_and_move);
        world_live(&w, WINDOW_MS);
        world_power_off(&w, B);
        world_live(&w, 5000);
        die(A);
        w.machine[A].service_broken = true;
        world_live(&w, 40000);
        assert_int_equal(w.core[A].service[M].state, SERVICE_GIVEN_UP); /* nobody is there */
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_PRIMARY);
        world_power_on(&w, B);
        world_live(&w, 60000);
        assert_true(world_serves(&w, B)); /* once it was in sync */
}

static void in_maintenance_it_does_not_move(void **state)
{
        (void)state;
        begin(three_and_move);
        world_live(&w, WINDOW_MS);
        struct event e = {.type = EVENT_COMMAND};
        e.command.type = COMMAND_MAINTENANCE;
        e.command.until_s = w.now_ms / 1000 + FIXTURE_WALL_S + 300;
        e.command.ticket = 10;
        fixture_enqueue(&w, A, &e);
        world_live(&w, 1000);
        die(A);
        w.machine[A].service_broken = true;
        world_live(&w, 100000);
        assert_int_equal(w.core[A].service[M].state, SERVICE_GIVEN_UP);
        world_live(&w, 300000);
        assert_true(world_serves(&w, B));
}

static void failures_are_forgotten_after_a_window(void **state)
{
        (void)state;
        begin(three_and_move);
        world_live(&w, WINDOW_MS);
        for (int i = 0; i < 8; i++) { /* more than three, but never in one window */
                die(A);
                world_live(&w, 10000);
                assert_true(world_serves(&w, A));
                world_live(&w, WINDOW_MS);
        }
}

static void a_person_has_it_started_again(void **state)
{
        struct service_policy stay = three_and_move;

        (void)state;
        stay.may_move = false;
        begin(stay);
        world_command(&w, B, COMMAND_SERVICE_RESTART, false, 10);
        expect_answer(10, -EINVAL, REASON_COMMAND_WRONG_STATE);
        unsigned since = w.effects;
        world_command(&w, A, COMMAND_SERVICE_RESTART, false, 11); /* of one that runs */
        world_live(&w, 1000);
        expect_answer(11, 0, REASON_COMMAND_DONE);
        assert_int_equal(starts(since, A, true), 1);
        die(A);
        w.machine[A].service_broken = true;
        world_live(&w, 40000);
        assert_int_equal(w.core[A].service[M].state, SERVICE_GIVEN_UP);
        world_command(&w, A, COMMAND_SERVICE_RESTART, false, 12);
        world_live(&w, 1000);
        expect_answer(12, -EIO, REASON_SERVICE_FAILED); /* not mended; and its failures count from here */
        world_live(&w, 30000);
        assert_int_equal(w.core[A].service[M].state, SERVICE_GIVEN_UP);
        w.machine[A].service_broken = false;
        world_command(&w, A, COMMAND_SERVICE_RESTART, false, 13);
        world_live(&w, 2000);
        expect_answer(13, 0, REASON_COMMAND_DONE);
        assert_true(world_serves(&w, A));
}

/* What was seen of the service before it was started again says nothing of it now. */
static void an_old_look_makes_nobody_sick(void **state)
{
        (void)state;
        begin((struct service_policy){.limited = false});
        unsigned since = w.effects;
        w.machine[A].hold = EFFECT_SERVICE_START;
        w.machine[A].service_sick = true;
        world_live(&w, 1000);
        assert_int_equal(w.core[A].service[M].state, SERVICE_STARTING);
        world_live(&w, 3000); /* looks that still say so */
        w.machine[A].hold = EFFECT_TYPES;
        w.machine[A].service_sick = false;
        world_act(&w, A, false);
        world_act(&w, A, true);
        world_live(&w, 5000);
        assert_true(world_serves(&w, A));
        assert_true(starts(since, A, true) <= 2);
}

static unsigned hooks(unsigned since, uint8_t node)
{
        unsigned n = 0;

        for (unsigned i = since; i < w.effects; i++)
                n += w.effect[i].node == node && w.effect[i].effect.type == EFFECT_RESYNC_HOOK;
        return n;
}

static void fall_out(uint8_t node)
{
        world_power_off(&w, node);
        world_live(&w, 5000);
        world_power_on(&w, node);
        w.core[node].config.has_resync_hook[M] = true;
}

/* The fixture asserts that nothing has been written over when the hook runs. */
static void a_leg_is_not_offered_before_its_hook(void **state)
{
        (void)state;
        begin((struct service_policy){.limited = false});
        fall_out(B);
        w.machine[B].hold = EFFECT_RESYNC_HOOK; /* it hangs; hamon-act would end it */
        unsigned since = w.effects;
        world_live(&w, 20000);
        assert_int_equal(hooks(since, B), 1);
        assert_false(w.machine[B].granted || w.machine[A].attached);
        assert_true(world_serves(&w, A));
        w.machine[B].hold = EFFECT_TYPES;
        world_act(&w, B, false); /* and its answer is lost: asked again */
        world_act(&w, B, true);
        world_live(&w, 60000);
        assert_true(world_record(&w)->legs[B].in_sync);
        assert_int_equal(hooks(since, B), 2);
        world_live(&w, 10000);
        assert_int_equal(hooks(since, B), 2);
}

static void a_hook_that_fails_stops_nothing(void **state)
{
        (void)state;
        begin((struct service_policy){.limited = false});
        fall_out(B);
        w.machine[B].fail = EFFECT_RESYNC_HOOK;
        w.machine[B].error = -ETIMEDOUT;
        unsigned since = w.effects;
        world_live(&w, 60000);
        assert_true(world_record(&w)->legs[B].in_sync);
        assert_int_equal(hooks(since, B), 1);
}

/* A copy that had begun has nothing left to keep. */
static void what_is_inconsistent_has_no_hook(void **state)
{
        (void)state;
        begin((struct service_policy){.limited = false});
        w.resync_ms = 1000000;
        fall_out(B);
        world_live(&w, 30000);
        assert_true(world_record(&w)->legs[B].inconsistent);
        fall_out(B);
        unsigned since = w.effects;
        world_live(&w, 30000);
        assert_int_equal(hooks(since, B), 0);
        assert_true(w.machine[B].granted);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_unhealthy_is_started_again_with_its_units_stopped),
                cmocka_unit_test(without_a_limit_it_is_started_for_ever),
                cmocka_unit_test(what_is_gone_while_writes_wait_is_started_behind_the_leave),
                cmocka_unit_test(what_fails_too_often_moves_and_stays_there),
                cmocka_unit_test(what_has_just_moved_stays),
                cmocka_unit_test(what_may_not_move_stays),
                cmocka_unit_test(it_moves_when_the_other_node_can_have_it),
                cmocka_unit_test(in_maintenance_it_does_not_move),
                cmocka_unit_test(failures_are_forgotten_after_a_window),
                cmocka_unit_test(a_person_has_it_started_again),
                cmocka_unit_test(an_old_look_makes_nobody_sick),
                cmocka_unit_test(a_leg_is_not_offered_before_its_hook),
                cmocka_unit_test(a_hook_that_fails_stops_nothing),
                cmocka_unit_test(what_is_inconsistent_has_no_hook),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
