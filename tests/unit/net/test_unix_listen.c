/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/unix_listen.h"
#include "tests/unit/cmocka_all.h"

static char folder[64], path[96];

static int setup(void **state)
{
        (void)state;
        snprintf(folder, sizeof folder, "/tmp/test_listen.XXXXXX");
        if (!mkdtemp(folder))
                return -1;
        snprintf(path, sizeof path, "%s/s", folder);
        return 0;
}

static int teardown(void **state)
{
        char command[128];

        (void)state;
        snprintf(command, sizeof command, "rm -rf '%s'", folder);
        return system(command);
}

static void test_mode_is_exact(void **state)
{
        static const mode_t modes[] = {0600, 0660, 0666};
        static const mode_t umasks[] = {0, 022, 077, 0777};
        struct stat st;

        (void)state;
        for (size_t m = 0; m < 3; m++)
                for (size_t u = 0; u < 4; u++) {
                        int fd = -1;
                        mode_t before = umask(umasks[u]);
                        int r = unix_listen(path, modes[m], 4, &fd);
                        umask(before);
                        assert_int_equal(r, 0);
                        assert_int_equal(lstat(path, &st), 0);
                        assert_int_equal(st.st_mode, S_IFSOCK | modes[m]);
                        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
                        close(fd);
                }
}

static void test_dead_socket_is_replaced_living_one_is_not(void **state)
{
        int first = -1, second = -1;

        (void)state;
        assert_int_equal(unix_listen(path, 0600, 4, &first), 0);
        assert_int_equal(unix_listen(path, 0600, 4, &second), -EADDRINUSE);
        assert_int_equal(second, -1);
        assert_int_equal(access(path, F_OK), 0);
        close(first);
        assert_int_equal(unix_listen(path, 0600, 4, &second), 0);
        close(second);
}

static void test_full_backlog_is_alive(void **state)
{
        int first = -1, second = -1;

        (void)state;
        assert_int_equal(unix_listen(path, 0600, 0, &first), 0);
        for (int i = 0; i < 3; i++) /* each probe itself takes a place in the queue */
                assert_int_equal(unix_listen(path, 0600, 4, &second), -EADDRINUSE);
        close(first);
}

static void test_other_files_are_kept(void **state)
{
        int fd = open(path, O_WRONLY | O_CREAT, 0600), listening = -1;

        (void)state;
        close(fd);
        assert_int_equal(unix_listen(path, 0600, 4, &listening), -EEXIST);
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("elsewhere", path), 0);
        assert_int_equal(unix_listen(path, 0600, 4, &listening), -EEXIST);
}

static void test_bad_paths(void **state)
{
        char longer[200];
        int fd = -1;

        (void)state;
        memset(longer, 'a', sizeof longer);
        longer[108] = '\0';
        assert_int_equal(unix_listen(longer, 0600, 4, &fd), -ENAMETOOLONG);
        assert_int_equal(unix_listen("", 0600, 4, &fd), -EINVAL);
        assert_int_equal(unix_listen("/nonexistent/folder/s", 0600, 4, &fd), -ENOENT);
        assert_int_equal(fd, -1);
}

static void test_only_the_own_file_is_removed(void **state)
{
        char aside[128];
        int first = -1, second = -1;

        (void)state;
        assert_int_equal(unix_listen(path, 0600, 4, &first), 0);
        struct unix_file file = unix_file_of(path);
        snprintf(aside, sizeof aside, "%s.aside", path); /* keeps its inode number from being used again */
        assert_int_equal(rename(path, aside), 0);
        assert_int_equal(unix_listen(path, 0600, 4, &second), 0);
        unix_file_remove(path, &file);
        assert_int_equal(access(path, F_OK), 0);
        file = unix_file_of(path);
        unix_file_remove(path, &file);
        assert_int_equal(access(path, F_OK), -1);
        unix_file_remove(path, &file); /* gone: nothing happens */
        close(first);
        close(second);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
            T(test_mode_is_exact),        T(test_dead_socket_is_replaced_living_one_is_not),
            T(test_full_backlog_is_alive), T(test_other_files_are_kept),
            T(test_bad_paths),            T(test_only_the_own_file_is_removed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
