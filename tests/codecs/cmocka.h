/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As much of cmocka's interface as the codecs' tests use, in one header, so that the same tests can be built for a machine that has a C library
 * and nothing else (make codecs-s390x). Found instead of cmocka's own by its place on the include path; nothing of the ordinary build uses it.
 * An assertion that fails ends its test and is counted; there are no fixtures but a test's own setup and teardown.
 */
#ifndef NBDD_TESTS_CODECS_CMOCKA_H
#define NBDD_TESTS_CODECS_CMOCKA_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
        const char *name;
        void (*test)(void **state);
        int (*setup)(void **state), (*teardown)(void **state);
};

static jmp_buf cmocka_failed;

#define cmocka_unit_test(f) {#f, f, NULL, NULL}
#define cmocka_unit_test_setup_teardown(f, s, t) {#f, f, s, t}

#define codecs_fail(...) \
        (printf("%s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), printf("\n"), longjmp(cmocka_failed, 1))
#define fail_msg(...) codecs_fail(__VA_ARGS__)
#define fail() codecs_fail("failed")
#define assert_true(x) ((x) ? (void)0 : codecs_fail("not true: %s", #x))
#define assert_false(x) ((x) ? codecs_fail("not false: %s", #x) : (void)0)
#define assert_null(x) assert_true(!(x))
#define assert_non_null(x) assert_true(x)
#define assert_ptr_equal(a, b) assert_true((const void *)(a) == (const void *)(b))
#define assert_int_equal(a, b)                                                                                          \
        do {                                                                                                           \
                const uintmax_t a_ = (uintmax_t)(a), b_ = (uintmax_t)(b);                                              \
                if (a_ != b_)                                                                                          \
                        codecs_fail("%s is 0x%" PRIxMAX ", not 0x%" PRIxMAX, #a, a_, b_);                              \
        } while (0)
#define assert_int_not_equal(a, b) assert_true((uintmax_t)(a) != (uintmax_t)(b))
#define assert_in_range(v, low, high) assert_true((uintmax_t)(v) >= (uintmax_t)(low) && (uintmax_t)(v) <= (uintmax_t)(high))
#define assert_string_equal(a, b) assert_true(strcmp((a), (b)) == 0)
#define assert_string_not_equal(a, b) assert_true(strcmp((a), (b)) != 0)
#define assert_memory_equal(a, b, n) assert_true(memcmp((a), (b), (n)) == 0)
#define assert_memory_not_equal(a, b, n) assert_true(memcmp((a), (b), (n)) != 0)

/* A function of its own: nothing that is changed here is looked at after a longjmp. */
static inline int codecs_run_body(const struct CMUnitTest *t, void **state)
{
        if (setjmp(cmocka_failed))
                return 1;
        t->test(state);
        return 0;
}

static inline int codecs_run(const struct CMUnitTest *tests, size_t count)
{
        int failures = 0;

        for (size_t i = 0; i < count; i++) {
                void *state = NULL;
                int failed = (tests[i].setup && tests[i].setup(&state) != 0) || codecs_run_body(&tests[i], &state);
                if (tests[i].teardown)
                        (void)tests[i].teardown(&state);
                printf("%s %s\n", failed ? "[  FAILED  ]" : "[       OK ]", tests[i].name);
                failures += failed;
        }
        return failures;
}

#define cmocka_run_group_tests(tests, setup, teardown) ((void)(setup), (void)(teardown), codecs_run((tests), sizeof(tests) / sizeof((tests)[0])))

#endif
