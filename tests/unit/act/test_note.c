/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The note peer_attached: only a file that says "clear" is clear. */
#include "tests/unit/cmocka_all.h"

#include "base/statefile.h"
#include "hamon/act/note.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static char folder[] = "/tmp/test-note-XXXXXX", path[64];

static void expect(int error, bool set)
{
        bool noted = !set;
        assert_int_equal(note_read(path, &noted), error);
        assert_int_equal(noted, set);
}

static void set_and_cleared(void **state)
{
        (void)state;
        for (int i = 0; i < 2; i++) {
                assert_int_equal(note_set(path), 0);
                expect(0, true);
                assert_int_equal(note_clear(path), 0);
                expect(0, false);
                assert_int_equal(note_clear(path), 0);
                expect(0, false);
        }
}

/* Nobody knows what it said. */
static void gone_is_set(void **state)
{
        (void)state;
        assert_int_equal(note_clear(path), 0);
        assert_int_equal(unlink(path), 0);
        expect(-ENOENT, true);
}

static void anything_else_is_set(void **state)
{
        (void)state;
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, "clear\n", 6), 6);
        close(fd);
        expect(-EBADMSG, true);
        assert_int_equal(statefile_write(path, "somebody-else", 1, "clear\n", 6), 0);
        expect(-EBADMSG, true);
        assert_int_equal(statefile_write(path, "hamon-act-note", 2, "clear\n", 6), 0);
        expect(-EPROTO, true);
        assert_int_equal(statefile_write(path, "hamon-act-note", 1, "clea\n", 5), 0);
        expect(0, true);
        assert_int_equal(statefile_write(path, "hamon-act-note", 1, "clear\n\n", 7), 0);
        expect(0, true);
}

/* No space to say "clear": then it says nothing, and nothing waits for space. */
static void cleared_on_a_full_disk(void **state)
{
        char filler[80], block[4096] = "";

        (void)state;
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("none", folder, "tmpfs", 0, "size=16k") < 0) {
                print_message("a small file system cannot be mounted (%s)\n", strerror(errno));
                skip();
        }
        assert_int_equal(note_set(path), 0);
        (void)snprintf(filler, sizeof filler, "%s/filler", folder);
        int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        while (write(fd, block, sizeof block) > 0)
                ;
        assert_int_equal(errno, ENOSPC);
        close(fd);
        assert_int_equal(note_clear(path), 0);
        expect(-ENOENT, true);
        assert_int_equal(umount(folder), 0);
}

static int make_folder(void **state)
{
        (void)state;
        if (!mkdtemp(folder))
                return -1;
        (void)snprintf(path, sizeof path, "%s/data.note", folder);
        return 0;
}

static int remove_folder(void **state)
{
        (void)state;
        (void)unlink(path);
        return rmdir(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(set_and_cleared),
                cmocka_unit_test(gone_is_set),
                cmocka_unit_test(anything_else_is_set),
                cmocka_unit_test(cleared_on_a_full_disk),
        };
        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
