/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libnbdd against a real engine and control API in this process: each call, its errors and their sentences. */
#include "../cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "nbdd/client/nbdd.h"
#include "nbdd/control.h"
#include "nbdd/engine.h"

#define T 5000u /* timeout_ms */
#define SESSION_A "11111111-2222-4333-8444-555555555555"
#define SESSION_B "22222222-2222-4333-8444-555555555555"
#define LEG "33333333-2222-4333-8444-555555555555"

static char folder[64], state_dir[96], socket_path[96], disk[96], leg[96];
static struct engine *engine;
static struct control *control;
static struct nbdd *n;

static int make_file(const char *path)
{
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd < 0 || ftruncate(fd, 1 << 20) < 0)
                return -1;
        return close(fd);
}

static int setup(void **state)
{
        char reason[256];

        (void)state;
        (void)strcpy(folder, "/tmp/nbdd-client-XXXXXX");
        if (!mkdtemp(folder))
                return -1;
        (void)snprintf(state_dir, sizeof state_dir, "%s/state", folder);
        (void)snprintf(socket_path, sizeof socket_path, "%s/sock", folder);
        (void)snprintf(disk, sizeof disk, "%s/disk", folder);
        (void)snprintf(leg, sizeof leg, "%s/leg", folder);
        if (make_file(disk) < 0 || make_file(leg) < 0 || engine_new(state_dir, &engine, reason, sizeof reason) < 0 || engine_start(engine) < 0 ||
            control_start(socket_path, NULL, engine, NULL, NULL, &control) < 0)
                return -1;
        int r = nbdd_open(socket_path, &n);
        return r < 0 ? r : nbdd_set_owner(n, "hamon");
}

static int teardown(void **state)
{
        char command[128];

        (void)state;
        nbdd_close(n);
        engine_shutdown(engine);
        control_stop(control);
        engine_free(engine);
        (void)snprintf(command, sizeof command, "rm -rf %s", folder);
        return system(command);
}

static const struct nbdd_export_options plain_options = {.device = disk, .id = 0x12};
static const struct nbdd_export_options leg_options = {.device = leg, .id = 0xd1, .leg = true, .leg_uuid = LEG, .owner = "hamon"};

static void assert_error(int r, int error, const char *words)
{
        if (r != error || !strstr(nbdd_error(n), words))
                fail_msg("%d \"%s\" instead of %d \"%s\"", r, nbdd_error(n), error, words);
}

static void plain_export_from_nothing_to_nothing(void **state)
{
        (void)state;
        struct nbdd_export x;
        struct nbdd_export_list list;

        assert_error(nbdd_export_get(n, 0x12, T, &x), -ENOENT, "no such export");
        assert_int_equal(nbdd_export_add(n, &plain_options, T), 0);
        assert_error(nbdd_export_add(n, &plain_options, T), -EEXIST, "already");
        assert_int_equal(nbdd_export_get(n, 0x12, T, &x), 0);
        assert_int_equal(x.status, NBDD_DEFINED);
        assert_string_equal(x.device, disk);
        nbdd_export_release(&x);
        assert_int_equal(nbdd_export_start(n, 0x12, T), 0);
        assert_int_equal(nbdd_export_start(n, 0x12, T), 0);
        assert_error(nbdd_export_remove(n, 0x12, T), -EBUSY, "stop it first");
        assert_int_equal(nbdd_export_list(n, T, &list), 0);
        assert_int_equal(list.count, 1);
        assert_int_equal(list.exports[0].status, NBDD_AVAILABLE);
        assert_int_equal(list.exports[0].size_bytes, 1 << 20);
        nbdd_export_list_release(&list);
        assert_error(nbdd_leg_grant(n, 0x12, 1, SESSION_A, NULL, T), -EINVAL, "not a leg");
        assert_int_equal(nbdd_export_stop(n, 0x12, T), 0);
        assert_int_equal(nbdd_export_stop(n, 0x12, T), 0);
        assert_int_equal(nbdd_export_remove(n, 0x12, T), 0);
        assert_error(nbdd_export_remove(n, 0x12, T), -ENOENT, "no such export");
        assert_string_equal(nbdd_status_text(NBDD_RUNNING), "RUNNING");
}

static void leg_by_grant_alone(void **state)
{
        (void)state;
        struct nbdd_export x;

        assert_int_equal(nbdd_export_add(n, &leg_options, T), 0);
        assert_error(nbdd_export_start(n, 0xd1, T), -EPERM, "grant");
        assert_int_equal(nbdd_leg_revoke(n, 0xd1, T), 0);
        assert_int_equal(nbdd_leg_grant(n, 0xd1, 7, SESSION_A, LEG, T), 0);
        assert_int_equal(nbdd_leg_grant(n, 0xd1, 7, SESSION_A, NULL, T), 0);
        assert_error(nbdd_leg_grant(n, 0xd1, 6, SESSION_B, NULL, T), -ESTALE, "epoch 7");
        assert_error(nbdd_leg_grant(n, 0xd1, 8, SESSION_B, SESSION_B, T), -EINVAL, "another leg");
        assert_error(nbdd_leg_grant(n, 0xd1, 8, "nonsense", NULL, T), -EINVAL, "UUID");
        assert_error(nbdd_leg_grant(n, 0xd1, 0, SESSION_B, NULL, T), -EINVAL, "epoch");
        assert_int_equal(nbdd_export_get(n, 0xd1, T, &x), 0);
        assert_true(x.leg);
        assert_int_equal(x.status, NBDD_AVAILABLE);
        assert_int_equal(x.epoch, 7);
        assert_string_equal(x.session, SESSION_A);
        assert_string_equal(x.leg_uuid, LEG);
        assert_string_equal(x.owner, "hamon");
        nbdd_export_release(&x);
        assert_error(nbdd_export_remove(n, 0xd1, T), -EBUSY, "revoked");
        assert_int_equal(nbdd_leg_revoke(n, 0xd1, T), 0);
        assert_int_equal(nbdd_leg_revoke(n, 0xd1, T), 0);
        assert_int_equal(nbdd_export_remove(n, 0xd1, T), 0);
}

static void device_of_somebody_else(void **state)
{
        (void)state;
        struct nbdd_export x;
        int fd = open(leg, O_RDWR | O_CLOEXEC);

        assert_int_equal(flock(fd, LOCK_EX), 0);
        assert_int_equal(nbdd_export_add(n, &leg_options, T), 0);
        assert_error(nbdd_leg_grant(n, 0xd1, 1, SESSION_A, NULL, T), -EBUSY, "locked");
        assert_int_equal(nbdd_export_get(n, 0xd1, T, &x), 0);
        assert_int_equal(x.status, NBDD_DEFINED);
        assert_int_equal(x.epoch, 0);
        nbdd_export_release(&x);
        (void)close(fd);
        assert_int_equal(nbdd_leg_grant(n, 0xd1, 1, SESSION_A, NULL, T), 0);
}

/* The grant must not be there before the epoch is durable, nor after a write that failed. */
static void state_file_that_fails(void **state)
{
        (void)state;
        struct nbdd_export x;
        char grants[128];

        (void)snprintf(grants, sizeof grants, "%s/grants", state_dir);
        assert_int_equal(nbdd_export_add(n, &leg_options, T), 0);
        for (unsigned countdown = 1; countdown <= 2; countdown++) {
                (void)setenv("NBDD_FAULT_STATEFILE", countdown == 1 ? "fsync:1" : "rename:2", 1);
                assert_error(nbdd_leg_grant(n, 0xd1, 3, SESSION_A, NULL, T), -EIO, "cannot write");
                (void)unsetenv("NBDD_FAULT_STATEFILE");
                assert_int_equal(nbdd_export_get(n, 0xd1, T, &x), 0);
                assert_int_equal(x.status, NBDD_DEFINED);
                nbdd_export_release(&x);
        }
        assert_int_equal(nbdd_leg_grant(n, 0xd1, 3, SESSION_A, NULL, T), 0);
        (void)setenv("NBDD_FAULT_STATEFILE", "write:1", 1);
        assert_int_equal(nbdd_leg_revoke(n, 0xd1, T), 0); /* removing the file needs no room */
        (void)unsetenv("NBDD_FAULT_STATEFILE");
        assert_int_equal(access(grants, F_OK), -1);
        assert_int_equal(nbdd_leg_grant(n, 0xd1, 3, SESSION_B, NULL, T), 0);
        (void)setenv("NBDD_FAULT_STATEFILE", "dirsync:1", 1);
        assert_int_equal(nbdd_leg_revoke(n, 0xd1, T), 0);
        (void)unsetenv("NBDD_FAULT_STATEFILE");
}

static void limits_health_and_calls_by_hand(void **state)
{
        (void)state;
        struct nbdd_health h;
        unsigned maxconnect = 0;
        char *json = NULL;

        assert_int_equal(nbdd_limits_set(n, T, 77), 0);
        assert_int_equal(nbdd_limits_get(n, T, &maxconnect), 0);
        assert_int_equal(maxconnect, 77);
        assert_error(nbdd_limits_set(n, T, 0), -EINVAL, "1 to");
        assert_int_equal(nbdd_health(n, T, &h), 0);
        assert_string_equal(h.version, NBDD_VERSION);
        assert_int_equal(h.sessions, 0);
        assert_int_equal(nbdd_call(n, "GET", "/v1/limits", NULL, T, &json), 0);
        assert_non_null(strstr(json, "77"));
        free(json);
        assert_error(nbdd_call(n, "GET", "/v2/everything", NULL, T, &json), -EPROTO, "/v2/everything");
        assert_error(nbdd_call(n, "POST", "/v1/exports", "{\"id\": 5}", T, &json), -EINVAL, "id");
        assert_error(nbdd_call(n, "POST", "/v1/exports", "{", T, &json), -EINVAL, "JSON");
        assert_error(nbdd_call(n, "DELETE", "/v1/sessions/12", NULL, T, &json), -ENOENT, "session");
}

static void statistics(void **state)
{
        (void)state;
        struct nbdd_stats stats;

        assert_error(nbdd_export_stats(n, 0x12, T, &stats), -ENOENT, "no such export");
        assert_int_equal(nbdd_export_add(n, &plain_options, T), 0);
        memset(&stats, 1, sizeof stats);
        assert_int_equal(nbdd_export_stats(n, 0x12, T, &stats), 0);
        for (unsigned i = 0; i < NBDD_KINDS; i++)
                assert_true(stats.kinds[i].operations == 0 && stats.kinds[i].latency[NBDD_LATENCY_BUCKETS - 1] == 0);
        assert_true(stats.inflight == 0 && stats.fences == 0 && stats.disk_errors == 0);
        assert_error(nbdd_session_stats(n, 77, T, &stats), -ENOENT, "no such session: 77");
}

/* An allow list that cannot be sent must not become "everybody". */
static void text_that_is_no_text(void **state)
{
        (void)state;
        struct nbdd_export x;
        struct nbdd_export_options options = plain_options;
        const struct nbdd_export_change change = {.allow = "10.0.0.1\xff"};

        options.allow = "10.0.0.1\xff";
        assert_error(nbdd_export_add(n, &options, T), -EINVAL, "allow: the text is not UTF-8");
        assert_error(nbdd_export_get(n, 0x12, T, &x), -ENOENT, "no such export");
        assert_int_equal(nbdd_export_add(n, &plain_options, T), 0);
        assert_error(nbdd_export_change(n, 0x12, &change, T), -EINVAL, "allow: the text is not UTF-8");
        assert_error(nbdd_leg_grant(n, 0x12, 1, "\xff", NULL, T), -EINVAL, "session: the text is not UTF-8");
}

static void nobody_answers(void **state)
{
        (void)state;
        struct nbdd *nobody;
        struct nbdd_health h;
        char longest[256];

        assert_int_equal(nbdd_open("/nonexistent/control.sock", &nobody), 0);
        assert_int_equal(nbdd_health(nobody, T, &h), -ENOENT);
        assert_non_null(strstr(nbdd_error(nobody), "is it running?"));
        nbdd_close(nobody);
        memset(longest, 'a', sizeof longest - 1);
        longest[sizeof longest - 1] = '\0';
        assert_int_equal(nbdd_open(longest, &nobody), -ENAMETOOLONG);
        nbdd_close(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
            TEST(plain_export_from_nothing_to_nothing), TEST(leg_by_grant_alone), TEST(device_of_somebody_else),
            TEST(state_file_that_fails), TEST(limits_health_and_calls_by_hand), TEST(nobody_answers),
            TEST(statistics), TEST(text_that_is_no_text),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
