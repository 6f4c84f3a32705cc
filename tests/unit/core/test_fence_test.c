/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A node that is rebooted on purpose: only where nothing but a pause can come of it. */
#include "tests/unit/core/fixture.h"
#include "tests/unit/core/fixture_node.h"

#include "tests/unit/cmocka_all.h"

#include <errno.h>

static struct world w;

static void begin(void)
{
        world_init(&w);
        world_make_redundant(&w);
        world_live(&w, 2000);
}

static unsigned reboots(uint8_t node)
{
        unsigned n = 0;

        for (unsigned i = 0; i < w.effects; i++)
                n += w.effect[i].node == node && w.effect[i].effect.type == EFFECT_REBOOT;
        return n;
}

static void expect_refused(uint8_t node, int error, enum reason reason)
{
        world_command(&w, node, COMMAND_TEST_FENCE, true, 20);
        world_live(&w, 3000);
        assert_true(w.answered[20].present);
        assert_int_equal(w.answered[20].error, error);
        assert_int_equal(w.answered[20].reason, reason);
        assert_int_equal(reboots(node), 0);
}

static void it_wants_consent(void **state)
{
        (void)state;
        begin();
        world_command(&w, A, COMMAND_TEST_FENCE, false, 20);
        world_live(&w, 3000);
        assert_int_equal(w.answered[20].error, -EPERM);
        assert_int_equal(w.answered[20].reason, REASON_COMMAND_CONSENT);
        assert_int_equal(reboots(A), 0);
}

static void the_primary_reboots_and_the_other_one_takes_over(void **state)
{
        (void)state;
        begin();
        unsigned told = w.reports;
        world_command(&w, A, COMMAND_TEST_FENCE, true, 20);
        world_live(&w, 1000);
        assert_int_equal(reboots(A), 0); /* there is time to make the event durable */
        assert_false(w.answered[20].present);
        world_live(&w, 2000);
        assert_int_equal(reboots(A), 1);
        assert_true(world_reported(&w, told, A, REASON_FENCE_TEST));
        assert_int_equal(w.answered[20].error, 0);
        world_power_off(&w, A);
        world_live(&w, 20000);
        assert_true(world_serves(&w, B));
        world_power_on(&w, A);
        world_live(&w, 60000);
        assert_true(world_record(&w)->legs[A].in_sync && world_record(&w)->legs[B].in_sync);
}

static void a_standby_reboots_as_well(void **state)
{
        (void)state;
        begin();
        world_command(&w, B, COMMAND_TEST_FENCE, true, 20);
        world_live(&w, 3000);
        assert_int_equal(reboots(B), 1);
        assert_true(world_serves(&w, A));
}

static void not_where_data_or_service_would_be_gone(void **state)
{
        (void)state;
        begin();
        world_power_off(&w, W);
        world_live(&w, 5000);
        expect_refused(A, -EINVAL, REASON_WITNESS_LOST);
        world_power_on(&w, W);
        world_live(&w, 5000);
        struct event e = {.type = EVENT_COMMAND};
        e.command.type = COMMAND_MAINTENANCE;
        e.command.until_s = w.now_ms / 1000 + FIXTURE_WALL_S + 60;
        e.command.ticket = 30;
        fixture_enqueue(&w, A, &e);
        world_live(&w, 1000);
        expect_refused(A, -EINVAL, REASON_MAINTENANCE);
        world_live(&w, 70000);
        w.resync_ms = 1000000;
        world_power_off(&w, B);
        world_live(&w, 5000);
        expect_refused(A, -EINVAL, REASON_NODE_DEAD);
        world_power_on(&w, B);
        world_live(&w, 20000); /* it is being resynced */
        expect_refused(A, -EINVAL, REASON_DEGRADED);
        world_power_off(&w, A);
        world_live(&w, 5000);
        expect_refused(B, -EINVAL, REASON_NODE_DEAD); /* a standby that nobody stands beside */
}

static void it_is_looked_at_again(void **state)
{
        (void)state;
        begin();
        world_command(&w, A, COMMAND_TEST_FENCE, true, 20);
        world_live(&w, 100);
        world_power_off(&w, W);
        world_command(&w, A, COMMAND_TEST_FENCE, true, 21);
        assert_int_equal(w.answered[21].error, -EBUSY);
        world_live(&w, 5000);
        assert_int_equal(w.answered[20].error, -EINVAL);
        assert_int_equal(w.answered[20].reason, REASON_WITNESS_LOST);
        assert_int_equal(reboots(A), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(it_wants_consent),
                cmocka_unit_test(the_primary_reboots_and_the_other_one_takes_over),
                cmocka_unit_test(a_standby_reboots_as_well),
                cmocka_unit_test(not_where_data_or_service_would_be_gone),
                cmocka_unit_test(it_is_looked_at_again),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
