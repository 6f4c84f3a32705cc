/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a connection counts as lost: with one address, with several, towards a slow peer, after a move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nbdc/liveness.h"

static const struct link_sample retransmitted = {.retransmits = 1, .silent_ms = NBDC_LINK_MOVE_MS};

/* What is sampled while data of `lost_ms` has no answer, up to `now_ms`: sent again after 200 ms and then after twice as long each time. */
static bool lost_by(struct liveness *l, uint64_t lost_ms, uint64_t now_ms, uint64_t tick_ms, bool several)
{
        bool lost = false;
        for (uint64_t now = lost_ms; now <= now_ms && !lost; now += tick_ms) {
                struct link_sample s = {.silent_ms = (uint32_t)(now - lost_ms)};
                for (uint64_t due = lost_ms + 200, pause = 400; due <= now; due += pause, pause *= 2)
                        s.retransmits++;
                lost = liveness_lost(l, &s, several, now);
        }
        return lost;
}

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
        l = (struct liveness){0};
        assert_false(lost_by(&l, 20000, 20000 + NBDC_LINK_DEAD_MS - 250, 250, false));
        l = (struct liveness){0};
        assert_true(lost_by(&l, 20000, 20000 + NBDC_LINK_DEAD_MS + 250, 250, false));
        s = (struct link_sample){.probes = NBDC_LINK_RETRANSMITS, .silent_ms = NBDC_LINK_DEAD_MS};
        assert_true(liveness_lost(&l, &s, false, 10003));
}

static void test_one_of_several_moves(void **state)
{
        (void)state;
        struct liveness l = {0};
        assert_false(lost_by(&l, 10000, 10000 + NBDC_LINK_MOVE_MS - 1, 100, true));
        l = (struct liveness){0};
        assert_true(lost_by(&l, 10000, 10000 + NBDC_LINK_MOVE_MS, 100, true));
        /* Samples that lie badly: never later than two of them after the silence. */
        for (uint64_t offset = 0; offset < 100; offset += 7) {
                l = (struct liveness){0};
                assert_true(lost_by(&l, 10000 - offset, 10000 - offset + NBDC_LINK_MOVE_MS + 200, 100, true));
        }
}

/* This machine stood still for a second: the retransmission's timer fires before the answers that wait are seen. */
static void test_own_pause_is_no_loss(void **state)
{
        (void)state;
        for (uint32_t silent = 900; silent <= 1100; silent += 50) {
                struct liveness l = {0};
                const struct link_sample busy = {.silent_ms = 3}, woken = {.retransmits = 1, .silent_ms = silent}, answered = {.silent_ms = 90};
                for (uint64_t now = 8000; now <= 9000; now += 100)
                        assert_false(liveness_lost(&l, &busy, true, now));
                assert_false(liveness_lost(&l, &woken, true, 10000));
                assert_false(liveness_lost(&l, &answered, true, 10100));
        }
}

/* Buffers at the peer are full, over data that was under way: every retransmission is answered, and they become rare. */
static void test_shrunk_window(void **state)
{
        (void)state;
        for (int several = 0; several < 2; several++) {
                struct liveness l = {0};
                for (uint64_t now = 10000; now < 120000; now += several ? 100 : 250) {
                        struct link_sample s = {.window_closed = true, .silent_ms = (uint32_t)(now - 10000)};
                        uint64_t asked = 0, number = 0;
                        for (uint64_t due = 10200, pause = 400; due <= now; due += pause, pause *= 2, number++)
                                if (number != 1) /* that one came too soon after the one before it to be answered */
                                        asked = due;
                        s.retransmits = (uint32_t)number;
                        if (asked)
                                s.silent_ms = (uint32_t)(now - asked);
                        assert_false(liveness_lost(&l, &s, several, now));
                }
        }
}

static void test_patient_after_a_move(void **state)
{
        (void)state;
        struct liveness l = {0};
        assert_false(liveness_lost(&l, &retransmitted, true, 9900));
        assert_true(liveness_lost(&l, &retransmitted, true, 10000));
        assert_false(liveness_lost(&l, &retransmitted, true, 10000 + NBDC_LINK_MOVE_REST_MS - 1));
        struct link_sample dead = {.retransmits = NBDC_LINK_RETRANSMITS, .silent_ms = NBDC_LINK_DEAD_MS};
        assert_true(liveness_lost(&l, &dead, true, 10000 + NBDC_LINK_MOVE_REST_MS - 1));
        assert_true(lost_by(&l, 10000 + NBDC_LINK_MOVE_REST_MS - NBDC_LINK_MOVE_MS, 10000 + NBDC_LINK_MOVE_REST_MS, 100, true));
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
            cmocka_unit_test(test_own_pause_is_no_loss),    cmocka_unit_test(test_shrunk_window),
            cmocka_unit_test(test_patient_after_a_move),    cmocka_unit_test(test_probe_under_way_is_no_loss),
            cmocka_unit_test(test_closed_window),           cmocka_unit_test(test_silence_without_a_question),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
