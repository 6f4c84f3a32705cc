/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A short run of the simulator, the same run twice, and three breakages that it must find. `make sim` and `make mutants` do more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/unit/cmocka_all.h"

/* Exit status of the command; its last line of output in `ret_line`. */
static int run(const char *command, char *ret_line, size_t size)
{
        char line[1024];
        FILE *f = popen(command, "r");

        assert_non_null(f);
        ret_line[0] = '\0';
        while (fgets(line, sizeof line, f)) {
                fputs(line, stdout);
                line[strcspn(line, "\n")] = '\0';
                snprintf(ret_line, size, "%s", line);
        }
        int status = pclose(f);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *build(void)
{
        const char *b = getenv("BUILD");
        return b ? b : "build";
}

static void the_promises_hold(void **state)
{
        char command[512], line[1024];

        (void)state;
        snprintf(command, sizeof command, "%s/sim/sim --seed 1 --schedules 100000 --seconds 12", build());
        assert_int_equal(run(command, line, sizeof line), 0);
        assert_int_equal(strncmp(line, "OK: ", 4), 0);
}

static void the_same_seed_gives_the_same_trace(void **state)
{
        char command[512], first[1024], second[1024];

        (void)state;
        snprintf(command, sizeof command, "%s/sim/sim --seed 7 --schedules 1 --story | grep 'trace hash'", build());
        assert_int_equal(run(command, first, sizeof first), 0);
        assert_int_equal(run(command, second, sizeof second), 0);
        assert_non_null(strstr(first, "trace hash"));
        assert_string_equal(first, second);
}

static void breakages_are_found(void **state)
{
        char line[1024];

        (void)state;
        assert_int_equal(run("tests/sim/mutants 5000 bitmap_union debt_dropped revoke_drain", line, sizeof line), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_promises_hold),
            cmocka_unit_test(the_same_seed_gives_the_same_trace),
            cmocka_unit_test(breakages_are_found),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
