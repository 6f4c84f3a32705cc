/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's half of the 0.2 initiation against recorded words of servers: the fuzzer's corpus. tests/integration/nbdc/test-classic has live ones. */
#include "tests/unit/cmocka_all.h"
#include "tests/unit/nbdd/corpus.h"

static void test_corpus(void **state)
{
        (void)state;
        assert_true(corpus_replay("tests/fuzz/corpus/classic_client") >= 14);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
