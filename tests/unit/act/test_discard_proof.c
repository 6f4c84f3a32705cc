/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The proof of discards against disks of every kind: files, with a way to discard that does what such a disk would do. */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/direct_io.h"
#include "hamon/act/discard_proof.h"
#include "hamon/act/leg_header.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 512, DISK_BYTES = 1 << 20 };

static char path[] = "/tmp/test-discard-proof-XXXXXX";
static uint64_t granularity, calls, wrong_from;

static int punch(int fd, uint64_t from, uint64_t size)
{
        return size == 0 || fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)size) == 0 ? 0 : -errno;
}

/* Only whole pieces of `granularity`, as thin volumes do. */
static int inward(int fd, uint64_t from, uint64_t size)
{
        uint64_t first = (from + granularity - 1) / granularity * granularity, end = (from + size) / granularity * granularity;

        return end > first ? punch(fd, first, end - first) : 0;
}

static int outward(int fd, uint64_t from, uint64_t size)
{
        uint64_t first = from / granularity * granularity, end = (from + size + granularity - 1) / granularity * granularity;

        return punch(fd, first, end - first);
}

static int nothing(int fd, uint64_t from, uint64_t size)
{
        (void)fd, (void)from, (void)size;
        return 0;
}

static int ones(int fd, uint64_t from, uint64_t size)
{
        uint64_t whole = (size + DIRECT_BLOCK - 1) / DIRECT_BLOCK * DIRECT_BLOCK, at = from / DIRECT_BLOCK * DIRECT_BLOCK;
        uint8_t *bytes = malloc(whole);

        memset(bytes, 0xff, whole);
        int r = direct_write(fd, at, bytes, whole);
        free(bytes);
        return r;
}

/* Right until a certain call: of the first round, where what was written is still in the disk's cache, or of the second one. */
static int wrong_once(int fd, uint64_t from, uint64_t size)
{
        return ++calls == wrong_from ? 0 : punch(fd, from, size);
}

static int unsupported(int fd, uint64_t from, uint64_t size)
{
        (void)fd, (void)from, (void)size;
        return -EOPNOTSUPP;
}

static int broken(int fd, uint64_t from, uint64_t size)
{
        (void)fd, (void)from, (void)size;
        return -EIO;
}

static enum discard_proof prove(discard_way way)
{
        int fd = direct_open(path, true);

        assert_true(fd >= 0);
        calls = 0;
        enum discard_proof proof = discard_prove_way(fd, DISCARD_PROOF_OFFSET, BLOCK, way);
        close(fd);
        return proof;
}

static void a_disk_that_zeroes_exactly_is_proven(void **state)
{
        (void)state;
        assert_int_equal(prove(punch), DISCARD_PROVEN);
        assert_int_equal(prove(punch), DISCARD_PROVEN); /* on what the first one left */
}

static void every_other_disk_is_found_out(void **state)
{
        (void)state;
        assert_int_equal(prove(nothing), DISCARD_NOT_ZERO);
        assert_int_equal(prove(ones), DISCARD_NOT_ZERO);
        for (granularity = 2 * BLOCK; granularity <= 1 << 20; granularity *= 2) {
                assert_int_equal(prove(inward), DISCARD_NOT_ZERO);
                if (granularity <= 64 << 10)
                        assert_int_equal(prove(outward), DISCARD_NOT_ZERO);
        }
        for (wrong_from = 1; prove(wrong_once) == DISCARD_NOT_ZERO; wrong_from++)
                ;
        assert_int_equal(wrong_from, 11); /* five parts, twice */
        assert_int_equal(calls, 10);
        assert_int_equal(prove(unsupported), DISCARD_NOT_TAKEN);
        assert_int_equal(prove(broken), DISCARD_FAILED);
}

/* The space is nobody's: the header and the member are as they were. */
static void nothing_else_is_touched(void **state)
{
        static uint8_t before[DISK_BYTES + DIRECT_BLOCK], after[sizeof before];

        (void)state;
        assert_true(LEG_PROBE_OFFSET + LEG_HEADER_BYTES <= DISCARD_PROOF_OFFSET && DISCARD_PROOF_OFFSET + DISCARD_PROOF_BYTES <= LEG_MEMBER_OFFSET);
        memset(before, 'x', sizeof before);
        int fd = direct_open(path, true);
        assert_int_equal(direct_write(fd, 0, before, sizeof before), 0);
        assert_int_equal(prove(punch), DISCARD_PROVEN);
        assert_int_equal(direct_read(fd, 0, after, sizeof after), 0);
        close(fd);
        assert_memory_equal(before, after, DISCARD_PROOF_OFFSET);
        const uint64_t behind = DISCARD_PROOF_OFFSET + DISCARD_PROOF_BYTES;
        assert_memory_equal(before + behind, after + behind, sizeof before - behind);
}

/* A regular file is no disk, and one that is not there neither. */
static void what_cannot_be_tried_is_not_proven(void **state)
{
        (void)state;
        assert_int_equal(discard_prove(path), DISCARD_FAILED);
        assert_int_equal(discard_prove("/nowhere"), DISCARD_FAILED);
}

static int setup(void **state)
{
        (void)state;
        int fd = mkstemp(path);
        int r = fd >= 0 ? ftruncate(fd, DISK_BYTES + DIRECT_BLOCK) : -1;
        close(fd);
        return r;
}

static int teardown(void **state)
{
        (void)state;
        return unlink(path);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_disk_that_zeroes_exactly_is_proven),
            cmocka_unit_test(every_other_disk_is_found_out),
            cmocka_unit_test(nothing_else_is_touched),
            cmocka_unit_test(what_cannot_be_tried_is_not_proven),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
