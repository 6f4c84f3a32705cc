/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each release wrote is read by this one as the same thing, and this one's release folder holds what it writes: a format that changes without its
 * release being recorded anew, or without a reader for what is out there, is seen here.
 *
 *     RECORD=1 build/tests/unit/releases/test_recorded     write tests/releases/VERSION anew (only before that version is released)
 */
#include "tests/unit/cmocka_all.h"

#include "tests/unit/releases/recorded.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RELEASES "tests/releases"

static const struct recorded *const all[] = {recorded_messages, recorded_packets, recorded_state, recorded_disk, recorded_nbdd};

static char folder[] = "/tmp/nbdd-recorded-XXXXXX", written[64], again[64];

int recorded_put(const char *path, const void *bytes, size_t size)
{
        FILE *f = fopen(path, "we");
        if (!f)
                return -errno;
        size_t n = fwrite(bytes, 1, size, f);
        return fclose(f) == 0 && n == size ? 0 : -EIO;
}

int recorded_get(const char *path, uint8_t **ret_bytes, size_t *ret_size)
{
        FILE *f = fopen(path, "re");
        if (!f)
                return -errno;
        uint8_t *bytes = malloc((1 << 16) + 1);
        size_t n = bytes ? fread(bytes, 1, 1 << 16, f) : 0;
        (void)fclose(f);
        if (!bytes)
                return -ENOMEM;
        bytes[n] = 0;
        *ret_bytes = bytes;
        *ret_size = n;
        return 0;
}

static bool same(const char *a, const char *b)
{
        uint8_t *x, *y;
        size_t nx, ny;
        if (recorded_get(a, &x, &nx) < 0)
                return false;
        bool equal = recorded_get(b, &y, &ny) == 0;
        if (equal) {
                equal = nx == ny && memcmp(x, y, nx) == 0;
                free(y);
        }
        free(x);
        return equal;
}

static const struct recorded *find(const char *name)
{
        for (size_t t = 0; t < sizeof all / sizeof all[0]; t++)
                for (const struct recorded *r = all[t]; r->name; r++)
                        if (strcmp(r->name, name) == 0)
                                return r;
        return NULL;
}

static void this_release_writes_what_is_recorded(void **state)
{
        (void)state;
        char path[512];
        unsigned wrong = 0;
        if (getenv("RECORD"))
                (void)mkdir(RELEASES "/" NBDD_VERSION, 0755);
        for (size_t t = 0; t < sizeof all / sizeof all[0]; t++)
                for (const struct recorded *r = all[t]; r->name; r++) {
                        (void)snprintf(path, sizeof path, RELEASES "/" NBDD_VERSION "/%s", r->name);
                        if (getenv("RECORD"))
                                assert_int_equal(r->write(r->which, path), 0);
                        assert_int_equal(r->write(r->which, written), 0);
                        if (!same(written, path)) {
                                fprintf(stderr, "%s: this release writes something else (and if it must: RECORD=1, before the release)\n", path);
                                wrong++;
                        }
                }
        assert_int_equal(wrong, 0);
}

/* One file of one release. */
static bool is_read(const char *path, const char *name)
{
        const struct recorded *r = find(name);
        if (!r) {
                fprintf(stderr, "%s: nobody here reads that\n", path);
                return false;
        }
        assert_int_equal(r->write(r->which, written), 0);
        int e = r->rewrite(r->which, path, again);
        if (e < 0)
                fprintf(stderr, "%s: cannot be read: %s\n", path, strerror(-e));
        else if (!same(written, again))
                fprintf(stderr, "%s: is read as something else\n", path);
        return e == 0 && same(written, again);
}

static void each_release_is_read(void **state)
{
        (void)state;
        unsigned files = 0, releases = 0, wrong = 0;
        DIR *top = opendir(RELEASES);
        assert_non_null(top);
        for (const struct dirent *release; (release = readdir(top));) {
                char path[512];
                (void)snprintf(path, sizeof path, RELEASES "/%.100s", release->d_name);
                DIR *d = *release->d_name == '.' ? NULL : opendir(path);
                for (const struct dirent *file; d && (file = readdir(d));) {
                        if (*file->d_name == '.')
                                continue;
                        (void)snprintf(path, sizeof path, RELEASES "/%.100s/%.100s", release->d_name, file->d_name);
                        wrong += !is_read(path, file->d_name);
                        files++;
                }
                if (d)
                        (void)closedir(d);
                releases += d != NULL;
        }
        (void)closedir(top);
        printf("%u files of %u releases are read\n", files, releases);
        assert_int_equal(wrong, 0);
        assert_true(releases >= 1 && files >= 50);
}

static int begin(void **state)
{
        (void)state;
        if (!mkdtemp(folder))
                return -1;
        (void)snprintf(written, sizeof written, "%s/written", folder);
        (void)snprintf(again, sizeof again, "%s/again", folder);
        return 0;
}

static int end(void **state)
{
        (void)state;
        (void)unlink(written);
        (void)unlink(again);
        return rmdir(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(this_release_writes_what_is_recorded),
            cmocka_unit_test(each_release_is_read),
        };
        return cmocka_run_group_tests(tests, begin, end);
}
