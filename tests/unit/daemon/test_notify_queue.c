/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told, when, how often, and what makes room. */
#include "tests/unit/cmocka_all.h"

#include "hamon/api/notify_queue.h"
#include "hamon/api/notify_send.h"

#include <stdio.h>
#include <string.h>

#define REPEAT_MS 600000u

static struct notify_queue q;
static uint64_t number;

static int fresh(void **state)
{
        (void)state;
        notify_queue_init(&q, SEVERITY_WARNING, REPEAT_MS);
        number = 0;
        return 0;
}

static bool put(const char *code, enum severity severity, const char *mirror, const char *node, uint64_t now_ms)
{
        struct event_entry e = {.id = ++number, .severity = severity};
        snprintf(e.code, sizeof e.code, "%s", code);
        snprintf(e.mirror, sizeof e.mirror, "%s", mirror);
        snprintf(e.node, sizeof e.node, "%s", node);
        return notify_queue_put(&q, &e, now_ms);
}

static void test_by_severity(void **state)
{
        (void)state;
        assert_false(put("hamon-started", SEVERITY_INFO, "", "", 0));
        assert_null(notify_queue_due(&q, 0));
        assert_int_equal(notify_queue_wait_ms(&q, 0), UINT64_MAX);
        assert_true(put("node-dead", SEVERITY_WARNING, "", "b", 0));
        assert_true(put("frozen", SEVERITY_CRITICAL, "data", "", 0));
        assert_int_equal(notify_queue_wait_ms(&q, 0), 0);
        assert_string_equal(notify_queue_due(&q, 0)->event.code, "node-dead"); /* in order */
        notify_queue_taken(&q);
        assert_string_equal(notify_queue_due(&q, 0)->event.code, "frozen");
        notify_queue_taken(&q);
        assert_null(notify_queue_due(&q, 0));
        assert_int_equal(q.delivered, 2);
        assert_false(put(NOTIFY_TEST, SEVERITY_CRITICAL, "", "", 0)); /* not the queue's */
}

static void test_the_same_again(void **state)
{
        (void)state;
        assert_true(put("service-failed", SEVERITY_CRITICAL, "data", "a", 1000));
        notify_queue_taken(&q);
        for (unsigned i = 0; i < 5; i++)
                assert_false(put("service-failed", SEVERITY_CRITICAL, "data", "a", 1000 + i));
        assert_true(put("service-failed", SEVERITY_CRITICAL, "other", "a", 1000)); /* another's */
        notify_queue_taken(&q);
        assert_false(put("service-failed", SEVERITY_CRITICAL, "data", "a", 1000 + REPEAT_MS - 1));
        assert_true(put("service-failed", SEVERITY_CRITICAL, "data", "a", 1000 + REPEAT_MS));
        assert_int_equal(notify_queue_due(&q, 1000 + REPEAT_MS)->repeats, 6);
        assert_int_equal(q.suppressed, 6);
        notify_queue_taken(&q);
        assert_false(put("service-failed", SEVERITY_CRITICAL, "data", "a", 1001 + REPEAT_MS)); /* counted from the last one that was told */
}

static void test_the_end_of_a_trouble(void **state)
{
        (void)state;
        assert_false(put("leg-joined", SEVERITY_INFO, "data", "b", 0)); /* of none that was told */
        assert_true(put("leg-left", SEVERITY_WARNING, "data", "b", 1));
        assert_true(put("service-failed", SEVERITY_CRITICAL, "data", "a", 2));
        assert_false(put("leg-joined", SEVERITY_INFO, "other", "b", 3));
        assert_true(put("service-up", SEVERITY_INFO, "data", "a", 4));
        assert_false(put("leg-left", SEVERITY_WARNING, "data", "b", 5)); /* which a service does not end */
        assert_true(put("leg-joined", SEVERITY_INFO, "data", "b", 6));
        assert_false(put("leg-joined", SEVERITY_INFO, "data", "b", 7));
        assert_true(put("leg-left", SEVERITY_WARNING, "data", "b", 8)); /* news, though it was told a moment ago */
        assert_true(put("leg-joined", SEVERITY_INFO, "data", "b", 9));
        assert_true(put("node-dead", SEVERITY_WARNING, "", "b", 10));
        assert_false(put("node-up", SEVERITY_INFO, "", "witness", 11));
        assert_true(put("node-up", SEVERITY_INFO, "", "b", 12));
        assert_true(put("node-dead", SEVERITY_WARNING, "", "b", 13));
}

static void test_it_is_bounded(void **state)
{
        char mirror[16];

        (void)state;
        for (unsigned i = 0; i < NOTIFY_QUEUE_MAX + 10; i++) {
                snprintf(mirror, sizeof mirror, "m%u", i);
                assert_true(put("frozen", SEVERITY_CRITICAL, mirror, "", 0));
        }
        assert_int_equal(q.count, NOTIFY_QUEUE_MAX);
        assert_int_equal(q.dropped, 10);
        assert_string_equal(notify_queue_due(&q, 0)->event.mirror, "m10");
        assert_true(put("frozen", SEVERITY_CRITICAL, "m0", "", 1));  /* forgotten: told again rather than never */
        assert_false(put("frozen", SEVERITY_CRITICAL, "m73", "", 1)); /* remembered */
}

static void test_tried_again(void **state)
{
        uint64_t now = 5000, pause = NOTIFY_RETRY_MS;

        (void)state;
        assert_true(put("frozen", SEVERITY_CRITICAL, "data", "", now));
        assert_true(put("deposed", SEVERITY_CRITICAL, "data", "", now));
        for (unsigned i = 1; i < NOTIFY_TRIES_MAX; i++) {
                notify_queue_failed(&q, now);
                assert_null(notify_queue_due(&q, now + pause - 1));
                assert_int_equal(notify_queue_wait_ms(&q, now), pause);
                now += pause;
                assert_string_equal(notify_queue_due(&q, now)->event.code, "frozen");
                pause = pause * 2 > NOTIFY_RETRY_MAX_MS ? NOTIFY_RETRY_MAX_MS : pause * 2;
        }
        notify_queue_failed(&q, now); /* enough: what comes after it gets its turn */
        assert_int_equal(q.dropped, 1);
        assert_null(notify_queue_due(&q, now));
        now += NOTIFY_RETRY_MAX_MS;
        assert_string_equal(notify_queue_due(&q, now)->event.code, "deposed");
        notify_queue_taken(&q);
        assert_true(put("stale", SEVERITY_CRITICAL, "data", "", now));
        assert_non_null(notify_queue_due(&q, now)); /* no pause is left over */
        notify_queue_failed(&q, now);
        assert_int_equal(notify_queue_wait_ms(&q, now), NOTIFY_RETRY_MS);
}

static void test_settled(void **state)
{
        (void)state;
        assert_int_equal(notify_queue_settled(&q, 7), 7);
        number = 9;
        assert_true(put("frozen", SEVERITY_CRITICAL, "data", "", 0)); /* number 10 */
        assert_true(put("stale", SEVERITY_CRITICAL, "data", "", 0));
        assert_int_equal(notify_queue_settled(&q, 12), 9);
        notify_queue_taken(&q);
        assert_int_equal(notify_queue_settled(&q, 12), 10);
        notify_queue_taken(&q);
        assert_int_equal(notify_queue_settled(&q, 12), 12);
}

static void test_no_secret_of_a_url(void **state)
{
        static const char *const urls[][2] = {
            {"", ""},
            {"https://hooks.example/T0/secret", "https://hooks.example"},
            {"https://hooks.example?key=secret", "https://hooks.example"},
            {"http://user:secret@10.0.0.1:8080/x@y", "http://10.0.0.1:8080"},
            {"https://[fd00::1]:8443/x", "https://[fd00::1]:8443"},
        };
        char origin[CONFIG_URL_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
                notify_origin(urls[i][0], origin);
                assert_string_equal(origin, urls[i][1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup(test_by_severity, fresh),          cmocka_unit_test_setup(test_the_same_again, fresh),
            cmocka_unit_test_setup(test_the_end_of_a_trouble, fresh), cmocka_unit_test_setup(test_it_is_bounded, fresh),
            cmocka_unit_test_setup(test_tried_again, fresh),          cmocka_unit_test_setup(test_settled, fresh),
            cmocka_unit_test(test_no_secret_of_a_url),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
