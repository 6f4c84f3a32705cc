/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maintenance: until its end nothing is taken over by itself, by nobody, whether he heard of it or not; a person's commands go on. */
#include "tests/unit/core/fixture.h"
#include "tests/unit/core/fixture_node.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/cmocka_all.h"

static struct world w;

static void maintain(uint8_t node, uint64_t for_s, uint64_t ticket)
{
        world_maintain(&w, node, for_s ? w.now_ms / 1000 + FIXTURE_WALL_S + for_s : 0, ticket);
}

static void begin(void)
{
        world_init(&w);
        world_make_redundant(&w);
}

static void nothing_is_taken_over_until_its_end(void **state)
{
        (void)state;
        begin();
        unsigned since = w.reports;
        maintain(A, 100, 10);
        world_expect_answer(&w, 10, 0, REASON_COMMAND_DONE);
        world_live(&w, 2000);
        for (uint8_t n = A; n <= B; n++) {
                assert_int_equal(world_view(&w, n).reason, REASON_MAINTENANCE);
                assert_int_equal(world_view(&w, n).health, HEALTH_OK);
                assert_true(world_reported(&w, since, n, REASON_MAINTENANCE_ON));
        }
        assert_true(world_view(&w, W).in_maintenance);
        assert_int_equal(world_view(&w, A).if_self_fails, REASON_WILL_WAIT);
        assert_int_equal(world_view(&w, B).if_peer_fails, REASON_WILL_WAIT);
        world_power_off(&w, A);
        world_live(&w, 60000);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_STANDBY);
        assert_int_equal(world_view(&w, B).reason, REASON_MAINTENANCE);
        assert_int_equal(world_view(&w, B).health, HEALTH_DOWN);
        world_live(&w, 60000); /* its time is over, and nobody had to remember it */
        assert_true(world_reported(&w, since, B, REASON_MAINTENANCE_OVER));
        assert_true(world_serves(&w, B));
}

static void its_end_is_a_persons_word_or_the_time(void **state)
{
        (void)state;
        begin();
        maintain(B, 1000, 10); /* the standby can have it decided, too */
        world_expect_answer(&w, 10, 0, REASON_COMMAND_DONE);
        world_power_off(&w, A);
        world_live(&w, 10000);
        assert_false(world_serves(&w, B));
        maintain(B, 0, 11);
        world_expect_answer(&w, 11, 0, REASON_COMMAND_DONE);
        world_live(&w, 8000);
        assert_true(world_serves(&w, B));
        /* And the survivor of a reboot of everything still knows it. */
        maintain(B, 1000, 12);
        world_power_off(&w, B);
        world_power_off(&w, W);
        world_run(&w, 1000);
        world_power_on(&w, W);
        world_power_on(&w, B);
        world_live(&w, 20000);
        assert_int_equal(world_view(&w, B).reason, REASON_MAINTENANCE);
        assert_false(world_serves(&w, B));
        maintain(B, 0, 13);
        world_live(&w, 15000);
        assert_true(world_serves(&w, B));
}

/* The node was cut off when it was decided: its take-over is refused by what the others show. */
static void who_did_not_hear_of_it_does_not_take_over(void **state)
{
        (void)state;
        begin();
        world_isolate(&w, B, true);
        maintain(A, 1000, 10);
        world_expect_answer(&w, 10, 0, REASON_COMMAND_DONE);
        assert_false(world_view(&w, B).in_maintenance);
        world_power_off(&w, A);
        world_isolate(&w, B, false);
        world_live(&w, 30000);
        assert_false(world_serves(&w, B));
        assert_int_equal(world_record(&w)->epoch, 1);
}

static void a_persons_commands_go_on(void **state)
{
        (void)state;
        begin();
        maintain(A, 1000, 10);
        world_command(&w, A, COMMAND_SWITCHOVER, false, 11);
        world_live(&w, 6000);
        world_expect_answer(&w, 11, 0, REASON_COMMAND_DONE);
        assert_true(world_serves(&w, B));
        assert_int_equal(world_view(&w, B).reason, REASON_MAINTENANCE);
        world_power_off(&w, B);
        world_live(&w, 10000);
        assert_false(world_serves(&w, A));
        world_command(&w, A, COMMAND_START_ALONE, true, 12);
        world_live(&w, 10000);
        world_expect_answer(&w, 12, 0, REASON_COMMAND_DONE);
        assert_true(world_serves(&w, A));
        assert_true(world_view(&w, A).in_maintenance); /* a take-over does not end it */
}

/* A switchover that a person began, and whose new primary dies before it is one, gives the service back. */
static void a_switchover_gives_back(void **state)
{
        (void)state;
        begin();
        maintain(A, 1000, 10);
        w.machine[B].hold = EFFECT_PROBE;
        world_command(&w, A, COMMAND_SWITCHOVER, false, 11);
        world_live(&w, 2000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_STANDBY);
        world_power_off(&w, B);
        world_live(&w, 10000);
        assert_true(world_serves(&w, A));
}

/* Writes go on without a dead leg as ever: maintenance freezes nobody. */
static void a_dead_leg_still_leaves(void **state)
{
        (void)state;
        begin();
        maintain(A, 1000, 10);
        world_power_off(&w, B);
        world_live(&w, 10000);
        assert_int_equal(w.core[A].leg[M].state, LEG_OUT);
        assert_true(world_serves(&w, A));
        world_power_on(&w, B);
        world_live(&w, 10000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
}

/* The own disk fails: md goes on with the other leg, and so does the service, where it is. */
static void a_failed_own_disk_moves_nothing(void **state)
{
        (void)state;
        begin();
        maintain(A, 1000, 10);
        w.machine[A].own_failed = true;
        w.machine[A].own_in_sync = false;
        world_live(&w, 15000);
        assert_true(world_serves(&w, A));
        assert_int_equal(w.core[A].leg[M].state, LEG_OWN_FAILED);
        maintain(A, 0, 11);
        world_live(&w, 15000);
        assert_true(world_serves(&w, B));
}

static void what_is_refused(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        maintain(A, 1000, 10);
        world_expect_answer(&w, 10, -EINVAL, REASON_NOT_CREATED);
        begin();
        world_power_off(&w, B);
        world_live(&w, 8000);
        world_power_off(&w, W);
        maintain(A, 1000, 11);
        maintain(A, 0, 12);
        world_expect_answer(&w, 12, -EBUSY, REASON_COMMAND_BUSY);
        world_live(&w, COMMAND_PATIENCE * (uint64_t)w.core[A].config.timers.effect_timeout_ms);
        world_expect_answer(&w, 11, -ETIMEDOUT, REASON_NO_MAJORITY);
        world_power_on(&w, W);
        world_live(&w, 20000);
        assert_false(world_view(&w, A).in_maintenance); /* what was given up does not happen later */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(nothing_is_taken_over_until_its_end), cmocka_unit_test(its_end_is_a_persons_word_or_the_time),
            cmocka_unit_test(who_did_not_hear_of_it_does_not_take_over), cmocka_unit_test(a_persons_commands_go_on),
            cmocka_unit_test(a_switchover_gives_back), cmocka_unit_test(a_dead_leg_still_leaves),
            cmocka_unit_test(a_failed_own_disk_moves_nothing), cmocka_unit_test(what_is_refused),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
