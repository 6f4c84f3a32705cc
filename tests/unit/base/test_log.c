/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/cmocka_all.h"

/* stderr is a temporary file during each test. */
static int saved_stderr = -1, captured = -1;

static int setup(void **state)
{
        char path[] = "/tmp/test_log.XXXXXX";

        (void)state;
        captured = mkstemp(path);
        unlink(path);
        saved_stderr = dup(STDERR_FILENO);
        return captured < 0 || dup2(captured, STDERR_FILENO) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
        (void)state;
        dup2(saved_stderr, STDERR_FILENO);
        close(saved_stderr);
        close(captured);
        unsetenv("JOURNAL_STREAM");
        return 0;
}

static const char *lines(void)
{
        static char text[8192];
        ssize_t n = pread(captured, text, sizeof text - 1, 0);

        text[n > 0 ? n : 0] = '\0';
        return text;
}

static void test_levels_and_prefix(void **state)
{
        (void)state;
        log_init("prog", LOG_LEVEL_INFO);
        log_info("one %d", 1);
        log_debug("not shown");
        errno = ENOSPC;
        log_error("[disk-full] cannot write: %m");
        assert_int_equal(errno, ENOSPC);
        assert_string_equal(lines(), "prog: one 1\nprog: [disk-full] cannot write: No space left on device\n");
}

static void test_nobody_forges_a_line(void **state)
{
        (void)state;
        log_init("prog", LOG_LEVEL_INFO);
        log_warning("name \"%s\"", "x\nprog: all is well\033[2J");
        log_warning("name \"%s\"", "\xc3\xa4\xff\xc2\x9b");
        assert_string_equal(lines(), "prog: name \"x prog: all is well?[2J\"\nprog: name \"\xc3\xa4???\"\n");
}

static void test_long_line_is_cut(void **state)
{
        char text[5000];

        (void)state;
        memset(text, 'a', sizeof text);
        text[sizeof text - 1] = '\0';
        log_init("prog", LOG_LEVEL_INFO);
        log_info("%s", text);
        log_info("next");
        const char *cut = strstr(lines(), "...\nprog: next\n");
        assert_non_null(cut);
}

static void test_priority_for_the_journal(void **state)
{
        char stream[64];
        struct stat st;

        (void)state;
        assert_int_equal(fstat(STDERR_FILENO, &st), 0);
        snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
        setenv("JOURNAL_STREAM", stream, 1);
        log_init("prog", LOG_LEVEL_DEBUG);
        log_error("bad");
        log_debug("detail");
        assert_string_equal(lines(), "<3>prog: bad\n<7>prog: detail\n");
}

static void test_a_journal_that_hangs_holds_nobody_up(void **state)
{
        char stream[64];
        struct stat st;
        int fds[2];

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        dup2(fds[0], STDERR_FILENO);
        assert_int_equal(fstat(STDERR_FILENO, &st), 0);
        snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
        setenv("JOURNAL_STREAM", stream, 1);
        log_init("prog", LOG_LEVEL_INFO);
        alarm(30); /* ends a test that hangs */
        for (unsigned i = 0; i < 20000; i++)
                log_error("nobody reads this line %u", i);
        alarm(0);
        close(fds[0]);
        close(fds[1]);
}

static void test_redirected_stderr_is_not_the_journal(void **state)
{
        (void)state;
        setenv("JOURNAL_STREAM", "1:2", 1);
        log_init("prog", LOG_LEVEL_INFO);
        log_notice("plain");
        assert_string_equal(lines(), "prog: plain\n");
}

static void test_fields_go_to_the_journal_alone(void **state)
{
        static const struct log_field fields[] = {{"MESSAGE_ID", "00ff"}, {"HAMON_MIRROR", ""}, {"HAMON_NODE", "b\nPRIORITY=0"}};
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        char got[4096] = "", stream[64], folder[] = "/tmp/test_log.XXXXXX";
        struct stat st;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        (void)state;
        assert_non_null(mkdtemp(folder));
        snprintf(at.sun_path, sizeof at.sun_path, "%s/journal", folder);
        assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
        setenv("NBDD_JOURNAL_SOCKET", at.sun_path, 1);
        assert_int_equal(fstat(STDERR_FILENO, &st), 0);
        snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
        setenv("JOURNAL_STREAM", stream, 1);
        log_init("prog", LOG_LEVEL_INFO);
        log_write_fields(LOG_LEVEL_DEBUG, "not shown", fields, 3);
        log_write_fields(LOG_LEVEL_WARNING, "[frozen] data\nPRIORITY=0", fields, 3);
        assert_true(recv(fd, got, sizeof got - 1, MSG_DONTWAIT) > 0);
        assert_string_equal(got, "MESSAGE=prog: [frozen] data?PRIORITY=0\nPRIORITY=4\nSYSLOG_IDENTIFIER=prog\nMESSAGE_ID=00ff\nHAMON_NODE=b?PRIORITY=0\n");
        assert_true(recv(fd, got, sizeof got - 1, MSG_DONTWAIT) < 0);
        assert_string_equal(lines(), "");
        /* A journal that is gone, and a stderr that is none: the line alone. */
        (void)close(fd);
        (void)unlink(at.sun_path);
        log_write_fields(LOG_LEVEL_WARNING, "one", fields, 3);
        unsetenv("JOURNAL_STREAM");
        log_init("prog", LOG_LEVEL_INFO);
        log_write_fields(LOG_LEVEL_WARNING, "two", fields, 3);
        assert_string_equal(lines(), "<4>prog: one\nprog: two\n");
        unsetenv("NBDD_JOURNAL_SOCKET");
        (void)rmdir(folder);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
            T(test_levels_and_prefix),
            T(test_nobody_forges_a_line),
            T(test_long_line_is_cut),
            T(test_priority_for_the_journal),
            T(test_a_journal_that_hangs_holds_nobody_up),
            T(test_redirected_stderr_is_not_the_journal),
            T(test_fields_go_to_the_journal_alone),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
