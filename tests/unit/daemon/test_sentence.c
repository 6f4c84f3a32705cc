/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The renderer of the table of reasons. */
#include "tests/unit/cmocka_all.h"

#include "hamon/api/sentence.h"
#include "hamon/core/reasons.h"

#include <string.h>

static const char *render(const char *sentence, const char *mirror, const char *node, uint64_t number)
{
        static char text[SENTENCE_SIZE];
        return sentence_render(sentence, mirror, node, number, text, sizeof text);
}

static void test_placeholders(void **state)
{
        (void)state;
        assert_string_equal(render("%M: %N, %n ms", "data", "node-b", 1500), "data: node-b, 1500 ms");
        assert_string_equal(render("%M on %N", "", NULL, 0), "the mirror on the other node");
        assert_string_equal(render("45 % of %%M", "data", "x", 0), "45 % of %data");
        assert_string_equal(render("%", "data", "x", 0), "%");
        assert_string_equal(render("", "data", "x", 0), "");
        assert_string_equal(render("%M", "%N", "x", 0), "%N"); /* names are not looked into again */
}

static void test_cut(void **state)
{
        (void)state;
        char text[8];
        assert_string_equal(sentence_render("abc %M", "mirror", "x", 0, text, sizeof text), "abc mir");
        assert_string_equal(sentence_render("abcdefghij", "m", "x", 0, text, sizeof text), "abcdefg");
}

static void test_every_row_is_rendered_whole(void **state)
{
        (void)state;
        const char *name = "a-name-of-thirty-one-characters"; /* the longest */
        for (int r = 0; r < REASON_END; r++) {
                const char *text = render(reason_sentence((enum reason)r), name, name, UINT64_MAX);
                assert_true(strlen(text) < SENTENCE_SIZE - 1);
                assert_null(strstr(text, "%M"));
                assert_null(strstr(text, "%N"));
                assert_null(strstr(text, "%n"));
                assert_true(strlen(reason_code((enum reason)r)) < 32);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_placeholders),
                cmocka_unit_test(test_cut),
                cmocka_unit_test(test_every_row_is_rendered_whole),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
