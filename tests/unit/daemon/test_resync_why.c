/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who it is that a resync waits for, and since when. */
#include "hamon/api/resync_why.h"

#include "tests/unit/cmocka_all.h"

#include <string.h>

static struct observation copying(void)
{
        return (struct observation){.resync_done_sectors = 1000, .resync_total_sectors = 9000, .attached = true, .leg_connected = true, .resync = {.rate_kib = 8000}};
}

static void told(const struct resync_watch *w, const struct observation *o, uint64_t now_ms, const char *code, const char *node, const char *sentence, int for_s)
{
        json_t *j = resync_why_json(w, o, "node-a", "node-b", now_ms);
        assert_string_equal(json_string_value(json_object_get(j, "code")), code);
        assert_string_equal(json_string_value(json_object_get(j, "node")), node);
        assert_string_equal(json_string_value(json_object_get(j, "sentence")), sentence);
        assert_int_equal(json_integer_value(json_object_get(j, "for_s")), for_s);
        json_decref(j);
}

static void nobody(const struct resync_watch *w, const struct observation *o)
{
        json_t *j = resync_why_json(w, o, "node-a", "node-b", 1000);
        assert_true(json_is_null(j));
}

static void test_a_leg_that_does_not_answer(void **state)
{
        struct resync_watch w = {.why = RESYNC_UNHINDERED};
        struct observation o = copying();
        (void)state;
        resync_watch_look(&w, &o, 10000);
        nobody(&w, &o);
        o.leg_oldest_ms = RESYNC_SILENT_MS - 1;
        resync_watch_look(&w, &o, 11000);
        nobody(&w, &o);
        o.leg_oldest_ms = 2500; /* it has waited longer than we know of it */
        resync_watch_look(&w, &o, 12000);
        told(&w, &o, 12000, "leg", "node-b", "the leg of node-b does not answer", 2);
        o.leg_connected = false;
        resync_watch_look(&w, &o, 13000);
        told(&w, &o, 17000, "leg", "node-b", "the leg of node-b does not answer: there is no connection to it", 5); /* but not anew */
        o = copying();
        o.own_oldest_ms = 3000;
        resync_watch_look(&w, &o, 18000);
        told(&w, &o, 18000, "own-leg", "node-a", "the leg of node-a, which is read, does not answer", 3);
        o.leg_oldest_ms = 3000; /* what is read cannot be written, and what cannot be written holds up nothing that is read */
        resync_watch_look(&w, &o, 19000);
        told(&w, &o, 19000, "leg", "node-b", "the leg of node-b does not answer", 3);
}

/* Both answer: it has stood since it moved last, not since it is called so. */
static void test_nobody_it_seems(void **state)
{
        struct resync_watch w = {.why = RESYNC_UNHINDERED};
        struct observation o = copying();
        (void)state;
        resync_watch_look(&w, &o, 1000);
        o.resync_done_sectors = 2000;
        resync_watch_look(&w, &o, 2000);
        resync_watch_look(&w, &o, 9000);
        o.resync.stalled = true;
        resync_watch_look(&w, &o, 17000);
        told(&w, &o, 20000, "md", "node-a", "both legs answer and nobody paused it: md on node-a does not go on", 18);
        o.leg_connected = false;
        resync_watch_look(&w, &o, 21000);
        told(&w, &o, 21000, "leg", "node-b", "the leg of node-b does not answer: there is no connection to it", 0);
}

static void test_a_person(void **state)
{
        struct resync_watch w = {.why = RESYNC_UNHINDERED};
        struct observation o = copying();
        (void)state;
        o.resync.paused = true;
        o.leg_oldest_ms = 9000; /* whatever else there is: it would not go on by itself */
        resync_watch_look(&w, &o, 5000);
        told(&w, &o, 65000, "paused", "node-a", "a person paused it", 60);
        o.resync.paused = false;
        o.leg_oldest_ms = 0;
        o.resync.ceiling_kib = o.resync.limit_kib = 8192;
        o.resync.latency_us = 50000;
        resync_watch_look(&w, &o, 66000);
        told(&w, &o, 66000, "ceiling", "node-a", "a person bounded it to 8.0 MiB/s", 0);
}

static void test_the_application(void **state)
{
        struct resync_watch w = {.why = RESYNC_UNHINDERED};
        struct observation o = copying();
        (void)state;
        o.resync.limit_kib = 8192;
        o.resync.latency_us = 31000;
        resync_watch_look(&w, &o, 1000);
        told(&w, &o, 8000, "latency", "node-a", "it is slowed down to about 8 MiB/s, because the application's requests take 31 ms", 7);
        o.resync.latency_us = RESYNC_FELT_US; /* from here on it may go faster with each second */
        resync_watch_look(&w, &o, 9000);
        nobody(&w, &o);
        o.resync.latency_us = 31000;
        o.resync.rate_kib = 3000; /* something else holds it: it does not even use what it may */
        resync_watch_look(&w, &o, 10000);
        nobody(&w, &o);
        o.resync_total_sectors = o.resync_done_sectors = 0; /* there is none */
        o.leg_oldest_ms = 9000;
        resync_watch_look(&w, &o, 11000);
        nobody(&w, &o);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_leg_that_does_not_answer),
                cmocka_unit_test(test_nobody_it_seems),
                cmocka_unit_test(test_a_person),
                cmocka_unit_test(test_the_application),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
