/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A person's orders about the resync, and what the core makes of a resync that does not move: it says so, and changes nothing else. */
#include "tests/unit/core/fixture.h"
#include "tests/unit/core/fixture_node.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/cmocka_all.h"

static struct world w;

static void tell(uint8_t node, enum resync_wish wish, uint64_t ticket)
{
        struct event e = {.type = EVENT_COMMAND};

        e.command.type = COMMAND_RESYNC;
        e.command.mirror = M;
        e.command.order = (struct resync_order){.wish = wish, .for_s = 60, .rate_kib = 1024};
        e.command.ticket = ticket;
        w.answered[ticket].present = false;
        fixture_enqueue(&w, node, &e);
        world_run(&w, 500);
}

static enum reason shown(uint8_t node)
{
        struct mirror_view v;

        core_view_mirror(&w.core[node], M, w.now_ms, &v);
        return v.reason;
}

/* A pause keeps the leg out of the record for as long as it lasts, says so, and changes nothing else. */
static void a_resync_is_paused(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        tell(A, RESYNC_PAUSE, 10);
        world_expect_answer(&w, 10, -EINVAL, REASON_COMMAND_WRONG_STATE); /* nothing would end it */
        tell(A, RESYNC_RATE, 11);
        world_expect_answer(&w, 11, 0, REASON_COMMAND_DONE);
        tell(B, RESYNC_RATE, 12);
        world_expect_answer(&w, 12, -EINVAL, REASON_COMMAND_WRONG_STATE);
        world_power_off(&w, B);
        world_live(&w, 8000);
        tell(A, RESYNC_PAUSE, 13);
        world_expect_answer(&w, 13, 0, REASON_COMMAND_DONE);
        assert_int_equal(shown(A), REASON_DEGRADED);
        unsigned since = w.reports;
        world_power_on(&w, B);
        world_live(&w, 60000);
        assert_int_equal(w.core[A].leg[M].state, LEG_SYNCING);
        assert_int_equal(shown(A), REASON_RESYNC_PAUSED);
        assert_false(world_record(&w)->legs[B].in_sync);
        assert_false(world_reported(&w, since, A, REASON_EFFECT_SLOW));
        /* A restart of hamon-act finds it as it was; so does one of hamon. */
        world_restart_hamon(&w, A);
        world_live(&w, 8000);
        assert_int_equal(shown(A), REASON_RESYNC_PAUSED);
        tell(A, RESYNC_RESUME, 14);
        world_expect_answer(&w, 14, 0, REASON_COMMAND_DONE);
        assert_true(world_reported(&w, since, A, REASON_RESYNC_RESUMED));
        world_live(&w, 8000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        assert_int_equal(shown(A), REASON_REDUNDANT);
}

/* The leg leaves in a pause as it does without one. */
static void a_leg_is_lost_in_a_pause(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_power_off(&w, B);
        world_live(&w, 8000);
        tell(A, RESYNC_PAUSE, 13);
        world_power_on(&w, B);
        world_live(&w, 8000);
        assert_int_equal(shown(A), REASON_RESYNC_PAUSED);
        world_power_off(&w, B);
        world_live(&w, 8000);
        assert_int_equal(w.core[A].leg[M].state, LEG_OUT);
        assert_int_equal(shown(A), REASON_DEGRADED);
        assert_true(world_serves(&w, A));
}

static void a_stalled_resync_is_said(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_power_off(&w, B);
        world_live(&w, 8000);
        unsigned since = w.reports;
        w.machine[A].resync_stalled = true;
        world_power_on(&w, B);
        world_live(&w, 20000);
        assert_int_equal(shown(A), REASON_RESYNC_STALLED);
        assert_true(world_reported(&w, since, A, REASON_RESYNC_STALLED));
        w.machine[A].resync_stalled = false;
        world_live(&w, 8000);
        assert_int_equal(shown(A), REASON_REDUNDANT);
}

/* hamon-act does not get to it: the person hears so, and nothing of it happens later. */
static void an_order_about_the_resync_is_given_up(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_power_off(&w, B);
        world_live(&w, 8000);
        w.machine[A].hold = EFFECT_RESYNC_CONTROL;
        tell(A, RESYNC_PAUSE, 20);
        tell(A, RESYNC_RESUME, 21);
        world_expect_answer(&w, 21, -EBUSY, REASON_COMMAND_BUSY);
        world_live(&w, COMMAND_PATIENCE * w.core[A].config.timers.effect_timeout_ms);
        world_expect_answer(&w, 20, -EINPROGRESS, REASON_COMMAND_UNSETTLED);
        w.machine[A].hold = EFFECT_TYPES;
        w.machine[A].fail = EFFECT_RESYNC_CONTROL;
        w.machine[A].error = -EIO;
        world_live(&w, 1000);
        tell(A, RESYNC_PAUSE, 22);
        world_expect_answer(&w, 22, -EIO, REASON_EFFECT_FAILED);
        w.machine[A].fail = EFFECT_TYPES;
        /* With hamon-act away it is refused, and one that was under way is asked again. */
        w.machine[A].hold = EFFECT_RESYNC_CONTROL;
        tell(A, RESYNC_PAUSE, 23);
        world_act(&w, A, false);
        world_run(&w, 100);
        w.machine[A].hold = EFFECT_TYPES;
        world_act(&w, A, true);
        world_live(&w, 3000);
        world_expect_answer(&w, 23, 0, REASON_COMMAND_DONE);
        assert_true(w.machine[A].resync_paused);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_resync_is_paused),
            cmocka_unit_test(a_leg_is_lost_in_a_pause),
            cmocka_unit_test(a_stalled_resync_is_said),
            cmocka_unit_test(an_order_about_the_resync_is_given_up),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
