/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a connection counts as lost: with one address, with several, towards a slow peer, after a move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nbdc/liveness.h"

static const struct link_sample retransmitted = {.retransmits = 1, .silent_ms = NBDC_LINK_MOVE_MS};

static void test_only_address_is_patient(void **state)
{
        (void)state;
        struct liveness l = {0};
        struct link_sample s = {.retransmits = NBDC_LINK_RETRANSMITS, .silent_ms = NBDC_LINK_DEAD_MS - 1};
        assert_false(liveness_lost(&l, &s, false, 10000));
        s.silent_ms++;
        assert_true(liveness_lost(&l, &s, false, 10001));
        s.retransmits--;
        assert_false(liveness_lost(&l, &s, false, 10002));
        s = (struct link_sample){.probes = NBDC_LINK_RETRANSMITS, .silent_ms = NBDC_LINK_DEAD_MS};
        assert_true(liveness_lost(&l, &s, false, 10003));
}

static void test_one_of_several_moves(void **state)
{
        (void)state;
        struct liveness l = {0};
        struct link_sample s = retransmitted;
        s.silent_ms--;
        assert_false(liveness_lost(&l, &s, true, 10000));
        assert_true(liveness_lost(&l, &retransmitted, true, 10100));
}

static void test_patient_after_a_move(void **state)
{
        (void)state;
        struct liveness l = {0};
        assert_true(liveness_lost(&l, &retransmitted, true, 10000));
        assert_false(liveness_lost(&l, &retransmitted, true, 10000 + NBDC_LINK_MOVE_REST_MS - 1));
        struct link_sample dead = {.retransmits = NBDC_LINK_RETRANSMITS, .silent_ms = NBDC_LINK_DEAD_MS};
        assert_true(liveness_lost(&l, &dead, true, 10000 + NBDC_LINK_MOVE_REST_MS - 1));
        assert_true(liveness_lost(&l, &retransmitted, true, 10000 + NBDC_LINK_MOVE_REST_MS));
}

static void test_probe_under_way_is_no_loss(void **state)
{
        (void)state;
        struct liveness l = {0};
        const struct link_sample probed = {.probes = 1, .silent_ms = 1100}, answered = {.silent_ms = 5};
        assert_false(liveness_lost(&l, &probed, true, 10000));
        assert_false(liveness_lost(&l, &answered, true, 10100));
        assert_false(liveness_lost(&l, &probed, true, 11000)); /* the next one: not the same for 1 s */
        assert_false(liveness_lost(&l, &probed, true, 11000 + NBDC_LINK_ANSWER_MS - 1));
        assert_true(liveness_lost(&l, &probed, true, 11000 + NBDC_LINK_ANSWER_MS));
}

/* A peer that takes no data is asked ever more rarely: one lost probe must not cycle it. */
static void test_closed_window(void **state)
{
        (void)state;
        struct liveness l = {0};
        struct link_sample s = {.probes = 1, .window_closed = true, .silent_ms = 20000};
        for (uint64_t now = 10000; now < 40000; now += 100)
                assert_false(liveness_lost(&l, &s, true, now));
        s.probes = 2;
        assert_true(liveness_lost(&l, &s, true, 40000));
}

static void test_silence_without_a_question(void **state)
{
        (void)state;
        struct liveness l = {0};
        const struct link_sample idle = {.silent_ms = 900000};
        for (uint64_t now = 10000; now < 20000; now += 100) {
                assert_false(liveness_lost(&l, &idle, true, now));
                assert_false(liveness_lost(&l, &idle, false, now));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_only_address_is_patient), cmocka_unit_test(test_one_of_several_moves),
            cmocka_unit_test(test_patient_after_a_move),    cmocka_unit_test(test_probe_under_way_is_no_loss),
            cmocka_unit_test(test_closed_window),           cmocka_unit_test(test_silence_without_a_question),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
