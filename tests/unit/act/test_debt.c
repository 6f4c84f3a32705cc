/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/debt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (1ull << 20)

static const struct uuid array = {{1, 2, 3}};

static void union_in_the_same_chunk_size(void **state)
{
        const uint8_t bits[] = {0x05, 0x20}; /* 0, 2, 13 */
        struct debt d;

        (void)state;
        assert_int_equal(debt_init(&d, &array, 4 * MIB, 14), 0);
        assert_int_equal(debt_count(&d), 0);
        assert_int_equal(debt_add_bits(&d, bits, 16, 4 * MIB), 0);
        assert_true(debt_is_set(&d, 0) && debt_is_set(&d, 2) && debt_is_set(&d, 13));
        assert_int_equal(debt_count(&d), 3);
        debt_release(&d);
        debt_release(&d);
}

static void union_of_other_chunk_sizes_covers(void **state)
{
        const uint8_t small[] = {0x00, 0x01}, large[] = {0x02}; /* chunk 8 of 1 MiB; chunk 1 of 16 MiB */
        struct debt d;

        (void)state;
        assert_int_equal(debt_init(&d, &array, 4 * MIB, 10), 0);
        assert_int_equal(debt_add_bits(&d, small, 16, 1 * MIB), 0);
        assert_true(debt_is_set(&d, 2));
        assert_int_equal(debt_count(&d), 1);
        assert_int_equal(debt_add_bits(&d, large, 8, 16 * MIB), 0);
        assert_int_equal(debt_count(&d), 5); /* 4 to 7 as well */
        assert_true(debt_is_set(&d, 4) && debt_is_set(&d, 7) && !debt_is_set(&d, 8));
        assert_int_equal(debt_add_bits(&d, large, 8, 3 * MIB), -EINVAL);
        debt_release(&d);
}

static void what_is_past_the_end_is_never_left_out(void **state)
{
        const uint8_t both[] = {0x03}, past[] = {0x04}, last[] = {0x00, 0x80};
        struct debt d;

        (void)state;
        assert_int_equal(debt_init(&d, &array, 4 * MIB, 6), 0);
        assert_int_equal(debt_add_bits(&d, both, 8, 16 * MIB), 0); /* the second is there in part */
        assert_int_equal(debt_count(&d), 6);
        assert_int_equal(debt_add_bits(&d, past, 8, 16 * MIB), -ERANGE);
        assert_int_equal(debt_add_bits(&d, last, 16, 4 * MIB), -ERANGE);
        assert_int_equal(debt_add_bits(&d, last, 16, 1 * MIB), 0); /* 15 of 1 MiB is in the fourth */
        debt_release(&d);
}

/* Kept before the mirror grew: what was owed is owed, and there is room for what is written to the new part. */
static void it_grows_with_the_array(void **state)
{
        const uint8_t old[] = {0x22, 0x01}, new[] = {0x00, 0x80}; /* 1, 5, 8; 15 */
        struct debt d;

        (void)state;
        assert_int_equal(debt_init(&d, &array, 4 * MIB, 10), 0);
        assert_int_equal(debt_add_bits(&d, old, 10, 4 * MIB), 0);
        assert_int_equal(debt_grow(&d, 10), 0);
        assert_int_equal(debt_grow(&d, 4), 0); /* never smaller */
        assert_int_equal(d.chunks, 10);
        assert_int_equal(debt_grow(&d, 20), 0);
        assert_true(d.chunks == 20 && debt_count(&d) == 3 && debt_is_set(&d, 1) && debt_is_set(&d, 5) && debt_is_set(&d, 8));
        assert_int_equal(debt_add_bits(&d, new, 16, 4 * MIB), 0);
        assert_true(debt_count(&d) == 4 && debt_is_set(&d, 15));
        assert_int_equal(debt_grow(&d, DEBT_CHUNKS_MAX + 1ull), -EFBIG);
        debt_release(&d);
}

static void ranges_are_maximal(void **state)
{
        const uint8_t bits[] = {0x7e, 0x81}; /* 1-6, 8, 15 */
        struct debt d;
        uint64_t start = 0, end;

        (void)state;
        assert_int_equal(debt_init(&d, &array, 4 * MIB, 16), 0);
        assert_int_equal(debt_add_bits(&d, bits, 16, 4 * MIB), 0);
        assert_true(debt_next_range(&d, &start, &end));
        assert_true(start == 1 && end == 6);
        start = end + 1;
        assert_true(debt_next_range(&d, &start, &end));
        assert_true(start == 8 && end == 8);
        start = end + 1;
        assert_true(debt_next_range(&d, &start, &end));
        assert_true(start == 15 && end == 15);
        start = end + 1;
        assert_false(debt_next_range(&d, &start, &end));
        debt_release(&d);
}

static void survives_the_file(void **state)
{
        char folder[] = "/tmp/test_debt.XXXXXX", path[64];
        struct debt d, back;

        (void)state;
        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/data.debt", folder);
        assert_int_equal(debt_load(path, &back), -ENOENT);
        assert_int_equal(debt_init(&d, &array, 8 * MIB, 11), 0);
        debt_set_all(&d);
        assert_int_equal(debt_count(&d), 11);
        assert_int_equal(debt_save(path, &d), 0);
        assert_int_equal(debt_load(path, &back), 0);
        assert_int_equal(debt_count(&back), 11);
        assert_true(uuid_equal(&back.array, &array));
        assert_int_equal(back.chunk_bytes, 8 * MIB);
        assert_int_equal(truncate(path, 60), 0);
        debt_release(&back);
        assert_int_equal(debt_load(path, &back), -EBADMSG);
        assert_int_equal(debt_save_none(path), 0); /* nothing is owed: not the same as no file */
        assert_int_equal(debt_load(path, &back), 0);
        assert_true(debt_is_none(&back));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(debt_load(path, &back), -ENOENT);
        assert_int_equal(rmdir(folder), 0);
        debt_release(&d);
}

static void what_was_not_written_by_us_is_refused(void **state)
{
        struct debt d, back;
        uint8_t *bytes;
        size_t size;

        (void)state;
        assert_int_equal(debt_init(&d, &array, 4 * MIB, 11), 0);
        assert_int_equal(debt_encode(&d, &bytes, &size), 0);
        for (size_t n = 0; n < size; n++)
                assert_int_equal(debt_decode(bytes, n, &back), -EBADMSG);
        bytes[size - 1] = 0x80; /* a bit past the end */
        assert_int_equal(debt_decode(bytes, size, &back), -EBADMSG);
        bytes[size - 1] = 0;
        bytes[16] = 1; /* a chunk that is no power of two */
        assert_int_equal(debt_decode(bytes, size, &back), -EBADMSG);
        free(bytes);
        debt_release(&d);
        assert_int_equal(debt_init(&d, &array, 4 * MIB, 0), -EINVAL);
        assert_int_equal(debt_init(&d, &array, 4 * MIB, DEBT_CHUNKS_MAX + 1ull), -EFBIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(union_in_the_same_chunk_size),
            cmocka_unit_test(union_of_other_chunk_sizes_covers),
            cmocka_unit_test(what_is_past_the_end_is_never_left_out),
            cmocka_unit_test(it_grows_with_the_array),
            cmocka_unit_test(ranges_are_maximal),
            cmocka_unit_test(survives_the_file),
            cmocka_unit_test(what_was_not_written_by_us_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
