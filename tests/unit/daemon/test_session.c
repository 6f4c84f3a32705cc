/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The replay guard: only what is fresh passes, across restarts of either side. */
#include "tests/unit/cmocka_all.h"

#include "hamon/net/session.h"

static struct seal_envelope from(uint64_t start, uint64_t sequence, uint64_t echo)
{
        return (struct seal_envelope){.start = start, .sequence = sequence, .challenge = start * 10, .echo = echo};
}

static enum session_verdict judge(struct session *s, uint64_t start, uint64_t sequence, uint64_t echo)
{
        struct seal_envelope e = from(start, sequence, echo);
        return session_judge(s, &e, start * 1000 + sequence);
}

static void prove(struct session *s, uint64_t start, uint64_t sequence)
{
        assert_int_equal(judge(s, start, sequence, 0), SESSION_UNPROVEN);
        assert_int_equal(judge(s, start, sequence + 1, s->challenge), SESSION_NEW_START);
}

static void test_first_contact_needs_the_challenge(void **state)
{
        (void)state;
        struct session s;
        session_init(&s, 42);
        assert_int_equal(judge(&s, 5, 1, 0), SESSION_UNPROVEN);
        assert_int_equal(s.their_challenge, 50); /* so that our next datagram can prove ourselves */
        assert_int_equal(judge(&s, 5, 2, 41), SESSION_UNPROVEN);
        assert_int_equal(judge(&s, 5, 3, s.challenge), SESSION_NEW_START);
        assert_int_equal(judge(&s, 5, 4, 0), SESSION_FRESH);
}

static void test_window(void **state)
{
        (void)state;
        struct session s;
        session_init(&s, 42);
        prove(&s, 5, 99); /* highest is 100 */
        assert_int_equal(judge(&s, 5, 100, 0), SESSION_DUPLICATE);
        assert_int_equal(judge(&s, 5, 101, 0), SESSION_FRESH);
        assert_int_equal(judge(&s, 5, 101, 0), SESSION_DUPLICATE); /* the copy over the second link */
        assert_int_equal(judge(&s, 5, 110, 0), SESSION_FRESH);
        assert_int_equal(judge(&s, 5, 105, 0), SESSION_FRESH); /* reordered */
        assert_int_equal(judge(&s, 5, 105, 0), SESSION_DUPLICATE);
        assert_int_equal(judge(&s, 5, 110 - SESSION_WINDOW + 1, 0), SESSION_FRESH);
        assert_int_equal(judge(&s, 5, 110 - SESSION_WINDOW, 0), SESSION_OLD);
        assert_int_equal(judge(&s, 5, 110 + 5 * SESSION_WINDOW, 0), SESSION_FRESH); /* far ahead: the window starts anew */
        assert_int_equal(judge(&s, 5, 110, 0), SESSION_OLD);
        assert_int_equal(judge(&s, 5, 109 + 5 * SESSION_WINDOW, 0), SESSION_FRESH);
        assert_int_equal(judge(&s, 5, UINT64_MAX, 0), SESSION_FRESH);
        assert_int_equal(judge(&s, 5, UINT64_MAX, 0), SESSION_DUPLICATE);
}

static void test_an_old_start_never_comes_back(void **state)
{
        (void)state;
        struct session s;
        session_init(&s, 42);
        uint64_t first_challenge = s.challenge;
        prove(&s, 5, 1);
        uint64_t second_challenge = s.challenge;
        assert_true(first_challenge != second_challenge);
        prove(&s, 6, 1); /* the sender restarted */
        assert_int_equal(judge(&s, 5, 3, first_challenge), SESSION_UNPROVEN); /* recordings of its earlier start */
        assert_int_equal(judge(&s, 5, 1000, second_challenge), SESSION_UNPROVEN);
        assert_int_equal(judge(&s, 6, 10, 0), SESSION_FRESH); /* which disturb the present one in nothing */
}

static void test_our_restart_forgets_recordings(void **state)
{
        (void)state;
        struct session s;
        session_init(&s, 42);
        uint64_t before = s.challenge;
        session_init(&s, 1042);
        assert_int_equal(judge(&s, 5, 1, before), SESSION_UNPROVEN);
}

static void test_challenge_is_never_zero(void **state)
{
        (void)state;
        struct session s;
        session_init(&s, 0);
        assert_true(s.challenge != 0); /* an echo of 0 means "none heard" */
}

static void test_a_replayed_challenge_does_not_replace_the_present_one(void **state)
{
        (void)state;
        struct session s;
        session_init(&s, 42);
        prove(&s, 5, 1);
        struct seal_envelope e = from(5, 10, 0);
        e.challenge = 1234;
        assert_int_equal(session_judge(&s, &e, 1), SESSION_FRESH);
        e.sequence = 8; /* reordered and older */
        e.challenge = 999;
        assert_int_equal(session_judge(&s, &e, 1), SESSION_FRESH);
        assert_int_equal(s.their_challenge, 1234);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_contact_needs_the_challenge),
                cmocka_unit_test(test_window),
                cmocka_unit_test(test_an_old_start_never_comes_back),
                cmocka_unit_test(test_our_restart_forgets_recordings),
                cmocka_unit_test(test_challenge_is_never_zero),
                cmocka_unit_test(test_a_replayed_challenge_does_not_replace_the_present_one),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
