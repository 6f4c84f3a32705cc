/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The writer thread: nothing counts as durable before it is in the file; failures are told and tried again. */
#include "tests/unit/cmocka_all.h"

#include "base/statefile.h"
#include "hamon/driver/acceptor_codec.h"
#include "hamon/driver/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config config = {.mirrors = 2, .mirror = {{.name = "data", .label = "data"}, {.name = "logs", .label = "logs"}}};
static char directory[64];

struct heard {
        uint64_t durable;
        int error;
        unsigned calls, failures;
};

static void on_done(void *userdata, uint64_t durable, int error, uint8_t mirror)
{
        struct heard *h = userdata;
        assert_true(durable >= h->durable);
        assert_true(mirror < 2);
        h->durable = durable;
        h->error = error;
        h->calls++;
        h->failures += error < 0;
}

static int setup(void **state)
{
        (void)state;
        strcpy(directory, "/tmp/hamon-writer-XXXXXX");
        return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
        (void)state;
        char command[128];
        (void)snprintf(command, sizeof command, "rm -rf '%s'", directory);
        return system(command);
}

static struct acceptor_state promise(uint64_t n)
{
        return (struct acceptor_state){.voter = {{1}}, .promised = {.n = n, .node = 0, .start = 1}, .accepted = {.node = NO_NODE},
                                       .value = {.primary = NO_NODE}};
}

static uint64_t read_promise(uint8_t mirror)
{
        struct acceptor_state a;
        bool known;
        char why[256];
        assert_int_equal(writer_read(&config, directory, mirror, &a, &known, why, sizeof why), 0);
        return known ? a.promised.n : 0;
}

static void run_until(sd_event *loop, const struct heard *h, uint64_t durable)
{
        for (int i = 0; i < 500 && h->durable < durable; i++)
                assert_true(sd_event_run(loop, 10000) >= 0);
        assert_int_equal(h->durable, durable);
}

static void test_durable_means_in_the_file(void **state)
{
        (void)state;
        struct heard h = {0};
        struct writer_handler handler = {.done = on_done, .userdata = &h};
        struct writer *w;
        sd_event *loop;
        assert_int_equal(sd_event_new(&loop), 0);
        assert_int_equal(writer_new(loop, &config, directory, &handler, &w), 0);
        for (uint64_t g = 1; g <= 50; g++) {
                struct acceptor_state a = promise(g * 10);
                writer_put(w, (uint8_t)(g % 2), g, &a);
                assert_int_equal(h.durable, g - 1);
                run_until(loop, &h, g);
                assert_int_equal(read_promise((uint8_t)(g % 2)), g * 10);
        }
        for (uint64_t g = 51; g <= 150; g++) { /* a burst: only the last of each mirror must be there */
                struct acceptor_state a = promise(g);
                writer_put(w, (uint8_t)(g % 2), g, &a);
        }
        run_until(loop, &h, 150);
        assert_int_equal(read_promise(0), 150);
        assert_int_equal(read_promise(1), 149);
        assert_int_equal(h.failures, 0);
        writer_free(w);
        sd_event_unref(loop);
}

static void test_a_failed_write_is_not_durable(void **state)
{
        (void)state;
        struct heard h = {0};
        struct writer_handler handler = {.done = on_done, .userdata = &h};
        struct writer *w;
        sd_event *loop;
        char away[80];
        (void)snprintf(away, sizeof away, "%s.away", directory);
        assert_int_equal(sd_event_new(&loop), 0);
        assert_int_equal(writer_new(loop, &config, directory, &handler, &w), 0);
        assert_int_equal(rename(directory, away), 0);
        struct acceptor_state a = promise(5);
        writer_put(w, 0, 1, &a);
        for (int i = 0; i < 50 && h.calls == 0; i++)
                assert_true(sd_event_run(loop, 10000) >= 0);
        assert_int_equal(h.durable, 0);
        assert_true(h.error < 0);
        assert_int_equal(rename(away, directory), 0);
        run_until(loop, &h, 1); /* tried again by itself */
        assert_int_equal(h.error, 0);
        assert_int_equal(read_promise(0), 5);
        writer_free(w);
        sd_event_unref(loop);
}

static void test_reading(void **state)
{
        (void)state;
        struct acceptor_state a;
        bool known = true;
        char why[256] = "", path[128];
        assert_int_equal(writer_read(&config, directory, 0, &a, &known, why, sizeof why), 0);
        assert_false(known);
        (void)snprintf(path, sizeof path, "%s/acceptor-data", directory);
        assert_int_equal(statefile_write(path, "hamon-acceptor", 1, "{}", 2), 0);
        assert_int_equal(writer_read(&config, directory, 0, &a, &known, why, sizeof why), -EBADMSG);
        assert_non_null(strstr(why, path));
        assert_int_equal(statefile_write(path, "hamon-acceptor", ACCEPTOR_VERSION + 1, "{}", 2), 0);
        assert_int_equal(writer_read(&config, directory, 0, &a, &known, why, sizeof why), -EPROTO);
        assert_int_equal(statefile_write(path, "somebody-else", 1, "{}", 2), 0);
        assert_int_equal(writer_read(&config, directory, 0, &a, &known, why, sizeof why), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_durable_means_in_the_file, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_failed_write_is_not_durable, setup, teardown),
                cmocka_unit_test_setup_teardown(test_reading, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
