/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ids of reasons in the journal: deploy/make-catalog and hamon find the same, for ever. tests/integration/deploy/test-catalog has the other half. */
#include "hamon/core/reasons.h"
#include "hamon/driver/journal.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

static void test_golden_ids(void **state)
{
        char id[JOURNAL_ID_TEXT];
        (void)state;
        journal_message_id("frozen", id);
        assert_string_equal(id, "1e9b7977ae594b8790fb041804de2610");
        journal_message_id("node-dead", id);
        assert_string_equal(id, "ab8cc67a6dad4aa1bbfb7f048532c118");
}

static void test_no_two_reasons_share_one(void **state)
{
        static char ids[REASON_END][JOURNAL_ID_TEXT];
        (void)state;
        for (int i = 0; i < REASON_END; i++) {
                journal_message_id(reason_code((enum reason)i), ids[i]);
                assert_int_equal(strlen(ids[i]), JOURNAL_ID_TEXT - 1);
                for (int k = 0; k < i; k++)
                        assert_string_not_equal(ids[i], ids[k]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden_ids), cmocka_unit_test(test_no_two_reasons_share_one)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
