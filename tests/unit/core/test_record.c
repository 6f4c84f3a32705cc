/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record among three voters: agreement under loss, reordering, crashes and duels; R5, R6a, R7b, R7c. */
#include <string.h>

#include "tests/unit/core/trio.h"
#include "tests/unit/cmocka_all.h"

static struct trio t;

static const struct record *known(uint8_t voter)
{
        bool decided;
        return record_known(&t.voter[voter].core, 0, &decided);
}

static void creation_reaches_all_voters(void **state)
{
        (void)state;
        trio_init(&t, 1);
        trio_make_redundant(&t);
        for (uint8_t v = 0; v < VOTERS; v++) {
                assert_int_equal(known(v)->version, 3);
                assert_true(known(v)->legs[0].in_sync && known(v)->legs[1].in_sync);
                assert_true(t.voter[v].core.reg[0].admitted);
                assert_false(uuid_is_null(&known(v)->voters[v]));
        }
        trio_check(&t);
}

static void creation_waits_for_every_voter(void **state)
{
        struct change create = trio_change(CHANGE_CREATE, 0, 0);

        (void)state;
        trio_init(&t, 2);
        trio_crash(&t, WITNESS);
        trio_propose(&t, 0, &create);
        trio_run(&t, 5000);
        assert_true(record_busy(&t.voter[0].core, 0));
        assert_int_equal(known(0)->version, 0);
        trio_start(&t, WITNESS);
        assert_true(trio_run_until_idle(&t, 0, 5000));
        assert_true(t.voter[0].last.won);
}

static void one_of_two_creations_wins(void **state)
{
        (void)state;
        for (uint64_t seed = 0; seed < 100; seed++) {
                struct change a = trio_change(CHANGE_CREATE, 0, 0), b = trio_change(CHANGE_CREATE, 0, 1);
                trio_init(&t, seed);
                t.lose_percent = 20;
                trio_propose(&t, 0, &a);
                trio_propose(&t, 1, &b);
                trio_run(&t, 30000);
                assert_int_equal(t.voter[0].outcomes, 1);
                assert_int_equal(t.voter[1].outcomes, 1);
                assert_true(t.voter[0].last.won != t.voter[1].last.won);
                assert_true(record_equal(&t.voter[0].last.decided, &t.voter[1].last.decided));
                trio_check(&t);
        }
}

static void a_minority_decides_nothing(void **state)
{
        struct change leave = trio_change(CHANGE_LEAVE, 1, 0);

        (void)state;
        trio_init(&t, 3);
        trio_make_redundant(&t);
        trio_crash(&t, 1);
        trio_crash(&t, WITNESS);
        trio_propose(&t, 0, &leave);
        trio_run(&t, 20000);
        assert_int_equal(t.voter[0].outcomes, 3);
        trio_start(&t, WITNESS);
        assert_true(trio_run_until_idle(&t, 0, 5000));
        assert_true(t.voter[0].last.won);
        assert_false(known(0)->legs[1].in_sync);
        trio_check(&t);
}

/* R5: an acceptor that dies before its fsync has answered nothing. */
static void nothing_is_said_before_the_fsync(void **state)
{
        struct change leave = trio_change(CHANGE_LEAVE, 1, 0);

        (void)state;
        trio_init(&t, 4);
        trio_make_redundant(&t);
        trio_crash(&t, 1);
        t.voter[WITNESS].disk_hangs = true;
        trio_propose(&t, 0, &leave);
        trio_run(&t, 200);
        assert_int_equal(t.voter[0].outcomes, 3);
        assert_int_equal(t.voter[0].core.reg[0].proposer.phase, PROPOSER_PREPARE); /* not even a promise came */
        assert_true(t.voter[WITNESS].held_count > 0);
        trio_crash(&t, WITNESS);
        t.voter[WITNESS].disk_hangs = false;
        assert_int_equal(t.voter[WITNESS].file.value.version, 3);
        trio_start(&t, WITNESS);
        assert_true(trio_run_until_idle(&t, 0, 5000));
        assert_true(t.voter[0].last.won);
        trio_check(&t);
}

/* The standby was not among the majority of the join: it must hear of it all the same. */
static void decided_values_spread(void **state)
{
        struct change leave = trio_change(CHANGE_LEAVE, 1, 0);

        (void)state;
        trio_init(&t, 5);
        trio_make_redundant(&t);
        t.cut[0][1] = t.cut[1][0] = true;
        trio_propose(&t, 0, &leave);
        assert_true(trio_run_until_idle(&t, 0, 5000));
        assert_int_equal(known(1)->version, 3);
        t.cut[0][1] = t.cut[1][0] = false;
        trio_run(&t, 6000);
        assert_int_equal(known(1)->version, 4);
        assert_false(t.voter[0].core.reg[0].spreading.active);
}

/* A primary that was cut off promised itself ballots that nobody else heard of. It must learn of its successor all the same. */
static void higher_promises_do_not_keep_an_old_value(void **state)
{
        struct change leave = trio_change(CHANGE_LEAVE, 1, 0), take = trio_change(CHANGE_TAKE_OVER, 1, 1);

        (void)state;
        trio_init(&t, 10);
        trio_make_redundant(&t);
        for (uint8_t v = 1; v < VOTERS; v++)
                t.cut[0][v] = t.cut[v][0] = true;
        trio_propose(&t, 0, &leave);
        trio_run(&t, 10000);
        trio_crash(&t, 0);
        trio_propose(&t, 1, &take);
        assert_true(trio_run_until_idle(&t, 1, 5000));
        assert_true(t.voter[1].last.won);
        for (uint8_t v = 1; v < VOTERS; v++)
                t.cut[0][v] = t.cut[v][0] = false;
        trio_start(&t, 0);
        assert_true(ballot_compare(&t.voter[0].file.promised, &t.voter[1].file.promised) > 0);
        trio_run(&t, 12000);
        assert_int_equal(known(0)->epoch, 2);
        trio_check(&t);
}

/* R6a: the swap's ACCEPT reached only the witness before its proposer died; the next decided write settles it. */
static void an_unknown_outcome_is_settled_by_a_write(void **state)
{
        struct change join = trio_change(CHANGE_LEAVE, 1, 0), confirm = trio_change(CHANGE_CONFIRM, 0, 1);

        (void)state;
        trio_init(&t, 6);
        trio_make_redundant(&t);
        t.cut[0][1] = true;
        trio_propose(&t, 0, &join);
        for (int ms = 0; ms < 100 && known(WITNESS)->version == 3; ms++)
                trio_run(&t, 1);
        trio_crash(&t, 0);
        trio_run(&t, 20);
        trio_propose(&t, 1, &confirm);
        assert_true(trio_run_until_idle(&t, 1, 5000));
        assert_true(t.voter[1].last.won);
        assert_int_equal(t.voter[1].last.decided.version, 4);
        assert_int_equal(known(1)->version, 4);
        trio_check(&t);
}

static void a_voter_without_memory_has_no_vote(void **state)
{
        struct change leave = trio_change(CHANGE_LEAVE, 1, 0);

        (void)state;
        trio_init(&t, 7);
        trio_make_redundant(&t);
        trio_crash(&t, 1);
        trio_crash(&t, WITNESS);
        t.voter[WITNESS].file_known = false;
        memset(&t.voter[WITNESS].file, 0, sizeof t.voter[WITNESS].file);
        trio_start(&t, WITNESS);
        trio_propose(&t, 0, &leave);
        trio_run(&t, 20000);
        assert_int_equal(t.voter[0].outcomes, 3); /* no majority of voters with memory */
        assert_true(t.voter[0].core.reg[0].voters_without_memory == 1 << WITNESS);
        assert_false(t.voter[WITNESS].core.reg[0].admitted);
        trio_start(&t, 1);
        assert_true(trio_run_until_idle(&t, 0, 5000));
        trio_run(&t, 20000); /* and with both others there it is admitted again */
        assert_true(t.voter[WITNESS].core.reg[0].admitted);
        assert_int_equal(known(WITNESS)->version, 5); /* its seat is a change of its own */
        assert_int_equal(t.voter[0].core.reg[0].voters_without_memory, 0);
        trio_check(&t);
}

/* Also right after the creation: a voter that forgot is admitted only when both others have accepted. */
static void a_first_value_admits_nobody_early(void **state)
{
        struct change create = trio_change(CHANGE_CREATE, 0, 0), confirm = trio_change(CHANGE_CONFIRM, 0, 0);

        (void)state;
        trio_init(&t, 11);
        trio_propose(&t, 0, &create);
        assert_true(trio_run_until_idle(&t, 0, 5000));
        trio_run(&t, 2000);
        trio_crash(&t, WITNESS);
        t.voter[WITNESS].file_known = false;
        memset(&t.voter[WITNESS].file, 0, sizeof t.voter[WITNESS].file);
        trio_start(&t, WITNESS);
        trio_propose(&t, 0, &confirm);
        const struct proposer *p = &t.voter[0].core.reg[0].proposer;
        for (int ms = 0; ms < 20000 && !(p->phase == PROPOSER_ACCEPT && p->seating); ms++)
                trio_run(&t, 1);
        assert_true(p->seating);
        t.voter[1].disk_hangs = true; /* it has promised, and does not accept yet */
        trio_run(&t, 3000);
        assert_false(t.voter[WITNESS].core.reg[0].admitted);
        t.voter[1].disk_hangs = false;
        trio_run(&t, 10000);
        assert_true(t.voter[WITNESS].core.reg[0].admitted);
        trio_check(&t);
}

/* The witness's disk is put back to an older copy: whoever asked it since sees that it has gone back. */
static void put_back(const struct acceptor_state *older)
{
        trio_crash(&t, WITNESS);
        t.voter[WITNESS].file = *older;
        trio_start(&t, WITNESS);
}

/* R7d: its vote does not count, not even when it is the only other one. */
static void a_voter_that_went_back_has_no_vote(void **state)
{
        struct change leave = trio_change(CHANGE_LEAVE, 1, 0), confirm = trio_change(CHANGE_CONFIRM, 0, 0);

        (void)state;
        trio_init(&t, 12);
        trio_make_redundant(&t);
        struct acceptor_state older = t.voter[WITNESS].file;
        trio_crash(&t, 1);
        trio_propose(&t, 0, &leave);
        assert_true(trio_run_until_idle(&t, 0, 5000));
        unsigned outcomes = t.voter[0].outcomes;
        put_back(&older);
        trio_propose(&t, 0, &confirm);
        trio_run(&t, 20000);
        assert_int_equal(t.voter[0].outcomes, outcomes);
        assert_int_equal(t.voter[0].core.reg[0].voters_backward, 1 << WITNESS);
        trio_start(&t, 1);
        assert_true(trio_run_until_idle(&t, 0, 5000));
        trio_check(&t);
}

/* R7d: nor when the one who saw what it had accepted was restarted meanwhile. */
static void a_step_back_is_seen_after_a_restart(void **state)
{
        struct change leave = trio_change(CHANGE_LEAVE, 1, 0), confirm = trio_change(CHANGE_CONFIRM, 0, 0);

        (void)state;
        trio_init(&t, 15);
        trio_make_redundant(&t);
        struct acceptor_state older = t.voter[WITNESS].file;
        trio_crash(&t, 1);
        trio_propose(&t, 0, &leave);
        assert_true(trio_run_until_idle(&t, 0, 5000));
        trio_run(&t, 1000);
        put_back(&older);
        trio_crash(&t, 0);
        trio_start(&t, 0);
        trio_propose(&t, 0, &confirm);
        trio_run(&t, 20000);
        assert_true(record_busy(&t.voter[0].core, 0));
        assert_int_equal(t.voter[0].core.reg[0].voters_backward, 1 << WITNESS);
        trio_start(&t, 1);
        assert_true(trio_run_until_idle(&t, 0, 5000));
        trio_check(&t);
}

/* R7d, R7a: the others take its seat away, it forgets, and it is admitted under another identity. */
static void a_voter_that_went_back_is_excluded(void **state)
{
        struct change leave = trio_change(CHANGE_LEAVE, 1, 0), confirm = trio_change(CHANGE_CONFIRM, 0, 0);

        (void)state;
        trio_init(&t, 13);
        trio_make_redundant(&t);
        struct acceptor_state older = t.voter[WITNESS].file;
        trio_propose(&t, 0, &leave);
        assert_true(trio_run_until_idle(&t, 0, 5000));
        trio_run(&t, 2000);
        put_back(&older);
        trio_propose(&t, 0, &confirm);
        assert_true(trio_run_until_idle(&t, 0, 5000));
        trio_run(&t, 30000);
        assert_int_equal(t.voter[0].core.reg[0].voters_backward, 0);
        assert_true(t.voter[WITNESS].core.reg[0].admitted);
        assert_false(uuid_equal(&known(0)->voters[WITNESS], &older.voter));
        assert_true(uuid_equal(&known(0)->voters[WITNESS], &t.voter[WITNESS].file.voter));
        assert_int_equal(known(WITNESS)->version, known(0)->version);
        trio_check(&t);
}

/* The ACCEPT that took its former self's seat away arrives once more, after the admission: it is history. A newer one is not. */
static void a_late_exclusion_is_refused(void **state)
{
        struct event e = {.type = EVENT_MESSAGE};
        struct cas_register *r = &t.voter[WITNESS].core.reg[0];

        (void)state;
        trio_init(&t, 16);
        trio_make_redundant(&t);
        trio_run(&t, 2000);
        struct uuid identity = r->acceptor.voter;
        e.now_ms = t.now_ms;
        e.message = (struct message){.type = MESSAGE_ACCEPT, .from = 0, .to = WITNESS, .voters_generation = VOTERS_GENERATION_FIRST};
        e.message.accept.value = r->acceptor.value;
        e.message.accept.value.voters[WITNESS] = (struct uuid){{0}};
        e.message.accept.ballot = r->acceptor.accepted;
        e.message.accept.ballot.n--;
        struct actions late = {.count = 0}, newer = {.count = 0};
        record_message(&t.voter[WITNESS].core, &e, &late);
        assert_true(r->admitted && uuid_equal(&r->acceptor.voter, &identity));
        assert_int_equal(late.count, 1);
        assert_int_equal(late.at[0].send.accepted.refusal, REFUSAL_BALLOT);
        e.message.accept.ballot.n += 2;
        record_message(&t.voter[WITNESS].core, &e, &newer);
        assert_false(r->admitted);
}

/* R8: each fsync takes three times swap_retry_ms, on all machines: it is decided all the same, and in few ballots. */
static void slow_disks_decide(void **state)
{
        struct change leave = trio_change(CHANGE_LEAVE, 1, 0);

        (void)state;
        trio_init(&t, 17);
        trio_make_redundant(&t);
        uint64_t n = t.voter[0].core.reg[0].highest_n;
        t.sync_min_ms = 900;
        t.sync_max_ms = 1000;
        trio_propose(&t, 0, &leave);
        assert_true(trio_run_until_idle(&t, 0, 12000));
        assert_true(t.voter[0].last.won);
        assert_true(t.voter[0].core.reg[0].highest_n - n <= 5);
        trio_check(&t);
}

/* R7d: a machine with the memory of a former witness answers beside or instead of the present one: nobody counts it, and it forgets. */
static void a_former_voter_has_no_vote(void **state)
{
        struct change leave = trio_change(CHANGE_LEAVE, 1, 0), confirm = trio_change(CHANGE_CONFIRM, 0, 1);

        (void)state;
        trio_init(&t, 14);
        trio_make_redundant(&t);
        struct acceptor_state former = t.voter[WITNESS].file;
        trio_crash(&t, WITNESS);
        t.voter[WITNESS].file_known = false;
        memset(&t.voter[WITNESS].file, 0, sizeof t.voter[WITNESS].file);
        trio_start(&t, WITNESS); /* replaced by a new machine */
        trio_propose(&t, 0, &leave);
        assert_true(trio_run_until_idle(&t, 0, 5000));
        trio_run(&t, 20000);
        assert_true(t.voter[WITNESS].core.reg[0].admitted);
        put_back(&former); /* and the former one is switched on again */
        trio_crash(&t, 0);
        trio_propose(&t, 1, &confirm); /* this node has not seen the new one vote */
        trio_run(&t, 20000);
        assert_int_equal(t.voter[1].outcomes, 0);
        trio_start(&t, 0);
        assert_true(trio_run_until_idle(&t, 1, 5000));
        trio_check(&t);
}

/* Two of three lost their files: a person stops all, copies the one that is left, starts all. */
static void a_copied_file_votes(void **state)
{
        struct change leave = trio_change(CHANGE_LEAVE, 1, 0);

        (void)state;
        trio_init(&t, 15);
        trio_make_redundant(&t);
        trio_run(&t, 2000);
        for (uint8_t v = 0; v < VOTERS; v++)
                trio_crash(&t, v);
        t.voter[1].file = t.voter[WITNESS].file = t.voter[0].file;
        for (uint8_t v = 0; v < VOTERS; v++)
                trio_start(&t, v);
        t.voter[0].core.config.boot = known(0)->primary_boot; /* the same boot */
        trio_crash(&t, 1);
        trio_propose(&t, 0, &leave);
        assert_true(trio_run_until_idle(&t, 0, 5000));
        assert_true(t.voter[0].last.won);
        trio_check(&t);
}

/* An old ACCEPT with an admission for an earlier start of a voter that forgot everything since. */
static void a_stale_admission_is_refused(void **state)
{
        struct actions out = {.count = 0};
        struct event e = {.type = EVENT_MESSAGE, .now_ms = 50000};

        (void)state;
        trio_init(&t, 8);
        e.message = (struct message){.type = MESSAGE_ACCEPT, .from = 0, .to = WITNESS, .voters_generation = VOTERS_GENERATION_FIRST};
        e.message.accept.ballot = (struct ballot){.n = 9, .node = 0, .start = 1};
        e.message.accept.value = (struct record){.version = 1, .epoch = 1, .voters_generation = VOTERS_GENERATION_FIRST};
        e.message.accept.admit = t.voter[WITNESS].core.reg[0].pending;
        e.message.accept.admit.bytes[0] ^= 1;
        record_message(&t.voter[WITNESS].core, &e, &out);
        assert_int_equal(out.count, 1);
        assert_int_equal(out.at[0].send.accepted.refusal, REFUSAL_NO_STATE);
        assert_int_equal(t.voter[WITNESS].core.reg[0].acceptor.value.version, 0);
}

static void another_voter_set_is_refused(void **state)
{
        struct actions out = {.count = 0};
        struct event e = {.type = EVENT_MESSAGE, .now_ms = 50000};

        (void)state;
        trio_init(&t, 9);
        trio_make_redundant(&t);
        e.message = (struct message){.type = MESSAGE_PREPARE, .from = 0, .to = WITNESS, .voters_generation = 2};
        e.message.prepare.ballot = (struct ballot){.n = 99, .node = 0, .start = 1};
        record_message(&t.voter[WITNESS].core, &e, &out);
        assert_int_equal(out.count, 1);
        assert_int_equal(out.at[0].send.promise.refusal, REFUSAL_GENERATION);
        assert_true(t.voter[WITNESS].core.reg[0].acceptor.promised.n < 99);
}

/* A change of a random kind that the node could think of, given what it knows. */
static void propose_something(uint8_t node)
{
        const enum change_kind primary_kinds[] = {CHANGE_LEAVE, CHANGE_MARK, CHANGE_JOIN, CHANGE_KEEP_PEER, CHANGE_CONFIRM};
        const struct record *v = known(node);
        bool primary = v->primary == node && uuid_equal(&v->primary_boot, &t.voter[node].core.config.boot);
        enum change_kind kind = primary ? primary_kinds[trio_random(&t, 5)] : trio_random(&t, 3) ? CHANGE_TAKE_OVER : CHANGE_CONFIRM;
        struct change change = trio_change(kind, v->epoch, node);

        trio_propose(&t, node, &change);
}

static void agreement_under_faults(void **state)
{
        (void)state;
        for (uint64_t seed = 0; seed < 100; seed++) {
                trio_init(&t, seed);
                trio_make_redundant(&t);
                t.lose_percent = (unsigned)trio_random(&t, 40);
                t.double_percent = (unsigned)trio_random(&t, 20);
                t.delay_max_ms = 1u << trio_random(&t, 10);
                t.sync_max_ms = (unsigned)trio_random(&t, 60);
                for (int round = 0; round < 150; round++) {
                        uint8_t v = (uint8_t)trio_random(&t, VOTERS);
                        uint64_t what = trio_random(&t, 10);
                        if (what < 6 && v < NODES && t.voter[v].up && !record_busy(&t.voter[v].core, 0))
                                propose_something(v);
                        else if (what == 6 && t.voter[v].up)
                                trio_crash(&t, v);
                        else if (what >= 7 && !t.voter[v].up)
                                trio_start(&t, v);
                        trio_run(&t, trio_random(&t, 120));
                        trio_check(&t);
                }
                /* Faults cease: every proposal has its outcome, and all voters learn the same value. */
                t.lose_percent = 0;
                t.delay_max_ms = 2;
                for (uint8_t v = 0; v < VOTERS; v++)
                        if (!t.voter[v].up)
                                trio_start(&t, v);
                trio_run(&t, 20000);
                for (uint8_t v = 0; v < NODES; v++)
                        assert_false(record_busy(&t.voter[v].core, 0));
                struct change confirm = trio_change(CHANGE_CONFIRM, 0, 0);
                trio_propose(&t, 0, &confirm);
                trio_run(&t, 20000);
                assert_true(record_equal(known(0), known(1)) && record_equal(known(0), known(WITNESS)));
                assert_false(record_takeover_unresolved(&t.voter[0].core, 0));
                trio_check(&t);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(creation_reaches_all_voters),
            cmocka_unit_test(creation_waits_for_every_voter),
            cmocka_unit_test(one_of_two_creations_wins),
            cmocka_unit_test(a_minority_decides_nothing),
            cmocka_unit_test(nothing_is_said_before_the_fsync),
            cmocka_unit_test(decided_values_spread),
            cmocka_unit_test(higher_promises_do_not_keep_an_old_value),
            cmocka_unit_test(an_unknown_outcome_is_settled_by_a_write),
            cmocka_unit_test(a_voter_without_memory_has_no_vote),
            cmocka_unit_test(a_first_value_admits_nobody_early),
            cmocka_unit_test(a_voter_that_went_back_has_no_vote),
            cmocka_unit_test(a_step_back_is_seen_after_a_restart),
            cmocka_unit_test(a_voter_that_went_back_is_excluded),
            cmocka_unit_test(slow_disks_decide),
            cmocka_unit_test(a_late_exclusion_is_refused),
            cmocka_unit_test(a_former_voter_has_no_vote),
            cmocka_unit_test(a_copied_file_votes),
            cmocka_unit_test(a_stale_admission_is_refused),
            cmocka_unit_test(another_voter_set_is_refused),
            cmocka_unit_test(agreement_under_faults),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
