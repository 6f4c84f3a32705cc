/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of commands and states: one row for each combination, and what the issue promises of it. */
#include "../cmocka_all.h"

#include <errno.h>

#include "nbdd/rules.h"

static void every_combination_has_exactly_one_row(void **state)
{
        (void)state;
        for (unsigned c = 0; c < COMMAND_COUNT; c++)
                for (unsigned k = 0; k < EXPORT_KIND_COUNT; k++)
                        for (unsigned s = 0; s < EXPORT_STATUS_COUNT; s++)
                                if (rule_count(c, k, s) != 1)
                                        fail_msg("command %u, kind %u, status %u has %u rows", c, k, s, rule_count(c, k, s));
}

static void refusals_say_why(void **state)
{
        (void)state;
        for (unsigned c = 0; c < COMMAND_COUNT; c++)
                for (unsigned k = 0; k < EXPORT_KIND_COUNT; k++)
                        for (unsigned s = 0; s < EXPORT_STATUS_COUNT; s++) {
                                const struct rule *r = rule_find(c, k, s);
                                assert_int_equal(r->verdict == RULE_REFUSE, r->error != 0);
                                assert_int_equal(r->verdict == RULE_REFUSE, r->sentence != NULL);
                                if (s == EXPORT_UNDEFINED && c != COMMAND_DEFINE)
                                        assert_int_equal(r->error, ENOENT);
                        }
}

static void repeated_start_and_stop_change_nothing(void **state)
{
        (void)state;
        assert_int_equal(rule_find(COMMAND_START, EXPORT_PLAIN, EXPORT_AVAILABLE)->verdict, RULE_NOTHING);
        assert_int_equal(rule_find(COMMAND_START, EXPORT_PLAIN, EXPORT_RUNNING)->verdict, RULE_NOTHING);
        assert_int_equal(rule_find(COMMAND_STOP, EXPORT_PLAIN, EXPORT_DEFINED)->verdict, RULE_NOTHING);
        assert_int_equal(rule_find(COMMAND_REVOKE, EXPORT_LEG, EXPORT_DEFINED)->verdict, RULE_NOTHING);
}

static void remove_needs_a_stopped_export(void **state)
{
        (void)state;
        for (unsigned k = 0; k < EXPORT_KIND_COUNT; k++) {
                assert_int_equal(rule_find(COMMAND_REMOVE, k, EXPORT_DEFINED)->verdict, RULE_DO);
                assert_int_equal(rule_find(COMMAND_REMOVE, k, EXPORT_AVAILABLE)->error, EBUSY);
                assert_int_equal(rule_find(COMMAND_REMOVE, k, EXPORT_RUNNING)->error, EBUSY);
        }
}

static void only_a_grant_opens_a_leg(void **state)
{
        (void)state;
        for (unsigned s = EXPORT_DEFINED; s < EXPORT_STATUS_COUNT; s++) {
                assert_int_equal(rule_find(COMMAND_START, EXPORT_LEG, s)->verdict, RULE_REFUSE);
                assert_int_equal(rule_find(COMMAND_STOP, EXPORT_LEG, s)->verdict, RULE_REFUSE);
                assert_int_equal(rule_find(COMMAND_GRANT, EXPORT_PLAIN, s)->verdict, RULE_REFUSE);
                assert_int_equal(rule_find(COMMAND_GRANT, EXPORT_LEG, s)->verdict, RULE_DO);
        }
        assert_int_equal(rule_find(COMMAND_ATTACH, EXPORT_LEG, EXPORT_DEFINED)->verdict, RULE_REFUSE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_combination_has_exactly_one_row), cmocka_unit_test(refusals_say_why),
            cmocka_unit_test(repeated_start_and_stop_change_nothing), cmocka_unit_test(remove_needs_a_stopped_export),
            cmocka_unit_test(only_a_grant_opens_a_leg),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
