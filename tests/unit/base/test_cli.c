/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "tests/unit/cmocka_all.h"

enum { OPT_LIST = 1, OPT_ALL, OPT_STATUS, OPT_DEVICE, OPT_START, OPT_CONTROL, OPT_OLD };

static const struct cli_option options[] = {
    {'l', "list", NULL, "list exports", OPT_LIST},
    {'a', NULL, NULL, "all of them", OPT_ALL},
    {'s', NULL, NULL, "with status", OPT_STATUS},
    {'d', "device", "DEV", "the device", OPT_DEVICE},
    {0, "start", NULL, "start an export", OPT_START},
    {0, "control-socket-of-the-daemon", "PATH", "control socket", OPT_CONTROL},
    {0, "old-name", NULL, NULL, OPT_OLD},
    {0, NULL, NULL, NULL, 0},
};

static const struct cli cli = {
    .program = "prog",
    .summary = "does things",
    .usage = "prog -l\nprog --start -d DEV",
    .epilog = "Exit status: 0 or 1.",
    .options = options,
};

static struct cli_parser p;

/* Parses words (NULL-ended) and writes "id:value " for each result until the end or an error. */
static const char *run(const char *const *words)
{
        static char out[512];
        char *argv[16] = {(char *)"prog"};
        int argc = 1, r;
        size_t used = 0;

        while (*words)
                argv[argc++] = (char *)*words++;
        cli_start(&p, &cli, argc, argv);
        out[0] = '\0';
        do {
                r = cli_next(&p);
                used += (size_t)snprintf(out + used, sizeof out - used, "%d%s%s ", r, p.value ? ":" : "", p.value ? p.value : "");
        } while (r > 0 || r == CLI_OPERAND);
        return out;
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})

static void test_forms(void **state)
{
        (void)state;
        assert_string_equal(RUN("-l"), "1 0 ");
        assert_string_equal(RUN("-las"), "1 2 3 0 ");
        assert_string_equal(RUN("-l", "-a", "-s"), "1 2 3 0 ");
        assert_string_equal(RUN("-d", "/dev/sdb"), "4:/dev/sdb 0 ");
        assert_string_equal(RUN("-d/dev/sdb"), "4:/dev/sdb 0 ");
        assert_string_equal(RUN("-ld", "/dev/sdb", "-a"), "1 4:/dev/sdb 2 0 ");
        assert_string_equal(RUN("--device", "x"), "4:x 0 ");
        assert_string_equal(RUN("--device=x=y"), "4:x=y 0 ");
        assert_string_equal(RUN("--device="), "4: 0 ");
        assert_string_equal(RUN("-d-x"), "4:-x 0 ");
        assert_string_equal(RUN("-d", "-"), "4:- 0 ");
        assert_string_equal(RUN("--old-name"), "7 0 ");
        assert_string_equal(RUN("host", "-l", "4343", "-"), "-2:host 1 -2:4343 -2:- 0 ");
        assert_string_equal(RUN("--", "-l", "--", "--start"), "-2:-l -2:-- -2:--start 0 ");
        assert_string_equal(RUN(""), "-2: 0 ");
}

static void test_standard_options(void **state)
{
        (void)state;
        assert_string_equal(RUN("--help"), "-3 ");
        assert_string_equal(RUN("-h"), "-3 ");
        assert_string_equal(RUN("-l", "--version"), "1 -4 ");
        assert_string_equal(RUN("-V"), "-4 ");
        assert_string_equal(RUN("--print-options"), "-5 ");
}

static void assert_error(const char *expected)
{
        assert_string_equal(p.error, expected);
}

static void test_errors_show_the_way(void **state)
{
        (void)state;
        assert_string_equal(RUN("--strat"), "-1 ");
        assert_error("unknown option \"--strat\", did you mean \"--start\"?");
        RUN("--helpp");
        assert_error("unknown option \"--helpp\", did you mean \"--help\"?");
        RUN("--las");
        assert_error("unknown option \"--las\", did you mean \"-las\"?");
        RUN("-start");
        assert_error("unknown option \"-start\", did you mean \"--start\"?");
        RUN("-sxyz");
        assert_error("unknown option \"-x\" in \"-sxyz\", see --help");
        RUN("-x");
        assert_error("unknown option \"-x\", see --help");
        RUN("--frobnicate=3");
        assert_error("unknown option \"--frobnicate\", see --help");
        RUN("-d");
        assert_error("option -d needs a value: -d DEV");
        RUN("--device", "--start");
        assert_error("option --device needs a value, but \"--start\" follows: --device DEV");
        RUN("--start=1");
        assert_error("option --start takes no value");
        RUN("--old-nam");
        assert_error("unknown option \"--old-nam\", see --help"); /* undocumented names are not advertised */
}

static void test_pasted_dashes(void **state)
{
        (void)state;
        RUN("\u2013start");
        assert_error("\"\u2013start\" has a typographic character, pasted perhaps: type --start");
        RUN("\u2013las");
        assert_error("\"\u2013las\" has a typographic character, pasted perhaps: type -las");
        RUN("\u2013l");
        assert_error("\"\u2013l\" has a typographic character, pasted perhaps: type -l");
        RUN("-\u2013start");
        assert_error("\"-\u2013start\" has a typographic character, pasted perhaps: type --start");
        assert_string_equal(RUN("größe"), "-2:größe 0 ");
        assert_string_equal(RUN("-d", "/dev/größe"), "4:/dev/größe 0 ");
}

static void test_error_is_one_line(void **state)
{
        char word[3000];

        (void)state;
        memset(word, '\n', sizeof word);
        word[0] = word[1] = '-';
        word[sizeof word - 1] = '\0';
        assert_string_equal(RUN(word), "-1 ");
        assert_null(strchr(p.error, '\n'));
}

static char *render(void (*print)(const struct cli *, FILE *))
{
        static char text[2048];
        FILE *f = fmemopen(text, sizeof text, "w");

        print(&cli, f);
        fclose(f);
        return text;
}

static void test_renderers(void **state)
{
        (void)state;
        assert_string_equal(render(cli_print_help),
                            "usage: prog -l\n"
                            "       prog --start -d DEV\n"
                            "\n"
                            "prog: does things\n"
                            "\n"
                            "  -l, --list                list exports\n"
                            "  -a                        all of them\n"
                            "  -s                        with status\n"
                            "  -d, --device DEV          the device\n"
                            "      --start               start an export\n"
                            "      --control-socket-of-the-daemon PATH\n"
                            "                            control socket\n"
                            "  -h, --help                show this help and exit\n"
                            "  -V, --version             show the version and exit\n"
                            "\n"
                            "Exit status: 0 or 1.\n");
        assert_string_equal(render(cli_print_options),
                            "-l\t--list\t\tlist exports\n"
                            "-a\t\t\tall of them\n"
                            "-s\t\t\twith status\n"
                            "-d\t--device\tDEV\tthe device\n"
                            "\t--start\t\tstart an export\n"
                            "\t--control-socket-of-the-daemon\tPATH\tcontrol socket\n"
                            "-h\t--help\t\tshow this help and exit\n"
                            "-V\t--version\t\tshow the version and exit\n");
        assert_string_equal(render(cli_print_version), "prog " NBDD_VERSION "\n");
}

static void test_answer(void **state)
{
        (void)state;
        RUN("-x");
        assert_int_equal(cli_answer(&p, CLI_ERROR), CLI_EXIT_USAGE);
        assert_int_equal(cli_answer(&p, CLI_VERSION), 0);
        assert_int_equal(cli_answer(&p, CLI_END), -1);
        assert_int_equal(cli_answer(&p, CLI_OPERAND), -1);
        assert_int_equal(cli_answer(&p, OPT_LIST), -1);
}

static void test_places(void **state)
{
        const char *device = "before";
        bool list = false, all = false;
        const struct cli_place places[] = {{OPT_DEVICE, &device, NULL}, {OPT_LIST, NULL, &list}, {OPT_ALL, NULL, &all}, {0, NULL, NULL}};
        char *argv[] = {(char *)"prog", (char *)"-l", (char *)"-d", (char *)"/dev/sdb", (char *)"--start", (char *)"word"};

        (void)state;
        cli_start(&p, &cli, 6, argv);
        assert_true(cli_place(&p, cli_next(&p), places));
        assert_true(list && !all);
        assert_true(cli_place(&p, cli_next(&p), places));
        assert_string_equal(device, "/dev/sdb");
        assert_false(cli_place(&p, cli_next(&p), places)); /* has no place */
        assert_false(cli_place(&p, cli_next(&p), places)); /* an operand is no option */
        assert_false(cli_place(&p, cli_next(&p), places)); /* nor is the end, whose id ends the table */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_forms),         cmocka_unit_test(test_standard_options), cmocka_unit_test(test_errors_show_the_way),
            cmocka_unit_test(test_pasted_dashes), cmocka_unit_test(test_error_is_one_line), cmocka_unit_test(test_renderers),
            cmocka_unit_test(test_answer),        cmocka_unit_test(test_places),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
