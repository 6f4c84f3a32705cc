/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hamon/core asks the world for nothing: what its objects leave undefined is each other, memory and UUID helpers, and the compiler's. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"

enum { SYMBOLS_MAX = 1024, SYMBOL_SIZE = 128 };

static const char *const allowed[] = {
    "memcpy", "memmove", "memset", "memcmp", "strcmp", "uuid_is_null", "uuid_equal", "uuid_compare", "__assert_fail", "__stack_chk_fail",
    "_GLOBAL_OFFSET_TABLE_",
};
static const char *const allowed_prefixes[] = {"__asan_", "__ubsan_", "__tsan_"}; /* SAN=1, TSAN=1 */

static char defined[SYMBOLS_MAX][SYMBOL_SIZE], undefined[SYMBOLS_MAX][SYMBOL_SIZE];

/* Names that `nm OPTIONS build/libhamon_core.a` prints: the last word of each line that has one. */
static unsigned names(const char *options, char list[SYMBOLS_MAX][SYMBOL_SIZE])
{
        char command[512], line[512];
        const char *build = getenv("BUILD");
        unsigned n = 0;

        snprintf(command, sizeof command, "nm %s %s/libhamon_core.a", options, build ? build : "build");
        FILE *f = popen(command, "r");
        assert_non_null(f);
        while (fgets(line, sizeof line, f)) {
                line[strcspn(line, "\n")] = '\0';
                const char *word = strrchr(line, ' ');
                if (!word || word[1] == '\0' || n == SYMBOLS_MAX)
                        continue;
                snprintf(list[n++], SYMBOL_SIZE, "%.120s", word + 1);
        }
        assert_int_equal(pclose(f), 0);
        return n;
}

static bool is_in(const char *name, char list[SYMBOLS_MAX][SYMBOL_SIZE], unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                if (strcmp(name, list[i]) == 0)
                        return true;
        return false;
}

static bool is_allowed(const char *name)
{
        for (unsigned i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
                if (strcmp(name, allowed[i]) == 0)
                        return true;
        for (unsigned i = 0; i < sizeof allowed_prefixes / sizeof allowed_prefixes[0]; i++)
                if (strncmp(name, allowed_prefixes[i], strlen(allowed_prefixes[i])) == 0)
                        return true;
        return false;
}

static void nothing_of_the_world_is_used(void **state)
{
        unsigned defined_count = names("--defined-only", defined), undefined_count = names("-u", undefined);
        bool pure = true;

        (void)state;
        assert_true(is_in("core_step", defined, defined_count)); /* it is the archive that we think it is */
        assert_true(is_in("record_propose", defined, defined_count));
        for (unsigned i = 0; i < undefined_count; i++)
                if (!is_allowed(undefined[i]) && !is_in(undefined[i], defined, defined_count)) {
                        print_error("hamon/core uses '%s'\n", undefined[i]);
                        pure = false;
                }
        assert_true(pure);
}

/* State that outlives a step belongs in struct core: no writable data. */
static void there_are_no_variables(void **state)
{
        char command[512], line[512];
        const char *build = getenv("BUILD");
        bool pure = true;

        (void)state;
        snprintf(command, sizeof command, "nm --defined-only %s/libhamon_core.a", build ? build : "build");
        FILE *f = popen(command, "r");
        assert_non_null(f);
        while (fgets(line, sizeof line, f)) {
                char type = '\0', name[SYMBOL_SIZE];
                if (sscanf(line, "%*x %c %120s", &type, name) == 2 && strchr("BbCGgSs", type) && strncmp(name, "__", 2) != 0) {
                        print_error("hamon/core has a variable '%s'\n", name);
                        pure = false;
                }
        }
        assert_int_equal(pclose(f), 0);
        assert_true(pure);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(nothing_of_the_world_is_used),
            cmocka_unit_test(there_are_no_variables),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
