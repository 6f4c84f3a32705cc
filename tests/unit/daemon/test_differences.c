/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the machines' answers differ, line by line. */
#include "hamon/api/differences.h"

#include "tests/unit/cmocka_all.h"

#include <string.h>

/* The answers as JSON, and what must come out. */
static void told(const char *said, const char *whole, const char *want)
{
        json_t *answers = json_loads(said, 0, NULL), *expected = json_loads(want, 0, NULL);
        assert_non_null(answers);
        assert_non_null(expected);
        json_t *lines = differences(answers, whole);
        if (!json_equal(lines, expected)) {
                char *text = json_dumps(lines, JSON_INDENT(1));
                fail_msg("%s", text);
        }
        json_decref(lines);
        json_decref(expected);
        json_decref(answers);
}

static void test_values_and_what_is_missing(void **state)
{
        (void)state;
        told("{\"a\": {\"port\": 1, \"same\": [\"x\"], \"on\": true}, \"b\": {\"port\": 2, \"same\": [\"x\"], \"on\": true}}", "",
             "[{\"what\": \"port\", \"said\": {\"a\": \"1\", \"b\": \"2\"}}]");
        told("{\"a\": {\"key_file\": null}, \"b\": {\"key_file\": \"/k\"}, \"c\": {}}", "",
             "[{\"what\": \"key file\", \"said\": {\"a\": \"none\", \"b\": \"/k\", \"c\": null}}]");
        told("{\"a\": {\"legs\": [\"a\", \"b\"]}, \"b\": {\"legs\": []}}", "", "[{\"what\": \"legs\", \"said\": {\"a\": \"a, b\", \"b\": \"none\"}}]");
}

/* An element is known by its name, wherever it stands; one that only one machine has is one line. */
static void test_elements_with_names(void **state)
{
        (void)state;
        told("{\"a\": {\"mirrors\": [{\"name\": \"data\", \"devices\": {\"n\": \"/dev/b\"}}, {\"name\": \"log\", \"id\": \"2\"}]},"
             " \"b\": {\"mirrors\": [{\"name\": \"log\", \"id\": \"2\"}, {\"name\": \"data\", \"devices\": {\"n\": \"/dev/c\"}}]}}",
             "", "[{\"what\": \"mirror data: devices n\", \"said\": {\"a\": \"/dev/b\", \"b\": \"/dev/c\"}}]");
        told("{\"a\": {\"mirrors\": [{\"name\": \"data\"}, {\"name\": \"log\"}]}, \"b\": {\"mirrors\": [{\"name\": \"data\"}]}}", "",
             "[{\"what\": \"mirror log\", \"said\": {\"a\": \"there\", \"b\": null}}]");
        told("{\"a\": {\"mirrors\": [{\"name\": \"data\", \"service\": null}]}, \"b\": {\"mirrors\": [{\"name\": \"data\", \"service\": {\"mount\": \"/srv\"}}]}}", "",
             "[{\"what\": \"mirror data: service\", \"said\": {\"a\": \"none\", \"b\": \"there\"}}]");
}

static void test_a_whole_answer(void **state)
{
        (void)state;
        told("{\"a\": \"1.0\", \"b\": \"1.1\"}", "version", "[{\"what\": \"version\", \"said\": {\"a\": \"1.0\", \"b\": \"1.1\"}}]");
        told("{\"a\": {\"x\": 1}, \"b\": {\"x\": 1}}", "", "[]");
}

/* Two that have nothing in common fill no page, and a text without end no line. */
static void test_no_more_than_a_page(void **state)
{
        json_t *a = json_object(), *b = json_object(), *said = json_pack("{s:o, s:o}", "a", a, "b", b);
        char key[8], text[1000];
        (void)state;
        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        for (int i = 0; i < 2 * DIFFERENCES_MAX; i++) {
                (void)snprintf(key, sizeof key, "k%d", i);
                json_object_set_new(a, key, json_string(text));
                json_object_set_new(b, key, json_integer(i));
        }
        json_t *lines = differences(said, "");
        assert_int_equal(json_array_size(lines), DIFFERENCES_MAX);
        assert_true(strlen(json_string_value(json_object_get(json_object_get(json_array_get(lines, 0), "said"), "a"))) < 300);
        json_decref(lines);
        json_decref(said);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values_and_what_is_missing),
                cmocka_unit_test(test_elements_with_names),
                cmocka_unit_test(test_a_whole_answer),
                cmocka_unit_test(test_no_more_than_a_page),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
