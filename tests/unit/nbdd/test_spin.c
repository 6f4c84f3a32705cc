/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a worker stays awake for its next completion: only where waits are short and bring little, and not for long in vain. */
#include "../cmocka_all.h"

#include "nbdd/spin.h"

#define LIMIT_NS 60000u

static unsigned waits_until_it_pays(struct spin *s)
{
        unsigned n = 0;
        while (!spin_pays(s) && n < 1000) {
                spin_waited(s, 30000, LIMIT_NS, 1);
                n++;
        }
        return n;
}

static void short_waits_make_it_pay(void **state)
{
        struct spin s = {0};
        (void)state;
        assert_false(spin_pays(&s));
        assert_in_range(waits_until_it_pays(&s), 2, 20);
}

static void a_client_that_goes_is_given_up_soon(void **state)
{
        struct spin s = {0};
        unsigned vain = 0;
        (void)state;
        for (int i = 0; i < 100000; i++)
                spin_waited(&s, 30000, LIMIT_NS, 1);
        while (spin_pays(&s)) {
                spin_waited(&s, 1000000, LIMIT_NS, 1);
                vain++;
        }
        assert_in_range(vain, 1, 4);
}

/* A client whose requests come alternately soon and late: what is spent in vain would be half of the time. */
static void half_of_the_waits_are_not_enough(void **state)
{
        struct spin s = {0};
        unsigned paid = 0;
        (void)state;
        for (int i = 0; i < 1000; i++) {
                spin_waited(&s, i & 1 ? 30000 : 200000, LIMIT_NS, 1);
                paid += spin_pays(&s);
        }
        assert_int_equal(paid, 0);
}

static void many_completions_in_a_turn_are_no_reason(void **state)
{
        struct spin s = {0};
        (void)state;
        for (int i = 0; i < 1000; i++)
                spin_waited(&s, 1000, LIMIT_NS, 8);
        assert_false(spin_pays(&s));
}

static void zero_switches_it_off_at_once(void **state)
{
        struct spin s = {0};
        (void)state;
        (void)waits_until_it_pays(&s);
        spin_waited(&s, 0, 0, 1);
        assert_false(spin_pays(&s));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(short_waits_make_it_pay),
            cmocka_unit_test(a_client_that_goes_is_given_up_soon),
            cmocka_unit_test(half_of_the_waits_are_not_enough),
            cmocka_unit_test(many_completions_in_a_turn_are_no_reason),
            cmocka_unit_test(zero_switches_it_off_at_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
