/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/bytes.h"
#include "tests/unit/cmocka_all.h"

static void test_both_orders_round_trip(void **state)
{
        uint8_t buffer[64];
        struct bwriter w = bwriter_of(buffer, sizeof buffer);

        (void)state;
        bwriter_u8(&w, 0x01);
        bwriter_be16(&w, 0x0203);
        bwriter_be32(&w, 0x04050607);
        bwriter_be64(&w, 0x08090a0b0c0d0e0full);
        bwriter_le16(&w, 0x1110);
        bwriter_le32(&w, 0x15141312);
        bwriter_le64(&w, 0x1d1c1b1a19181716ull);
        assert_false(w.bad);
        assert_int_equal(w.offset_bytes, 29);
        for (uint8_t i = 0; i < 15; i++)
                assert_int_equal(buffer[i], i + 1);
        for (uint8_t i = 15; i < 29; i++)
                assert_int_equal(buffer[i], i + 1);

        struct breader r = breader_of(buffer, w.offset_bytes);
        assert_int_equal(breader_u8(&r), 0x01);
        assert_int_equal(breader_be16(&r), 0x0203);
        assert_int_equal(breader_be32(&r), 0x04050607);
        assert_int_equal(breader_be64(&r), 0x08090a0b0c0d0e0full);
        assert_int_equal(breader_le16(&r), 0x1110);
        assert_int_equal(breader_le32(&r), 0x15141312);
        assert_int_equal(breader_le64(&r), 0x1d1c1b1a19181716ull);
        assert_false(r.bad);
        assert_int_equal(breader_left(&r), 0);
}

static void test_reader_stays_bad_past_the_end(void **state)
{
        static const uint8_t data[5] = {1, 2, 3, 4, 5};
        uint8_t copy[4] = {9, 9, 9, 9};
        struct breader r = breader_of(data, sizeof data);

        (void)state;
        assert_int_equal(breader_be32(&r), 0x01020304);
        assert_int_equal(breader_be32(&r), 0);
        assert_true(r.bad);
        assert_int_equal(breader_u8(&r), 0); /* one byte is left, but the reader is bad */
        assert_int_equal(breader_left(&r), 0);
        breader_copy(&r, copy, sizeof copy);
        assert_memory_equal(copy, "\0\0\0\0", 4);
}

static void test_writer_never_passes_the_end(void **state)
{
        uint8_t buffer[8];
        struct bwriter w = bwriter_of(buffer, 6);

        (void)state;
        memset(buffer, 0xee, sizeof buffer);
        bwriter_be32(&w, 1);
        bwriter_be32(&w, 0x55555555);
        assert_true(w.bad);
        bwriter_u8(&w, 0x55);
        bwriter_copy(&w, "xx", 2);
        assert_memory_equal(buffer, "\0\0\0\1\xee\xee\xee\xee", 8);
        assert_int_equal(w.offset_bytes, 4);
}

static void test_take_of_huge_size_is_bad_not_a_wrap(void **state)
{
        static const uint8_t data[4];
        struct breader r = breader_of(data, sizeof data);
        uint8_t room[4];
        struct bwriter w = bwriter_of(room, sizeof room);

        (void)state;
        (void)breader_be16(&r);
        bwriter_be16(&w, 0);
        assert_null(breader_take(&r, SIZE_MAX));
        assert_null(bwriter_take(&w, SIZE_MAX - 1));
        assert_true(r.bad);
        assert_true(w.bad);
}

static void test_exact_fit_is_good(void **state)
{
        uint8_t room[2];
        struct bwriter w = bwriter_of(room, sizeof room);
        struct breader r = breader_of(room, sizeof room);

        (void)state;
        bwriter_be16(&w, 0xabcd);
        assert_false(w.bad);
        assert_non_null(bwriter_take(&w, 0));
        assert_int_equal(breader_be16(&r), 0xabcd);
        assert_non_null(breader_take(&r, 0));
        assert_false(r.bad);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_both_orders_round_trip),       cmocka_unit_test(test_reader_stays_bad_past_the_end),
            cmocka_unit_test(test_writer_never_passes_the_end),  cmocka_unit_test(test_take_of_huge_size_is_bad_not_a_wrap),
            cmocka_unit_test(test_exact_fit_is_good),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
