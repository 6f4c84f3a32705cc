/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "net/problem.h"
#include "tests/unit/cmocka_all.h"

static void test_members(void **state)
{
        json_t *p = problem_new(409, "export-busy", "the export is in use", "export 0x1 is RUNNING", "stop it first");
        json_t *expected = json_pack("{ss ss si ss ss ss}", "type", "urn:nbdd:problem:export-busy", "title", "the export is in use", "status",
                                     409, "code", "export-busy", "detail", "export 0x1 is RUNNING", "next", "stop it first");

        (void)state;
        assert_true(json_equal(p, expected));
        assert_string_equal(problem_text(p), "export 0x1 is RUNNING");
        assert_string_equal(problem_code(p), "export-busy");
        json_decref(p);
        json_decref(expected);
}

static void test_optional_members_are_left_out(void **state)
{
        json_t *p = problem_new(500, "internal", "it failed", NULL, NULL);

        (void)state;
        assert_int_equal(json_object_size(p), 4);
        assert_string_equal(problem_text(p), "it failed");
        json_decref(p);
}

static void test_any_bytes_can_be_quoted(void **state)
{
        json_t *p = problem_new(404, "not-found", "no such thing", "\"a\xff\xfe\x01\"", NULL);

        (void)state;
        assert_string_equal(problem_text(p), "\"a???\"");
        json_decref(p);
}

static void test_what_is_not_a_problem(void **state)
{
        json_t *array = json_array(), *odd = json_pack("{si si}", "detail", 1, "code", 2);

        (void)state;
        assert_null(problem_text(NULL));
        assert_null(problem_text(array));
        assert_null(problem_text(odd));
        assert_string_equal(problem_code(NULL), "");
        assert_string_equal(problem_code(odd), "");
        json_decref(array);
        json_decref(odd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_members),
            cmocka_unit_test(test_optional_members_are_left_out),
            cmocka_unit_test(test_any_bytes_can_be_quoted),
            cmocka_unit_test(test_what_is_not_a_problem),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
