/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Digests of a leg in a file, and the window of an array in a sysfs made of files. */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/digest.h"
#include "hamon/act/hold.h"
#include "hamon/act/leg.h"
#include "hamon/act/md_super.h"

#include "fixtures.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEMBER = 1 << 20, SECTOR = 512 };

static char folder[] = "/tmp/digest-XXXXXX", disk[64];
static struct md_super super;
static struct uuid uuid;

static int make(void **state)
{
        struct leg_header h;
        struct trouble t;

        (void)state;
        assert_non_null(mkdtemp(folder));
        (void)snprintf(disk, sizeof disk, "%s/disk", folder);
        assert_int_equal(md_super_decode(fixture_super, sizeof fixture_super, &super), 0);
        int fd = open(disk, O_RDWR | O_CREAT, 0600);
        assert_int_equal(ftruncate(fd, (off_t)(MEMBER + (super.data_offset_sectors + super.size_sectors) * SECTOR + MEMBER)), 0);
        assert_int_equal(leg_create(disk, "demo", "data", &uuid, false, &h, &t), 0);
        uuid = h.uuid;
        assert_int_equal(pwrite(fd, fixture_super, sizeof fixture_super, MEMBER + MD_SUPER_OFFSET), sizeof fixture_super);
        assert_int_equal(fsync(fd), 0);
        close(fd);
        return 0;
}

static int clean(void **state)
{
        (void)state;
        (void)unlink(disk);
        (void)rmdir(folder);
        return 0;
}

static int ask(const char *mirror, const struct verify_ask *a, struct verify_answer *ret)
{
        const struct digest_leg leg = {.disk = disk, .cluster = "demo", .mirror = mirror};
        struct trouble t = {""};

        *ret = (struct verify_answer){.error = 0};
        int r = digest_blocks(&leg, a, ret, &t);
        assert_true(r == 0 || *t.text);
        return r;
}

static void put(uint64_t at, char c)
{
        int fd = open(disk, O_RDWR);

        assert_int_equal(pwrite(fd, &c, 1, (off_t)(MEMBER + super.data_offset_sectors * SECTOR + at)), 1);
        assert_int_equal(fsync(fd), 0);
        close(fd);
}

static void a_digest_is_of_the_arrays_bytes(void **state)
{
        struct verify_ask a = {.asked = ASK_DIGESTS, .leg = uuid, .key = {7}, .block_bytes = 4096, .count = 3};
        struct verify_answer before, after;
        uint8_t zeros[4096] = {0}, expected[DIGEST_BYTES];

        (void)state;
        assert_int_equal(ask("data", &a, &before), 0);
        assert_int_equal(before.size_bytes, super.size_sectors * SECTOR);
        assert_int_equal(before.count, 3);
        assert_int_equal(gnutls_hmac_fast(GNUTLS_MAC_SHA256, a.key, sizeof a.key, zeros, sizeof zeros, expected), 0);
        assert_memory_equal(before.digest[0], expected, DIGEST_BYTES);
        put(4096 + 5, 'x'); /* in the second block alone */
        assert_int_equal(ask("data", &a, &after), 0);
        assert_memory_equal(after.digest[0], before.digest[0], DIGEST_BYTES);
        assert_memory_not_equal(after.digest[1], before.digest[1], DIGEST_BYTES);
        assert_memory_equal(after.digest[2], before.digest[2], DIGEST_BYTES);
        put(4096 + 5, 0);
        a.key[0] = 8; /* another run's key: nothing can be compared with what was seen before */
        assert_int_equal(ask("data", &a, &after), 0);
        assert_memory_not_equal(after.digest[0], before.digest[0], DIGEST_BYTES);
}

static void the_end_of_the_array(void **state)
{
        uint64_t size = super.size_sectors * SECTOR;
        struct verify_ask a = {.asked = ASK_DIGESTS, .leg = uuid, .block_bytes = 65536, .count = 64, .offset_bytes = (size - 65536 - 4096) / 4096 * 4096};
        struct verify_answer x, y;

        (void)state;
        assert_int_equal(ask("data", &a, &x), 0);
        assert_int_equal(x.count, 2);
        put(size - 1, 'x'); /* the last byte counts */
        assert_int_equal(ask("data", &a, &y), 0);
        assert_memory_not_equal(x.digest[1], y.digest[1], DIGEST_BYTES);
        put(size - 1, 0);
        put(size, 'x'); /* what is behind it does not */
        assert_int_equal(ask("data", &a, &y), 0);
        assert_memory_equal(x.digest[1], y.digest[1], DIGEST_BYTES);
        a.offset_bytes = (size + 4095) / 4096 * 4096;
        assert_int_equal(ask("data", &a, &x), -ERANGE);
        a.count = 0;
        assert_int_equal(ask("data", &a, &x), 0);
        assert_int_equal(x.size_bytes, size);
}

static void only_the_leg_that_is_meant(void **state)
{
        struct verify_ask a = {.asked = ASK_DIGESTS, .leg = {{1}}, .block_bytes = 4096, .count = 1};
        struct verify_answer x;

        (void)state;
        assert_int_equal(ask("data", &a, &x), -ESTALE);
        a.leg = uuid;
        assert_int_equal(ask("other", &a, &x), -EREMOTE);
        assert_int_equal(x.count, 0);
        int fd = open(disk, O_RDWR);
        assert_int_equal(pwrite(fd, "x", 1, MEMBER + MD_SUPER_OFFSET), 1);
        assert_int_equal(ask("data", &a, &x), -EBADMSG);
        assert_int_equal(pwrite(fd, fixture_super, 1, MEMBER + MD_SUPER_OFFSET), 1);
        close(fd);
}

static void what_is_on_the_disk(void **state)
{
        struct digest_leg leg = {.disk = disk, .cluster = "demo", .mirror = "data"};
        struct verify_answer a = {.error = 0};
        struct trouble t = {""};

        (void)state;
        assert_int_equal(digest_look_at_disk(&leg, &a, &t), 0);
        assert_string_equal(a.holds, "a leg of this mirror");
        assert_int_equal(a.needs_bytes, (super.data_offset_sectors + super.size_sectors) * SECTOR);
        assert_int_equal(a.room_bytes, (a.disk_bytes - MEMBER) / MEMBER * MEMBER); /* whole MiB behind the header */
        leg.mirror = "other";
        a = (struct verify_answer){.error = 0};
        assert_int_equal(digest_look_at_disk(&leg, &a, &t), 0);
        assert_string_equal(a.holds, "a leg of mirror data of cluster demo");
        assert_int_equal(a.needs_bytes, 0);
        char other[64];
        (void)snprintf(other, sizeof other, "%s/other", folder);
        int fd = open(other, O_RDWR | O_CREAT, 0600);
        assert_int_equal(ftruncate(fd, 16 * MEMBER), 0);
        leg.disk = other;
        assert_int_equal(digest_look_at_disk(&leg, &a, &t), 0);
        assert_string_equal(a.holds, "nothing");
        assert_int_equal(pwrite(fd, "x", 1, 16 * MEMBER - 600), 1); /* where a GPT has its second copy */
        assert_int_equal(fsync(fd), 0);
        assert_int_equal(digest_look_at_disk(&leg, &a, &t), 0);
        assert_string_equal(a.holds, "something else");
        close(fd);
        assert_int_equal(unlink(other), 0);
        assert_int_equal(digest_look_at_disk(&leg, &a, &t), -ENOENT);
        assert_non_null(strstr(t.text, "cannot open disk"));
}

static char sysfs[] = "/tmp/hold-XXXXXX";

static void attribute(const char *name, char ret[32])
{
        char path[128];

        (void)snprintf(path, sizeof path, "%s/block/md100/md/%s", sysfs, name);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        ret[fread(ret, 1, 31, f)] = '\0';
        fclose(f);
}

static void a_window_is_set_and_ended(void **state)
{
        static const char *const folders[] = {"", "/block", "/block/md100", "/block/md100/md"};
        char path[128], text[32];

        (void)state;
        assert_non_null(mkdtemp(sysfs));
        assert_false(hold_is_set(sysfs, "md100"));
        assert_int_equal(hold_begin(sysfs, "md100", 65536, 65536), -ENOENT); /* no array runs */
        for (unsigned i = 1; i < 4; i++) {
                (void)snprintf(path, sizeof path, "%s%s", sysfs, folders[i]);
                assert_int_equal(mkdir(path, 0700), 0);
        }
        for (unsigned i = 0; i < 2; i++) {
                (void)snprintf(path, sizeof path, "%s/block/md100/md/%s", sysfs, i ? "suspend_hi" : "suspend_lo");
                FILE *f = fopen(path, "w");
                fputs("0\n", f);
                fclose(f);
        }
        assert_false(hold_is_set(sysfs, "md100"));
        assert_int_equal(hold_begin(sysfs, "md100", 65536, 65536), 0);
        attribute("suspend_lo", text);
        assert_int_equal(strtoul(text, NULL, 10), 128);
        attribute("suspend_hi", text);
        assert_int_equal(strtoul(text, NULL, 10), 256);
        assert_true(hold_is_set(sysfs, "md100"));
        assert_int_equal(hold_begin(sysfs, "md100", 0, 4096), -EBUSY); /* somebody else's stays */
        assert_int_equal(hold_end(sysfs, "md100"), 0);
        attribute("suspend_hi", text);
        assert_int_equal(text[0], '0');
        for (unsigned i = 0; i < 2; i++) {
                (void)snprintf(path, sizeof path, "%s/block/md100/md/%s", sysfs, i ? "suspend_hi" : "suspend_lo");
                assert_int_equal(unlink(path), 0);
        }
        for (unsigned i = 4; i-- > 0;) {
                (void)snprintf(path, sizeof path, "%s%s", sysfs, folders[i]);
                assert_int_equal(rmdir(path), 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_digest_is_of_the_arrays_bytes),
            cmocka_unit_test(the_end_of_the_array),
            cmocka_unit_test(only_the_leg_that_is_meant),
            cmocka_unit_test(what_is_on_the_disk),
            cmocka_unit_test(a_window_is_set_and_ended),
        };
        return cmocka_run_group_tests(tests, make, clean);
}
