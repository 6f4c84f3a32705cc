/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/statefile.h"
#include "tests/unit/cmocka_all.h"

static char folder[64], path[96];

static int setup(void **state)
{
        (void)state;
        unsetenv("NBDD_FAULT_STATEFILE");
        snprintf(folder, sizeof folder, "/tmp/test_statefile.XXXXXX");
        if (!mkdtemp(folder))
                return -1;
        snprintf(path, sizeof path, "%s/exports", folder);
        return 0;
}

static unsigned count_files(void)
{
        unsigned n = 0;
        DIR *d = opendir(folder);

        for (struct dirent *e; (e = readdir(d));)
                n += e->d_name[0] != '.' || strlen(e->d_name) > 2 ? 1u : 0u;
        closedir(d);
        return n;
}

static int teardown(void **state)
{
        char command[128];

        (void)state;
        unsetenv("NBDD_FAULT_STATEFILE");
        snprintf(command, sizeof command, "rm -rf '%s'", folder);
        return system(command);
}

/* Expects the content, owner "nbdd". */
static void assert_content(const char *content, size_t size, unsigned version)
{
        unsigned got_version = 0;
        char *payload = NULL;
        size_t got_size = 0;

        assert_int_equal(statefile_read(path, "nbdd", 9, &got_version, &payload, &got_size), 0);
        assert_int_equal(got_version, version);
        assert_int_equal(got_size, size);
        assert_memory_equal(payload, content, size);
        assert_int_equal(payload[size], '\0');
        free(payload);
}

static int read_error(const char *owner, unsigned max_version)
{
        unsigned version = 4711;
        char *payload = (char *)&version;
        size_t size = 4711;

        int r = statefile_read(path, owner, max_version, &version, &payload, &size);
        if (r < 0) { /* outputs are set only on success */
                assert_int_equal(version, 4711);
                assert_ptr_equal(payload, &version);
                assert_int_equal(size, 4711);
        } else
                free(payload);
        return r;
}

static size_t slurp(char *ret, size_t size)
{
        int fd = open(path, O_RDONLY);
        ssize_t n = read(fd, ret, size);

        close(fd);
        assert_true(n >= 0);
        return (size_t)n;
}

static void spit(const char *text, size_t size)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, size), size);
        close(fd);
}

static void test_write_then_read(void **state)
{
        struct stat st;

        (void)state;
        assert_int_equal(statefile_write(path, "nbdd", 3, "hello\0world", 11), 0);
        assert_content("hello\0world", 11, 3);
        assert_int_equal(statefile_write(path, "nbdd", 4, "", 0), 0);
        assert_content("", 0, 4);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(count_files(), 1);
}

static void test_missing(void **state)
{
        (void)state;
        assert_int_equal(read_error("nbdd", 9), -ENOENT);
        snprintf(path, sizeof path, "%s/no/such", folder);
        assert_int_equal(read_error("nbdd", 9), -ENOENT);
        assert_int_equal(statefile_write(path, "nbdd", 1, "x", 1), -ENOENT);
        assert_int_equal(statefile_remove(path), 0);
}

static void test_size_limit(void **state)
{
        char *big = calloc(1, STATEFILE_PAYLOAD_MAX + 1);

        (void)state;
        assert_int_equal(statefile_write(path, "nbdd", 1, big, STATEFILE_PAYLOAD_MAX), 0);
        assert_content(big, STATEFILE_PAYLOAD_MAX, 1);
        assert_int_equal(statefile_write(path, "nbdd", 1, big, STATEFILE_PAYLOAD_MAX + 1), -EFBIG);
        assert_content(big, STATEFILE_PAYLOAD_MAX, 1);
        free(big);
}

static void test_torn_at_every_length(void **state)
{
        static const char payload[] = "[export 0x12345678]\ndevice = /dev/sdb2\n";
        char whole[512];

        (void)state;
        assert_int_equal(statefile_write(path, "nbdd", 1, payload, sizeof payload - 1), 0);
        size_t size = slurp(whole, sizeof whole);
        assert_true(size > sizeof payload);
        for (size_t cut = 0; cut < size; cut++) {
                spit(whole, cut);
                assert_int_equal(read_error("nbdd", 9), -EBADMSG);
                /* the reader leaves the evidence alone */
                char after[512];
                assert_int_equal(slurp(after, sizeof after), cut);
        }
        spit(whole, size);
        assert_content(payload, sizeof payload - 1, 1);
        whole[size] = 'x';
        spit(whole, size + 1);
        assert_int_equal(read_error("nbdd", 9), -EBADMSG);
}

static void test_every_flipped_bit_is_seen(void **state)
{
        char whole[512];

        (void)state;
        assert_int_equal(statefile_write(path, "nbdd", 1, "payload", 7), 0);
        size_t size = slurp(whole, sizeof whole);
        for (size_t bit = 0; bit < size * 8; bit++) {
                whole[bit / 8] = (char)(whole[bit / 8] ^ (1 << bit % 8));
                spit(whole, size);
                assert_int_equal(read_error("nbdd", 9), -EBADMSG);
                whole[bit / 8] = (char)(whole[bit / 8] ^ (1 << bit % 8));
        }
        spit(whole, size);
        assert_content("payload", 7, 1);
}

static void test_zeroed_tail_is_torn(void **state)
{
        char whole[512];

        (void)state;
        assert_int_equal(statefile_write(path, "nbdd", 1, "payload-payload", 15), 0);
        size_t size = slurp(whole, sizeof whole);
        memset(whole + size - 8, 0, 8);
        spit(whole, size);
        assert_int_equal(read_error("nbdd", 9), -EBADMSG);
        memset(whole, 0, size);
        spit(whole, size);
        assert_int_equal(read_error("nbdd", 9), -EBADMSG);
}

static void test_newer_version_and_foreign_owner(void **state)
{
        (void)state;
        assert_int_equal(statefile_write(path, "nbdd", 3, "x", 1), 0);
        assert_int_equal(read_error("nbdd", 2), -EPROTO);
        assert_int_equal(read_error("nbdd", 3), 0);
        assert_int_equal(read_error("hamon", 3), -EBADMSG);
        assert_int_equal(read_error("hamon", 2), -EBADMSG); /* foreign comes first: its version says nothing */
}

static void test_not_a_file(void **state)
{
        char big[1 << 12] = {0};

        (void)state;
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(read_error("nbdd", 9), -EBADMSG);
        assert_int_equal(statefile_write(path, "nbdd", 1, "x", 1), -EISDIR);
        assert_int_equal(count_files(), 1); /* no temporary file stays */
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(read_error("nbdd", 9), -EBADMSG);
        assert_int_equal(unlink(path), 0);
        spit(big, sizeof big);
        assert_int_equal(truncate(path, (off_t)STATEFILE_PAYLOAD_MAX * 4), 0);
        assert_int_equal(read_error("nbdd", 9), -EBADMSG);
}

static void test_leftover_temporary_and_planted_link(void **state)
{
        char temporary[128], victim[128], text[16] = {0};

        (void)state;
        snprintf(temporary, sizeof temporary, "%s/.exports.tmp", folder);
        snprintf(victim, sizeof victim, "%s/victim", folder);
        int fd = open(victim, O_WRONLY | O_CREAT, 0600);
        assert_int_equal(write(fd, "keep", 4), 4);
        close(fd);
        assert_int_equal(symlink(victim, temporary), 0);
        assert_int_equal(statefile_write(path, "nbdd", 1, "new", 3), 0);
        assert_content("new", 3, 1);
        fd = open(victim, O_RDONLY);
        assert_int_equal(read(fd, text, sizeof text), 4);
        close(fd);
        assert_string_equal(text, "keep");
}

/* Each step fails once; the old content is whole before the rename, and a retry succeeds. */
static void test_fault_at_each_step(void **state)
{
        static const struct {
                const char *fault;
                const char *after;
        } cases[] = {
            {"open:1", "old"}, {"write:1", "old"}, {"fsync:1", "old"}, {"rename:1", "old"}, {"dirsync:1", "new"},
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                assert_int_equal(statefile_write(path, "nbdd", 1, "old", 3), 0);
                setenv("NBDD_FAULT_STATEFILE", cases[i].fault, 1);
                assert_int_equal(statefile_write(path, "nbdd", 1, "new", 3), -EIO);
                assert_content(cases[i].after, 3, 1);
                assert_int_equal(count_files(), 1);
                assert_int_equal(statefile_write(path, "nbdd", 1, "new", 3), 0); /* the countdown is spent */
                assert_content("new", 3, 1);
                unsetenv("NBDD_FAULT_STATEFILE");
        }
}

static void test_fault_counts_down(void **state)
{
        (void)state;
        setenv("NBDD_FAULT_STATEFILE", "fsync:3", 1);
        assert_int_equal(statefile_write(path, "nbdd", 1, "1", 1), 0);
        assert_int_equal(statefile_write(path, "nbdd", 1, "2", 1), 0);
        assert_int_equal(statefile_write(path, "nbdd", 1, "3", 1), -EIO);
        assert_content("2", 1, 1);
        assert_int_equal(statefile_write(path, "nbdd", 1, "4", 1), 0);
        setenv("NBDD_FAULT_STATEFILE", "nonsense", 1);
        assert_int_equal(statefile_write(path, "nbdd", 1, "5", 1), 0);
}

static void test_remove(void **state)
{
        (void)state;
        assert_int_equal(statefile_write(path, "nbdd", 1, "x", 1), 0);
        setenv("NBDD_FAULT_STATEFILE", "dirsync:1", 1);
        assert_int_equal(statefile_remove(path), -EIO);
        assert_int_equal(statefile_remove(path), 0); /* gone already: synced again */
        assert_int_equal(count_files(), 0);
        assert_int_equal(read_error("nbdd", 9), -ENOENT);
        assert_int_equal(statefile_remove(path), 0);
}

/* What is read is durable: a writer that died between rename and flush has left what a power cut might take back. */
static void test_read_settles(void **state)
{
        (void)state;
        assert_int_equal(statefile_write(path, "nbdd", 1, "x", 1), 0);
        setenv("NBDD_FAULT_STATEFILE", "settle:1", 1);
        assert_int_equal(read_error("nbdd", 9), -EIO);
        assert_content("x", 1, 1);
        assert_int_equal(statefile_remove(path), 0);
        setenv("NBDD_FAULT_STATEFILE", "settle:2", 1);
        assert_int_equal(read_error("nbdd", 9), -ENOENT);
        assert_int_equal(read_error("nbdd", 9), -EIO); /* gone, and it is not known whether for good */
        setenv("NBDD_FAULT_STATEFILE", "settle:01", 1); /* another text: counted anew */
        unsigned version;
        char *payload;
        size_t size;
        assert_int_equal(statefile_peek(path, "nbdd", 9, &version, &payload, &size), -ENOENT);
        assert_int_equal(read_error("nbdd", 9), -EIO);
        assert_int_equal(statefile_read("/nowhere/at/all", "nbdd", 9, &version, &payload, &size), -ENOENT);
}

static void test_path_without_folder(void **state)
{
        char here[256];

        (void)state;
        assert_non_null(getcwd(here, sizeof here));
        assert_int_equal(chdir(folder), 0);
        assert_int_equal(statefile_write("exports", "nbdd", 1, "x", 1), 0);
        assert_int_equal(chdir(here), 0);
        assert_content("x", 1, 1);
        assert_int_equal(statefile_write("/tmp/", "nbdd", 1, "x", 1), -EISDIR);
}

static void test_explain_names_file_and_remedy(void **state)
{
        char text[256];

        (void)state;
        statefile_explain("/var/lib/nbdd/exports", -EBADMSG, text, sizeof text);
        assert_non_null(strstr(text, "\"/var/lib/nbdd/exports\""));
        assert_non_null(strstr(text, "restore"));
        statefile_explain("/f", -EPROTO, text, sizeof text);
        assert_non_null(strstr(text, "newer version"));
        statefile_explain("/f", -ENOSPC, text, sizeof text);
        assert_non_null(strstr(text, "no space"));
        statefile_explain("/f", -EIO, text, sizeof text);
        assert_non_null(strstr(text, strerror(EIO)));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
            T(test_write_then_read),
            T(test_missing),
            T(test_size_limit),
            T(test_torn_at_every_length),
            T(test_every_flipped_bit_is_seen),
            T(test_zeroed_tail_is_torn),
            T(test_newer_version_and_foreign_owner),
            T(test_not_a_file),
            T(test_leftover_temporary_and_planted_link),
            T(test_fault_at_each_step),
            T(test_fault_counts_down),
            T(test_remove),
            T(test_read_settles),
            T(test_path_without_folder),
            T(test_explain_names_file_and_remedy),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
