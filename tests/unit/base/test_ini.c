/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ini.h"
#include "tests/unit/cmocka_all.h"

static const struct ini_schema schema[] = {
    {"node", "name", false, false},  {"node", "address", false, true}, {"mirror", "device", true, false},
    {"mirror", "timeout", true, false}, {"witness", NULL, false, false},  {NULL, NULL, false, false},
};

/* All messages of one run, each ended by a newline. */
static char messages[4096];

static void collect(void *userdata, const char *message)
{
        size_t used = strlen(messages);

        (void)userdata;
        assert_null(strchr(message, '\n'));
        snprintf(messages + used, sizeof messages - used, "%s\n", message);
}

static struct ini_errors errors;

static int setup(void **state)
{
        (void)state;
        messages[0] = '\0';
        errors = (struct ini_errors){.report = collect};
        return 0;
}

static struct ini *parse(const char *text)
{
        struct ini *ini = ini_parse("f.conf", text, schema, &errors);

        assert_non_null(ini);
        return ini;
}

static void test_values_with_their_places(void **state)
{
        struct ini *ini = parse("# comment\n"
                                "[node]\n"
                                "name = alpha\r\n"
                                "; another\n"
                                "\taddress=10.0.0.1:4344#;x # a comment\n"
                                "address = ; nothing\n"
                                "\n"
                                "[mirror data] ; with a comment = ]\n"
                                "  device   =   /dev/disk/by-id/x = y  \n"
                                "[ mirror   logs ]\n"
                                "device = /dev/sdc\n"
                                "[witness]");

        (void)state;
        assert_string_equal(messages, "");
        const struct ini_entry *e = ini_get(ini, "node", "", "name", 0);
        assert_string_equal(e->value, "alpha");
        assert_int_equal(e->line, 3);
        assert_int_equal(e->column, 8);
        assert_string_equal(ini_get(ini, "node", "", "address", 0)->value, "10.0.0.1:4344#;x");
        assert_int_equal(ini_get(ini, "node", "", "address", 0)->column, 10);
        assert_string_equal(ini_get(ini, "node", "", "address", 1)->value, "");
        assert_null(ini_get(ini, "node", "", "address", 2));
        e = ini_get(ini, "mirror", "data", "device", 0);
        assert_string_equal(e->value, "/dev/disk/by-id/x = y");
        assert_int_equal(e->line, 9);
        assert_int_equal(e->column, 16);
        assert_string_equal(ini_section_name(ini, "mirror", 0), "data");
        assert_string_equal(ini_section_name(ini, "mirror", 1), "logs");
        assert_null(ini_section_name(ini, "mirror", 2));
        assert_true(ini_has_section(ini, "witness", ""));
        assert_false(ini_has_section(ini, "mirror", "other"));
        assert_string_equal(ini_at(ini, 0)->key, "name");
        assert_string_equal(ini_at(ini, 4)->section_name, "logs");
        assert_null(ini_at(ini, 5));
        ini_free(ini);
}

static void test_all_errors_in_one_run(void **state)
{
        struct ini *ini = parse("stray = 1\n"
                                "[mirorr data]\n"
                                "ignored = x\n"
                                "[mirror data]\n"
                                "devise = /dev/sdb\n"
                                "nothing like it\n"
                                "device = /dev/sdb\n"
                                "  device = /dev/sdc\n"
                                "= value\n"
                                "frobnicate = 1\n"
                                "[mirror]\n"
                                "[node alpha]\n"
                                "[node\n"
                                "[]\n"
                                "[mirror a b]\n");

        (void)state;
        assert_string_equal(messages,
                            "f.conf:1:1: this line stands before the first [section]\n"
                            "f.conf:2:1: unknown section \"mirorr\", did you mean \"mirror\"?\n"
                            "f.conf:5:1: unknown key \"devise\" in section \"mirror\", did you mean \"device\"?\n"
                            "f.conf:6:1: expected \"key = value\" or \"[section]\"\n"
                            "f.conf:8:3: \"device\" is set already in line 7\n"
                            "f.conf:9:1: \"\" is not a key\n"
                            "f.conf:10:1: unknown key \"frobnicate\" in section \"mirror\"\n"
                            "f.conf:11:1: section \"mirror\" needs a name: write [mirror NAME]\n"
                            "f.conf:12:1: section \"node\" has no name: write [node]\n"
                            "f.conf:13:1: section without its closing \"]\"\n"
                            "f.conf:14:1: a section is written [section] or [section NAME] with letters, digits, \"_\", \"-\" and \".\"\n"
                            "f.conf:15:1: a section is written [section] or [section NAME] with letters, digits, \"_\", \"-\" and \".\"\n");
        assert_int_equal(errors.count, 12);
        assert_string_equal(ini_get(ini, "mirror", "data", "device", 0)->value, "/dev/sdb");
        ini_free(ini);
}

static void test_section_in_two_parts_is_one(void **state)
{
        struct ini *ini = parse("[mirror a]\ndevice = x\n[node]\n[mirror a]\ntimeout = 1s\ndevice = y\n");

        (void)state;
        assert_string_equal(messages, "f.conf:6:1: \"device\" is set already in line 2\n");
        assert_null(ini_section_name(ini, "mirror", 1));
        ini_free(ini);
}

static void test_columns_count_characters_and_bom_is_skipped(void **state)
{
        struct ini *ini = ini_parse("f.conf", "\xef\xbb\xbf[größe]\n", NULL, &errors);

        (void)state;
        assert_int_equal(errors.count, 1); /* section names are ASCII */
        ini_free(ini);
        setup(NULL);
        ini = ini_parse("f.conf", "\xef\xbb\xbf[s]\nk = ü x\n", NULL, &errors);
        ini_error(ini, ini_at(ini, 0), &errors, "bad %s", "value");
        assert_string_equal(messages, "f.conf:2:5: bad value\n");
        ini_free(ini);
}

static void test_no_schema_takes_anything(void **state)
{
        struct ini *ini = ini_parse("f.conf", "[a b]\nx = 1\nx = 2\n[c]\n", NULL, &errors);

        (void)state;
        assert_int_equal(errors.count, 0);
        assert_string_equal(ini_get(ini, "a", "b", "x", 1)->value, "2");
        ini_free(ini);
}

/* One value through one typed reader; returns its result, messages has the error. */
static int typed(int (*read)(const struct ini *, const struct ini_entry *, struct ini_errors *, uint64_t, uint64_t, uint64_t *),
                 const char *value, uint64_t min, uint64_t max, uint64_t *ret)
{
        char text[128];

        setup(NULL);
        snprintf(text, sizeof text, "[s]\nk = %s\n", value);
        struct ini *ini = ini_parse("f.conf", text, NULL, &errors);
        int r = read(ini, ini_at(ini, 0), &errors, min, max, ret);
        assert_int_equal(errors.count, r < 0 ? 1 : 0);
        ini_free(ini);
        return r;
}

static void test_numbers(void **state)
{
        uint64_t v = 7;

        (void)state;
        assert_int_equal(typed(ini_u64, "4343", 1, 65535, &v), 0);
        assert_int_equal(v, 4343);
        assert_int_equal(typed(ini_u64, "0xff", 1, 65535, &v), 0);
        assert_int_equal(v, 255);
        assert_int_equal(typed(ini_u64, "18446744073709551615", 0, UINT64_MAX, &v), 0);
        assert_true(v == UINT64_MAX);
        assert_int_equal(typed(ini_u64, "65536", 1, 65535, &v), -EINVAL);
        assert_string_equal(messages, "f.conf:2:5: k = \"65536\" is out of range: 1 to 65535\n");
        assert_true(v == UINT64_MAX);
        assert_int_equal(typed(ini_u64, "18446744073709551616", 0, UINT64_MAX, &v), -EINVAL);
        assert_int_equal(typed(ini_u64, "-1", 0, UINT64_MAX, &v), -EINVAL);
        assert_int_equal(typed(ini_u64, "", 0, UINT64_MAX, &v), -EINVAL);
        assert_int_equal(typed(ini_u64, "12 34", 0, UINT64_MAX, &v), -EINVAL);
        assert_int_equal(typed(ini_u64, "0x", 0, UINT64_MAX, &v), -EINVAL);
}

static void test_durations(void **state)
{
        static const struct {
                const char *text;
                uint64_t ms;
        } good[] = {{"250ms", 250}, {"2s", 2000}, {"5m", 300000}, {"1h", 3600000}, {"2 s", 2000}, {"0ms", 0}};
        static const char *const bad[] = {"", "s", "2", "2S", "2sec", "-2s", "1.5s", "18446744073709551615s", "2s s"};
        uint64_t v;

        (void)state;
        for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
                assert_int_equal(typed(ini_duration_ms, good[i].text, 0, UINT64_MAX, &v), 0);
                assert_int_equal(v, good[i].ms);
        }
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                assert_int_equal(typed(ini_duration_ms, bad[i], 0, UINT64_MAX, &v), -EINVAL);
        assert_int_equal(typed(ini_duration_ms, "500", 0, 1000, &v), -EINVAL);
        assert_string_equal(messages, "f.conf:2:5: k = \"500\" has no unit: write 500ms or 500s\n");
        assert_int_equal(typed(ini_duration_ms, "1ms", 50, 120000, &v), -EINVAL);
        assert_string_equal(messages, "f.conf:2:5: k = \"1ms\" is out of range: 50ms to 2m\n");
}

static void test_sizes(void **state)
{
        uint64_t v;

        (void)state;
        assert_int_equal(typed(ini_size_bytes, "4096", 0, UINT64_MAX, &v), 0);
        assert_int_equal(v, 4096);
        assert_int_equal(typed(ini_size_bytes, "64MiB", 0, UINT64_MAX, &v), 0);
        assert_int_equal(v, 64u << 20);
        assert_int_equal(typed(ini_size_bytes, "2 TiB", 0, UINT64_MAX, &v), 0);
        assert_true(v == 2ull << 40);
        assert_int_equal(typed(ini_size_bytes, "64M", 0, UINT64_MAX, &v), -EINVAL);
        assert_int_equal(typed(ini_size_bytes, "16777216TiB", 0, UINT64_MAX, &v), -EINVAL);
        assert_int_equal(typed(ini_size_bytes, "1KiB", 4096, 1 << 20, &v), -EINVAL);
        assert_string_equal(messages, "f.conf:2:5: k = \"1KiB\" is out of range: 4KiB to 1MiB\n");
}

static void test_booleans(void **state)
{
        struct ini *ini = ini_parse("f.conf", "[s]\na = yes\nb = off\nc = maybe\n", NULL, &errors);
        bool v = false;

        (void)state;
        assert_int_equal(ini_bool(ini, ini_at(ini, 0), &errors, &v), 0);
        assert_true(v);
        assert_int_equal(ini_bool(ini, ini_at(ini, 1), &errors, &v), 0);
        assert_false(v);
        assert_int_equal(ini_bool(ini, ini_at(ini, 2), &errors, &v), -EINVAL);
        assert_string_equal(messages, "f.conf:4:5: c = \"maybe\" is neither yes nor no\n");
        ini_free(ini);
}

static void test_load(void **state)
{
        char path[] = "/tmp/test_ini.XXXXXX";
        int fd = mkstemp(path);

        (void)state;
        assert_int_equal(write(fd, "[node]\nname = a\n", 16), 16);
        struct ini *ini = ini_load(path, schema, &errors);
        assert_string_equal(ini_get(ini, "node", "", "name", 0)->value, "a");
        ini_free(ini);
        assert_int_equal(write(fd, "\0x", 2), 2);
        assert_null(ini_load(path, schema, &errors));
        assert_int_equal(ftruncate(fd, 2 << 20), 0);
        assert_null(ini_load(path, schema, &errors));
        close(fd);
        unlink(path);
        assert_null(ini_load(path, schema, &errors));
        assert_null(ini_load("/tmp", schema, &errors));
        assert_int_equal(errors.count, 4);
        assert_non_null(strstr(messages, "NUL byte"));
        assert_non_null(strstr(messages, "larger than 1 MiB"));
        assert_non_null(strstr(messages, "No such file"));
        assert_non_null(strstr(messages, "not a regular file"));
}

static void test_hostile_text(void **state)
{
        char text[5000];

        (void)state;
        memset(text, '[', sizeof text);
        text[sizeof text - 1] = '\0';
        ini_free(ini_parse("f.conf", text, schema, &errors));
        memset(text, 'k', sizeof text);
        memcpy(text, "[node]\n", 7);
        text[3000] = '=';
        text[sizeof text - 1] = '\0';
        ini_free(ini_parse("f.conf", text, schema, &errors));
        ini_free(ini_parse("f.conf", "[", schema, &errors));
        ini_free(ini_parse("f.conf", "[\n]\n=\n[]=[\n", schema, &errors));
        assert_true(errors.count >= 5);
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
        const struct CMUnitTest tests[] = {
            T(test_values_with_their_places),
            T(test_all_errors_in_one_run),
            T(test_section_in_two_parts_is_one),
            T(test_columns_count_characters_and_bom_is_skipped),
            T(test_no_schema_takes_anything),
            T(test_numbers),
            T(test_durations),
            T(test_sizes),
            T(test_booleans),
            T(test_load),
            T(test_hostile_text),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
