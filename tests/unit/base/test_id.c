/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/id.h"
#include "tests/unit/cmocka_all.h"

static void test_uuid_text_round_trip(void **state)
{
        static const char text[] = "00112233-4455-6677-8899-aabbccddeeff";
        struct uuid u, upper;
        char back[UUID_TEXT_SIZE];

        (void)state;
        assert_int_equal(uuid_parse(text, &u), 0);
        for (uint8_t i = 0; i < 16; i++)
                assert_int_equal(u.bytes[i], i * 0x11);
        uuid_format(&u, back);
        assert_string_equal(back, text);
        assert_int_equal(uuid_parse("00112233-4455-6677-8899-AABBCCDDEEFF", &upper), 0);
        assert_true(uuid_equal(&u, &upper));
}

static void test_uuid_rejects_every_other_form(void **state)
{
        static const char *const bad[] = {
            "", "-", "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeef", "00112233-4455-6677-8899-aabbccddeeff0",
            "00112233-4455-6677-8899-aabbccddeefg", "{00112233-4455-6677-8899-aabbccddeeff}", "00112233_4455-6677-8899-aabbccddeeff",
            " 00112233-4455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddee f",
        };
        struct uuid u;

        (void)state;
        memset(&u, 0x5a, sizeof u);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                assert_int_equal(uuid_parse(bad[i], &u), -EINVAL);
        for (size_t i = 0; i < sizeof u.bytes; i++)
                assert_int_equal(u.bytes[i], 0x5a); /* the result is untouched */
}

static void test_uuid_generate(void **state)
{
        struct uuid a, b, null = {0};

        (void)state;
        uuid_generate(&a);
        uuid_generate(&b);
        assert_false(uuid_equal(&a, &b));
        assert_false(uuid_is_null(&a));
        assert_true(uuid_is_null(&null));
        assert_int_equal(a.bytes[6] >> 4, 4);
        assert_int_equal(a.bytes[8] >> 6, 2);
        assert_int_equal(uuid_compare(&a, &b) < 0, uuid_compare(&b, &a) > 0);
}

static void test_boot_id_is_stable(void **state)
{
        struct uuid a, b;

        (void)state;
        assert_int_equal(boot_id_read(&a), 0);
        assert_int_equal(boot_id_read(&b), 0);
        assert_true(uuid_equal(&a, &b));
        assert_false(uuid_is_null(&a));
}

static void test_export_id_accepts(void **state)
{
        static const struct {
                const char *text;
                uint64_t id;
                const char *shown;
        } cases[] = {
            {"1", 1, "0x1"},
            {"0x12345678", 0x12345678, "0x12345678"},
            {"0X00AbC", 0xabc, "0xabc"},
            {"010", 10, "0xa"},
            {"18446744073709551615", UINT64_MAX, "0xffffffffffffffff"},
            {"0xffffffffffffffff", UINT64_MAX, "0xffffffffffffffff"},
            {"0x0000000000000000000000001", 1, "0x1"},
        };
        char reason[160], shown[EXPORT_ID_TEXT_SIZE];

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                uint64_t id = 0;
                assert_int_equal(export_id_parse(cases[i].text, &id, reason, sizeof reason), 0);
                assert_true(id == cases[i].id);
                export_id_format(id, shown);
                assert_string_equal(shown, cases[i].shown);
        }
}

static void test_export_id_says_what_to_type(void **state)
{
        static const struct {
                const char *text, *part;
        } cases[] = {
            {"", "empty"},
            {"0", "1 to 2^64-1"},
            {"0x0", "1 to 2^64-1"},
            {"-5", "not a number"},
            {"+5", "not a number"},
            {" 5", "not a number"},
            {"5 ", "not a number"},
            {"0x", "not a number"},
            {"0xg", "not a number"},
            {"1.5", "not a number"},
            {"12ab", "type 0x12ab"},
            {"18446744073709551616", "too large"},
            {"0x10000000000000000", "too large"},
            {"0\u00d712345678", "type 0x12345678"},
            {"\u201d0x12\u201d", "type \"0x12\""},
            {"\u221212", "typographic"},
            {"0x12\u00a0", "typographic"},
        };
        char reason[160];

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                uint64_t id = 77;
                reason[0] = '\0';
                assert_int_equal(export_id_parse(cases[i].text, &id, reason, sizeof reason), -EINVAL);
                assert_true(id == 77);
                if (!strstr(reason, cases[i].part))
                        fail_msg("\"%s\" gave \"%s\", expected it to contain \"%s\"", cases[i].text, reason, cases[i].part);
        }
}

static void test_export_id_reason_is_one_short_line(void **state)
{
        char text[2000], reason[40];
        uint64_t id;

        (void)state;
        memset(text, '\n', sizeof text);
        text[sizeof text - 1] = '\0';
        assert_int_equal(export_id_parse(text, &id, reason, sizeof reason), -EINVAL);
        assert_null(strchr(reason, '\n'));
        assert_true(strlen(reason) < sizeof reason);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_uuid_text_round_trip), cmocka_unit_test(test_uuid_rejects_every_other_form),
            cmocka_unit_test(test_uuid_generate),        cmocka_unit_test(test_boot_id_is_stable),
            cmocka_unit_test(test_export_id_accepts),    cmocka_unit_test(test_export_id_says_what_to_type),
            cmocka_unit_test(test_export_id_reason_is_one_short_line),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
