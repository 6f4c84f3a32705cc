/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* force-primary: an old copy becomes the data by a person's word, a torn one never does, and nobody's word is enough while the other node serves. */
#include "tests/unit/core/fixture.h"
#include "tests/unit/core/fixture_node.h"

#include "tests/unit/cmocka_all.h"

#include <errno.h>

static struct world w;

static enum reason reason_of(uint8_t node)
{
        struct mirror_view v;

        core_view_mirror(&w.core[node], M, w.now_ms, &v);
        return v.reason;
}

/* node-b was away, node-a went on, and is gone now. */
static void with_an_old_copy_on_b(void)
{
        world_init(&w);
        world_make_redundant(&w);
        world_live(&w, 2000);
        world_power_off(&w, B);
        world_live(&w, 10000);
        world_power_off(&w, A);
        world_power_on(&w, B);
        world_live(&w, 10000);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_STANDBY);
        assert_int_equal(reason_of(B), REASON_STALE);
}

static void force(bool consent, int error, enum reason reason)
{
        world_command(&w, B, COMMAND_FORCE_PRIMARY, consent, 20);
        world_live(&w, 10000);
        assert_true(w.answered[20].present);
        assert_int_equal(w.answered[20].error, error);
        assert_int_equal(w.answered[20].reason, reason);
}

static void an_old_copy_becomes_the_data(void **state)
{
        (void)state;
        with_an_old_copy_on_b();
        force(false, -EPERM, REASON_COMMAND_CONSENT);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_STANDBY);
        uint64_t epoch = world_record(&w)->epoch;
        unsigned told = w.reports;
        w.given_up = true;
        force(true, 0, REASON_COMMAND_DONE);
        assert_true(world_serves(&w, B));
        assert_true(world_reported(&w, told, B, REASON_FORCED));
        const struct record *r = world_record(&w);
        assert_true(r->epoch == epoch + 1 && r->primary == B && r->legs[B].in_sync && !r->legs[A].in_sync);
        assert_true(r->legs[A].doubtful); /* what is there is of another history */
        unsigned since = w.effects;
        world_power_on(&w, A);
        world_live(&w, 60000);
        assert_true(world_record(&w)->legs[A].in_sync && !world_record(&w)->legs[A].doubtful);
        assert_true(w.machine[A].disk.data == w.machine[B].disk.data);
        bool whole = false;
        for (unsigned i = since; i < w.effects; i++)
                whole = whole || (w.effect[i].effect.type == EFFECT_LEG_ADD && w.effect[i].effect.whole);
        assert_true(whole);
        assert_true(world_serves(&w, B));
}

static void a_torn_copy_never_does(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_power_off(&w, B);
        world_live(&w, 10000);
        w.resync_ms = 1000000;
        world_power_on(&w, B);
        world_live(&w, 20000);
        assert_true(world_record(&w)->legs[B].inconsistent);
        world_power_off(&w, A);
        world_live(&w, 10000);
        assert_int_equal(reason_of(B), REASON_TORN); /* nor is anybody told to try */
        force(true, -EINVAL, REASON_TORN);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_STANDBY);
}

static void not_while_the_other_one_serves(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_power_off(&w, B);
        world_live(&w, 10000);
        world_cut(&w, A, B, true); /* it is not heard here, but by the witness */
        world_power_on(&w, B);
        world_live(&w, 10000);
        assert_true(world_serves(&w, A));
        world_command(&w, B, COMMAND_FORCE_PRIMARY, true, 20);
        world_live(&w, 200000); /* until the command gives up */
        assert_true(w.answered[20].present && w.answered[20].error < 0);
        assert_int_equal(world_record(&w)->primary, A);
        assert_true(world_serves(&w, A));
        world_live(&w, 60000); /* and nothing of it happens later */
        world_power_off(&w, A);
        world_live(&w, 60000);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_STANDBY);
        world_power_on(&w, A);
        world_cut(&w, A, B, false);
        world_live(&w, 60000);
        assert_true(world_record(&w)->legs[B].in_sync);
        force(true, -EINVAL, REASON_COMMAND_WRONG_STATE); /* heard serving, and nothing to force */
}

/* Consent to one start is none to the next. */
static void start_alone_forces_nothing(void **state)
{
        (void)state;
        with_an_old_copy_on_b();
        world_command(&w, B, COMMAND_START_ALONE, true, 21);
        world_live(&w, 10000);
        assert_int_equal(w.answered[21].error, -EINVAL);
        assert_int_equal(w.answered[21].reason, REASON_STALE);
        world_power_off(&w, W); /* no majority: it is given up, and does not happen when the witness is back */
        world_command(&w, B, COMMAND_FORCE_PRIMARY, true, 22);
        world_live(&w, 100000);
        assert_int_equal(w.answered[22].error, -ETIMEDOUT);
        world_power_on(&w, W);
        world_live(&w, 60000);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_STANDBY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_old_copy_becomes_the_data),
                cmocka_unit_test(a_torn_copy_never_does),
                cmocka_unit_test(not_while_the_other_one_serves),
                cmocka_unit_test(start_alone_forces_nothing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
