/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which copies `hamonctl node retire` lets go, by what the status says. */
#include "tests/unit/cmocka_all.h"

#include "hamon/hamonctl/hamonctl.h"

#include <stdlib.h>
#include <string.h>

static json_t *status(const char *role, const char *state, bool own, bool peer, bool alive)
{
        json_t *s = json_pack("{s:[{s:s,s:b,s:b,s:b},{s:s,s:b,s:b,s:b},{s:s,s:b,s:b,s:b}], s:[{s:s,s:s,s:{s:s},s:[{s:s,s:b},{s:s,s:b}]}]}", "nodes", "name",
                              "node-a", "self", 1, "witness", 0, "alive", 1, "name", "node-b", "self", 0, "witness", 0, "alive", (int)alive, "name", "w",
                              "self", 0, "witness", 1, "alive", (int)!alive, "mirrors", "name", "data", "role", role, "states", "role", state, "legs",
                              "node", "node-a", "in_sync", (int)own, "node", "node-b", "in_sync", (int)peer);
        assert_non_null(s);
        return s;
}

/* "" when it may go. */
static const char *refusal(const char *role, const char *state, bool own, bool peer, bool alive)
{
        static char text[400];
        struct retire_copy copy;
        json_t *s = status(role, state, own, peer, alive);
        assert_true(retire_copy(s, 0, &copy));
        assert_string_equal(copy.mirror, "data");
        assert_string_equal(copy.peer, "node-b");
        if (!retire_refused(&copy, text, sizeof text))
                text[0] = '\0';
        json_decref(s);
        return text;
}

static void a_copy_beside_another_one_may_go(void **unused)
{
        (void)unused;
        assert_string_equal(refusal("standby", "standby", true, true, true), "");
        assert_string_equal(refusal("primary", "primary", true, true, true), "");
        assert_string_equal(refusal("standby", "standby", false, true, true), "");
        assert_string_equal(refusal("standby", "standby", false, true, false), "");
        assert_string_equal(refusal("standby", "standby", false, false, true), ""); /* never created */
}

static void nobody_can_be_told_while_the_other_node_is_silent(void **unused)
{
        (void)unused;
        assert_non_null(strstr(refusal("standby", "standby", true, true, false), "node-b is not heard"));
        assert_non_null(strstr(refusal("primary", "primary", true, true, false), "node-b is not heard"));
}

static void the_only_copy_goes_only_after_its_service_was_ended(void **unused)
{
        (void)unused;
        assert_non_null(strstr(refusal("primary", "primary", true, false, true), "hamonctl node leave"));
        assert_non_null(strstr(refusal("standby", "swap", true, false, true), "the only one in sync"));
        assert_string_equal(refusal("standby", "left", true, false, false), "");
}

static void a_status_without_copies_is_no_consent(void **unused)
{
        struct retire_copy copy;
        json_t *s = json_pack("{s:[{s:s,s:b,s:b}], s:[{s:s,s:s}]}", "nodes", "name", "w", "self", 1, "witness", 1, "mirrors", "name", "data", "role", "none");
        (void)unused;
        assert_false(retire_copy(s, 0, &copy));
        assert_false(retire_copy(s, 1, &copy));
        json_decref(s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_copy_beside_another_one_may_go),
            cmocka_unit_test(nobody_can_be_told_while_the_other_node_is_silent),
            cmocka_unit_test(the_only_copy_goes_only_after_its_service_was_ended),
            cmocka_unit_test(a_status_without_copies_is_no_consent),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
