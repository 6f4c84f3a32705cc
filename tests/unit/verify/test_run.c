/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A verify's memory: what belongs to which legs, when the next one is due, how differences are counted and named, and its file. */
#include "tests/unit/cmocka_all.h"

#include "hamon/verify/run.h"
#include "hamon/verify/run_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DAY = 86400, T0 = 1700000000 };

static const struct uuid legs[NODES] = {{{1}}, {{2}}}, others[NODES] = {{{1}}, {{3}}};

static struct verify_memory finished(enum verify_state state, uint64_t at_s)
{
        struct verify_memory m = {.since_s = 0};

        assert_true(verify_memory_see(&m, legs, T0));
        verify_begin(&m, 0, false, at_s - 100);
        verify_end(&m, state, "", at_s);
        return m;
}

static void a_result_belongs_to_two_legs(void **state)
{
        struct verify_memory m = finished(VERIFY_DIFFERS, T0 + DAY);

        (void)state;
        assert_int_equal(m.last.state, VERIFY_DIFFERS);
        assert_int_equal(m.run.state, VERIFY_NEVER);
        assert_false(verify_memory_see(&m, legs, T0 + 2 * DAY)); /* the same two: nothing new, whatever happened in between */
        assert_int_equal(m.last.state, VERIFY_DIFFERS);
        assert_true(verify_memory_see(&m, others, T0 + 3 * DAY));
        assert_int_equal(m.last.state, VERIFY_NEVER);
        assert_int_equal(m.since_s, T0 + 3 * DAY);
}

static void when_the_next_one_is_due(void **state)
{
        struct verify_memory m = {.since_s = 0};

        (void)state;
        for (int s = 0; s < VERIFY_SCHEDULES; s++)
                assert_int_equal(verify_due_s(&m, (enum verify_schedule)s), UINT64_MAX); /* no two legs yet */
        assert_true(verify_memory_see(&m, legs, T0));
        assert_int_equal(verify_due_s(&m, VERIFY_OFF), UINT64_MAX);
        assert_int_equal(verify_due_s(&m, VERIFY_DAILY), T0 + DAY); /* a resync has just read and written everything */
        assert_int_equal(verify_due_s(&m, VERIFY_WEEKLY), T0 + 7 * DAY);
        assert_int_equal(verify_due_s(&m, VERIFY_MONTHLY), T0 + 30 * DAY);
        verify_begin(&m, 1, true, T0 + 7 * DAY);
        assert_int_equal(verify_due_s(&m, VERIFY_WEEKLY), UINT64_MAX); /* it runs */
        m.run.state = VERIFY_PAUSED;
        assert_int_equal(verify_due_s(&m, VERIFY_WEEKLY), UINT64_MAX);
        verify_end(&m, VERIFY_FAILED, "why", T0 + 7 * DAY + 60);
        assert_int_equal(verify_due_s(&m, VERIFY_WEEKLY), T0 + 7 * DAY + 60 + VERIFY_AGAIN_S); /* overdue, and not at once */
        verify_begin(&m, 1, true, T0 + 8 * DAY);
        verify_end(&m, VERIFY_EQUAL, "", T0 + 9 * DAY);
        assert_int_equal(verify_due_s(&m, VERIFY_WEEKLY), T0 + 16 * DAY);
        verify_begin(&m, 1, false, T0 + 10 * DAY);
        verify_end(&m, VERIFY_CANCELLED, "a person ended it", T0 + 10 * DAY);
        assert_int_equal(verify_due_s(&m, VERIFY_WEEKLY), T0 + 16 * DAY); /* who cancels one does not put off the next */
        assert_int_equal(m.last.state, VERIFY_EQUAL);
        assert_string_equal(m.run.why, "a person ended it");
}

static void differences_are_counted_and_the_first_ones_named(void **state)
{
        struct verify_run run = {.state = VERIFY_RUNNING};

        (void)state;
        verify_add_difference(&run, 8192);
        verify_add_difference(&run, 12288);
        verify_add_difference(&run, 20480);
        assert_int_equal(run.ranges, 2);
        assert_int_equal(run.range[0].offset_bytes, 8192);
        assert_int_equal(run.range[0].size_bytes, 8192);
        for (uint64_t i = 10; i < 100; i += 2)
                verify_add_difference(&run, i * VERIFY_FINE_BYTES);
        assert_int_equal(run.ranges, VERIFY_RANGES_MAX);
        assert_int_equal(run.differing, 3 + 45);
        verify_add_difference(&run, run.range[VERIFY_RANGES_MAX - 1].offset_bytes + run.range[VERIFY_RANGES_MAX - 1].size_bytes); /* next to the last that is named */
        assert_int_equal(run.range[VERIFY_RANGES_MAX - 1].size_bytes, 2 * VERIFY_FINE_BYTES);
}

static void two_answers_are_compared(void **state)
{
        struct verify_answer a = {.count = DIGESTS_MAX}, b = {.count = DIGESTS_MAX};
        uint32_t first = 99;

        (void)state;
        assert_int_equal(verify_compare(&a, &b, 0, &first), 0);
        assert_int_equal(first, 99);
        for (unsigned i = 0; i < DIGEST_BYTES; i++) { /* each byte of a digest counts */
                b.digest[17][i] = 1;
                assert_int_equal(verify_compare(&a, &b, 0, &first), 1);
                assert_int_equal(first, 17);
                b.digest[17][i] = 0;
        }
        b.digest[0][0] = b.digest[63][31] = 1;
        assert_int_equal(verify_compare(&a, &b, 0, &first), 2);
        assert_int_equal(first, 0);
        assert_int_equal(verify_compare(&a, &b, 1, &first), 1);
        assert_int_equal(first, 63);
        assert_int_equal(verify_compare(&a, &b, 64, &first), 0);
}

static void the_other_nodes_result(void **state)
{
        struct verify_memory m = finished(VERIFY_EQUAL, T0 + DAY), theirs = finished(VERIFY_DIFFERS, T0 + 2 * DAY), older = finished(VERIFY_DIFFERS, T0 + DAY - 1);
        struct verify_memory blank = {.since_s = 0};

        (void)state;
        assert_false(verify_memory_learn(&m, &older.last));
        assert_false(verify_memory_learn(&blank, &theirs.last)); /* it knows no legs: nothing to say about them */
        struct verify_run running = theirs.last;
        running.state = VERIFY_RUNNING;
        assert_false(verify_memory_learn(&m, &running));
        struct verify_run of_others = theirs.last;
        memcpy(of_others.leg, others, sizeof others);
        assert_false(verify_memory_learn(&m, &of_others));
        assert_true(verify_memory_learn(&m, &theirs.last));
        assert_int_equal(m.last.state, VERIFY_DIFFERS);
        assert_false(verify_memory_learn(&m, &theirs.last)); /* once */
        verify_begin(&theirs, 0, false, T0 + 2 * DAY);
        verify_end(&theirs, VERIFY_EQUAL, "", T0 + 2 * DAY); /* two in one second, or a clock that went back: the later one still counts */
        assert_true(verify_memory_learn(&m, &theirs.last));
        assert_int_equal(m.last.state, VERIFY_EQUAL);
}

static void the_file(void **state)
{
        char folder[] = "/tmp/verify-XXXXXX", path[64];
        struct verify_memory m = finished(VERIFY_DIFFERS, T0 + DAY), back;

        (void)state;
        assert_non_null(mkdtemp(folder));
        (void)snprintf(path, sizeof path, "%s/verify-data", folder);
        assert_int_equal(verify_memory_read(path, &back), -ENOENT);
        for (unsigned i = 0; i < 40; i++)
                verify_add_difference(&m.last, (uint64_t)i * 8192);
        verify_begin(&m, 1, true, T0 + 2 * DAY);
        m.run.state = VERIFY_PAUSED;
        m.run.pause_until_s = T0 + 3 * DAY;
        m.run.size_bytes = 1ull << 44;
        m.run.position_bytes = 1ull << 43;
        assert_int_equal(verify_memory_write(path, &m), 0);
        memset(&back, 0xaa, sizeof back);
        assert_int_equal(verify_memory_read(path, &back), 0);
        assert_int_equal(back.since_s, m.since_s);
        assert_memory_equal(back.leg, m.leg, sizeof m.leg);
        assert_int_equal(back.run.state, VERIFY_PAUSED);
        assert_int_equal(back.run.position_bytes, m.run.position_bytes);
        assert_int_equal(back.run.pause_until_s, m.run.pause_until_s);
        assert_true(back.run.scheduled && back.run.node == 1);
        assert_int_equal(back.last.differing, 40);
        assert_int_equal(back.last.ranges, VERIFY_RANGES_MAX);
        assert_memory_equal(back.last.range, m.last.range, sizeof m.last.range);
        assert_memory_equal(back.last.leg, m.last.leg, sizeof m.last.leg);
        FILE *f = fopen(path, "r+");
        assert_non_null(f);
        assert_int_equal(fseek(f, -3, SEEK_END), 0);
        fputc('x', f);
        fclose(f);
        assert_int_equal(verify_memory_read(path, &back), -EBADMSG);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(folder), 0);
}

static void a_run_that_is_not_one(void **state)
{
        struct verify_memory m = finished(VERIFY_EQUAL, T0 + DAY);
        struct verify_run back;
        json_t *good = verify_run_json(&m.last);
        const char *key;
        json_t *value;

        (void)state;
        assert_int_equal(verify_run_take(good, &back), 0);
        json_object_foreach(good, key, value)
        {
                json_t *bad = json_deep_copy(good);
                assert_int_equal(json_object_del(bad, key), 0);
                assert_int_equal(verify_run_take(bad, &back), -EPROTO);
                assert_int_equal(json_object_set_new(bad, key, json_real(1.5)), 0);
                assert_int_equal(verify_run_take(bad, &back), -EPROTO);
                json_decref(bad);
        }
        assert_int_equal(json_object_set_new(good, "node", json_integer(2)), 0); /* the witness compares nothing */
        assert_int_equal(verify_run_take(good, &back), -EPROTO);
        json_decref(good);
}

static void words(void **state)
{
        (void)state;
        for (int i = 0; i < VERIFY_STATES; i++)
                assert_int_equal(verify_state_by_word(verify_state_word((enum verify_state)i)), i);
        for (int i = 0; i < VERIFY_SCHEDULES; i++)
                assert_int_equal(verify_schedule_by_word(verify_schedule_word((enum verify_schedule)i)), i);
        for (int i = 0; i < VERIFY_WISHES; i++)
                assert_int_equal(verify_wish_by_word(verify_wish_word((enum verify_wish)i)), i);
        assert_int_equal(verify_schedule_by_word("hourly"), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_result_belongs_to_two_legs),
            cmocka_unit_test(when_the_next_one_is_due),
            cmocka_unit_test(differences_are_counted_and_the_first_ones_named),
            cmocka_unit_test(two_answers_are_compared),
            cmocka_unit_test(the_other_nodes_result),
            cmocka_unit_test(the_file),
            cmocka_unit_test(a_run_that_is_not_one),
            cmocka_unit_test(words),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
