/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON from elsewhere: whatever jansson takes is taken, but for what is nested so deeply that its recursion would leave a small stack. */
#include "tests/unit/cmocka_all.h"

#include "net/json_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static json_t *load(const char *text, json_error_t *error)
{
        return json_text_load(text, strlen(text), JSON_REJECT_DUPLICATES, error);
}

static const char *nested(unsigned depth, const char *open, const char *inside, const char *close)
{
        static char text[1 << 16];
        char *at = text;
        for (unsigned i = 0; i < depth; i++)
                at = stpcpy(at, open);
        at = stpcpy(at, inside);
        for (unsigned i = 0; i < depth; i++)
                at = stpcpy(at, close);
        return text;
}

static void assert_taken(const char *text, bool taken)
{
        json_error_t error = {.line = 0};
        json_t *j = load(text, &error);
        assert_true((j != NULL) == taken);
        if (!j)
                assert_true(error.line >= 1 && error.text[0]);
        json_decref(j);
        j = load(text, NULL);
        assert_true((j != NULL) == taken);
        json_decref(j);
}

static void up_to_the_limit_and_no_further(void **state)
{
        (void)state;
        assert_taken(nested(JSON_TEXT_DEPTH_MAX, "[", "1", "]"), true);
        assert_taken(nested(JSON_TEXT_DEPTH_MAX + 1, "[", "1", "]"), false);
        assert_taken(nested(JSON_TEXT_DEPTH_MAX, "{\"a\":", "1", "}"), true);
        assert_taken(nested(900, "{\"a\":", "1", "}"), false);
        assert_taken(nested(JSON_TEXT_DEPTH_MAX / 2, "[{\"a\":", "{}", "}]"), false);
        assert_taken(nested(9000, "[", "", ""), false);
        assert_taken(nested(100, "[\n", "1", "]"), false);
        json_error_t error;
        assert_null(load(nested(100, "[\n", "1", "]"), &error));
        assert_int_equal(error.line, JSON_TEXT_DEPTH_MAX + 1);
        assert_non_null(strstr(error.text, "nested deeper than 32"));
}

static void brackets_side_by_side_and_in_strings_are_no_depth(void **state)
{
        (void)state;
        static char text[4096];
        char *at = stpcpy(text, "[");
        for (int i = 0; i < 200; i++)
                at = stpcpy(at, "[{}],");
        (void)stpcpy(at, "0]");
        assert_taken(text, true);
        (void)snprintf(text, sizeof text, "{\"%s\": \"%s\"}", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "\\\"[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{[{\\\\");
        assert_taken(text, true);
        /* the string has ended before them */
        (void)stpcpy(stpcpy(stpcpy(text, "[\"\\\\\", "), nested(JSON_TEXT_DEPTH_MAX, "[", "", "]")), "]");
        assert_taken(text, false);
}

static void what_is_no_json_is_an_error_of_jansson(void **state)
{
        (void)state;
        assert_taken("", false);
        assert_taken("]]]]]]]]]]", false);
        assert_taken("{\"a\": 1, \"a\": 2}", false);
        assert_taken("\"", false);
        assert_taken("[\"\\", false);
        assert_taken("{}", true);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(up_to_the_limit_and_no_further),
            cmocka_unit_test(brackets_side_by_side_and_in_strings_are_no_depth),
            cmocka_unit_test(what_is_no_json_is_an_error_of_jansson),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
