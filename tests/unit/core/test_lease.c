/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leases: R4a to R4d, and proposals that a lease stands in the way of. */
#include "tests/unit/core/trio.h"
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>

static struct trio t;

static void redundant_with_lease(uint64_t seed)
{
        trio_init(&t, seed);
        trio_make_redundant(&t);
        trio_run(&t, 2000);
        trio_hold(&t, 0, true);
        trio_run(&t, 1000);
        assert_true(lease_valid_until_ms(&t.voter[0].core, 0) > t.now_ms);
}

static enum refusal refuses(uint8_t voter, uint8_t candidate)
{
        uint32_t wait_ms;
        return lease_refuses(&t.voter[voter].core, 0, candidate, t.now_ms, &wait_ms);
}

/* R4a, and the primary's view ends before the voters'. */
static void others_wait_until_it_has_run_out(void **state)
{
        uint32_t wait_ms;

        (void)state;
        redundant_with_lease(1);
        assert_int_equal(refuses(WITNESS, 1), REFUSAL_LEASE);
        assert_int_equal(refuses(WITNESS, 0), REFUSAL_NONE);
        trio_crash(&t, 0);
        uint64_t valid_until_ms = lease_valid_until_ms(&t.voter[0].core, 0);
        assert_int_equal(lease_refuses(&t.voter[WITNESS].core, 0, 1, t.now_ms, &wait_ms), REFUSAL_LEASE);
        assert_true(t.now_ms + wait_ms >= valid_until_ms);
        trio_run(&t, wait_ms + 5); /* a renewal may still have been under way */
        assert_int_equal(refuses(WITNESS, 1), REFUSAL_NONE);
        assert_int_equal(refuses(1, 1), REFUSAL_NONE);
}

/* R4b: the voters' answers do not reach the primary; what it sends extends nothing. */
static void a_one_way_link_extends_nothing(void **state)
{
        (void)state;
        redundant_with_lease(2);
        t.cut[WITNESS][0] = t.cut[1][0] = true;
        trio_run(&t, 2500);
        assert_int_equal(refuses(WITNESS, 1), REFUSAL_NONE);
        assert_true(lease_valid_until_ms(&t.voter[0].core, 0) < t.now_ms);
        t.cut[WITNESS][0] = t.cut[1][0] = false;
        trio_run(&t, 500);
        assert_int_equal(refuses(WITNESS, 1), REFUSAL_LEASE);
        assert_true(lease_valid_until_ms(&t.voter[0].core, 0) > t.now_ms);
}

static void lost_answers_cost_one_round_trip(void **state)
{
        (void)state;
        redundant_with_lease(3);
        t.lose_percent = 30;
        for (int i = 0; i < 100; i++) {
                trio_run(&t, 300);
                assert_true(lease_valid_until_ms(&t.voter[0].core, 0) > t.now_ms);
        }
}

/* R4c */
static void only_the_primary_of_the_record_is_renewed(void **state)
{
        struct change take = trio_change(CHANGE_TAKE_OVER, 1, 1);

        (void)state;
        redundant_with_lease(4);
        t.cut[0][1] = t.cut[1][0] = t.cut[0][WITNESS] = t.cut[WITNESS][0] = true;
        trio_run(&t, 2000);
        trio_propose(&t, 1, &take);
        assert_true(trio_run_until_idle(&t, 1, 5000));
        assert_true(t.voter[1].last.won);
        t.cut[0][WITNESS] = t.cut[WITNESS][0] = false;
        trio_run(&t, 3000);
        assert_true(lease_valid_until_ms(&t.voter[0].core, 0) < t.now_ms);
        assert_int_equal(refuses(WITNESS, 1), REFUSAL_NONE);
        assert_int_equal(refuses(WITNESS, 0), REFUSAL_NONE); /* node 1 holds none yet */
        trio_hold(&t, 1, true);
        trio_run(&t, 500);
        assert_true(lease_valid_until_ms(&t.voter[1].core, 0) > t.now_ms);
}

/* R4d */
static void a_restarted_voter_refuses_for_one_lease(void **state)
{
        uint32_t wait_ms;

        (void)state;
        redundant_with_lease(5);
        trio_crash(&t, 0);
        trio_crash(&t, WITNESS);
        trio_start(&t, WITNESS);
        assert_int_equal(lease_refuses(&t.voter[WITNESS].core, 0, 1, t.now_ms, &wait_ms), REFUSAL_RESTARTED);
        assert_int_equal(wait_ms, timers_normal().lease_ms);
        assert_int_equal(refuses(WITNESS, 0), REFUSAL_NONE);
        trio_run(&t, wait_ms);
        assert_int_equal(refuses(WITNESS, 1), REFUSAL_NONE);
}

/* A candidate that meets a lease gives up, changes nothing, and its outcome says so. */
static void a_take_over_yields_to_a_lease(void **state)
{
        struct change take = trio_change(CHANGE_TAKE_OVER, 1, 1);

        (void)state;
        redundant_with_lease(6);
        trio_propose(&t, 1, &take);
        assert_true(trio_run_until_idle(&t, 1, 3000));
        assert_false(t.voter[1].last.won);
        assert_int_equal(t.voter[1].last.decided.epoch, 1);
        assert_false(record_takeover_unresolved(&t.voter[1].core, 0));
        assert_true(lease_valid_until_ms(&t.voter[0].core, 0) > t.now_ms);
        trio_check(&t);
}

/*
 * The candidate's ACCEPT reached its own voter only, then the primary was heard again and renewed its lease: the swap is unresolved
 * (R6c) until a re-decision that the lease does not forbid has settled it.
 */
static void a_half_accepted_take_over_is_settled_beside_a_lease(void **state)
{
        struct change take = trio_change(CHANGE_TAKE_OVER, 1, 1);

        (void)state;
        trio_init(&t, 7);
        trio_make_redundant(&t);
        trio_run(&t, 2000);
        t.cut[0][1] = t.cut[1][0] = true;
        trio_propose(&t, 1, &take);
        for (int ms = 0; ms < 100 && t.voter[1].core.reg[0].proposer.phase != PROPOSER_ACCEPT; ms++)
                trio_run(&t, 1);
        t.queued = 0;
        t.cut[1][WITNESS] = t.cut[WITNESS][1] = true;
        trio_run(&t, 20);
        assert_true(record_takeover_unresolved(&t.voter[1].core, 0));
        trio_hold(&t, 0, true);
        trio_run(&t, 500);
        assert_true(lease_valid_until_ms(&t.voter[0].core, 0) > t.now_ms);
        for (uint8_t v = 0; v < VOTERS; v++)
                for (uint8_t w = 0; w < VOTERS; w++)
                        t.cut[v][w] = false;
        assert_true(trio_run_until_idle(&t, 1, 10000));
        assert_false(record_takeover_unresolved(&t.voter[1].core, 0));
        trio_check(&t);
}

/*
 * Another node's primacy was decided while the primary was cut off, and nobody is left to tell it: no voter renews its lease, so it settles itself
 * what they hold (R6a).
 */
static void a_primary_without_a_lease_asks_what_is_decided(void **state)
{
        struct change take = trio_change(CHANGE_TAKE_OVER, 1, 1);

        (void)state;
        redundant_with_lease(11);
        for (uint8_t v = 1; v < VOTERS; v++)
                t.cut[0][v] = t.cut[v][0] = true;
        trio_run(&t, 4000);
        trio_propose(&t, 1, &take);
        assert_true(trio_run_until_idle(&t, 1, 10000));
        assert_int_equal(t.voter[1].core.reg[0].decided.primary, 1);
        trio_crash(&t, 1);
        trio_start(&t, 1);
        for (uint8_t v = 1; v < VOTERS; v++)
                t.cut[0][v] = t.cut[v][0] = false;
        trio_run(&t, 500);
        assert_int_equal(t.voter[0].core.reg[0].acceptor.value.primary, 1);
        assert_int_equal(t.voter[0].core.reg[0].decided.primary, 1);
        trio_check(&t);
}

/* Gives the lease back as the own role does it; the messages go over the network of `t`. */
static void release(uint8_t voter)
{
        static struct actions out;

        out.count = 0;
        lease_release(&t.voter[voter].core, 0, &out);
        for (unsigned i = 0; i < out.count; i++)
                if (!t.cut[voter][out.at[i].send.to])
                        t.queue[t.queued++] = (struct trio_packet){.at_ms = t.now_ms + 1, .message = out.at[i].send};
}

/* Whoever gave it back is not in anybody's way, also when a renewal was under way at that moment. */
static void a_released_lease_is_over_at_once(void **state)
{
        (void)state;
        for (uint64_t seed = 20; seed < 60; seed++) {
                redundant_with_lease(seed);
                trio_run(&t, seed * 7); /* at any moment between two renewals */
                assert_int_equal(refuses(WITNESS, 1), REFUSAL_LEASE);
                release(0);
                assert_true(lease_valid_until_ms(&t.voter[0].core, 0) == 0);
                trio_run(&t, 50);
                assert_int_equal(refuses(WITNESS, 1), REFUSAL_NONE);
                assert_int_equal(refuses(1, 1), REFUSAL_NONE);
        }
}

/* A release that comes late, when the same primary has taken its lease again, ends nothing. */
static void a_late_release_ends_nothing(void **state)
{
        (void)state;
        redundant_with_lease(8);
        struct actions *out = calloc(1, sizeof *out);
        struct core *primary = &t.voter[0].core;
        lease_release(primary, 0, out);
        trio_hold(&t, 0, true);
        trio_run(&t, 500);
        assert_true(lease_valid_until_ms(primary, 0) > t.now_ms);
        for (unsigned i = 0; i < out->count; i++) {
                assert_true(out->at[i].send.renew.release);
                t.queue[t.queued++] = (struct trio_packet){.at_ms = t.now_ms + 1, .message = out->at[i].send};
        }
        t.cut[0][1] = t.cut[0][WITNESS] = true; /* nothing newer */
        trio_run(&t, 100);
        assert_int_equal(refuses(WITNESS, 1), REFUSAL_LEASE);
        assert_int_equal(refuses(1, 1), REFUSAL_LEASE);
        free(out);
}

/* Only its holder can. */
static void nobody_releases_for_another(void **state)
{
        (void)state;
        redundant_with_lease(9);
        struct event e = {.type = EVENT_MESSAGE, .now_ms = t.now_ms, .entropy = {7}};
        const struct lease *l = &t.voter[WITNESS].core.lease[0];
        e.message = (struct message){.type = MESSAGE_RENEW, .from = 1, .to = WITNESS, .voters_generation = 1,
                                     .renew = {.epoch = 1, .boot = t.voter[1].core.config.boot, .echo = l->nonce[0], .release = true}};
        struct actions *out = calloc(1, sizeof *out);
        lease_message(&t.voter[WITNESS].core, &e, out);
        assert_int_equal(refuses(WITNESS, 1), REFUSAL_LEASE);
        free(out);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(others_wait_until_it_has_run_out),
            cmocka_unit_test(a_one_way_link_extends_nothing),
            cmocka_unit_test(lost_answers_cost_one_round_trip),
            cmocka_unit_test(only_the_primary_of_the_record_is_renewed),
            cmocka_unit_test(a_restarted_voter_refuses_for_one_lease),
            cmocka_unit_test(a_take_over_yields_to_a_lease),
            cmocka_unit_test(a_half_accepted_take_over_is_settled_beside_a_lease),
            cmocka_unit_test(a_primary_without_a_lease_asks_what_is_decided),
            cmocka_unit_test(a_released_lease_is_over_at_once),
            cmocka_unit_test(a_late_release_ends_nothing),
            cmocka_unit_test(nobody_releases_for_another),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
