/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The age of waiting requests, and what is read from and written to a device's sysfs files (a folder made up for the
 * test). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "nbdc/account.h"
#include "nbdc/device.h"
#include "nbdc/limits.h"
#include "nbdc/progress.h"
#include "nbdc/queue.h"
#include "nbdc/records.h"
#include "wire/nbd_proto.h"

static void test_progress(void **state)
{
        (void)state;
        struct progress p = {0};
        progress_sample(&p, 0, 100, true, 1000);
        assert_int_equal(progress_oldest_ms(&p, 5000), 0);
        progress_sample(&p, 3, 100, true, 1250);
        progress_sample(&p, 3, 100, true, 4000);
        assert_int_equal(progress_oldest_ms(&p, 4000), 2750);
        progress_sample(&p, 3, 101, true, 4250); /* one ended: the rest may be young */
        assert_int_equal(progress_oldest_ms(&p, 4250), 0);
        progress_sample(&p, 3, 101, true, 9250);
        assert_int_equal(progress_oldest_ms(&p, 9250), 5000);
        /* off the connection: the kernel counts them no longer, but they wait */
        progress_sample(&p, 0, 101, false, 10250);
        assert_int_equal(progress_oldest_ms(&p, 10250), 6000);
        /* sent again on the next one: the age goes on */
        progress_sample(&p, 3, 101, true, 11250);
        assert_int_equal(progress_oldest_ms(&p, 11250), 7000);
        progress_sample(&p, 0, 104, true, 11500);
        assert_int_equal(progress_oldest_ms(&p, 12000), 0);
}

static void test_account(void **state)
{
        (void)state;
        const struct account start = {
            .sent_bytes = 1000, .received_bytes = 2000, .written_bytes = 512 * 77, .read_bytes = 512 * 13};
        struct account now = start;
        assert_int_equal(account_owed(&start, &now), 0);
        now.sent_bytes += 5 * 28 + 3 * 4096; /* three writes, two reads, all answered */
        now.written_bytes += 3 * 4096;
        now.received_bytes += 5 * 16 + 2 * 8192;
        now.read_bytes += 2 * 8192;
        assert_int_equal(account_owed(&start, &now), 0);
        now.sent_bytes += 28; /* a flush */
        assert_int_equal(account_owed(&start, &now), 1);
        now.sent_bytes += 28;
        assert_int_equal(account_owed(&start, &now), 2);
        now.received_bytes += 2 * 16;
        assert_int_equal(account_owed(&start, &now), 0);
        /* accounts that do not add up say nothing */
        struct account odd = now;
        odd.sent_bytes += 28;
        for (uint64_t sectors = 1; sectors < 3000; sectors++) {
                struct account w = odd, r = odd, ww = odd, rr = odd;
                w.written_bytes += 512 * sectors;
                ww.sent_bytes += 512 * sectors; /* an old completion counted for this connection */
                r.read_bytes += 512 * sectors;
                rr.received_bytes += 512 * sectors;
                assert_int_equal(account_owed(&start, &w), 0);
                assert_int_equal(account_owed(&start, &r), 0);
                assert_int_equal(account_owed(&start, &rr), 0);
                assert_true(account_owed(&start, &ww) == 0);
        }
}

static char root[] = "/tmp/nbdc-test-XXXXXX";

static void put(const char *name, const char *text)
{
        char path[256];
        device_path(7, name, path, sizeof path);
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(text, f);
        fclose(f);
}

static void expect_text(const char *name, const char *expected)
{
        char text[128];
        assert_int_equal(device_read(7, name, text, sizeof text), 0);
        assert_string_equal(text, expected);
}

static int make_sysfs(void **state)
{
        (void)state;
        char path[256];
        if (!mkdtemp(root))
                return -1;
        setenv("NBDC_SYSFS", root, 1);
        static const char *const folders[] = {"", "/block", "/block/nbd7", "/block/nbd7/queue"};
        for (size_t i = 1; i < 4; i++) {
                snprintf(path, sizeof path, "%s%s", root, folders[i]);
                if (mkdir(path, 0700) < 0)
                        return -1;
        }
        return 0;
}

static int remove_sysfs(void **state)
{
        (void)state;
        char command[128];
        snprintf(command, sizeof command, "rm -rf '%s'", root);
        return system(command);
}

static void test_device(void **state)
{
        (void)state;
        char backend[DEVICE_BACKEND_SIZE];
        uint64_t size;
        assert_false(device_is_configured(7));
        assert_true(device_backend(7, backend) < 0);
        put("pid", "123\n");
        put("backend", "nbdc:10.0.0.2:4343/0x12\n");
        put("size", "2048\n");
        assert_true(device_is_configured(7));
        assert_int_equal(device_backend(7, backend), 0);
        assert_string_equal(backend, "nbdc:10.0.0.2:4343/0x12");
        assert_int_equal(device_size_bytes(7, &size), 0);
        assert_int_equal(size, 1 << 20);
        put("size", "junk\n");
        assert_true(device_size_bytes(7, &size) < 0);
        put("size", "99999999999999999999999\n");
        assert_true(device_size_bytes(7, &size) < 0);
}

static void test_counters(void **state)
{
        (void)state;
        struct device_sampler s;
        struct device_counters c;
        put("stat", "  10 0 80 5   20 0 160 9   3 12 14   4 0 0 0   5 6\n");
        put("inflight", "       1        2\n");
        assert_int_equal(device_sampler_open(&s, 7), 0);
        assert_int_equal(device_sampler_read(&s, &c), 0);
        assert_int_equal(c.completed, 10 + 20 + 4 + 5);
        assert_int_equal(c.in_flight, 3);
        assert_int_equal(c.read_bytes, 80 * 512);
        assert_int_equal(c.written_bytes, 160 * 512);
        put("stat", "broken\n");
        assert_true(device_sampler_read(&s, &c) < 0);
        device_sampler_close(&s);
}

static void test_queue(void **state)
{
        (void)state;
        struct queue_limits l;
        char failed[128];
        queue_limits_for(NBD_TFLAG_HAS_FLAGS | NBD_TFLAG_ROTATIONAL, 256 << 10, 500, &l);
        assert_int_equal(l.max_sectors_kb, 256);
        assert_true(l.rotational);
        put("queue/io_timeout", "30000\n");
        put("queue/max_sectors_kb", "128\n");
        put("queue/rotational", "0\n");
        put("queue/discard_max_bytes", "2199023255040\n");
        put("queue/discard_max_hw_bytes", "2199023255040\n");
        put("queue/scheduler", "[mq-deadline] none\n");
        assert_int_equal(queue_apply(7, &l, failed, sizeof failed), 0);
        expect_text("queue/io_timeout", "500");
        expect_text("queue/max_sectors_kb", "256");
        expect_text("queue/rotational", "1");
        expect_text("queue/discard_max_bytes", "1073741824");
        expect_text("queue/scheduler", "none");
        /* nothing of the last use stays */
        put("queue/discard_max_bytes", "4096\n");
        assert_int_equal(queue_apply(7, &l, failed, sizeof failed), 0);
        expect_text("queue/discard_max_bytes", "1073741824");

        put("queue/discard_max_bytes", "0\n"); /* a server without trim */
        put("queue/discard_max_hw_bytes", "0\n");
        queue_limits_for(NBD_TFLAG_HAS_FLAGS, 0, 500, &l);
        assert_int_equal(l.max_sectors_kb, NBDC_MAX_SECTORS_KB);
        assert_int_equal(queue_apply(7, &l, failed, sizeof failed), 0);
        expect_text("queue/discard_max_bytes", "0");
        expect_text("queue/rotational", "0");
        /* a kernel without the file */
        char path[256];
        device_path(7, "queue/rotational", path, sizeof path);
        unlink(path);
        assert_int_equal(queue_apply(7, &l, failed, sizeof failed), 0);
}

/* What the kernel may really have made of requests is never more than the bound, and the bound is not absurdly high. */
static void test_records(void **state)
{
        static const struct {
                uint64_t requests, write_bytes, read_bytes; /* each */
                unsigned per_request; /* records that a request takes at least */
        } loads[] = {{1000000, 4096, 0, 1}, {1000000, 0, 4096, 1}, {1000000, 512, 0, 1}, {50000, 1 << 20, 0, 65}, {50000, 0, 1 << 20, 1}, {1000000, 0, 0, 1}};
        (void)state;
        for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
                uint64_t n = loads[i].requests, sent_records = n * loads[i].per_request;
                uint64_t received_records = n * (loads[i].read_bytes / 16384 + 1);
                struct records_point start = {.account = {1000, 2000, 3000, 4000}, .completed = 77};
                struct records_point now = {
                    .account = {.sent_bytes = 1000 + n * (28 + loads[i].write_bytes) + 22 * sent_records,
                                .received_bytes = 2000 + n * (16 + loads[i].read_bytes) + 22 * received_records,
                                .written_bytes = 3000 + n * loads[i].write_bytes,
                                .read_bytes = 4000 + n * loads[i].read_bytes},
                    .completed = 77 + n,
                };
                uint64_t real = sent_records > received_records ? sent_records : received_records, bound = records_bound(&start, &now);
                assert_true(bound >= real);
                assert_true(bound <= 5 * real);
                assert_true(records_bound(NULL, &now) >= real); /* taken over: the beginning is not known */
                /* requests in flight, their data sent and not yet counted as written */
                now.account.written_bytes -= 100 * loads[i].write_bytes;
                now.account.read_bytes -= 100 * loads[i].read_bytes;
                now.completed -= 100;
                assert_true(records_bound(&start, &now) >= real);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_progress), cmocka_unit_test(test_account), cmocka_unit_test(test_records), cmocka_unit_test(test_device),
            cmocka_unit_test(test_counters), cmocka_unit_test(test_queue),
        };
        return cmocka_run_group_tests(tests, make_sysfs, remove_sysfs);
}
