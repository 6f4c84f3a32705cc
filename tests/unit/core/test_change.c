/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What each change does to the record, and when it may not: R1a, R1b, R1e, R2. */
#include <string.h>

#include "tests/unit/core/trio.h"
#include "tests/unit/cmocka_all.h"

static struct core self_core(uint8_t self)
{
        struct core c;
        memset(&c, 0, sizeof c);
        c.config = (struct core_config){.self = self, .mirrors = 1, .boot = {.bytes = {7, self}}, .timers = timers_normal()};
        return c;
}

static struct record both_in_sync(const struct core *primary)
{
        struct record v = {.version = 3, .epoch = 4, .primary = primary->config.self, .primary_boot = primary->config.boot,
                           .voters_generation = VOTERS_GENERATION_FIRST};
        for (uint8_t n = 0; n < NODES; n++)
                v.legs[n] = (struct record_leg){.uuid = trio_leg(n), .in_sync = true};
        return v;
}

static void take_over_by_a_member_only(void **state)
{
        struct core a = self_core(0), b = self_core(1);
        struct record base = both_in_sync(&a), v;
        struct change take = trio_change(CHANGE_TAKE_OVER, 4, 1);

        (void)state;
        assert_true(change_apply(&b, &take, &base, &v));
        assert_int_equal(v.version, 4);
        assert_int_equal(v.epoch, 5);
        assert_int_equal(v.primary, 1);
        assert_true(uuid_equal(&v.primary_boot, &b.config.boot));
        assert_true(v.legs[1].in_sync);
        assert_false(v.legs[0].in_sync); /* R1a: exactly what will be assembled */
        assert_true(change_reached(&b, &take, &v));
        assert_false(change_reached(&a, &take, &v));

        struct record out = base;
        out.legs[1].in_sync = false;
        assert_false(change_apply(&b, &take, &out, &v)); /* R1b */
        out = base;
        out.legs[1].inconsistent = true;
        assert_false(change_apply(&b, &take, &out, &v));
        out = base;
        out.legs[1].uuid.bytes[9] ^= 1;
        assert_false(change_apply(&b, &take, &out, &v)); /* R1e: another disk */
        out = base;
        out.epoch++;
        assert_false(change_apply(&b, &take, &out, &v)); /* somebody else was first */
}

static void hand_over_keeps_both(void **state)
{
        struct core a = self_core(0), b = self_core(1);
        struct record base = both_in_sync(&a), v;
        struct change change = trio_change(CHANGE_HAND_OVER, 4, 1);

        (void)state;
        assert_true(change_apply(&b, &change, &base, &v));
        assert_true(v.legs[0].in_sync && v.legs[1].in_sync);
        assert_int_equal(v.epoch, 5);
        base.legs[0].in_sync = false;
        assert_false(change_apply(&b, &change, &base, &v));
}

static void a_person_forces_what_is_old_and_never_what_is_torn(void **state)
{
        struct core a = self_core(0), b = self_core(1);
        struct record base = both_in_sync(&a), v;
        struct change change = trio_change(CHANGE_FORCE, 4, 1);

        (void)state;
        assert_false(change_apply(&b, &change, &base, &v)); /* it is in sync: nothing has to be forced */
        base.legs[1].in_sync = false;
        assert_true(change_apply(&b, &change, &base, &v));
        assert_true(v.legs[1].in_sync && !v.legs[0].in_sync && v.legs[0].doubtful && v.epoch == 5 && v.primary == 1);
        assert_true(change_reached(&b, &change, &v) && change_is_primacy(CHANGE_FORCE));
        base.legs[1].inconsistent = true;
        assert_false(change_apply(&b, &change, &base, &v));
        base.legs[1].inconsistent = false;
        base.legs[1].doubtful = true;
        assert_false(change_apply(&b, &change, &base, &v));
        base.legs[1].doubtful = false;
        base.epoch++;
        assert_false(change_apply(&b, &change, &base, &v)); /* the other one has gone on meanwhile */
        base.epoch--;
        base.legs[1].uuid.bytes[0]++;
        assert_false(change_apply(&b, &change, &base, &v)); /* R1e */
}

static void only_the_primary_of_this_boot_changes_legs(void **state)
{
        const enum change_kind kinds[] = {CHANGE_LEAVE, CHANGE_KEEP_PEER, CHANGE_MARK, CHANGE_JOIN};
        struct core a = self_core(0), b = self_core(1), a_rebooted = self_core(0);

        (void)state;
        a_rebooted.config.boot.bytes[15] = 9;
        for (unsigned i = 0; i < 4; i++) {
                struct record base = both_in_sync(&a), v;
                struct change own = trio_change(kinds[i], 4, 0), other = trio_change(kinds[i], 4, 1);
                assert_true(change_apply(&a, &own, &base, &v));
                assert_int_equal(v.version, base.version + 1);
                assert_int_equal(v.epoch, base.epoch);
                assert_true(change_reached(&a, &own, &v));
                assert_false(change_apply(&a_rebooted, &own, &base, &v)); /* R1c */
                assert_false(change_apply(&b, &other, &base, &v));
                own.epoch = 3;
                assert_false(change_apply(&a, &own, &base, &v));
        }
}

static void leave_and_keep_peer(void **state)
{
        struct core a = self_core(0);
        struct record base = both_in_sync(&a), v, w;
        struct change leave = trio_change(CHANGE_LEAVE, 4, 0), keep = trio_change(CHANGE_KEEP_PEER, 4, 0);

        (void)state;
        assert_true(change_apply(&a, &leave, &base, &v));
        assert_true(v.legs[0].in_sync && !v.legs[1].in_sync);
        assert_true(change_apply(&a, &keep, &v, &w)); /* R2c: the own leg failed while the leave was decided; the peer's is still attached */
        assert_true(!w.legs[0].in_sync && w.legs[1].in_sync);
        v.legs[1].inconsistent = true;
        assert_false(change_apply(&a, &keep, &v, &w)); /* never a torn leg */
        v.legs[1].inconsistent = false;
        v.legs[1].uuid.bytes[0] ^= 1;
        assert_false(change_apply(&a, &keep, &v, &w)); /* nor another one */
        assert_true(change_apply(&a, &keep, &base, &v));
        assert_true(!v.legs[0].in_sync && v.legs[1].in_sync);
        assert_false(change_apply(&a, &leave, &v, &w));
}

static void mark_then_join(void **state)
{
        struct core a = self_core(0);
        struct record base = both_in_sync(&a), v, w;
        struct change mark = trio_change(CHANGE_MARK, 4, 0), join = trio_change(CHANGE_JOIN, 4, 0);

        (void)state;
        base.legs[1].in_sync = false;
        mark.peer_leg.bytes[5] = 1; /* a new disk */
        assert_true(change_apply(&a, &mark, &base, &v));
        assert_true(v.legs[1].inconsistent && !v.legs[1].in_sync);
        assert_false(change_apply(&a, &join, &v, &w)); /* of the old disk */
        join.peer_leg = mark.peer_leg;
        assert_true(change_apply(&a, &join, &v, &w));
        assert_true(w.legs[1].in_sync && !w.legs[1].inconsistent);
        assert_true(change_reached(&a, &join, &w));
        assert_false(change_reached(&a, &join, &v));
}

static void the_witness_changes_nothing(void **state)
{
        struct core a = self_core(0), w = self_core(WITNESS);
        struct record base = both_in_sync(&a), v;

        (void)state;
        for (int kind = CHANGE_NONE; kind < CHANGE_KINDS; kind++) {
                struct change change = trio_change((enum change_kind)kind, 4, 0);
                assert_false(change_apply(&w, &change, &base, &v));
        }
}

/* A node that asks without having heard of the maintenance is told by the value that the others show. */
static void maintenance_forbids_what_nobody_asked_for(void **state)
{
        struct core a = self_core(0), b = self_core(1);
        struct record base = both_in_sync(&a), v, ended;
        struct change take = trio_change(CHANGE_TAKE_OVER, 4, 1), hand = trio_change(CHANGE_HAND_OVER, 4, 1), on = trio_change(CHANGE_MAINTAIN, 0, 1);

        (void)state;
        b.wall_s = 1000;
        on.maintenance_until_s = 1001;
        assert_false(change_reached(&b, &on, &base));
        assert_true(change_apply(&b, &on, &base, &v));
        assert_true(change_reached(&b, &on, &v));
        ended = base;
        ended.version = v.version;
        ended.change = v.change;
        ended.maintenance_until_s = 1001;
        assert_true(record_equal(&v, &ended)); /* nothing else changes */
        assert_false(change_apply(&b, &take, &v, &ended));
        take.despite_maintenance = true;
        assert_true(change_apply(&b, &take, &v, &ended));
        assert_true(ended.maintenance_until_s == 1001 && ended.epoch == 5); /* and it goes on */
        take.despite_maintenance = false;
        assert_true(change_apply(&b, &hand, &v, &ended));
        b.wall_s = 1001;
        assert_true(change_apply(&b, &take, &v, &ended));
        struct record nothing = {.primary = NO_NODE};
        assert_false(change_apply(&b, &on, &nothing, &v));
}

/* Nobody becomes primary of what is being removed, by whatever word; it is taken back, or a new mirror begins behind it. */
static void what_has_ended_ends(void **state)
{
        static const enum change_kind primacies[] = {CHANGE_TAKE_OVER, CHANGE_HAND_OVER, CHANGE_FORCE};
        struct core a = self_core(0), b = self_core(1);
        struct record base = both_in_sync(&a), ended, v;
        struct change end = trio_change(CHANGE_MAINTAIN, 0, 1), create = trio_change(CHANGE_CREATE, 4, 1);

        (void)state;
        end.maintenance_until_s = RECORD_ENDED_S;
        assert_false(change_apply(&b, &create, &base, &v));
        assert_true(change_apply(&b, &end, &base, &ended));
        assert_true(record_is_ended(&ended) && ended.legs[0].in_sync && ended.legs[1].in_sync && change_reached(&b, &end, &ended));
        for (unsigned i = 0; i < sizeof primacies / sizeof *primacies; i++) {
                struct change change = trio_change(primacies[i], 4, 1);
                struct record from = ended, old = base;
                from.legs[1].in_sync = old.legs[1].in_sync = primacies[i] != CHANGE_FORCE;
                change.despite_maintenance = true;
                assert_true(change_apply(&b, &change, &old, &v));
                assert_false(change_apply(&b, &change, &from, &v));
        }
        struct change leave = trio_change(CHANGE_LEAVE, 4, 0), later = end, back = end;
        assert_true(change_apply(&a, &leave, &ended, &v) && record_is_ended(&v)); /* the peer dies while the primary stops */
        later.maintenance_until_s = 1000;
        assert_false(change_apply(&b, &later, &ended, &v));
        assert_true(change_apply(&b, &end, &ended, &v) && record_is_ended(&v));
        back.maintenance_until_s = 0;
        assert_true(change_apply(&b, &back, &ended, &v) && !record_is_ended(&v));
        assert_true(change_apply(&b, &create, &ended, &v) && change_reached(&b, &create, &v));
        assert_true(!record_is_ended(&v) && v.epoch == 5 && v.version == ended.version + 1 && v.primary == 1 && v.legs[1].in_sync);
        assert_true(uuid_is_null(&v.legs[0].uuid) && !v.legs[0].in_sync && v.voters_generation == base.voters_generation);
        create.epoch = 3;
        assert_false(change_apply(&b, &create, &ended, &v)); /* somebody was first */
}

static void ballots_are_ordered(void **state)
{
        struct ballot a = {1, 0, 5}, b = {1, 1, 3}, c = {1, 1, 4}, d = {2, 0, 0};

        (void)state;
        assert_true(ballot_compare(&a, &b) < 0 && ballot_compare(&b, &c) < 0 && ballot_compare(&c, &d) < 0);
        assert_true(ballot_compare(&d, &a) > 0);
        assert_int_equal(ballot_compare(&c, &c), 0);
        assert_true(ballot_is_null(&(struct ballot){.n = 0}));
        assert_false(ballot_is_null(&a));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(take_over_by_a_member_only),
            cmocka_unit_test(hand_over_keeps_both),
            cmocka_unit_test(a_person_forces_what_is_old_and_never_what_is_torn),
            cmocka_unit_test(only_the_primary_of_this_boot_changes_legs),
            cmocka_unit_test(leave_and_keep_peer),
            cmocka_unit_test(mark_then_join),
            cmocka_unit_test(the_witness_changes_nothing),
            cmocka_unit_test(maintenance_forbids_what_nobody_asked_for),
            cmocka_unit_test(what_has_ended_ends),
            cmocka_unit_test(ballots_are_ordered),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
