/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which address is to be announced again, and which must go: times alone, no interface. */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/address_held.h"

#include <sys/socket.h>

static struct config_service here = {.addresses = 2,
                                     .address = {{.family = AF_INET, .bytes = {10, 0, 0, 1}}, {.family = AF_INET6, .bytes = {10, 0, 0, 1}}}},
                             there = {.addresses = 1, .address = {{.family = AF_INET, .bytes = {10, 0, 0, 2}}}};

static void forget_all(void)
{
        for (unsigned i = 0; i < 2; i++)
                address_held_forget(&here.address[i]);
        address_held_forget(&there.address[0]);
        assert_int_equal(address_held_next_ms(), 0);
}

static void ends_when_it_is_not_renewed(void **state)
{
        const struct config_service *s = NULL;
        unsigned i = 9;

        (void)state;
        forget_all();
        address_held_until(&here, 0, 1000, 2000, true);
        address_held_until(&here, 1, 1000, 2000, true);
        address_held_until(&there, 0, 1100, 2100, true);
        assert_int_equal(address_held_next_ms(), 2000 + ADDRESS_GRACE_MS);
        address_held_until(&here, 0, 1500, 2500, false);
        assert_false(address_held_take_ended(2000 + ADDRESS_GRACE_MS - 1, &s, &i));
        assert_true(address_held_take_ended(2000 + ADDRESS_GRACE_MS, &s, &i));
        assert_ptr_equal(s, &here);
        assert_int_equal(i, 1);
        assert_false(address_held_take_ended(2000 + ADDRESS_GRACE_MS, &s, &i)); /* once */
        assert_int_equal(address_held_next_ms(), 2100 + ADDRESS_GRACE_MS);
        assert_true(address_held_take_ended(9000, &s, &i) && address_held_take_ended(9000, &s, &i));
        assert_false(address_held_take_ended(9000, &s, &i));
        assert_int_equal(address_held_next_ms(), 0);
}

static void what_is_dropped_is_forgotten(void **state)
{
        const struct config_service *s;
        unsigned i;

        (void)state;
        forget_all();
        address_held_until(&here, 0, 1000, 2000, true);
        address_held_forget(&here.address[1]); /* the same bytes of the other family */
        assert_int_equal(address_held_next_ms(), 2000 + ADDRESS_GRACE_MS);
        address_held_forget(&here.address[0]);
        assert_false(address_held_take_ended(9000, &s, &i));
}

static void announced_four_times_again(void **state)
{
        unsigned times = 0;

        (void)state;
        forget_all();
        address_held_until(&here, 0, 1000, 2000, true);
        assert_false(address_held_is_due(&here.address[0], 1999));
        for (uint64_t now = 2000; now < 60000; now += 200) {
                address_held_until(&here, 0, now, now + 1000, false); /* a renewal begins nothing anew */
                times += address_held_is_due(&here.address[0], now);
        }
        assert_int_equal(times, 4);
        address_held_until(&here, 0, 70000, 71000, true); /* it was gone */
        assert_false(address_held_is_due(&here.address[0], 70999));
        assert_true(address_held_is_due(&here.address[0], 71000));
        assert_false(address_held_is_due(&there.address[0], 71000)); /* never added */
}

static void one_that_was_there_is_not_announced(void **state)
{
        (void)state;
        forget_all();
        address_held_until(&here, 0, 1000, 2000, false);
        assert_false(address_held_is_due(&here.address[0], 20000));
        assert_int_equal(address_held_next_ms(), 2000 + ADDRESS_GRACE_MS); /* but held all the same */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(ends_when_it_is_not_renewed),
            cmocka_unit_test(what_is_dropped_is_forgotten),
            cmocka_unit_test(announced_four_times_again),
            cmocka_unit_test(one_that_was_there_is_not_announced),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
