/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ring of events: numbers, "since", and what happens when it is full. */
#include "tests/unit/cmocka_all.h"

#include "hamon/api/event_log.h"

#include <stdlib.h>
#include <string.h>

static size_t count(const json_t *answer)
{
        return json_array_size(json_object_get(answer, "events"));
}

static const char *first_id(const json_t *answer)
{
        return json_string_value(json_object_get(json_array_get(json_object_get(answer, "events"), 0), "id"));
}

static void test_since(void **state)
{
        (void)state;
        struct event_log *l = event_log_new();
        struct event_entry e = {.wall_ms = 1700000000123, .code = "node-dead", .severity = SEVERITY_WARNING, .mirror = "data", .sentence = "x"};
        json_t *j = event_log_json(l, 0);
        assert_int_equal(count(j), 0);
        json_decref(j);
        for (uint64_t i = 1; i <= 3; i++)
                assert_int_equal(event_log_add(l, &e), i);
        j = event_log_json(l, 1);
        assert_int_equal(count(j), 2);
        assert_string_equal(first_id(j), "2");
        assert_string_equal(json_string_value(json_object_get(j, "last")), "3");
        assert_true(json_is_false(json_object_get(j, "lost")));
        const json_t *event = json_array_get(json_object_get(j, "events"), 0);
        assert_string_equal(json_string_value(json_object_get(event, "reason")), "node-dead");
        assert_string_equal(json_string_value(json_object_get(event, "mirror")), "data");
        assert_null(json_object_get(event, "node"));
        assert_true(json_real_value(json_object_get(event, "time")) == 1700000000.123);
        json_decref(j);
        j = event_log_json(l, 3);
        assert_int_equal(count(j), 0);
        json_decref(j);
        j = event_log_json(l, 99); /* a number of an earlier start of hamon */
        assert_int_equal(count(j), 3);
        json_decref(j);
        event_log_free(l);
}

static void test_full(void **state)
{
        (void)state;
        struct event_log *l = event_log_new();
        struct event_entry e = {.code = "x"};
        for (int i = 0; i < EVENT_LOG_SIZE + 5; i++)
                (void)event_log_add(l, &e);
        json_t *j = event_log_json(l, 0);
        assert_int_equal(count(j), EVENT_LOG_SIZE);
        assert_string_equal(first_id(j), "6");
        assert_true(json_is_true(json_object_get(j, "lost")));
        json_decref(j);
        j = event_log_json(l, 5);
        assert_true(json_is_false(json_object_get(j, "lost")));
        assert_int_equal(count(j), EVENT_LOG_SIZE);
        json_decref(j);
        event_log_free(l);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_since), cmocka_unit_test(test_full)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
