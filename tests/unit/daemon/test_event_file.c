/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events over restarts: the file's lines, torn and damaged ones, a full disk, the bound, and where a reader goes on. */
#include "tests/unit/cmocka_all.h"

#include "hamon/api/event_file.h"
#include "hamon/api/event_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[64], path[96];

static int make_folder(void **state)
{
        (void)state;
        strcpy(folder, "/tmp/hamon-events-XXXXXX");
        if (!mkdtemp(folder))
                return -1;
        snprintf(path, sizeof path, "%s/events", folder);
        return 0;
}

static int remove_folder(void **state)
{
        char other[112];

        (void)state;
        (void)unlink(path);
        snprintf(other, sizeof other, "%s.new", path);
        (void)unlink(other);
        return rmdir(folder);
}

static void add(struct event_log *l, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                struct event_entry e = {.wall_ms = 1700000000123, .boot_ms = UINT64_MAX, .code = "node-dead", .severity = SEVERITY_WARNING,
                                        .mirror = "data", .number = 1ull << 63};
                snprintf(e.sentence, sizeof e.sentence, "event \"%u\"\n of many, \xc3\xa4", i);
                event_log_add(l, &e);
        }
}

/* One start of hamon: what was there is read, `n` events happen and are made durable. */
static struct event_log *start(struct event_file *f, unsigned n)
{
        struct event_log *l = event_log_new();
        assert_non_null(l);
        event_file_load(f, folder, l);
        uint64_t written = event_log_last(l);
        add(l, n);
        if (n > 0) {
                assert_int_equal(event_file_append(f, l, &written), 0);
                assert_int_equal(written, event_log_last(l));
        }
        return l;
}

static void end(struct event_file *f, struct event_log *l)
{
        event_file_close(f);
        event_log_free(l);
}

static unsigned count(struct event_log *l)
{
        struct event_entry e;
        unsigned n = 0;
        for (uint64_t at = 0; event_log_next(l, at, &e); at = e.id)
                n++;
        return n;
}

static void test_a_line(void **state)
{
        struct event_entry e = {.id = 7, .wall_ms = 5, .boot_ms = 6, .code = "x", .severity = SEVERITY_CRITICAL, .mirror = "m", .node = "n", .number = 9,
                                .sentence = "a \"b\"\n", .log = "0123456789abcdef"}, got;
        char *line = event_line_encode(&e);

        (void)state;
        assert_non_null(line);
        assert_null(strchr(line, '\n'));
        assert_true(event_line_decode(line, strlen(line), &got));
        assert_memory_equal(&got, &e, sizeof e);
        for (size_t cut = 0; cut < strlen(line); cut++)
                assert_false(event_line_decode(line, cut, &got));
        for (size_t i = 0; i < strlen(line); i++) {
                line[i] ^= 1;
                assert_false(event_line_decode(line, strlen(line), &got));
                line[i] ^= 1;
        }
        free(line);
        e.sentence[0] = (char)0xff; /* no text: left out, and nothing else */
        assert_null(event_line_encode(&e));
}

static void test_over_a_restart(void **state)
{
        struct event_file f;
        struct event_entry e;
        char name[EVENT_LOG_NAME_SIZE];
        struct event_log *l = start(&f, 3);
        uint64_t at;

        (void)state;
        event_log_name(l, name);
        add(l, 2); /* shown, never durable */
        end(&f, l);
        l = start(&f, 2);
        assert_int_equal(event_log_last(l), 5); /* the numbers go on */
        assert_int_equal(count(l), 5);
        assert_true(event_log_next(l, 0, &e));
        assert_string_equal(e.log, name);
        assert_string_equal(e.sentence, "event \"0\"\n of many, \xc3\xa4");
        assert_true(event_log_next(l, 3, &e));
        assert_string_not_equal(e.log, name);

        at = 2;
        assert_true(event_log_resume(l, name, &at));
        assert_int_equal(at, 2);
        at = 5; /* it had seen numbers 4 and 5 of the former start: they are others now */
        assert_true(event_log_resume(l, name, &at));
        assert_int_equal(at, 3);
        assert_false(event_log_resume(l, "0123456789abcdef", &at));
        event_log_name(l, name);
        at = 5;
        assert_true(event_log_resume(l, name, &at));
        assert_int_equal(at, 5);
        end(&f, l);
}

static void test_a_torn_end(void **state)
{
        struct event_file f;
        struct event_log *l = start(&f, 3);
        struct stat st;

        (void)state;
        end(&f, l);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(truncate(path, st.st_size - 5), 0);
        l = start(&f, 1);
        assert_int_equal(f.damaged, 1);
        assert_int_equal(count(l), 3); /* two of three, and the new one */
        end(&f, l);
        l = start(&f, 0); /* the tear is no longer there, and no line was written behind it */
        assert_int_equal(f.damaged, 0);
        assert_int_equal(count(l), 3);
        end(&f, l);
}

static void test_damage_in_the_middle(void **state)
{
        struct event_file f;
        struct event_log *l = start(&f, 5);
        json_t *j;

        (void)state;
        int fd = open(path, O_RDWR);
        assert_int_equal(pwrite(fd, "#", 1, f.size / 2), 1);
        close(fd);
        end(&f, l);
        l = start(&f, 0);
        assert_int_equal(f.damaged, 1);
        assert_int_equal(count(l), 4);
        j = event_log_json(l, 0);
        assert_int_equal(json_array_size(json_object_get(j, "events")), 4);
        assert_true(json_is_true(json_object_get(j, "lost")));
        json_decref(j);
        end(&f, l);
}

static void test_what_is_no_file(void **state)
{
        struct event_file f;

        (void)state;
        assert_int_equal(mkfifo(path, 0600), 0);
        struct event_log *l = start(&f, 2); /* replaced */
        end(&f, l);
        l = start(&f, 0);
        assert_int_equal(count(l), 2);
        end(&f, l);
        int fd = open(path, O_WRONLY | O_TRUNC);
        for (int i = 0; i < 5000; i++) /* somebody else's */
                assert_int_equal(write(fd, "\0\xff garbage\n", 11), 11);
        close(fd);
        l = start(&f, 1);
        assert_int_equal(count(l), 1);
        end(&f, l);
}

static void test_it_is_bounded(void **state)
{
        struct event_file f;
        struct event_log *l = start(&f, 1);
        uint64_t written = event_log_last(l);
        struct stat st;

        (void)state;
        for (int i = 0; i < 40; i++) {
                add(l, 100);
                assert_int_equal(event_file_append(&f, l, &written), 0);
                assert_true(f.lines < EVENT_FILE_LINES_MAX + 100);
        }
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, f.size);
        end(&f, l);
        l = start(&f, 0);
        assert_int_equal(count(l), EVENT_LOG_SIZE);
        assert_int_equal(event_log_last(l), 4001);
        end(&f, l);
}

/* A write that ends in the middle of a line, as on a full disk. */
static void test_a_full_disk(void **state)
{
        struct event_file f;
        struct event_log *l = start(&f, 3);
        uint64_t written = event_log_last(l);
        struct rlimit before, tight;
        struct stat st;

        (void)state;
        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        tight = before;
        tight.rlim_cur = (rlim_t)f.size + 100;
        add(l, 2);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
        int r = event_file_append(&f, l, &written), again = event_file_append(&f, l, &written);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(r, -EFBIG);
        assert_int_equal(again, -EFBIG);
        assert_int_equal(written, 3);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, f.size); /* nothing of it is left */
        assert_int_equal(event_file_append(&f, l, &written), 0);
        end(&f, l);
        l = start(&f, 0);
        assert_int_equal(f.damaged, 0);
        assert_int_equal(count(l), 5);
        end(&f, l);
}

static atomic_int told;
static void on_told(void *userdata, const char *sentence)
{
        (void)sentence;
        told++;
        add(userdata, 1);
}

/* The writer's thread on a directory that comes later: told once, nobody waits, and all is kept in the end. */
static void test_the_writer(void **state)
{
        struct event_log *l = event_log_new();
        struct event_writer *w;
        struct event_file f;
        char sub[80];
        struct timespec tick = {.tv_nsec = 20000000};

        (void)state;
        snprintf(sub, sizeof sub, "%s/later", folder);
        assert_int_equal(event_writer_open(l, sub, &w), 0);
        assert_int_equal(event_writer_run(w, on_told, l), 0);
        add(l, 4);
        for (int i = 0; i < 500 && told == 0; i++)
                nanosleep(&tick, NULL);
        assert_int_equal(told, 1);
        assert_int_equal(mkdir(sub, 0700), 0);
        event_log_stop(l); /* hamon ends: one more attempt */
        event_writer_close(w);
        assert_int_equal(told, 1);
        event_log_free(l);
        l = event_log_new();
        event_file_load(&f, sub, l);
        assert_int_equal(count(l), 5);
        end(&f, l);
        snprintf(sub, sizeof sub, "%s/later/events", folder);
        assert_int_equal(unlink(sub), 0);
        snprintf(sub, sizeof sub, "%s/later", folder);
        assert_int_equal(rmdir(sub), 0);
}

/* Each start reads all of it, and a primary's hamon must be back soon: what a start costs is printed, and bounded generously. */
static void test_a_start_is_short(void **state)
{
        struct event_file f;
        struct event_log *l = start(&f, EVENT_LOG_SIZE);
        uint64_t written = event_log_last(l);
        struct timespec begin, finish;

        (void)state;
        add(l, EVENT_FILE_LINES_MAX - EVENT_LOG_SIZE);
        assert_int_equal(event_file_append(&f, l, &written), 0);
        end(&f, l);
        clock_gettime(CLOCK_MONOTONIC, &begin);
        l = start(&f, 0);
        clock_gettime(CLOCK_MONOTONIC, &finish);
        long ms = (finish.tv_sec - begin.tv_sec) * 1000 + (finish.tv_nsec - begin.tv_nsec) / 1000000;
        print_message("reading %u lines took %ld ms\n", f.lines, ms);
        assert_int_equal(f.lines, EVENT_FILE_LINES_MAX);
        assert_true(ms < 2000);
        end(&f, l);
}

#define WITH_FOLDER(t) cmocka_unit_test_setup_teardown(t, make_folder, remove_folder)

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_a_line),     WITH_FOLDER(test_over_a_restart),  WITH_FOLDER(test_a_torn_end), WITH_FOLDER(test_damage_in_the_middle),
            WITH_FOLDER(test_what_is_no_file), WITH_FOLDER(test_it_is_bounded), WITH_FOLDER(test_a_full_disk), WITH_FOLDER(test_the_writer),
            WITH_FOLDER(test_a_start_is_short),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
