/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pace of a resync, how its progress is read, and the file of what a person said about it. */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/resync_file.h"
#include "hamon/act/resync_pace.h"

#include "base/statefile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One second in which `requests` took `us` each. */
static uint32_t second(struct resync_pace *p, uint64_t requests, uint64_t us, bool syncing, uint32_t ceiling_kib)
{
        return resync_pace_look(p, p->requests + requests, p->waited_ms + requests * us / 1000, 0, syncing, ceiling_kib);
}

static void nothing_is_paced_without_a_resync(void **state)
{
        struct resync_pace p = {.primed = false};

        (void)state;
        for (unsigned i = 0; i < 10; i++)
                assert_int_equal(second(&p, 100, 50000, false, 0), 0);
        assert_int_equal(second(&p, 100, 50000, false, 1000), 0);
}

static void a_calm_application_lets_it_run(void **state)
{
        struct resync_pace p = {.primed = false};
        uint32_t kib = second(&p, 10, 1000, true, 0), before = 0;

        (void)state;
        assert_int_equal(kib, RESYNC_PACE_START_KIB);
        for (unsigned i = 0; i < 40; i++, before = kib, kib = second(&p, 10, 1000, true, 0))
                assert_true(kib > before || kib == RESYNC_PACE_MOST_KIB);
        assert_int_equal(kib, RESYNC_PACE_MOST_KIB);
        assert_int_equal(second(&p, 0, 0, true, 0), RESYNC_PACE_MOST_KIB); /* one that asks for nothing as well */
}

static void an_application_that_waits_slows_it_to_the_floor(void **state)
{
        struct resync_pace p = {.primed = false};

        (void)state;
        for (unsigned i = 0; i < 20; i++)
                (void)second(&p, 100, 2000, false, 0);
        (void)second(&p, 100, 2000, true, 0);
        uint32_t kib = second(&p, 100, 30000, true, 0);
        assert_int_equal(kib, RESYNC_PACE_START_KIB / 2);
        for (unsigned i = 0; i < 20; i++)
                kib = second(&p, 100, 30000, true, 0);
        assert_int_equal(kib, RESYNC_PACE_FLOOR_KIB); /* it must become redundant some day */
        assert_int_equal(second(&p, 100, 15000, true, 0), kib); /* between half the goal and the goal: as it is */
        assert_int_equal(second(&p, 100, 9000, true, 0), kib + kib / 4);
        /* Requests that do not end at all are the slowest. */
        p.limit_kib = RESYNC_PACE_START_KIB;
        assert_int_equal(resync_pace_look(&p, p.requests, p.waited_ms, 3, true, 0), RESYNC_PACE_START_KIB / 2);
}

/* Its disk is slow by itself: that is not the resync's fault. */
static void a_slow_application_is_measured_against_itself(void **state)
{
        struct resync_pace p = {.primed = false};

        (void)state;
        for (unsigned i = 0; i < 50; i++)
                (void)second(&p, 100, 50000, false, 0);
        (void)second(&p, 100, 50000, true, 0);
        assert_int_equal(second(&p, 100, 45000, true, 0), RESYNC_PACE_START_KIB + RESYNC_PACE_START_KIB / 4);
        assert_int_equal(second(&p, 100, 110000, true, 0), (RESYNC_PACE_START_KIB + RESYNC_PACE_START_KIB / 4) / 2);
}

static void a_ceiling_counts_below_the_floor_too(void **state)
{
        struct resync_pace p = {.primed = false};

        (void)state;
        assert_int_equal(second(&p, 10, 100, true, 640), 640);
        assert_int_equal(second(&p, 10, 100, true, 640), 640);
        assert_true(second(&p, 10, 100, true, 0) > 640);
        assert_int_equal(second(&p, 10, 100, true, 100), 100);
}

/* The array's device is another one, or its counters began anew. */
static void counters_that_go_back_say_nothing(void **state)
{
        struct resync_pace p = {.primed = false};

        (void)state;
        (void)resync_pace_look(&p, 1000, 90000, 0, false, 0);
        (void)resync_pace_look(&p, 10, 20, 0, false, 0);
        assert_int_equal(p.latency_us, 0);
        assert_int_equal(p.before_us, 0);
}

static void rate_and_standstill(void **state)
{
        struct resync_rate r = {.mark_ms = 0};
        uint64_t now = 1000, at = 5000;

        (void)state;
        resync_rate_look(&r, at, now);
        for (unsigned i = 0; i < 50; i++)
                resync_rate_look(&r, at += 1024, now += 500);
        assert_int_equal(r.rate_kib, 1024);
        assert_int_equal(now - r.moved_ms, 0);
        for (unsigned i = 0; i < 60; i++)
                resync_rate_look(&r, at, now += 500);
        assert_int_equal(r.rate_kib, 0);
        assert_int_equal(now - r.moved_ms, 30000);
        resync_rate_look(&r, 10, now += 500); /* it began anew */
        assert_int_equal(now - r.moved_ms, 0);
}

static void position_in_mdstat(void **state)
{
        static const char text[] = "Personalities : [raid1] \n"
                                   "md10 : active raid1 nbd3[2](W) dm-3[0]\n"
                                   "      10477568 blocks super 1.2 [2/1] [U_]\n"
                                   "      [>....................]  recovery =  1.0% (1/2) finish=0.8min speed=200000K/sec\n"
                                   "      bitmap: 1/1 pages [4KB], 65536KB chunk\n\n"
                                   "md100 : active raid1 nbd0[2](W)(S) dm-0[0]\n"
                                   "      10477568 blocks super 1.2 [2/1] [U_]\n"
                                   "      [==>..................]  recovery = 12.6% (1320192/10477568) finish=0.8min speed=188598K/sec\n"
                                   "      bitmap: 1/1 pages [4KB], 65536KB chunk\n\n"
                                   "md101 : active raid1 nbd1[2](W) dm-1[0]\n"
                                   "      10477568 blocks super 1.2 [2/1] [U_]\n"
                                   "      \tresync=DELAYED\n"
                                   "unused devices: <none>\n";
        uint64_t done, total;

        (void)state;
        assert_true(resync_position(text, "md100", &done, &total));
        assert_true(done == 2640384 && total == 20955136);
        assert_true(resync_position(text, "md10", &done, &total));
        assert_true(done == 2 && total == 4);
        assert_false(resync_position(text, "md101", &done, &total));
        assert_false(resync_position(text, "md1", &done, &total));
        assert_false(resync_position("", "md1", &done, &total));
        assert_false(resync_position("md1 : x\n   recovery = 1% (99999999999999999999999/5)\n", "md1", &done, &total));
}

static void what_was_said_is_of_one_boot(void **state)
{
        char folder[] = "/tmp/test_resync-XXXXXX", path[64];
        const struct uuid boot = {{1}}, other = {{2}};
        struct resync_said said = {.boot = boot, .paused = true, .until_ms = 1ull << 40, .ceiling_kib = 77}, back;

        (void)state;
        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/data.resync", folder);
        assert_int_equal(resync_file_read(path, &boot, &back), 0);
        assert_true(!back.paused && !back.ceiling_kib && uuid_equal(&back.boot, &boot));
        assert_int_equal(resync_file_write(path, &said), 0);
        assert_int_equal(resync_file_read(path, &boot, &back), 0);
        assert_true(back.paused && back.until_ms == said.until_ms && back.ceiling_kib == 77);
        assert_int_equal(resync_file_read(path, &other, &back), 0);
        assert_true(!back.paused && !back.until_ms && !back.ceiling_kib && uuid_equal(&back.boot, &other));
        static const char *const bad[] = {"", "[]", "{\"paused\":true}",
                                          "{\"boot\":\"x\",\"paused\":true,\"until_ms\":\"0\",\"ceiling_kib\":0}",
                                          "{\"boot\":\"01000000-0000-0000-0000-000000000000\",\"paused\":true,\"until_ms\":\"0\",\"ceiling_kib\":-1}"};
        for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
                assert_int_equal(statefile_write(path, "hamon-act-resync", 1, bad[i], strlen(bad[i])), 0);
                assert_int_equal(resync_file_read(path, &boot, &back), -EBADMSG);
                assert_false(back.paused);
        }
        assert_int_equal(resync_file_remove(path), 0);
        assert_int_equal(resync_file_remove(path), 0);
        assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(nothing_is_paced_without_a_resync),
            cmocka_unit_test(a_calm_application_lets_it_run),
            cmocka_unit_test(an_application_that_waits_slows_it_to_the_floor),
            cmocka_unit_test(a_slow_application_is_measured_against_itself),
            cmocka_unit_test(a_ceiling_counts_below_the_floor_too),
            cmocka_unit_test(counters_that_go_back_say_nothing),
            cmocka_unit_test(rate_and_standstill),
            cmocka_unit_test(position_in_mdstat),
            cmocka_unit_test(what_was_said_is_of_one_boot),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
