/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The committed corpus of fuzz_nbdd_conn: what was found once stays found. */
#include "../cmocka_all.h"

#include "corpus.h"

static void corpus(void **state)
{
        (void)state;
        assert_true(corpus_replay("tests/fuzz/corpus/nbdd_conn") >= 20);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(corpus)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
