/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The packets between hamon and hamon-act while a mirror is verified: both ways, and each damage to them is refused. */
#include "tests/unit/cmocka_all.h"

#include "hamon/verify/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct verify_ask asks[] = {
    {.asked = ASK_DIGESTS, .mirror = "data", .leg = {{1, 2, 3}}, .key = {9, 255}, .offset_bytes = 1ull << 40, .block_bytes = 65536, .count = 64, .paced = true},
    {.asked = ASK_DIGESTS, .mirror = "a-name-of-twenty-five-lett", .block_bytes = 4096},
    {.asked = ASK_HOLD, .mirror = "data", .offset_bytes = 65536, .size_bytes = 65536},
    {.asked = ASK_LET_GO, .mirror = "data"},
    {.asked = ASK_DISK, .mirror = "data"},
};

static void questions_there_and_back(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
                struct verify_ask back;
                char *text = verify_ask_encode(&asks[i]);
                assert_non_null(text);
                assert_true(strlen(text) < VERIFY_PACKET_MAX);
                memset(&back, 0xaa, sizeof back);
                assert_int_equal(verify_ask_decode(text, strlen(text), &back), 0);
                assert_int_equal(back.asked, asks[i].asked);
                assert_string_equal(back.mirror, asks[i].mirror);
                assert_memory_equal(&back.leg, &asks[i].leg, sizeof back.leg);
                assert_memory_equal(back.key, asks[i].key, sizeof back.key);
                assert_int_equal(back.offset_bytes, asks[i].offset_bytes);
                assert_int_equal(back.block_bytes, asks[i].block_bytes);
                assert_int_equal(back.count, asks[i].count);
                assert_int_equal(back.size_bytes, asks[i].size_bytes);
                assert_int_equal(back.paced, asks[i].paced);
                for (size_t cut = 0; cut < strlen(text); cut++)
                        assert_int_equal(verify_ask_decode(text, cut, &back), -EPROTO);
                free(text);
        }
}

static void numbers_out_of_range_are_refused(void **state)
{
        static const char *const bad[] = {
            "{\"ask\":\"hold\",\"mirror\":\"data\",\"offset\":\"100\",\"size\":65536}",                 /* not on a block */
            "{\"ask\":\"hold\",\"mirror\":\"data\",\"offset\":\"0\",\"size\":1048576}",                 /* writes to a whole megabyte would wait */
            "{\"ask\":\"hold\",\"mirror\":\"data\",\"offset\":\"0\",\"size\":4097}",
            "{\"ask\":\"hold\",\"mirror\":\"data\",\"offset\":\"0\",\"size\":0}",
            "{\"ask\":\"hold\",\"mirror\":\"data\",\"offset\":\"0\",\"size\":4096,\"more\":1}",
            "{\"ask\":\"let-go\",\"mirror\":\"a-name-that-is-longer-than-any-mirror-has\"}",
            "{\"ask\":\"repair\",\"mirror\":\"data\"}",
            "{\"ask\":\"let-go\"}",
            "[]",
        };
        struct verify_ask back;

        (void)state;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_int_equal(verify_ask_decode(bad[i], strlen(bad[i]), &back), -EPROTO);
        for (uint32_t count = 65; count < 67; count++) {
                struct verify_ask many = asks[0];
                many.count = count;
                char *text = verify_ask_encode(&many);
                assert_int_equal(verify_ask_decode(text, strlen(text), &back), -EPROTO);
                free(text);
        }
}

static void answers_there_and_back(void **state)
{
        struct verify_answer a = {.size_bytes = 1ull << 43, .count = DIGESTS_MAX, .latency_us = 900, .limit_kib = 65536}, back;

        (void)state;
        for (unsigned i = 0; i < sizeof a.digest; i++)
                a.digest[i / DIGEST_BYTES][i % DIGEST_BYTES] = (uint8_t)(i * 7);
        char *text = verify_answer_encode(ASK_DIGESTS, &a);
        assert_non_null(text);
        assert_true(strlen(text) < VERIFY_PACKET_MAX); /* the largest that there is */
        assert_int_equal(verify_answer_decode(ASK_DIGESTS, text, strlen(text), &back), 0);
        assert_int_equal(back.count, DIGESTS_MAX);
        assert_int_equal(back.size_bytes, a.size_bytes);
        assert_memory_equal(back.digest, a.digest, sizeof a.digest);
        assert_int_equal(verify_answer_decode(ASK_HOLD, text, strlen(text), &back), -EPROTO);
        text[strlen(text) / 2] = 'G';
        assert_int_equal(verify_answer_decode(ASK_DIGESTS, text, strlen(text), &back), -EPROTO);
        free(text);
        a = (struct verify_answer){.error = -EIO, .detail = "cannot read \"\xff\x01\""};
        text = verify_answer_encode(ASK_DIGESTS, &a);
        assert_int_equal(verify_answer_decode(ASK_DIGESTS, text, strlen(text), &back), 0);
        assert_int_equal(back.error, -EIO);
        assert_string_equal(back.detail, "cannot read \"??\"");
        free(text);
}

static void a_disk_there_and_back(void **state)
{
        struct verify_answer a = {.disk_bytes = 1ull << 42, .room_bytes = (1ull << 42) - 1, .needs_bytes = 7, .holds = "a leg of mirror x\xff"}, back;

        (void)state;
        char *text = verify_answer_encode(ASK_DISK, &a);
        assert_int_equal(verify_answer_decode(ASK_DISK, text, strlen(text), &back), 0);
        assert_true(back.disk_bytes == a.disk_bytes && back.room_bytes == a.room_bytes && back.needs_bytes == 7);
        assert_string_equal(back.holds, "a leg of mirror x?");
        assert_int_equal(verify_answer_decode(ASK_DIGESTS, text, strlen(text), &back), -EPROTO);
        free(text);
}

static void hex_is_exact(void **state)
{
        uint8_t bytes[2];
        char text[5];

        (void)state;
        assert_true(verify_unhex("00ff", 2, bytes));
        verify_hex(bytes, 2, text);
        assert_string_equal(text, "00ff");
        assert_false(verify_unhex("00f", 2, bytes));
        assert_false(verify_unhex("00ff0", 2, bytes));
        assert_false(verify_unhex("00FF", 2, bytes));
        assert_false(verify_unhex("00f ", 2, bytes));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(questions_there_and_back),
            cmocka_unit_test(numbers_out_of_range_are_refused),
            cmocka_unit_test(answers_there_and_back),
            cmocka_unit_test(a_disk_there_and_back),
            cmocka_unit_test(hex_is_exact),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
