/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two nodes without a third vote: nothing is decided about a silent peer until a person has said that it is off. */
#include "tests/unit/core/fixture.h"

#include <errno.h>

#include "tests/unit/cmocka_all.h"

static struct world w;

static void redundant(void)
{
        world_init_manual(&w);
        world_make_redundant(&w);
        world_live(&w, 1000);
        assert_true(world_writes_go_on(&w));
}

static unsigned seats(void)
{
        const struct record *r = world_record(&w);

        return (unsigned)!uuid_is_null(&r->voters[A]) | (unsigned)!uuid_is_null(&r->voters[B]) << 1 | (unsigned)!uuid_is_null(&r->voters[W]) << 2;
}

static void it_is_mirrored(void **state)
{
        (void)state;
        redundant();
        assert_int_equal(world_view(&w, A).reason, REASON_REDUNDANT);
        assert_int_equal(world_view(&w, B).reason, REASON_STANDBY_OK);
        assert_int_equal(world_view(&w, A).if_peer_fails, REASON_WILL_ASK);
        assert_int_equal(world_view(&w, A).if_self_fails, REASON_WILL_ASK);
        assert_int_equal(world_view(&w, B).if_peer_fails, REASON_WILL_ASK);
        assert_int_equal(seats(), 3);
        world_command(&w, A, COMMAND_CONFIRM_DEAD, true, 5);
        world_expect_answer(&w, 5, -EINVAL, REASON_COMMAND_WRONG_STATE); /* the peer is heard */
}

static void a_switchover_needs_no_word(void **state)
{
        (void)state;
        redundant();
        world_command(&w, A, COMMAND_SWITCHOVER, false, 6);
        world_live(&w, 10000);
        world_expect_answer(&w, 6, 0, REASON_COMMAND_DONE);
        assert_true(world_serves(&w, B));
        assert_int_equal(w.core[B].leg[M].state, LEG_IN);
        assert_int_equal(seats(), 3);
}

/* The survivor waits for the word, then takes over; the former primary comes back as a voter without a seat, and is resynced. */
static void the_primary_dies(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, A);
        world_live(&w, 30000);
        assert_false(world_serves(&w, B));
        assert_int_equal(world_view(&w, B).reason, REASON_MANUAL_FROZEN);
        world_command(&w, B, COMMAND_CONFIRM_DEAD, false, 7);
        world_expect_answer(&w, 7, -EPERM, REASON_COMMAND_CONSENT);
        world_live(&w, 1000);
        assert_false(world_serves(&w, B));
        world_command(&w, B, COMMAND_CONFIRM_DEAD, true, 8);
        world_expect_answer(&w, 8, 0, REASON_COMMAND_DONE);
        world_live(&w, 2000);
        assert_true(world_serves(&w, B) && world_writes_go_on(&w));
        assert_int_equal(seats(), 1 << B);
        assert_int_equal(world_record(&w)->voters_generation >> 16, 1);
        world_restart_hamon(&w, B); /* the word was for that decision; what was decided stays */
        world_live(&w, 3000);
        assert_true(world_serves(&w, B) && world_writes_go_on(&w));
        world_power_on(&w, A);
        world_live(&w, 30000);
        assert_false(world_serves(&w, A));
        assert_int_equal(w.core[B].leg[M].state, LEG_IN);
        assert_true(w.core[A].reg[M].admitted);
        assert_int_equal(seats(), 3);
        assert_int_equal(world_view(&w, B).reason, REASON_REDUNDANT);
        /* And the next death needs a word again. */
        world_power_off(&w, B);
        world_live(&w, 10000);
        assert_false(world_serves(&w, A));
        world_command(&w, A, COMMAND_CONFIRM_DEAD, true, 9);
        world_live(&w, 2000);
        assert_true(world_serves(&w, A));
        assert_int_equal(world_record(&w)->voters_generation >> 16, 2);
}

/* P4: the primary's writes wait, the address goes, until the word is given. */
static void the_secondary_dies(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, B);
        world_live(&w, 10000);
        assert_false(world_writes_go_on(&w));
        assert_int_equal(world_view(&w, A).reason, REASON_MANUAL_FROZEN);
        world_command(&w, A, COMMAND_CONFIRM_DEAD, true, 5);
        world_expect_answer(&w, 5, 0, REASON_COMMAND_DONE);
        world_live(&w, 3000);
        assert_true(world_serves(&w, A) && world_writes_go_on(&w));
        assert_int_equal(seats(), 1 << A);
        world_power_on(&w, B);
        world_live(&w, 30000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        assert_int_equal(seats(), 3);
}

/* P2: a word that is wrong costs no data. The former primary lives behind a cut link, is frozen, and can neither decide nor write. */
static void a_wrong_word(void **state)
{
        (void)state;
        redundant();
        world_cut(&w, A, B, true);
        world_live(&w, 5000);
        assert_false(world_writes_go_on(&w));
        world_command(&w, B, COMMAND_CONFIRM_DEAD, true, 5);
        world_expect_answer(&w, 5, 0, REASON_COMMAND_DONE);
        world_live(&w, 4000);
        assert_true(world_serves(&w, B));
        assert_false(world_serves(&w, A));
        uint64_t version = w.core[A].reg[M].decided.version;
        world_live(&w, 20000);
        assert_int_equal(w.core[A].reg[M].decided.version, version);
        world_cut(&w, A, B, false);
        world_run(&w, 3000);
        assert_false(w.machine[A].up); /* deposed: rebooted */
        world_power_on(&w, A);
        world_live(&w, 30000);
        assert_int_equal(w.core[B].leg[M].state, LEG_IN);
        assert_true(world_serves(&w, B));
}

/* Two words, one on each node: both have gone on. It is said, and neither is overwritten by itself. */
static void two_words(void **state)
{
        (void)state;
        redundant();
        world_cut(&w, A, B, true);
        world_run(&w, 5000);
        world_command(&w, A, COMMAND_CONFIRM_DEAD, true, 5);
        world_run(&w, 3000); /* nothing is written: the model does not let B go on without it */
        assert_true(world_serves(&w, A));
        world_command(&w, B, COMMAND_CONFIRM_DEAD, true, 6);
        world_run(&w, 4000);
        assert_true(world_serves(&w, B));
        world_cut(&w, A, B, false);
        world_run(&w, 20000);
        if (!w.machine[A].up)
                world_power_on(&w, A);
        world_run(&w, 60000);
        assert_true(world_serves(&w, B));
        assert_false(world_serves(&w, A));
        assert_true(w.core[A].reg[M].admitted && w.core[B].reg[M].admitted);
        assert_int_not_equal(w.core[B].leg[M].state, LEG_IN);
        assert_int_equal(world_view(&w, A).reason, REASON_FORKED);
        assert_int_equal(world_view(&w, B).reason, REASON_FORKED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(it_is_mirrored),     cmocka_unit_test(a_switchover_needs_no_word),
            cmocka_unit_test(the_primary_dies),   cmocka_unit_test(the_secondary_dies),
            cmocka_unit_test(a_wrong_word),       cmocka_unit_test(two_words),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
