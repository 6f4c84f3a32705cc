/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people may ask for, and what they get. */
#include "tests/unit/core/fixture.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/cmocka_all.h"

static struct world w;

static void live(uint64_t ms)
{
        for (uint64_t end_ms = w.now_ms + ms; w.now_ms < end_ms;) {
                world_run(&w, 20);
                world_write(&w);
                assert_false(world_serves(&w, A) && world_serves(&w, B));
        }
}

static void expect_answer(uint64_t ticket, int error, enum reason reason)
{
        assert_true(w.answered[ticket].present);
        assert_int_equal(w.answered[ticket].error, error);
        assert_int_equal(w.answered[ticket].reason, reason);
}

static void create_wants_consent_for_a_used_disk(void **state)
{
        (void)state;
        world_init(&w);
        w.machine[A].disk.leg.bytes[0] = 1;
        world_run(&w, 4000);
        world_command(&w, A, COMMAND_CREATE, false, 1);
        world_run(&w, 500);
        expect_answer(1, -EEXIST, REASON_COMMAND_CONSENT);
        world_command(&w, A, COMMAND_CREATE, true, 2);
        world_run(&w, 500);
        expect_answer(2, 0, REASON_COMMAND_DONE);
        assert_true(world_serves(&w, A));
        world_command(&w, A, COMMAND_CREATE, true, 3);
        world_command(&w, B, COMMAND_CREATE, true, 4);
        world_run(&w, 500);
        expect_answer(3, -EINVAL, REASON_COMMAND_WRONG_STATE);
        expect_answer(4, -EINVAL, REASON_COMMAND_WRONG_STATE);
}

/* Power is lost between the array and the record: nothing is left behind that is in the way. */
static void create_is_cut_short(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        world_power_off(&w, W); /* a first record needs all three */
        world_command(&w, A, COMMAND_CREATE, false, 1);
        world_run(&w, 2000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_CREATE_SWAP);
        assert_false(w.machine[A].service);
        world_restart_hamon(&w, A);
        world_power_on(&w, W);
        world_run(&w, 5000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_STANDBY);
        assert_false(w.machine[A].running);
        world_command(&w, A, COMMAND_CREATE, true, 2);
        world_run(&w, 2000);
        expect_answer(2, 0, REASON_COMMAND_DONE);
}

/* The restart comes when the record is decided, or may be: the array is adopted. */
static void hamon_restarts_while_creating(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        w.machine[A].hold = EFFECT_HISTORY;
        world_command(&w, A, COMMAND_CREATE, false, 1);
        world_run(&w, 1000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_HISTORY);
        w.machine[A].hold = EFFECT_TYPES;
        world_restart_hamon(&w, A);
        world_run(&w, 2000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_PRIMARY);
        assert_true(world_serves(&w, A));
}

static void join_never_takes_the_only_good_leg(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_command(&w, B, COMMAND_JOIN, true, 5);
        expect_answer(5, -EINVAL, REASON_COMMAND_WRONG_STATE);
        world_power_off(&w, B);
        live(3000);
        world_power_on(&w, B);
        world_command(&w, A, COMMAND_JOIN, true, 6);
        expect_answer(6, -EINVAL, REASON_COMMAND_WRONG_STATE);
}

/* A new disk in B: its leg has another UUID and is resynced whole. */
static void a_swapped_disk_is_another_leg(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        struct uuid old = w.machine[B].disk.leg;
        world_power_off(&w, B);
        live(3000);
        w.machine[B].disk = (struct disk){.leg = {{0}}};
        world_power_on(&w, B);
        live(3000);
        assert_int_equal(w.core[A].leg[M].state, LEG_OUT);
        unsigned since = w.effects;
        world_command(&w, B, COMMAND_JOIN, false, 5);
        live(6000);
        expect_answer(5, 0, REASON_COMMAND_DONE);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        assert_false(uuid_equal(&world_record(&w)->legs[B].uuid, &old));
        bool whole = false;
        for (unsigned i = since; i < w.effects; i++)
                if (w.effect[i].effect.type == EFFECT_LEG_ADD)
                        whole = w.effect[i].effect.whole;
        assert_true(whole);
}

/*
 * R6a: a creation that has no majority is given up in time. No voter can have accepted it, so nothing of it is left, and nothing of it happens
 * when the others come.
 */
static void a_creation_is_given_up(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        world_power_off(&w, W);
        world_command(&w, A, COMMAND_CREATE, true, 1);
        world_run(&w, 59000);
        assert_false(w.answered[1].present);
        world_run(&w, 2000);
        expect_answer(1, -ETIMEDOUT, REASON_NO_MAJORITY);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_STANDBY);
        assert_false(w.machine[A].running);
        world_power_on(&w, W);
        world_run(&w, 20000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_STANDBY);
        assert_int_equal(w.core[A].reg[M].acceptor.value.version, 0);
        world_command(&w, A, COMMAND_CREATE, true, 2);
        world_run(&w, 2000);
        expect_answer(2, 0, REASON_COMMAND_DONE);
}

/* The same, but its ACCEPT is out: some voter may have it. It is told as unsettled, and settled when the others are back. */
static void a_creation_that_was_sent_is_settled(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        w.message_max_ms = 40;
        world_command(&w, A, COMMAND_CREATE, true, 1);
        while (!w.core[A].reg[M].proposer.accept_sent)
                world_run(&w, 1);
        world_isolate(&w, A, true);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_CREATE_SWAP);
        world_run(&w, 61000);
        expect_answer(1, -EINPROGRESS, REASON_COMMAND_UNSETTLED);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_CREATE_SWAP);
        world_isolate(&w, A, false);
        world_run(&w, 5000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_PRIMARY);
}

/* A person's consent holds for the time that the person waits, and not for the day when the witness is back. */
static void a_consent_does_not_outlive_its_command(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_power_off(&w, W);
        world_power_off(&w, B);
        world_power_off(&w, A);
        world_power_on(&w, A);
        live(5000);
        world_command(&w, A, COMMAND_START_ALONE, true, 9);
        live(62000);
        expect_answer(9, -ETIMEDOUT, REASON_NO_MAJORITY);
        world_power_on(&w, W);
        live(10000);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_STANDBY);
        world_command(&w, A, COMMAND_START_ALONE, true, 10);
        live(5000);
        expect_answer(10, 0, REASON_COMMAND_DONE);
}

/* The disk hangs before the header is written: hamon-act may be at it, and begins none later. */
static void a_join_is_given_up(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_power_off(&w, B);
        live(3000);
        w.machine[B].disk = (struct disk){.leg = {{0}}};
        world_power_on(&w, B);
        live(3000);
        w.machine[B].hold = EFFECT_LEG_CREATE;
        world_command(&w, B, COMMAND_JOIN, true, 5);
        live(61000);
        expect_answer(5, -EINPROGRESS, REASON_COMMAND_UNSETTLED);
        unsigned i = w.effects - 1;
        while (w.effect[i].effect.type != EFFECT_LEG_CREATE)
                i--;
        assert_true(w.effect[i].effect.until_ms > w.effect[i].at_ms && w.effect[i].effect.until_ms < w.now_ms);
}

static void switchover(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_command(&w, B, COMMAND_SWITCHOVER, true, 5);
        expect_answer(5, -EINVAL, REASON_COMMAND_WRONG_STATE);
        unsigned since = w.effects;
        w.machine[A].hold = EFFECT_SERVICE_STOP;
        world_command(&w, A, COMMAND_SWITCHOVER, false, 6);
        world_command(&w, A, COMMAND_SWITCHOVER, false, 7);
        expect_answer(7, -EBUSY, REASON_COMMAND_BUSY);
        w.machine[A].hold = EFFECT_TYPES;
        live(1000);
        expect_answer(6, 0, REASON_COMMAND_DONE);
        assert_true(world_serves(&w, B));
        assert_int_equal(world_record(&w)->primary, B);
        world_expect_effects(&w, since, A, "service-stop array-stop note-clear leg-open grant");
        world_expect_effects(&w, since, B, "probe revoke note-set attach assemble-both history service-start");
        assert_int_equal(w.core[B].leg[M].state, LEG_IN); /* and nothing was resynced */
        assert_true(world_record(&w)->legs[A].in_sync);
        live(8000);
        assert_int_equal(w.core[B].leg[M].state, LEG_IN);
        assert_int_equal(world_record(&w)->epoch, 2);
        world_command(&w, B, COMMAND_SWITCHOVER, false, 8); /* and back */
        live(2000);
        expect_answer(8, 0, REASON_COMMAND_DONE);
        assert_true(world_serves(&w, A));
        assert_true(world_record(&w)->legs[B].in_sync);
}

/* The record is decided without the peer's leg before the own one is assembled alone; what was attached is detached first. */
static void expect_alone(unsigned since)
{
        unsigned detached = 0, assembled = 0;

        for (unsigned i = since; i < w.effects; i++) {
                if (w.effect[i].node == B && w.effect[i].effect.type == EFFECT_DETACH && !detached)
                        detached = i;
                if (w.effect[i].node == B && w.effect[i].effect.type == EFFECT_ASSEMBLE)
                        assembled = i;
        }
        assert_true(assembled > 0 && detached < assembled);
        assert_true(world_serves(&w, B));
        assert_true(world_reported(&w, 0, B, REASON_HANDOVER_FAILED));
}

/* The two legs are not equal: found out by hamon-act, when both are at hand. */
static void switchover_of_unequal_legs(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        unsigned since = w.effects;
        w.machine[B].fail = EFFECT_ASSEMBLE_BOTH;
        w.machine[B].error = -ESTALE;
        world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
        live(2000);
        expect_answer(5, 0, REASON_COMMAND_DONE);
        expect_alone(since);
        live(8000);
        assert_int_equal(w.core[B].leg[M].state, LEG_IN); /* by a resync */
}

/* The legs cannot be put together because of the new primary's own disk: that leg is kept out, and the service goes back. */
static void switchover_to_a_bad_disk(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        w.machine[B].hold = EFFECT_ASSEMBLE_BOTH;
        world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
        live(500);
        assert_int_equal(world_record(&w)->primary, B);
        w.machine[B].own_unsafe = true;
        w.machine[B].fail = EFFECT_ASSEMBLE_BOTH;
        w.machine[B].error = -EIO;
        w.machine[B].hold = EFFECT_TYPES;
        live(2000);
        assert_true(world_serves(&w, A));
        assert_int_equal(world_record(&w)->epoch, 3);
        assert_true(w.machine[B].up); /* other mirrors may run there */
        assert_false(world_record(&w)->legs[B].in_sync);
        assert_true(world_record(&w)->legs[B].doubtful);
}

/* As long as the other node is dead nobody is put out: whichever can go on first does. */
static void bad_disk_and_dead_peer_in_a_switchover(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        w.machine[B].hold = EFFECT_ATTACH;
        world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
        live(500);
        world_power_off(&w, A);
        w.machine[B].own_unsafe = true;
        live(3000);
        w.machine[B].hold = EFFECT_TYPES;
        live(5000);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_HAND_PROBE);
        assert_true(world_record(&w)->legs[A].in_sync && world_record(&w)->legs[B].in_sync);
        w.machine[B].own_unsafe = false;
        live(5000);
        assert_true(world_serves(&w, B));
        assert_false(world_record(&w)->legs[A].in_sync);
}

/* The own disk fails only after the record has put the peer's leg out: the detach is refused, and the record is decided the other way (R2c). */
static void own_disk_fails_while_a_hand_over_is_undone(void **state)
{
        struct machine *b = &w.machine[B];

        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        b->hold = EFFECT_ASSEMBLE_BOTH;
        world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
        live(500);
        b->fail = EFFECT_ASSEMBLE_BOTH;
        b->error = -ESTALE;
        b->hold = EFFECT_DETACH;
        live(500);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_HAND_DETACH);
        assert_false(world_record(&w)->legs[A].in_sync);
        b->running = b->peer_in_array = b->peer_in_sync = b->own_failed = true; /* md got as far as this */
        b->fail = EFFECT_DETACH;
        b->error = -EIO;
        b->hold = EFFECT_TYPES;
        live(900);
        assert_true(world_serves(&w, A));
        assert_true(world_record(&w)->legs[A].in_sync);
        assert_false(world_record(&w)->legs[B].in_sync);
}

/* It cannot even be stopped: only a reboot lets the other node go on. */
static void bad_disk_hangs_after_a_switchover(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        w.machine[B].hold = EFFECT_ASSEMBLE_BOTH;
        world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
        live(500);
        w.machine[B].own_unsafe = true;
        w.machine[B].fail = EFFECT_ASSEMBLE_BOTH;
        w.machine[B].error = -EIO;
        w.machine[B].hold = EFFECT_ARRAY_STOP;
        live(9000);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_HAND_STOP);
        assert_true(w.machine[B].up);
        live(6000);
        assert_false(w.machine[B].up);
        assert_true(world_serves(&w, A));
}

/* The own disk fails only the probe after the stop: the array is stopped all the same, and what was decided is done. */
static void own_disk_fails_after_a_hand_over_was_undone(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        w.machine[B].hold = EFFECT_ASSEMBLE_BOTH;
        world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
        live(500);
        w.machine[B].fail = EFFECT_ASSEMBLE_BOTH;
        w.machine[B].error = -ESTALE;
        w.machine[B].hold = EFFECT_ARRAY_STOP;
        live(500);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_HAND_STOP);
        unsigned since = w.effects;
        w.machine[B].fail = EFFECT_ARRAY_STOP;
        w.machine[B].error = -EBADE;
        w.machine[B].hold = EFFECT_TYPES;
        live(500);
        world_expect_effects(&w, since, B, "revoke debt-capture assemble debt-apply history note-clear service-start");
}

/* The old primary dies while its leg is asked for, attached or assembled: the new one goes on alone. */
static void old_primary_dies_in_a_switchover(void **state)
{
        static const enum effect_type steps[] = {EFFECT_REVOKE, EFFECT_NOTE_SET, EFFECT_ATTACH, EFFECT_ASSEMBLE_BOTH};

        (void)state;
        for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
                world_init(&w);
                world_make_redundant(&w);
                unsigned since = w.effects;
                w.machine[B].hold = steps[i];
                world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
                live(500);
                assert_int_equal(world_record(&w)->epoch, 2);
                assert_true(world_record(&w)->legs[A].in_sync);
                world_power_off(&w, A);
                live(300);
                w.machine[B].hold = EFFECT_TYPES;
                live(9000);
                expect_alone(since);
                assert_false(world_record(&w)->legs[A].in_sync);
                world_power_on(&w, A);
                live(9000);
                assert_int_equal(w.core[B].leg[M].state, LEG_IN);
        }
}

/* The new primary dies instead: the old one has everything, for nothing was written since it stopped. */
static void new_primary_dies_in_a_switchover(void **state)
{
        static const enum effect_type steps[] = {EFFECT_REVOKE, EFFECT_NOTE_SET, EFFECT_ATTACH, EFFECT_ASSEMBLE_BOTH};

        (void)state;
        for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
                world_init(&w);
                world_make_redundant(&w);
                w.machine[B].hold = steps[i];
                world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
                live(500);
                world_power_off(&w, B);
                live(8000);
                assert_true(world_serves(&w, A));
                assert_int_equal(world_record(&w)->epoch, 3);
                w.machine[B].hold = EFFECT_TYPES;
                world_power_on(&w, B);
                live(9000);
                assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        }
}

/* hamon-act dies with its hold: everything from REVOKE on is done again. */
static void act_dies_in_a_switchover(void **state)
{
        static const enum effect_type steps[] = {EFFECT_REVOKE, EFFECT_NOTE_SET, EFFECT_ATTACH, EFFECT_ASSEMBLE_BOTH};

        (void)state;
        for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
                world_init(&w);
                world_make_redundant(&w);
                w.machine[B].hold = steps[i];
                world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
                live(500);
                world_act(&w, B, false);
                live(200);
                w.machine[B].hold = EFFECT_TYPES;
                world_act(&w, B, true);
                live(3000);
                assert_true(world_serves(&w, B));
                assert_true(world_record(&w)->legs[A].in_sync);
                assert_int_equal(w.core[B].leg[M].state, LEG_IN);
        }
}

/* The other node cannot after all: this one stopped in order and goes on. */
static void switchover_to_a_node_whose_disk_fails(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        w.machine[B].fail = EFFECT_PROBE;
        w.machine[B].error = -EIO;
        world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
        live(8000);
        assert_true(world_serves(&w, A));
}

/* The other node dies before it takes over: this one stopped in order, with its own leg in sync, and may start again. */
static void switchover_to_a_dying_node(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_command(&w, A, COMMAND_SWITCHOVER, false, 5);
        world_run(&w, 100);
        world_power_off(&w, B);
        live(8000);
        assert_true(world_serves(&w, A));
}

static void primary_leaves(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        unsigned reports = w.reports;
        world_command(&w, A, COMMAND_LEAVE, false, 5);
        live(4000);
        expect_answer(5, 0, REASON_COMMAND_DONE);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_LEFT);
        assert_true(world_reported(&w, reports, B, REASON_NODE_LEAVING));
        assert_true(world_serves(&w, B));
        world_restart_hamon(&w, A);
        live(8000);
        assert_int_equal(w.core[B].leg[M].state, LEG_IN);
}

/* The peer is dead and nothing is written: the array would wait for its leg, so the leave is decided before the stop. */
static void primary_leaves_with_a_dead_leg(void **state)
{
        (void)state;
        for (uint64_t ago_ms = 0; ago_ms <= 100; ago_ms += 100) {
                world_init(&w);
                world_make_redundant(&w);
                world_power_off(&w, B);
                if (ago_ms)
                        world_run(&w, ago_ms);
                unsigned since = w.effects;
                world_command(&w, A, COMMAND_LEAVE, false, 5);
                world_run(&w, 4000);
                expect_answer(5, 0, REASON_COMMAND_DONE);
                assert_false(world_record(&w)->legs[B].in_sync);
                /* Not seen yet: the stop fails by its flush, and begins anew. */
                world_expect_effects(&w, since, A,
                                     ago_ms ? "service-stop detach leg-remove note-clear array-stop note-clear leg-open"
                                            : "service-stop array-stop leg-open history service-stop detach leg-remove note-clear array-stop "
                                              "note-clear leg-open");
        }
}

/* The peer's machine lives and its leg does not answer; the service's last write waits for it. */
static void primary_leaves_with_a_stuck_leg(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        w.machine[B].nbdd_dead = true;
        world_run(&w, 20);
        world_write(&w);
        unsigned reports = w.reports;
        world_command(&w, A, COMMAND_LEAVE, false, 5);
        live(15000);
        expect_answer(5, 0, REASON_COMMAND_DONE);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_LEFT);
        assert_true(world_reported(&w, reports, A, REASON_LEG_LEAVING));
        assert_false(w.machine[A].running);
}

/* A former hamon started the service; the new one could not look yet, because the leg is stuck. It is stopped before the array all the same. */
static void primary_leaves_after_a_restart(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        w.machine[B].nbdd_dead = true;
        world_run(&w, 600);
        world_restart_hamon(&w, A);
        world_run(&w, 200);
        unsigned since = w.effects;
        world_command(&w, A, COMMAND_LEAVE, false, 5);
        live(8000);
        world_expect_effects(&w, since, A, "service-stop detach leg-remove note-clear array-stop note-clear leg-open");
}

static void secondary_leaves(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        unsigned since = w.effects;
        world_command(&w, B, COMMAND_LEAVE, false, 5);
        world_run(&w, 300);
        expect_answer(5, 0, REASON_COMMAND_DONE);
        world_expect_effects(&w, since, A, "detach leg-remove note-clear"); /* without waiting for anything */
        world_restart_hamon(&w, B);
        live(10000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
}

/* hamon-act dies when both legs are assembled, and cannot read the leg at first: the running array is not taken for none. */
static void hamon_act_dies_in_a_hand_over(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        w.machine[B].hold = EFFECT_HISTORY;
        world_command(&w, A, COMMAND_SWITCHOVER, false, 6);
        for (int ms = 0; ms < 5000 && w.core[B].mirror[M].state != MIRROR_HISTORY; ms++)
                world_run(&w, 1);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_HISTORY);
        assert_true(w.machine[B].running && world_record(&w)->legs[A].in_sync);
        world_act(&w, B, false);
        w.machine[B].hold = EFFECT_TYPES;
        w.machine[B].fail = EFFECT_LEG_OPEN;
        w.machine[B].error = -EIO;
        world_run(&w, 100);
        world_act(&w, B, true);
        world_run(&w, 600);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_HISTORY);
        w.machine[B].fail = EFFECT_TYPES;
        live(8000);
        assert_true(world_serves(&w, B));
        assert_int_equal(world_record(&w)->epoch, 2);
}

/* R7: the person knows that the witness was put back to an older state; nobody has asked it since. */
static void the_witness_is_replaced(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        struct uuid former = world_record(&w)->voters[W];
        world_command(&w, B, COMMAND_REPLACE_WITNESS, false, 5);
        expect_answer(5, -EINVAL, REASON_COMMAND_WRONG_STATE); /* not the primary */
        world_command(&w, A, COMMAND_REPLACE_WITNESS, false, 6);
        expect_answer(6, 0, REASON_COMMAND_DONE);
        live(30000);
        assert_true(w.core[W].reg[M].admitted);
        assert_false(uuid_equal(&world_record(&w)->voters[W], &former));
        assert_true(uuid_equal(&world_record(&w)->voters[W], &w.core[W].reg[M].acceptor.voter));
        world_power_off(&w, A); /* and its vote counts */
        live(6000);
        assert_true(world_serves(&w, B));
}

static void confirm_dead_is_for_manual_mode(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_command(&w, B, COMMAND_CONFIRM_DEAD, true, 5);
        expect_answer(5, -EINVAL, REASON_COMMAND_WRONG_STATE);
}

static void nothing_without_hamon_act(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        world_act(&w, A, false);
        world_command(&w, A, COMMAND_CREATE, false, 5);
        expect_answer(5, -EINVAL, REASON_ACT_LOST);
}

static void service_does_not_start(void **state)
{
        (void)state;
        struct mirror_view v;

        world_init(&w);
        world_run(&w, 4000);
        w.machine[A].service_broken = true;
        world_command(&w, A, COMMAND_CREATE, false, 1);
        world_run(&w, 2500);
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_SERVICE_FAILED);
        assert_int_equal(v.health, HEALTH_DOWN);
        w.machine[A].service_broken = false;
        world_run(&w, 5000);
        assert_true(world_serves(&w, A));
}

static unsigned most_actions, prepares;

/* Every effect is done at once. */
static void step_and_answer(struct core *c, const struct event *e)
{
        struct actions *out = malloc(sizeof *out);

        assert_non_null(out);
        core_step(c, e, out);
        most_actions = out->count > most_actions ? out->count : most_actions;
        for (unsigned i = 0; i < out->count; i++) {
                const struct effect *f = &out->at[i].effect;
                prepares += out->at[i].type == ACTION_SEND && out->at[i].send.type == MESSAGE_PREPARE;
                if (out->at[i].type != ACTION_EFFECT)
                        continue;
                struct event done = {.type = EVENT_EFFECT_DONE, .now_ms = e->now_ms};
                done.result = (struct effect_result){.type = f->type, .mirror = f->mirror, .ticket = f->ticket};
                done.result.leg.present = f->type != EFFECT_LEG_OPEN;
                step_and_answer(c, &done);
        }
        free(out);
}

/* All mirrors of a node at once, and no voter answers: the actions of one step have room. */
static void all_mirrors_are_busy(void **state)
{
        static struct core c;
        static const struct core_durable nothing;
        struct core_config config = {.mirrors = MIRRORS_MAX, .timers = timers_normal(), .boot = {{1}}, .start = 1};
        struct event e = {.type = EVENT_ACT_READY, .now_ms = 1000};

        (void)state;
        most_actions = prepares = 0;
        for (unsigned m = 0; m < MIRRORS_MAX; m++)
                config.has_service[m] = true;
        core_init(&c, &config, &nothing, 1000);
        step_and_answer(&c, &e);
        for (uint8_t m = 0; m < MIRRORS_MAX; m++) {
                e.type = EVENT_COMMAND;
                e.command.type = COMMAND_CREATE;
                e.command.mirror = m;
                step_and_answer(&c, &e);
        }
        e.type = EVENT_TICK;
        for (unsigned turn = 0; turn < 400; turn++) {
                e.now_ms += 300; /* late: many deadlines at once */
                step_and_answer(&c, &e);
        }
        assert_true(prepares > 400);
        assert_in_range(most_actions, 3 * MIRRORS_MAX, ACTIONS_MAX / 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(create_wants_consent_for_a_used_disk),
            cmocka_unit_test(create_is_cut_short),
            cmocka_unit_test(hamon_restarts_while_creating),
            cmocka_unit_test(join_never_takes_the_only_good_leg),
            cmocka_unit_test(a_swapped_disk_is_another_leg),
            cmocka_unit_test(a_creation_is_given_up),
            cmocka_unit_test(a_creation_that_was_sent_is_settled),
            cmocka_unit_test(a_consent_does_not_outlive_its_command),
            cmocka_unit_test(a_join_is_given_up),
            cmocka_unit_test(switchover),
            cmocka_unit_test(switchover_to_a_dying_node),
            cmocka_unit_test(switchover_of_unequal_legs),
            cmocka_unit_test(old_primary_dies_in_a_switchover),
            cmocka_unit_test(new_primary_dies_in_a_switchover),
            cmocka_unit_test(act_dies_in_a_switchover),
            cmocka_unit_test(switchover_to_a_node_whose_disk_fails),
            cmocka_unit_test(primary_leaves),
            cmocka_unit_test(primary_leaves_with_a_dead_leg),
            cmocka_unit_test(primary_leaves_with_a_stuck_leg),
            cmocka_unit_test(primary_leaves_after_a_restart),
            cmocka_unit_test(secondary_leaves),
            cmocka_unit_test(hamon_act_dies_in_a_hand_over),
            cmocka_unit_test(switchover_to_a_bad_disk),
            cmocka_unit_test(bad_disk_and_dead_peer_in_a_switchover),
            cmocka_unit_test(own_disk_fails_while_a_hand_over_is_undone),
            cmocka_unit_test(bad_disk_hangs_after_a_switchover),
            cmocka_unit_test(own_disk_fails_after_a_hand_over_was_undone),
            cmocka_unit_test(the_witness_is_replaced),
            cmocka_unit_test(confirm_dead_is_for_manual_mode),
            cmocka_unit_test(nothing_without_hamon_act),
            cmocka_unit_test(service_does_not_start),
            cmocka_unit_test(all_mirrors_are_busy),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
