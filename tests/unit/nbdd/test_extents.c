/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holes of a real file: the whole range covered, bounds of the list, blocks, a file that became shorter. */
#include "../cmocka_all.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nbdd/extents.h"

#define PAGE 4096u
#define PAGES 64u

/* A file in memory: data in every page whose bit is set, holes elsewhere. */
static int file_of(uint64_t pages)
{
        int fd = memfd_create("extents", MFD_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, PAGES * PAGE), 0);
        for (unsigned i = 0; i < PAGES; i++)
                if (pages >> i & 1)
                        assert_int_equal(pwrite(fd, "x", 1, (off_t)i * PAGE), 1);
        return fd;
}

/* Each byte of each extent is what the bits say, or data where the list may be coarse. Returns the sum. */
static uint64_t check(uint64_t pages, const struct extents *x, uint64_t start)
{
        uint64_t at = start;
        assert_true(x->count >= 1 && x->count <= x->max);
        for (unsigned i = 0; i < x->count; i++) {
                assert_true(x->list[i].length_bytes > 0);
                assert_true(i == 0 || x->list[i].is_hole != x->list[i - 1].is_hole);
                if (x->list[i].is_hole) {
                        assert_int_equal((at | x->list[i].length_bytes) & (x->block_bytes - 1), 0);
                        for (uint64_t p = at / PAGE; p <= (at + x->list[i].length_bytes - 1) / PAGE; p++)
                                assert_false(pages >> p & 1); /* what is told as a hole is never data */
                }
                at += x->list[i].length_bytes;
        }
        return at - start;
}

static void every_range_is_covered_exactly(void **state)
{
        static const uint64_t files[] = {0, UINT64_MAX, 1, 1ull << 63, 0xaaaaaaaaaaaaaaaa, 0x00ff00ff00ff00ff, 0xf000000000000001};
        (void)state;
        for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
                int fd = file_of(files[f]);
                for (unsigned max = 1; max <= PAGES + 1; max += 7) {
                        for (int whole = 0; whole <= 1; whole++) {
                                for (uint32_t block = 1; block <= 16384; block *= 128) {
                                        struct extents *x = extents_new(max, whole, block);
                                        uint64_t start = 3ull * 16384 + (block == 1 ? 5 : 0);
                                        uint32_t length = 8 * 16384 + (block == 1 ? 77 : 0);
                                        extents_find(fd, start, length, x);
                                        uint64_t sum = check(files[f], x, start);
                                        assert_true(sum == length || (!whole && sum < length && x->count == max));
                                        free(x);
                                }
                        }
                }
                (void)close(fd);
        }
}

static void one_extent_when_one_is_asked_for(void **state)
{
        (void)state;
        int fd = file_of(0xf0);
        struct extents *x = extents_new(1, false, 1);
        extents_find(fd, 0, PAGES * PAGE, x);
        assert_true(x->list[0].is_hole);
        assert_int_equal(x->list[0].length_bytes, 4 * PAGE);
        extents_find(fd, 4 * PAGE, PAGE, x); /* never past the request */
        assert_false(x->list[0].is_hole);
        assert_int_equal(x->list[0].length_bytes, PAGE);
        free(x);
        (void)close(fd);
}

static void holes_shrink_to_blocks(void **state)
{
        (void)state;
        int fd = file_of(~(uint64_t)(1 << 1 | 0xff << 3)); /* holes: page 1, pages 3 to 10 */
        struct extents *x = extents_new(16, true, 4 * PAGE);
        extents_find(fd, 0, 16 * PAGE, x);
        assert_int_equal(x->count, 3);
        assert_int_equal(x->list[0].length_bytes, 4 * PAGE);
        assert_true(x->list[1].is_hole);
        assert_int_equal(x->list[1].length_bytes, 4 * PAGE);
        assert_int_equal(x->list[2].length_bytes, 8 * PAGE);
        free(x);
        (void)close(fd);
}

static void a_full_file_is_seen_at_once(void **state)
{
        (void)state;
        int fd = file_of(UINT64_MAX), sparse = file_of(UINT64_MAX >> 1);
        struct extents *x = extents_new(8, true, 1);
        extents_find(fd, 5, 16 * PAGE, x);
        assert_true(x->is_full);
        assert_int_equal(x->count, 1);
        assert_false(x->list[0].is_hole);
        assert_int_equal(x->list[0].length_bytes, 16 * PAGE);
        extents_find(sparse, 5, 16 * PAGE, x);
        assert_false(x->is_full);
        free(x);
        (void)close(fd);
        (void)close(sparse);
}

static void what_lies_behind_the_end_is_data(void **state)
{
        (void)state;
        int fd = file_of(0);
        struct extents *x = extents_new(8, true, 1);
        assert_int_equal(ftruncate(fd, 8 * PAGE), 0);
        extents_find(fd, 0, 16 * PAGE, x); /* so that its read fails, instead of giving zeroes that nobody wrote */
        assert_int_equal(x->count, 2);
        assert_true(x->list[0].is_hole);
        assert_int_equal(x->list[0].length_bytes, 8 * PAGE);
        assert_false(x->list[1].is_hole);
        extents_find(fd, 9 * PAGE, PAGE, x);
        assert_int_equal(x->count, 1);
        assert_false(x->list[0].is_hole);
        free(x);
        (void)close(fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_range_is_covered_exactly),
            cmocka_unit_test(one_extent_when_one_is_asked_for),
            cmocka_unit_test(holes_shrink_to_blocks),
            cmocka_unit_test(a_full_file_is_seen_at_once),
            cmocka_unit_test(what_lies_behind_the_end_is_data),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
