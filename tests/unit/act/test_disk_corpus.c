/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The committed corpus of fuzz_act_disk: what was found once stays found. */
#include "tests/unit/cmocka_all.h"

#include "tests/unit/nbdd/corpus.h"

static void corpus(void **state)
{
        (void)state;
        assert_true(corpus_replay("tests/fuzz/corpus/act_disk") >= 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(corpus)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
