/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Durable before visible: what relies on a generation waits for it, and effects of one mirror keep their order. */
#include "tests/unit/cmocka_all.h"

#include "hamon/driver/deferred.h"

#include <errno.h>

static struct deferred queue;

static struct action send_of(uint64_t after, uint8_t to)
{
        return (struct action){.type = ACTION_SEND, .after = after, .send = {.to = to}};
}

static struct action effect_of(uint64_t after, uint8_t mirror, uint64_t ticket)
{
        return (struct action){.type = ACTION_EFFECT, .after = after, .effect = {.mirror = mirror, .ticket = ticket}};
}

static void put(struct action a)
{
        assert_int_equal(deferred_put(&queue, &a, 1000), 0);
}

static int setup(void **state)
{
        (void)state;
        queue.count = 0;
        queue.dropped = 0;
        return 0;
}

static void test_nothing_waits_for_what_is_durable(void **state)
{
        (void)state;
        struct action a = send_of(5, 1), b = effect_of(5, 0, 1), c = send_of(0, 1);
        assert_false(deferred_must_wait(&queue, &a, 5));
        assert_false(deferred_must_wait(&queue, &b, 5));
        assert_true(deferred_must_wait(&queue, &a, 4));
        assert_false(deferred_must_wait(&queue, &c, 0)); /* a heartbeat relies on nothing */
}

static void test_order(void **state)
{
        (void)state;
        struct deferred_action next;
        put(send_of(5, 0));
        put(send_of(4, 1));
        put(send_of(5, 2));
        assert_false(deferred_take(&queue, 3, &next));
        assert_true(deferred_take(&queue, 4, &next));
        assert_int_equal(next.action.send.to, 1);
        assert_false(deferred_take(&queue, 4, &next));
        assert_true(deferred_take(&queue, 5, &next));
        assert_int_equal(next.action.send.to, 0);
        assert_int_equal(next.since_ms, 1000);
        assert_true(deferred_take(&queue, 5, &next));
        assert_int_equal(next.action.send.to, 2);
        assert_false(deferred_take(&queue, 5, &next));
}

static void test_effects_of_a_mirror_never_overtake(void **state)
{
        (void)state;
        struct deferred_action next;
        put(effect_of(9, 0, 1));
        struct action same = effect_of(0, 0, 2), other = effect_of(0, 1, 3), message = send_of(0, 1);
        assert_true(deferred_must_wait(&queue, &same, 8)); /* although it relies on nothing itself */
        assert_false(deferred_must_wait(&queue, &other, 8));
        assert_false(deferred_must_wait(&queue, &message, 8));
        put(same);
        assert_false(deferred_take(&queue, 8, &next));
        assert_true(deferred_take(&queue, 9, &next));
        assert_int_equal(next.action.effect.ticket, 1);
        assert_true(deferred_take(&queue, 9, &next));
        assert_int_equal(next.action.effect.ticket, 2);
}

static void test_at_once_waits_for_no_effect(void **state)
{
        (void)state;
        const enum effect_type types[] = {EFFECT_REBOOT, EFFECT_ADDRESS_RENEW, EFFECT_ADDRESS_DROP};
        put(effect_of(9, 0, 1));
        for (unsigned i = 0; i < 3; i++) {
                struct action a = effect_of(0, 0, 2);
                a.effect.type = types[i];
                assert_false(deferred_must_wait(&queue, &a, 8)); /* the disk may never say that 9 is durable */
                a.after = 9;
                assert_true(deferred_must_wait(&queue, &a, 8));
        }
}

static void test_a_new_hamon_act_gets_no_old_effects(void **state)
{
        (void)state;
        struct deferred_action next;
        put(effect_of(9, 0, 1));
        put(send_of(9, 2));
        put(effect_of(9, 1, 2));
        deferred_forget_effects(&queue);
        assert_int_equal(queue.count, 1);
        assert_true(deferred_take(&queue, 9, &next));
        assert_int_equal(next.action.send.to, 2);
}

static void test_full(void **state)
{
        (void)state;
        put(send_of(9, 0));
        for (unsigned i = 1; i < DEFERRED_MAX; i++)
                put(effect_of(9, 0, i));
        struct action one = effect_of(9, 0, 1000), two = effect_of(9, 0, 1001);
        assert_int_equal(deferred_put(&queue, &one, 0), 0); /* the message made room */
        assert_int_equal(queue.dropped, 1);
        assert_int_equal(deferred_put(&queue, &two, 0), -ENOBUFS);
        assert_int_equal(queue.count, DEFERRED_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_nothing_waits_for_what_is_durable, setup),
                cmocka_unit_test_setup(test_order, setup),
                cmocka_unit_test_setup(test_effects_of_a_mirror_never_overtake, setup),
                cmocka_unit_test_setup(test_at_once_waits_for_no_effect, setup),
                cmocka_unit_test_setup(test_a_new_hamon_act_gets_no_old_effects, setup),
                cmocka_unit_test_setup(test_full, setup),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
