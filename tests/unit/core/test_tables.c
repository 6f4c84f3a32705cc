/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every table of the core: for each state x event, and each valuation of the facts that its rows name, exactly one row fires. */
#include "hamon/core/state.h"

#include <stdio.h>

#include "tests/unit/cmocka_all.h"

static bool concerns(const struct row *r, unsigned state, unsigned event)
{
        return (r->states & IN_STATE(state)) && r->event == event;
}

static unsigned matches(const struct table *t, unsigned state, unsigned event, uint32_t facts)
{
        unsigned n = 0;

        for (unsigned i = 0; i < t->count; i++)
                if (concerns(&t->rows[i], state, event) && (facts & t->rows[i].need) == t->rows[i].need && !(facts & t->rows[i].forbid))
                        n++;
        return n;
}

static unsigned check(const char *name, const struct table *t)
{
        unsigned bad = 0, cases = 0;

        for (unsigned state = 0; state < t->states; state++) {
                assert_non_null(t->state_words[state]);
                for (unsigned event = 0; event < t->events; event++) {
                        uint32_t named = 0;
                        for (unsigned i = 0; i < t->count; i++)
                                if (concerns(&t->rows[i], state, event))
                                        named |= t->rows[i].need | t->rows[i].forbid;
                        uint32_t facts = named;
                        for (;;) { /* all subsets of `named` */
                                unsigned n = matches(t, state, event, facts);
                                cases++;
                                if (n != 1) {
                                        print_error("%s: state '%s', event %u, facts 0x%x: %u rows\n", name, t->state_words[state], event,
                                                    (unsigned)facts, n);
                                        bad++;
                                }
                                if (facts == 0)
                                        break;
                                facts = (facts - 1) & named;
                        }
                }
        }
        print_message("%s: %u rows, %u cases\n", name, t->count, cases);
        return bad;
}

static void every_row_can_fire(const char *name, const struct table *t)
{
        for (unsigned i = 0; i < t->count; i++) {
                const struct row *r = &t->rows[i];
                if (r->states == 0 || (r->need & r->forbid) || r->event >= t->events || (r->next != STAY && r->next >= t->states) ||
                    (r->states >> t->states) != 0)
                        fail_msg("%s: row %u can never fire, or leads nowhere", name, i);
        }
}

#define TABLE_TEST(name)                                                                                                       \
        static void name(void **state)                                                                                         \
        {                                                                                                                      \
                (void)state;                                                                                                   \
                every_row_can_fire(#name, &name##_table);                                                                      \
                assert_int_equal(check(#name, &name##_table), 0);                                                              \
        }

TABLE_TEST(detector)
TABLE_TEST(mirror)
TABLE_TEST(leg)
TABLE_TEST(standby)
TABLE_TEST(service)

/* The words of effects and reasons are unique: they are an interface. */
static void words_are_unique(void **state)
{
        (void)state;
        for (int i = 0; i < EFFECT_TYPES; i++)
                assert_int_equal(effect_by_word(effect_word((enum effect_type)i)), i);
        assert_int_equal(effect_by_word("no-such-effect"), -1);
        for (int i = 0; i < REASON_END; i++)
                for (int j = 0; j < i; j++)
                        assert_string_not_equal(reason_code((enum reason)i), reason_code((enum reason)j));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(detector), cmocka_unit_test(mirror), cmocka_unit_test(leg),
            cmocka_unit_test(standby), cmocka_unit_test(service), cmocka_unit_test(words_are_unique),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
