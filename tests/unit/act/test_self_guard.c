/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a node ends itself, when its watchdog is fed, and what is left of nbdd's grants when nbdd had to be killed. */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/grants_file.h"
#include "hamon/act/self_guard.h"

#include "base/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct self_view deposed(void)
{
        return (struct self_view){.known = true, .array_runs = true, .leg_refused = true, .hamon_gone_ms = DEAD_MAN_MS, .watchdog_open = true};
}

static void only_a_deposed_node_without_hamon_reboots(void **state)
{
        struct self_view v = deposed();

        (void)state;
        assert_true(self_guard_must_reboot(&v));
        v.hamon_gone_ms--; /* it is being restarted */
        assert_false(self_guard_must_reboot(&v));
        v = deposed();
        v.hamon_gone_ms = 0; /* hamon decides */
        assert_false(self_guard_must_reboot(&v));
        v = deposed();
        v.leg_refused = false; /* alone, or the peer is only away: nobody has taken over */
        assert_false(self_guard_must_reboot(&v));
        v = deposed();
        v.array_runs = false;
        assert_false(self_guard_must_reboot(&v));
        v = deposed();
        v.known = false; /* another mirror: this one was seen to be deposed */
        assert_true(self_guard_must_reboot(&v));
}

static void the_watchdog_is_fed_while_somebody_watches(void **state)
{
        struct self_view v = {.known = true, .array_runs = true, .watchdog_open = true};

        (void)state;
        assert_int_equal(self_guard_watchdog(&v), WATCHDOG_FEED);
        v.hamon_gone_ms = WATCHDOG_HAMON_MS - 1;
        assert_int_equal(self_guard_watchdog(&v), WATCHDOG_FEED);
        v.hamon_gone_ms = WATCHDOG_HAMON_MS;
        assert_int_equal(self_guard_watchdog(&v), WATCHDOG_STARVE);
        v.watchdog_open = false;
        assert_int_equal(self_guard_watchdog(&v), WATCHDOG_NOTHING);
}

/* Armed before the array, disarmed only when it is seen that none runs. */
static void the_watchdog_outlives_a_promotion_that_failed_only_for_a_while(void **state)
{
        struct self_view v = {.known = true, .watchdog_open = true};

        (void)state;
        assert_int_equal(self_guard_watchdog(&v), WATCHDOG_FEED);
        v.watchdog_armed_ms = WATCHDOG_PROMOTION_MS;
        assert_int_equal(self_guard_watchdog(&v), WATCHDOG_DISARM);
        v.known = false;
        assert_int_equal(self_guard_watchdog(&v), WATCHDOG_FEED);
        v.hamon_gone_ms = 10 * WATCHDOG_HAMON_MS;
        assert_int_equal(self_guard_watchdog(&v), WATCHDOG_STARVE);
        v.known = true;
        assert_int_equal(self_guard_watchdog(&v), WATCHDOG_DISARM); /* no array: nothing to watch over */
}

#define GRANT(id) "{\"id\": \"" id "\", \"epoch\": \"3\", \"session\": \"x\", \"boot_id\": \"y\", \"attachment\": \"z\"}"

static char folder[] = "/tmp/nbdd-grants-XXXXXX", path[64];

static int make_folder(void **state)
{
        (void)state;
        if (!mkdtemp(folder))
                return -1;
        snprintf(path, sizeof path, "%s/grants", folder);
        return 0;
}

static int remove_folder(void **state)
{
        (void)state;
        (void)unlink(path);
        return rmdir(folder);
}

static void one_grant_goes_and_the_others_stay(void **state)
{
        static const char text[] = "{\"grants\": [" GRANT("0xd1") ", " GRANT("0xd2") "]}";
        char *left;
        unsigned version;
        size_t size;
        struct stat st;

        (void)state;
        assert_int_equal(grants_file_forget(path, 0xd1), 0); /* no file: no grant */
        assert_int_equal(statefile_write(path, "nbdd-grants", 1, text, sizeof text - 1), 0);
        assert_int_equal(chmod(path, 0640), 0);
        assert_int_equal(grants_file_forget(path, 0xd1), 0);
        assert_int_equal(statefile_read(path, "nbdd-grants", 1, &version, &left, &size), 0);
        assert_null(strstr(left, "0xd1"));
        assert_non_null(strstr(left, "0xd2"));
        assert_non_null(strstr(left, "\"attachment\""));
        free(left);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_int_equal(grants_file_forget(path, 0xd3), 0); /* none of it */
        assert_int_equal(access(path, F_OK), 0);
}

static void *forget_one(void *id)
{
        return (void *)(intptr_t)grants_file_forget(path, *(uint64_t *)id);
}

/* The workers of two mirrors at the same time: a grant that one has taken out never comes back by the other's copy of the file. */
static void two_workers_take_turns(void **state)
{
        static const char text[] = "{\"grants\": [" GRANT("0xd1") ", " GRANT("0xd2") ", " GRANT("0xd3") "]}";
        uint64_t ids[] = {0xd1, 0xd2};

        (void)state;
        for (unsigned round = 0; round < 50; round++) {
                char *left;
                unsigned version;
                size_t size;
                pthread_t workers[2];
                void *result;

                assert_int_equal(statefile_write(path, "nbdd-grants", 1, text, sizeof text - 1), 0);
                for (unsigned i = 0; i < 2; i++)
                        assert_int_equal(pthread_create(&workers[i], NULL, forget_one, &ids[i]), 0);
                for (unsigned i = 0; i < 2; i++) {
                        assert_int_equal(pthread_join(workers[i], &result), 0);
                        assert_null(result);
                }
                assert_int_equal(statefile_read(path, "nbdd-grants", 1, &version, &left, &size), 0);
                assert_null(strstr(left, "0xd1"));
                assert_null(strstr(left, "0xd2"));
                assert_non_null(strstr(left, "0xd3"));
                free(left);
        }
}

static void grants_that_cannot_be_read_all_go(void **state)
{
        static const char *const texts[] = {"{\"grants\": 1}", "{\"grants\": [" GRANT("0xd1") ", {\"id\": 7}]}", "[]", "x"};

        (void)state;
        for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
                assert_int_equal(statefile_write(path, "nbdd-grants", 1, texts[i], strlen(texts[i])), 0);
                assert_int_equal(grants_file_forget(path, 0xd1), 0);
                assert_int_equal(access(path, F_OK), -1);
        }
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        assert_int_equal(write(fd, "torn", 4), 4);
        close(fd);
        assert_int_equal(grants_file_forget(path, 0xd1), 0);
        assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(only_a_deposed_node_without_hamon_reboots),
            cmocka_unit_test(the_watchdog_is_fed_while_somebody_watches),
            cmocka_unit_test(the_watchdog_outlives_a_promotion_that_failed_only_for_a_while),
            cmocka_unit_test(one_grant_goes_and_the_others_stay),
            cmocka_unit_test(two_workers_take_turns),
            cmocka_unit_test(grants_that_cannot_be_read_all_go),
        };
        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
