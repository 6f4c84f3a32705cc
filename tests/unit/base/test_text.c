/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/text.h"
#include "tests/unit/cmocka_all.h"

static void test_typographic_gets_its_ascii_spelling(void **state)
{
        static const struct {
                const char *pasted, *ascii;
        } cases[] = {
            {"\u2013start", "--start"}, {"\u2014start", "--start"},     {"\u2013m", "-m"},          {"\u2013-start", "--start"},
            {"-\u2013start", "--start"}, {"\u2013\u2013start", "--start"}, {"0\u00d712", "0x12"},    {"\u201chost\u201d", "\"host\""},
            {"a\u2011b", "a-b"},        {"x\u00a0y", "x y"},            {"\u22125", "-5"},          {"\u201212", "-12"},
        };
        char ascii[64];

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                assert_true(text_is_typographic(cases[i].pasted, ascii, sizeof ascii));
                assert_string_equal(ascii, cases[i].ascii);
        }
}

static void test_other_words_are_not_typographic(void **state)
{
        static const char *const words[] = {"", "--start", "0x12", "größe", "日本", "a\xff\xfe", "\xe2\x80"};
        char ascii[64];

        (void)state;
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
                assert_false(text_is_typographic(words[i], ascii, sizeof ascii));
}

static void test_typographic_is_cut_to_the_buffer(void **state)
{
        char ascii[4];

        (void)state;
        assert_true(text_is_typographic("\u2013start", ascii, sizeof ascii));
        assert_string_equal(ascii, "--s");
}

static void test_nearest(void **state)
{
        static const char *const known[] = {"start", "stop", "listen", "on", "off", NULL};

        (void)state;
        assert_string_equal(text_nearest("strat", known), "start"); /* two neighbours swapped */
        assert_string_equal(text_nearest("stpo", known), "stop");
        assert_string_equal(text_nearest("lisn", known), "listen");
        assert_string_equal(text_nearest("listten", known), "listen");
        assert_string_equal(text_nearest("offf", known), "off");
        assert_null(text_nearest("", known));
        assert_null(text_nearest("xyz", known));
        assert_null(text_nearest("li", known));
        assert_null(text_nearest("completely", known));
}

static void test_nearest_of_a_very_long_word(void **state)
{
        static const char *const known[] = {"a", NULL};
        char word[300];

        (void)state;
        memset(word, 'a', sizeof word);
        word[sizeof word - 1] = '\0';
        assert_null(text_nearest(word, known));
}

static void test_characters(void **state)
{
        static const struct {
                const char *bytes;
                size_t want;
        } cases[] = {
                {"a", 1}, {"~", 1}, {"\x1f", 0}, {"\x7f", 0}, {"\x80", 0}, {"\xbf", 0}, {"\xc1\xbf", 0}, {"\xc2\x9f", 0}, {"\xc2\xa0", 2}, {"\xdf\xbf", 2}, {"\xe0\x9f\xbf", 0},
                {"\xe0\xa0\x80", 3}, {"\xed\x9f\xbf", 3}, {"\xed\xa0\x80", 0}, {"\xef\xbf\xbf", 3}, {"\xf0\x8f\xbf\xbf", 0}, {"\xf0\x90\x80\x80", 4}, {"\xf4\x8f\xbf\xbf", 4},
                {"\xf4\x90\x80\x80", 0}, {"\xf8\x80\x80\x80", 0}, {"\xe2\x82" "a", 0}, {"\xff", 0},
        };
        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                assert_int_equal(text_character(cases[i].bytes, strlen(cases[i].bytes)), cases[i].want);
                if (cases[i].want > 1)
                        assert_int_equal(text_character(cases[i].bytes, cases[i].want - 1), 0); /* cut off */
        }
}

static void test_printable(void **state)
{
        char out[8];

        (void)state;
        assert_string_equal(text_printable("a\nb\033\x7f", out, sizeof out), "a?b??");
        assert_string_equal(text_printable("\xc3\xa4\xff\xc3", out, sizeof out), "\xc3\xa4??");
        assert_string_equal(text_printable("123\xe2\x82\xac" "45", out, sizeof out), "123...");
        assert_string_equal(text_printable("1234567", out, sizeof out), "1234567");
        assert_string_equal(text_printable("12345678", out, sizeof out), "1234...");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_typographic_gets_its_ascii_spelling), cmocka_unit_test(test_other_words_are_not_typographic),
            cmocka_unit_test(test_typographic_is_cut_to_the_buffer),    cmocka_unit_test(test_nearest),
            cmocka_unit_test(test_nearest_of_a_very_long_word),         cmocka_unit_test(test_printable),
            cmocka_unit_test(test_characters),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
