/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/leg_header.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct leg_header sample(uint64_t sequence)
{
        struct leg_header h = {.cluster = "demo", .mirror = "data", .sequence = sequence, .epochs = 2, .epoch = {1, 7}};

        memset(h.uuid.bytes, 0x5a, sizeof h.uuid.bytes);
        return h;
}

static void survives_encoding(void **state)
{
        uint8_t bytes[LEG_HEADER_BYTES];
        struct leg_header h = sample(3), back;

        (void)state;
        assert_int_equal(leg_header_encode(&h, bytes), 0);
        assert_memory_equal(bytes, "NBDDLEG1", 8);
        assert_int_equal(leg_header_decode(bytes, sizeof bytes, &back), 0);
        assert_memory_equal(&h, &back, sizeof h);
}

static void every_changed_byte_is_seen(void **state)
{
        uint8_t bytes[LEG_HEADER_BYTES];
        struct leg_header h = sample(3), back;

        (void)state;
        assert_int_equal(leg_header_encode(&h, bytes), 0);
        for (size_t i = 0; i < sizeof bytes; i++) {
                bytes[i] ^= 1;
                assert_int_equal(leg_header_decode(bytes, sizeof bytes, &back), -EBADMSG);
                bytes[i] ^= 1;
        }
        assert_int_equal(leg_header_decode(bytes, sizeof bytes - 1, &back), -EBADMSG);
}

static void a_torn_write_leaves_the_other_copy(void **state)
{
        uint8_t old[LEG_HEADER_BYTES], new[LEG_HEADER_BYTES], torn[LEG_HEADER_BYTES];
        struct leg_header h = sample(4), back;
        int copy;

        (void)state;
        assert_int_equal(leg_header_encode(&h, old), 0);
        h.sequence = 5;
        assert_int_equal(leg_header_add_epoch(&h, 9), 0);
        assert_int_equal(leg_header_encode(&h, new), 0);
        /* Whole sectors of the new one over what was there before it, in copy B. */
        struct leg_header before = sample(3);
        for (size_t cut = 0; cut <= LEG_HEADER_BYTES; cut += 512) {
                assert_int_equal(leg_header_encode(&before, torn), 0);
                memcpy(torn, new, cut);
                assert_int_equal(leg_header_choose(old, torn, &back, &copy), 0);
                assert_int_equal(back.sequence, cut == LEG_HEADER_BYTES ? 5 : 4);
                assert_int_equal(copy, cut == LEG_HEADER_BYTES ? 1 : 0);
        }
}

static void the_higher_sequence_counts_and_a_newer_version_stops(void **state)
{
        uint8_t a[LEG_HEADER_BYTES], b[LEG_HEADER_BYTES], none[LEG_HEADER_BYTES] = {0};
        struct leg_header low = sample(8), high = sample(9), back;
        int copy;

        (void)state;
        assert_int_equal(leg_header_encode(&high, a), 0);
        assert_int_equal(leg_header_encode(&low, b), 0);
        assert_int_equal(leg_header_choose(a, b, &back, &copy), 0);
        assert_int_equal(copy, 0);
        assert_int_equal(leg_header_choose(none, b, &back, &copy), 0);
        assert_int_equal(copy, 1);
        assert_int_equal(leg_header_choose(none, none, &back, &copy), -EBADMSG);
}

static void history_keeps_the_last_64(void **state)
{
        struct leg_header h = sample(1);

        (void)state;
        h.epochs = 0;
        assert_int_equal(leg_header_last_epoch(&h), 0);
        for (uint64_t e = 1; e <= 100; e++)
                assert_int_equal(leg_header_add_epoch(&h, e * 2), 0);
        assert_int_equal(h.epochs, LEG_HISTORY_MAX);
        assert_int_equal(h.epoch[0], 74);
        assert_int_equal(leg_header_last_epoch(&h), 200);
        assert_int_equal(leg_header_add_epoch(&h, 200), 0); /* again: nothing changes */
        assert_int_equal(h.epoch[LEG_HISTORY_MAX - 2], 198);
        assert_int_equal(leg_header_add_epoch(&h, 199), -ESTALE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(survives_encoding),
            cmocka_unit_test(every_changed_byte_is_seen),
            cmocka_unit_test(a_torn_write_leaves_the_other_copy),
            cmocka_unit_test(the_higher_sequence_counts_and_a_newer_version_stops),
            cmocka_unit_test(history_keeps_the_last_64),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
