/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `hamonctl COMMAND --dry-run` says about an answer of the API. */
#include "tests/unit/cmocka_all.h"

#include "hamon/hamonctl/hamonctl.h"

#include <stdlib.h>
#include <string.h>

static bool says(const char *answer, const char *expected)
{
        json_t *j = json_loads(answer, 0, NULL);
        char *text = NULL;
        size_t size;

        assert_non_null(j);
        FILE *to = open_memstream(&text, &size);
        assert_non_null(to);
        bool ready = preflight_text("switchover", j, to);
        assert_int_equal(fclose(to), 0);
        assert_string_equal(text, expected);
        free(text);
        json_decref(j);
        return ready;
}

static void nothing_in_the_way(void **state)
{
        (void)state;
        assert_true(says("{\"mirror\": \"data\", \"ready\": true, \"from\": \"node-a\", \"will\": [\"stop it here\"], \"checks\": [{\"fact\": \"both legs are in sync\", \"holds\": true, \"else\": null}]}",
                         "switchover, for mirror data (active on node-a), would:\n  stop it here\nwhat it needs:\n  yes  both legs are in sync\nnothing stands in the way; nothing was changed\n"));
}

static void what_is_in_the_way_and_what_to_do(void **state)
{
        (void)state;
        assert_false(says("{\"mirror\": \"data\", \"ready\": false, \"from\": null, \"checks\": [{\"fact\": \"the witness is heard\", \"holds\": false, \"else\": "
                          "{\"code\": \"witness-lost\", \"sentence\": \"the witness is not heard\", \"next\": \"start the witness\"}}]}",
                          "switchover, for mirror data (active on no node), would:\nwhat it needs:\n  NO   the witness is heard\n         the witness is not heard [witness-lost]\n"
                          "         next: start the witness\nit would be refused or fail; nothing was changed\n"));
}

/* An answer of another version is no permission. */
static void what_cannot_be_read_is_no(void **state)
{
        (void)state;
        assert_false(says("{}", "switchover, for mirror  (active on no node), would:\nwhat it needs:\nit would be refused or fail; nothing was changed\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(nothing_in_the_way),
            cmocka_unit_test(what_is_in_the_way_and_what_to_do),
            cmocka_unit_test(what_cannot_be_read_is_no),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
