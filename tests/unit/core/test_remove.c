/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A mirror is removed: decided, stopped in order, both legs closed; nobody starts it, until a person takes it back or makes a new one of its name. */
#include "tests/unit/core/fixture.h"
#include "tests/unit/core/fixture_node.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"

static struct world w;

static void command(uint8_t node, enum command_type type, uint64_t ticket)
{
        w.answered[ticket].present = false;
        world_command(&w, node, type, true, ticket);
        world_run(&w, 3000);
}

static void begin(void)
{
        world_init(&w);
        world_make_redundant(&w);
        world_live(&w, 3000);
}

static void expect_nobody_serves(void)
{
        assert_false(world_serves(&w, A) || world_serves(&w, B) || w.machine[A].running || w.machine[B].running);
}

static void it_stops_in_order_and_stays_down(void **state)
{
        (void)state;
        begin();
        unsigned since = w.effects, reports = w.reports;
        uint64_t epoch = world_record(&w)->epoch;
        world_command(&w, A, COMMAND_REMOVE, false, 9);
        world_run(&w, 100);
        world_expect_answer(&w, 9, -EPERM, REASON_COMMAND_CONSENT);
        command(B, COMMAND_REMOVE, 10); /* whoever serves decides it */
        world_expect_answer(&w, 10, -EINVAL, REASON_COMMAND_WRONG_STATE);
        assert_true(world_serves(&w, A));
        command(A, COMMAND_REMOVE, 11);
        world_expect_answer(&w, 11, 0, REASON_COMMAND_DONE);
        expect_nobody_serves();
        world_expect_effects(&w, since, A, "service-stop array-stop note-clear leg-open leg-close");
        assert_true(w.machine[B].granted); /* until its own part */
        command(B, COMMAND_REMOVE, 12);
        world_expect_answer(&w, 12, 0, REASON_COMMAND_DONE);
        assert_false(w.machine[B].granted);
        world_run(&w, 60000);
        expect_nobody_serves();
        const struct record *r = world_record(&w);
        assert_true(record_is_ended(r) && r->legs[A].in_sync && r->legs[B].in_sync); /* both copies hold everything */
        assert_int_equal(r->epoch, epoch);
        assert_int_equal(w.machine[A].disk.data, w.machine[B].disk.data);
        assert_int_equal(w.machine[A].disk.data, w.acknowledged);
        for (uint8_t n = A; n <= B; n++) {
                assert_int_equal(world_view(&w, n).reason, REASON_BEING_REMOVED);
                assert_int_equal(world_view(&w, n).health, HEALTH_UNCONFIGURED);
                assert_false(world_view(&w, n).in_maintenance);
                assert_true(world_reported(&w, reports, n, REASON_BEING_REMOVED));
                assert_false(world_reported(&w, reports, n, REASON_MAINTENANCE_ON));
        }
        assert_int_equal(world_view(&w, W).reason, REASON_BEING_REMOVED);
        assert_int_equal(world_view(&w, W).health, HEALTH_UNCONFIGURED);
        command(A, COMMAND_REMOVE, 13); /* again, from either node */
        world_expect_answer(&w, 13, 0, REASON_COMMAND_DONE);
}

/* No person's command starts it either, and no power cut. */
static void nothing_starts_it(void **state)
{
        static const enum command_type refused[] = {COMMAND_START_ALONE, COMMAND_FORCE_PRIMARY, COMMAND_SWITCHOVER, COMMAND_JOIN, COMMAND_GROW, COMMAND_SERVICE_RESTART};

        (void)state;
        begin();
        command(A, COMMAND_REMOVE, 10);
        for (unsigned i = 0; i < sizeof refused / sizeof *refused; i++) {
                command(i % 2 ? A : B, refused[i], 20 + i);
                world_expect_answer(&w, 20 + i, -EINVAL, REASON_BEING_REMOVED);
        }
        world_maintain(&w, A, FIXTURE_WALL_S + 1000000, 30); /* a maintenance would have an end */
        world_expect_answer(&w, 30, -EINVAL, REASON_BEING_REMOVED);
        for (uint8_t n = A; n <= W; n++)
                world_power_off(&w, n);
        for (uint8_t n = A; n <= W; n++)
                world_power_on(&w, n);
        world_run(&w, 60000);
        expect_nobody_serves();
        assert_int_equal(world_view(&w, A).reason, REASON_BEING_REMOVED);
        command(B, COMMAND_REMOVE, 31);
        world_expect_answer(&w, 31, 0, REASON_COMMAND_DONE);
        command(A, COMMAND_REMOVE, 32);
        world_expect_answer(&w, 32, 0, REASON_COMMAND_DONE);
}

/* The primary's power goes at each moment of it: old or being removed, never a second life of half of it. */
static void cut_anywhere(void **state)
{
        unsigned old = 0, ended = 0;

        (void)state;
        for (unsigned after_ms = 0; after_ms < 60; after_ms++) {
                begin();
                w.effect_max_ms = w.message_max_ms = 8;
                w.random = after_ms + 1;
                world_command(&w, A, COMMAND_REMOVE, true, 10);
                world_run(&w, after_ms);
                world_power_off(&w, A);
                world_live(&w, 20000);
                /* Also by a voter that has accepted it, when nobody saw it decided: it may have been. */
                bool served = world_serves(&w, B);
                assert_true(served == (world_view(&w, B).reason != REASON_BEING_REMOVED));
                assert_false(served && record_is_ended(world_record(&w)));
                old += served;
                ended += !served;
                world_power_on(&w, A);
                world_live(&w, 30000);
                assert_true(served == world_serves(&w, B));
                if (!served)
                        expect_nobody_serves();
                uint8_t first = served ? B : A;
                command(first, COMMAND_REMOVE, 11);
                world_expect_answer(&w, 11, 0, REASON_COMMAND_DONE);
                command((uint8_t)(1 - first), COMMAND_REMOVE, 12);
                world_expect_answer(&w, 12, 0, REASON_COMMAND_DONE);
                expect_nobody_serves();
        }
        assert_true(old > 0 && ended > 0); /* both were met */
}

/* hamon begins anew while the service is being stopped: the array is adopted, and stopped. */
static void hamon_restarts_in_the_middle(void **state)
{
        (void)state;
        begin();
        w.machine[A].hold = EFFECT_SERVICE_STOP;
        command(A, COMMAND_REMOVE, 10);
        assert_true(record_is_ended(world_record(&w)) && w.machine[A].running);
        assert_int_equal(world_view(&w, A).reason, REASON_BEING_REMOVED);
        assert_int_equal(world_view(&w, A).health, HEALTH_DEGRADED);
        world_restart_hamon(&w, A);
        w.machine[A].hold = EFFECT_TYPES;
        world_run(&w, 15000);
        expect_nobody_serves();
        assert_true(w.machine[A].boots == w.machine[B].boots); /* nobody was rebooted for it */
}

/* The stop takes longer than the patience of whoever asked: it goes on, and he is told so. */
static void a_slow_stop_goes_on(void **state)
{
        (void)state;
        begin();
        w.machine[A].hold = EFFECT_SERVICE_STOP;
        command(A, COMMAND_REMOVE, 10);
        world_run(&w, COMMAND_PATIENCE * (uint64_t)w.core[A].config.timers.effect_timeout_ms);
        world_expect_answer(&w, 10, -EINPROGRESS, REASON_COMMAND_UNSETTLED);
        w.machine[A].hold = EFFECT_TYPES;
        world_restart_hamon(&w, A);
        world_run(&w, 15000);
        expect_nobody_serves();
}

/* Without a majority nothing is decided, nothing is stopped, and it does not happen later. */
static void undecided_is_not_begun(void **state)
{
        (void)state;
        begin();
        world_power_off(&w, W);
        world_power_off(&w, B);
        world_live(&w, 8000); /* frozen */
        command(A, COMMAND_REMOVE, 10);
        world_run(&w, COMMAND_PATIENCE * (uint64_t)w.core[A].config.timers.effect_timeout_ms);
        assert_true(w.answered[10].present && w.answered[10].error < 0);
        assert_true(w.machine[A].running && w.machine[A].service);
}

static void a_person_takes_it_back(void **state)
{
        (void)state;
        begin();
        command(A, COMMAND_REMOVE, 10);
        command(B, COMMAND_REMOVE, 11);
        unsigned since = w.reports;
        world_maintain(&w, B, 0, 12);
        world_expect_answer(&w, 12, 0, REASON_COMMAND_DONE);
        world_live(&w, 20000);
        assert_true(world_serves(&w, A) || world_serves(&w, B));
        assert_true(world_record(&w)->legs[A].in_sync && world_record(&w)->legs[B].in_sync);
        assert_int_equal(world_record(&w)->maintenance_until_s, 0);
        assert_true(world_reported(&w, since, A, REASON_REMOVAL_OVER) && !world_reported(&w, since, A, REASON_MAINTENANCE_OVER));
}

/* A new mirror of the same name: nothing of the old record is taken for its own, and nothing of it is newer. */
static void a_new_one_of_the_same_name(void **state)
{
        (void)state;
        begin();
        command(A, COMMAND_SWITCHOVER, 9); /* so that the other node is ahead of this one */
        world_live(&w, 6000);
        command(B, COMMAND_REMOVE, 10);
        command(A, COMMAND_REMOVE, 11);
        struct record old = *world_record(&w);
        world_command(&w, A, COMMAND_CREATE, false, 12);
        world_run(&w, 3000);
        world_expect_answer(&w, 12, -EEXIST, REASON_COMMAND_CONSENT); /* the data are still there */
        w.given_up = true;
        w.written = w.acknowledged = 0; /* a person wipes them */
        command(A, COMMAND_CREATE, 13);
        world_expect_answer(&w, 13, 0, REASON_COMMAND_DONE);
        const struct record *r = world_record(&w);
        assert_true(world_serves(&w, A) && !record_is_ended(r));
        assert_true(r->epoch == old.epoch + 1 && r->version > old.version && uuid_is_null(&r->legs[B].uuid));
        assert_false(uuid_equal(&r->legs[A].uuid, &old.legs[A].uuid));
        world_live(&w, 60000);
        assert_true(uuid_equal(&w.machine[B].disk.leg, &old.legs[B].uuid) && !w.machine[B].disk.torn); /* nor are the data there overwritten by themselves */
        assert_int_equal(world_view(&w, B).reason, REASON_NO_LEG);
        command(B, COMMAND_JOIN, 14);
        world_expect_answer(&w, 14, 0, REASON_COMMAND_DONE);
        world_live(&w, 20000);
        assert_true(world_record(&w)->legs[B].in_sync && world_serves(&w, A));
        world_power_off(&w, A);
        world_live(&w, 10000);
        assert_true(world_serves(&w, B));
}

/* It cannot be created after all: the array that was made for it is stopped, and no machine takes it for somebody's older one. */
static void a_new_one_that_does_not_come(void **state)
{
        (void)state;
        begin();
        command(A, COMMAND_SWITCHOVER, 9);
        world_live(&w, 6000);
        command(B, COMMAND_REMOVE, 10);
        command(A, COMMAND_REMOVE, 11);
        world_cut(&w, A, B, true);
        world_cut(&w, A, W, true);
        w.given_up = true;
        world_command(&w, A, COMMAND_CREATE, true, 12);
        world_run(&w, 2000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_CREATE_SWAP);
        uint64_t boots = w.machine[A].boots;
        world_restart_hamon(&w, A);
        world_cut(&w, A, B, false);
        world_cut(&w, A, W, false);
        world_run(&w, 15000);
        assert_int_equal(w.machine[A].boots, boots);
        expect_nobody_serves();
}

static void never_created(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        command(A, COMMAND_REMOVE, 10);
        world_expect_answer(&w, 10, 0, REASON_COMMAND_DONE);
        assert_int_equal(world_record(&w)->version, 0);
        command(A, COMMAND_CREATE, 11);
        world_expect_answer(&w, 11, 0, REASON_COMMAND_DONE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(it_stops_in_order_and_stays_down),
            cmocka_unit_test(nothing_starts_it),
            cmocka_unit_test(cut_anywhere),
            cmocka_unit_test(hamon_restarts_in_the_middle),
            cmocka_unit_test(a_slow_stop_goes_on),
            cmocka_unit_test(undecided_is_not_begun),
            cmocka_unit_test(a_person_takes_it_back),
            cmocka_unit_test(a_new_one_of_the_same_name),
            cmocka_unit_test(a_new_one_that_does_not_come),
            cmocka_unit_test(never_created),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
