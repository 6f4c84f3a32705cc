/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One fault of a node or a link at a time, and the pairs of DESIGN 3.7: what users see, who decides. */
#include "tests/unit/core/fixture.h"

#include "tests/unit/cmocka_all.h"

static struct world w;

static void redundant(void)
{
        world_init(&w);
        world_make_redundant(&w);
}

static void secondary_dies(void **state)
{
        (void)state;
        redundant();
        unsigned since = w.effects;
        world_power_off(&w, B);
        world_write(&w);
        assert_false(world_writes_go_on(&w)); /* P4 */
        world_live(&w, 3000);
        world_expect_effects(&w, since, A, "detach leg-remove note-clear");
        assert_true(w.effect[since].effect.type == EFFECT_ADDRESS_RENEW); /* nothing else happened to the service */
        assert_true(world_writes_go_on(&w));
        assert_true(world_serves(&w, A));
        assert_int_equal(world_record(&w)->epoch, 1);
        assert_false(world_record(&w)->legs[B].in_sync);

        world_power_on(&w, B);
        world_live(&w, 8000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        assert_int_equal(w.machine[A].disk.data, w.machine[B].disk.data);
}

static void link_between_nodes_is_cut(void **state)
{
        (void)state;
        redundant();
        unsigned since = w.effects;
        world_cut(&w, A, B, true);
        world_live(&w, 10000);
        world_expect_effects(&w, since, A, "detach leg-remove note-clear");
        world_expect_effects(&w, since, B, ""); /* the lease holder stays */
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_STANDBY);
        assert_true(world_serves(&w, A));
        world_cut(&w, A, B, false);
        world_live(&w, 10000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
}

static void primary_is_isolated(void **state)
{
        (void)state;
        redundant();
        world_isolate(&w, A, true);
        world_live(&w, 6000);
        assert_true(world_serves(&w, B));
        assert_int_equal(world_record(&w)->primary, B);
        assert_true(world_writes_go_on(&w));
        assert_false(world_serves(&w, A));
        assert_true(w.machine[A].up);

        unsigned since = w.effects;
        world_isolate(&w, A, false);
        world_live(&w, 1000);
        world_expect_effects(&w, since, A, "reboot");
        assert_false(w.machine[A].up);
        world_power_on(&w, A);
        world_live(&w, 8000);
        assert_int_equal(w.core[B].leg[M].state, LEG_IN);
        assert_int_equal(w.machine[A].disk.data, w.machine[B].disk.data);
}

static void witness_then_secondary_lost(void **state)
{
        (void)state;
        struct mirror_view v;

        redundant();
        world_power_off(&w, W);
        world_live(&w, 5000);
        assert_true(world_writes_go_on(&w)); /* nothing but a warning */
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_WITNESS_LOST);
        assert_int_equal(v.if_peer_fails, REASON_WILL_FREEZE);

        world_power_off(&w, B);
        world_live(&w, 10000);
        assert_false(world_writes_go_on(&w));
        assert_false(world_serves(&w, A)); /* the address went with the lease */
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_FROZEN);
        assert_int_equal(v.health, HEALTH_FROZEN);

        world_power_on(&w, W);
        world_live(&w, 6000);
        assert_true(world_writes_go_on(&w));
        assert_true(world_serves(&w, A));
        assert_false(world_record(&w)->legs[B].in_sync);
}

/* The other order: alone with the witness a node lives on the witness's vote, and says so before it is lost. */
static void secondary_then_witness_lost(void **state)
{
        (void)state;
        struct mirror_view v;

        redundant();
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.if_witness_fails, REASON_WITNESS_LOST);
        world_power_off(&w, B);
        world_live(&w, 10000);
        assert_true(world_writes_go_on(&w));
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_DEGRADED);
        assert_int_equal(v.if_witness_fails, REASON_WILL_FREEZE);

        world_power_off(&w, W);
        world_live(&w, 10000);
        assert_false(world_serves(&w, A));
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.health, HEALTH_FROZEN);
}

static enum health health(uint8_t voter)
{
        struct mirror_view v;

        core_view_mirror(&w.core[voter], M, w.now_ms, &v);
        return v.health;
}

static bool is_shown_running(uint8_t voter)
{
        return health(voter) == HEALTH_OK || health(voter) == HEALTH_DEGRADED;
}

/* "ok" and "degraded" mean that it runs, on whichever machine one asks, and whatever the record says. */
static void nobody_active_is_no_health(void **state)
{
        (void)state;
        redundant();
        for (uint8_t v = 0; v < VOTERS; v++)
                assert_int_equal(health(v), HEALTH_OK);
        world_act(&w, A, false);
        world_act(&w, B, false);
        world_live(&w, 8000);
        for (uint8_t v = 0; v < VOTERS; v++)
                assert_int_equal(health(v), HEALTH_DOWN);
}

static void a_takeover_is_not_running_yet(void **state)
{
        bool was_starting = false;

        (void)state;
        redundant();
        world_power_off(&w, A);
        world_live(&w, 1520); /* it counts as dead, and nothing that it said counts any more */
        for (unsigned ms = 0; ms < 8000 && !is_shown_running(B); ms += 20) {
                was_starting = was_starting || health(B) == HEALTH_STARTING;
                world_live(&w, 20);
        }
        assert_true(was_starting);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_PRIMARY);
        world_live(&w, 1000);
        assert_int_equal(health(B), HEALTH_DEGRADED);
        assert_int_equal(health(W), HEALTH_DEGRADED);
        world_power_off(&w, B);
        world_live(&w, 3000);
        assert_int_equal(health(W), HEALTH_DOWN);
}

static void witness_then_primary_lost(void **state)
{
        (void)state;
        struct mirror_view v;

        redundant();
        world_power_off(&w, W);
        world_live(&w, 1000);
        world_power_off(&w, A);
        world_live(&w, 20000);
        assert_int_equal(world_record(&w)->epoch, 1);
        core_view_mirror(&w.core[B], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_NO_MAJORITY);
        world_power_on(&w, W);
        world_live(&w, 6000);
        assert_true(world_serves(&w, B));
}

static void both_lost_power_secondary_returns(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, A);
        world_power_off(&w, B);
        world_live(&w, 1000);
        world_power_on(&w, B);
        world_live(&w, 8000);
        assert_true(world_serves(&w, B));
}

static void both_lost_power_primary_returns(void **state)
{
        (void)state;
        struct mirror_view v;

        redundant();
        world_power_off(&w, A);
        world_power_off(&w, B);
        world_live(&w, 1000);
        world_power_on(&w, A);
        world_live(&w, 20000);
        assert_false(w.machine[A].running);
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_WAITING_FOR_PEER);

        world_command(&w, A, COMMAND_START_ALONE, false, 5);
        assert_int_equal(w.answered[5].reason, REASON_COMMAND_CONSENT);
        world_command(&w, A, COMMAND_START_ALONE, true, 6);
        world_live(&w, 3000);
        assert_true(w.answered[6].present && w.answered[6].error == 0);
        assert_true(world_serves(&w, A));
}

static void both_lost_power_both_return(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, A);
        world_power_off(&w, B);
        world_live(&w, 1000);
        world_power_on(&w, A);
        world_power_on(&w, B);
        world_live(&w, 15000);
        assert_true(world_serves(&w, B)); /* it has every acknowledged write */
        assert_int_equal(w.core[B].leg[M].state, LEG_IN);
}

static void recorded_alone_restarts_alone(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, B);
        world_live(&w, 4000);
        assert_false(w.machine[A].disk.note);
        world_power_off(&w, A);
        world_live(&w, 1000);
        world_power_on(&w, A);
        world_live(&w, 8000);
        assert_true(world_serves(&w, A));
        assert_int_equal(world_record(&w)->epoch, 2);
}

/* 3.4: the own disk may have failed last, while md went on with the peer's leg. */
static void note_is_set_and_waits(void **state)
{
        (void)state;
        struct mirror_view v;

        redundant();
        world_power_off(&w, B);
        world_live(&w, 4000);
        w.machine[A].disk.note = true; /* as if it died between the decision and NOTE_CLEAR */
        world_power_off(&w, A);
        world_live(&w, 1000);
        world_power_on(&w, A);
        world_live(&w, 15000);
        assert_false(w.machine[A].running);
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_WAITING_FOR_PEER);
        world_power_on(&w, B); /* its superblock does not call A's leg failed */
        world_live(&w, 10000);
        assert_true(world_serves(&w, A));
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
}

static void note_is_set_and_the_peer_calls_us_failed(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, B);
        world_live(&w, 4000);
        w.machine[A].disk.note = true;
        w.machine[B].disk.calls_peer_failed = true;
        world_power_off(&w, A);
        world_live(&w, 1000);
        world_power_on(&w, A);
        world_power_on(&w, B);
        world_live(&w, 20000);
        assert_false(w.machine[A].running);
        assert_false(w.machine[B].running);
}

/* Links of up to 150 ms one way that lose 2 %: nothing is decided for their sake in five minutes, and a death is seen as ever. */
static void far_and_lossy(void **state)
{
        (void)state;
        redundant();
        w.message_max_ms = 150;
        w.lose_percent = 2;
        uint64_t version = world_record(&w)->version;
        for (int s = 0; s < 300; s++) {
                world_live(&w, 1000);
                assert_true(world_serves(&w, A));
        }
        assert_int_equal(world_record(&w)->version, version);
        world_power_off(&w, A);
        world_live(&w, 8000);
        assert_true(world_serves(&w, B));
        assert_true(world_writes_go_on(&w));
}

static void one_way_link(void **state)
{
        (void)state;
        redundant();
        w.cut[A][B] = true; /* B does not hear A */
        world_live(&w, 10000);
        assert_true(world_serves(&w, A)); /* the witness hears both: B gets no vote but its own */
        assert_int_equal(world_record(&w)->epoch, 1);
        w.cut[A][B] = false;
        world_live(&w, 10000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(secondary_dies),
            cmocka_unit_test(link_between_nodes_is_cut),
            cmocka_unit_test(primary_is_isolated),
            cmocka_unit_test(witness_then_secondary_lost),
            cmocka_unit_test(secondary_then_witness_lost),
            cmocka_unit_test(witness_then_primary_lost),
            cmocka_unit_test(both_lost_power_secondary_returns),
            cmocka_unit_test(both_lost_power_primary_returns),
            cmocka_unit_test(both_lost_power_both_return),
            cmocka_unit_test(recorded_alone_restarts_alone),
            cmocka_unit_test(note_is_set_and_waits),
            cmocka_unit_test(note_is_set_and_the_peer_calls_us_failed),
            cmocka_unit_test(far_and_lossy),
            cmocka_unit_test(one_way_link),
            cmocka_unit_test(nobody_active_is_no_health),
            cmocka_unit_test(a_takeover_is_not_running_yet),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
