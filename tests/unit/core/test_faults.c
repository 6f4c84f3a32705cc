/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One fault at a time, and the pairs of DESIGN 3.7: what users see, who decides. */
#include "tests/unit/core/fixture.h"
#include "tests/unit/core/fixture_node.h"

#include "tests/unit/cmocka_all.h"

static struct world w;

static void redundant(void)
{
        world_init(&w);
        world_make_redundant(&w);
}

/* Runs in small steps for `ms`, writing all the while; two nodes never serve at once (P6). */
static void live(uint64_t ms)
{
        for (uint64_t end_ms = w.now_ms + ms; w.now_ms < end_ms;) {
                world_run(&w, 20);
                world_write(&w);
                assert_false(world_serves(&w, A) && world_serves(&w, B));
        }
}

static bool writes_go_on(void)
{
        uint64_t before = w.acknowledged;

        world_write(&w);
        return w.acknowledged > before;
}

static void secondary_dies(void **state)
{
        (void)state;
        redundant();
        unsigned since = w.effects;
        world_power_off(&w, B);
        world_write(&w);
        assert_false(writes_go_on()); /* P4 */
        live(3000);
        world_expect_effects(&w, since, A, "detach leg-remove note-clear");
        assert_true(w.effect[since].effect.type == EFFECT_ADDRESS_RENEW); /* nothing else happened to the service */
        assert_true(writes_go_on());
        assert_true(world_serves(&w, A));
        assert_int_equal(world_record(&w)->epoch, 1);
        assert_false(world_record(&w)->legs[B].in_sync);

        world_power_on(&w, B);
        live(8000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        assert_int_equal(w.machine[A].disk.data, w.machine[B].disk.data);
}

static void link_between_nodes_is_cut(void **state)
{
        (void)state;
        redundant();
        unsigned since = w.effects;
        world_cut(&w, A, B, true);
        live(10000);
        world_expect_effects(&w, since, A, "detach leg-remove note-clear");
        world_expect_effects(&w, since, B, ""); /* the lease holder stays */
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_STANDBY);
        assert_true(world_serves(&w, A));
        world_cut(&w, A, B, false);
        live(10000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
}

static void primary_is_isolated(void **state)
{
        (void)state;
        redundant();
        world_isolate(&w, A, true);
        live(6000);
        assert_true(world_serves(&w, B));
        assert_int_equal(world_record(&w)->primary, B);
        assert_true(writes_go_on());
        assert_false(world_serves(&w, A));
        assert_true(w.machine[A].up);

        unsigned since = w.effects;
        world_isolate(&w, A, false);
        live(1000);
        world_expect_effects(&w, since, A, "reboot");
        assert_false(w.machine[A].up);
        world_power_on(&w, A);
        live(8000);
        assert_int_equal(w.core[B].leg[M].state, LEG_IN);
        assert_int_equal(w.machine[A].disk.data, w.machine[B].disk.data);
}

static void witness_then_secondary_lost(void **state)
{
        (void)state;
        struct mirror_view v;

        redundant();
        world_power_off(&w, W);
        live(5000);
        assert_true(writes_go_on()); /* nothing but a warning */
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_WITNESS_LOST);
        assert_int_equal(v.if_peer_fails, REASON_WILL_FREEZE);

        world_power_off(&w, B);
        live(10000);
        assert_false(writes_go_on());
        assert_false(world_serves(&w, A)); /* the address went with the lease */
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_FROZEN);
        assert_int_equal(v.health, HEALTH_FROZEN);

        world_power_on(&w, W);
        live(6000);
        assert_true(writes_go_on());
        assert_true(world_serves(&w, A));
        assert_false(world_record(&w)->legs[B].in_sync);
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
        live(8000);
        for (uint8_t v = 0; v < VOTERS; v++)
                assert_int_equal(health(v), HEALTH_DOWN);
}

static void a_takeover_is_not_running_yet(void **state)
{
        bool was_starting = false;

        (void)state;
        redundant();
        world_power_off(&w, A);
        live(1520); /* it counts as dead, and nothing that it said counts any more */
        for (unsigned ms = 0; ms < 8000 && !is_shown_running(B); ms += 20) {
                was_starting = was_starting || health(B) == HEALTH_STARTING;
                live(20);
        }
        assert_true(was_starting);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_PRIMARY);
        live(1000);
        assert_int_equal(health(B), HEALTH_DEGRADED);
        assert_int_equal(health(W), HEALTH_DEGRADED);
        world_power_off(&w, B);
        live(3000);
        assert_int_equal(health(W), HEALTH_DOWN);
}

static void witness_then_primary_lost(void **state)
{
        (void)state;
        struct mirror_view v;

        redundant();
        world_power_off(&w, W);
        live(1000);
        world_power_off(&w, A);
        live(20000);
        assert_int_equal(world_record(&w)->epoch, 1);
        core_view_mirror(&w.core[B], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_NO_MAJORITY);
        world_power_on(&w, W);
        live(6000);
        assert_true(world_serves(&w, B));
}

static void both_lost_power_secondary_returns(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, A);
        world_power_off(&w, B);
        live(1000);
        world_power_on(&w, B);
        live(8000);
        assert_true(world_serves(&w, B));
}

static void both_lost_power_primary_returns(void **state)
{
        (void)state;
        struct mirror_view v;

        redundant();
        world_power_off(&w, A);
        world_power_off(&w, B);
        live(1000);
        world_power_on(&w, A);
        live(20000);
        assert_false(w.machine[A].running);
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_WAITING_FOR_PEER);

        world_command(&w, A, COMMAND_START_ALONE, false, 5);
        assert_int_equal(w.answered[5].reason, REASON_COMMAND_CONSENT);
        world_command(&w, A, COMMAND_START_ALONE, true, 6);
        live(3000);
        assert_true(w.answered[6].present && w.answered[6].error == 0);
        assert_true(world_serves(&w, A));
}

static void both_lost_power_both_return(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, A);
        world_power_off(&w, B);
        live(1000);
        world_power_on(&w, A);
        world_power_on(&w, B);
        live(15000);
        assert_true(world_serves(&w, B)); /* it has every acknowledged write */
        assert_int_equal(w.core[B].leg[M].state, LEG_IN);
}

static void recorded_alone_restarts_alone(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, B);
        live(4000);
        assert_false(w.machine[A].disk.note);
        world_power_off(&w, A);
        live(1000);
        world_power_on(&w, A);
        live(8000);
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
        live(4000);
        w.machine[A].disk.note = true; /* as if it died between the decision and NOTE_CLEAR */
        world_power_off(&w, A);
        live(1000);
        world_power_on(&w, A);
        live(15000);
        assert_false(w.machine[A].running);
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_WAITING_FOR_PEER);
        world_power_on(&w, B); /* its superblock does not call A's leg failed */
        live(10000);
        assert_true(world_serves(&w, A));
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
}

static void note_is_set_and_the_peer_calls_us_failed(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, B);
        live(4000);
        w.machine[A].disk.note = true;
        w.machine[B].disk.calls_peer_failed = true;
        world_power_off(&w, A);
        live(1000);
        world_power_on(&w, A);
        world_power_on(&w, B);
        live(20000);
        assert_false(w.machine[A].running);
        assert_false(w.machine[B].running);
}

static void hamon_restarts_on_the_primary(void **state)
{
        (void)state;
        redundant();
        unsigned since = w.effects, reports = w.reports;
        world_restart_hamon(&w, A);
        live(5000);
        world_expect_effects(&w, since, A, "leg-open history");
        world_expect_effects(&w, since, B, "");
        assert_true(world_reported(&w, reports, A, REASON_ADOPTED));
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        assert_int_equal(world_record(&w)->epoch, 1);
        assert_true(world_serves(&w, A));
        /* it still watches the leg */
        world_power_off(&w, B);
        live(4000);
        assert_true(writes_go_on());
}

static void hamon_restarts_on_a_lone_primary(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, B);
        live(4000);
        w.machine[A].disk.debt = true;
        unsigned since = w.effects;
        world_restart_hamon(&w, A);
        live(3000);
        world_expect_effects(&w, since, A, "leg-open history detach leg-remove note-clear");
        assert_true(world_serves(&w, A));
}

static void hamon_restarts_on_the_secondary(void **state)
{
        (void)state;
        redundant();
        unsigned since = w.effects;
        world_restart_hamon(&w, B);
        live(5000);
        world_expect_effects(&w, since, A, "");
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
}

static void hamon_restarts_in_a_resync(void **state)
{
        (void)state;
        world_init(&w);
        world_run(&w, 4000);
        w.resync_ms = 5000;
        world_command(&w, A, COMMAND_CREATE, false, 1);
        world_run(&w, 1000);
        world_command(&w, B, COMMAND_JOIN, false, 2);
        live(3000);
        assert_int_equal(w.core[A].leg[M].state, LEG_SYNCING);
        world_restart_hamon(&w, A);
        live(12000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        assert_int_equal(world_record(&w)->epoch, 1);
}

static void own_disk_fails(void **state)
{
        (void)state;
        redundant();
        unsigned reports = w.reports;
        w.machine[A].own_failed = true; /* md goes on with the peer's leg */
        w.machine[A].own_in_sync = false;
        world_run(&w, 600);
        assert_true(world_reported(&w, reports, A, REASON_OWN_LEG_FAILED));
        assert_true(world_record(&w)->legs[B].in_sync);
        assert_false(world_record(&w)->legs[A].in_sync);
        w.machine[A].disk.broken = true;
        live(10000);
        assert_true(world_serves(&w, B)); /* by policy the service moves there */
        assert_int_equal(world_record(&w)->primary, B);
}

/* md ignores a leg's failed flush; the probe does not. What the disk lost stands in no bitmap: that leg comes back whole, even after a restart. */
static void own_disk_fails_its_flushes(void **state)
{
        (void)state;
        redundant();
        unsigned reports = w.reports;
        w.machine[A].own_unsafe = true;
        world_run(&w, 600);
        assert_true(world_reported(&w, reports, A, REASON_OWN_LEG_FAILED));
        assert_true(world_record(&w)->legs[B].in_sync);
        assert_true(!world_record(&w)->legs[A].in_sync && world_record(&w)->legs[A].doubtful);
        live(700); /* the service moves; the join has not begun */
        assert_true(world_serves(&w, B));
        w.machine[A].own_unsafe = false;
        world_restart_hamon(&w, B);
        unsigned since = w.effects;
        live(8000);
        assert_int_equal(w.core[B].leg[M].state, LEG_IN);
        assert_false(world_record(&w)->legs[A].doubtful);
        bool whole = false;
        for (unsigned i = since; i < w.effects; i++)
                if (w.effect[i].effect.type == EFFECT_LEG_ADD)
                        whole = w.effect[i].effect.whole;
        assert_true(whole);
}

/* The only leg in sync fails its flushes: nothing can be kept out; it is said, and nothing is copied from it as if it were whole. */
static void the_only_disk_fails_its_flushes(void **state)
{
        struct mirror_view v;

        (void)state;
        redundant();
        world_power_off(&w, B);
        live(4000);
        w.machine[A].own_unsafe = true;
        world_power_on(&w, B);
        live(15000);
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_OWN_LEG_UNSAFE);
        assert_true(world_record(&w)->legs[A].in_sync && !world_record(&w)->legs[B].in_sync);
        assert_true(world_serves(&w, A));
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
                live(1000);
                assert_true(world_serves(&w, A));
        }
        assert_int_equal(world_record(&w)->version, version);
        world_power_off(&w, A);
        live(8000);
        assert_true(world_serves(&w, B));
        assert_true(writes_go_on());
}

static void hamon_act_restarts(void **state)
{
        (void)state;
        redundant();
        w.machine[A].hold = EFFECT_DETACH; /* it dies while detaching */
        world_power_off(&w, B);
        live(3000);
        assert_int_equal(w.core[A].leg[M].state, LEG_DETACH);
        unsigned since = w.effects;
        world_act(&w, A, false);
        live(1000);
        w.machine[A].hold = EFFECT_TYPES;
        world_act(&w, A, true);
        live(2000);
        world_expect_effects(&w, since, A, "leg-open detach leg-remove note-clear");
        assert_true(writes_go_on());
        assert_true(world_serves(&w, A));
}

static void probe_fails(void **state)
{
        (void)state;
        redundant();
        unsigned reports = w.reports;
        w.machine[B].fail = EFFECT_PROBE;
        w.machine[B].error = -5;
        world_power_off(&w, A);
        live(5000);
        assert_true(world_reported(&w, reports, B, REASON_PROBE_FAILED));
        assert_int_equal(world_record(&w)->epoch, 1); /* nothing was swapped */
        w.machine[B].fail = EFFECT_TYPES;
        live(8000);
        assert_true(world_serves(&w, B));
}

static void assembly_fails_for_a_while(void **state)
{
        (void)state;
        redundant();
        w.machine[B].fail = EFFECT_ASSEMBLE;
        w.machine[B].error = -5;
        world_power_off(&w, A);
        live(6000);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_ASSEMBLE);
        w.machine[B].fail = EFFECT_TYPES;
        live(8000);
        assert_true(world_serves(&w, B));
}

static void leg_hangs(void **state)
{
        (void)state;
        redundant();
        w.machine[B].nbdd_dead = true; /* heartbeats go on */
        live(12000);
        assert_false(world_record(&w)->legs[B].in_sync);
        assert_true(writes_go_on());
        w.machine[B].nbdd_dead = false;
        live(60000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
}

static void one_way_link(void **state)
{
        (void)state;
        redundant();
        w.cut[A][B] = true; /* B does not hear A */
        live(10000);
        assert_true(world_serves(&w, A)); /* the witness hears both: B gets no vote but its own */
        assert_int_equal(world_record(&w)->epoch, 1);
        w.cut[A][B] = false;
        live(10000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
}

static void array_gone_in_the_same_boot(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, B);
        live(4000);
        world_act(&w, A, false);
        w.machine[A].running = w.machine[A].service = false; /* somebody stopped it */
        w.machine[A].own_in_sync = false;
        world_act(&w, A, true);
        live(6000);
        assert_true(world_serves(&w, A));
        assert_int_equal(world_record(&w)->epoch, 2);
}

/* R1a: an array that vanishes while it is adopted is not assembled alone under a record that has both legs. */
static void array_gone_while_it_is_adopted(void **state)
{
        (void)state;
        redundant();
        w.machine[A].hold = EFFECT_HISTORY;
        world_restart_hamon(&w, A);
        world_run(&w, 500);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_HISTORY);
        w.machine[A].running = w.machine[A].attached = w.machine[A].service = w.machine[A].peer_in_array = false;
        w.machine[A].own_in_sync = false;
        w.machine[A].hold = EFFECT_TYPES;
        unsigned since = w.effects;
        world_act(&w, A, false);
        world_act(&w, A, true);
        world_run(&w, 500);
        world_expect_effects(&w, since, A, "leg-open");
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_STANDBY);
        live(4000);
        assert_true(world_serves(&w, B));
}

/* R2g: nothing can be decided, and the leg makes no progress: once the join was sent it stays REQUIRED and attached until its outcome is known. */
static void join_without_a_majority(void **state)
{
        (void)state;
        redundant();
        w.machine[B].nbdd_dead = true;
        live(7000);
        w.machine[B].nbdd_dead = false;
        w.machine[B].hold = EFFECT_CHECK_LEG;
        for (unsigned i = 0; i < 200 && w.core[A].leg[M].state != LEG_CHECK; i++)
                live(20);
        assert_int_equal(w.core[A].leg[M].state, LEG_CHECK);
        struct event answer = {.type = EVENT_MESSAGE, .message = {.type = MESSAGE_CHECK_REPLY, .from = B, .to = A, .mirror = M}};
        answer.message.voters_generation = VOTERS_GENERATION_FIRST;
        answer.message.check_reply.epoch = w.core[A].mirror[M].epoch;
        answer.message.check_reply.session = w.core[A].leg[M].session;
        answer.message.check_reply.permits = true;
        world_power_off(&w, W);
        world_cut(&w, A, B, true); /* just behind its answer */
        fixture_enqueue(&w, A, &answer);
        world_run(&w, 500);
        assert_int_equal(w.core[A].leg[M].state, LEG_JOIN);
        unsigned since = w.effects;
        world_run(&w, 12000);
        assert_int_equal(w.core[A].leg[M].state, LEG_JOIN);
        world_expect_effects(&w, since, A, "");
        assert_true(w.machine[A].attached && w.machine[A].required);
}

/* R2c: md loses the own leg while the leave is being decided. */
static void own_disk_fails_in_a_leave(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, W); /* nothing can be decided for now */
        world_run(&w, 1000);
        w.machine[B].nbdd_dead = true;
        world_cut(&w, A, B, true);
        world_run(&w, 4000);
        assert_int_equal(w.core[A].leg[M].state, LEG_LEAVE);
        w.machine[A].own_failed = true;
        w.machine[A].own_in_sync = false;
        world_run(&w, 1000);
        unsigned since = w.effects;
        w.machine[B].nbdd_dead = false;
        world_cut(&w, A, B, false);
        world_run(&w, 2000);
        world_expect_effects(&w, since, A, "service-stop array-stop leg-open"); /* no detach: the peer's leg has everything */
        assert_true(world_record(&w)->legs[B].in_sync);
        assert_false(world_record(&w)->legs[A].in_sync);
}

/* R8d: the own disk does not fail, it hangs. */
static void own_disk_hangs(void **state)
{
        (void)state;
        redundant();
        w.machine[A].own_stuck_ms = w.now_ms;
        live(9000);
        assert_false(w.machine[A].up);
        assert_true(world_serves(&w, B));
}

static void the_primary_hangs_and_wakes_up(void **state)
{
        (void)state;
        redundant();
        w.machine[A].frozen = true;
        live(6000);
        assert_true(world_serves(&w, B));
        uint64_t before = w.acknowledged;
        unsigned since = w.effects;
        w.machine[A].frozen = false;
        world_run(&w, 1000);
        world_expect_effects(&w, since, A, "reboot");
        assert_true(before > 0);
}

/* A short hang is nobody's death, least of all that of the others. */
static void a_node_sleeps_for_a_moment(void **state)
{
        (void)state;
        redundant();
        w.machine[B].frozen = true;
        live(1200);
        w.machine[B].frozen = false;
        unsigned reports = w.reports;
        live(3000);
        assert_false(world_reported(&w, reports, B, REASON_NODE_DEAD));
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        assert_int_equal(world_record(&w)->epoch, 1);
}

/* P7: without hamon-act the address cannot be renewed, so the peer takes over. */
static void hamon_act_does_not_come_back(void **state)
{
        (void)state;
        redundant();
        world_act(&w, A, false);
        live(12000);
        assert_true(world_serves(&w, B));
        world_act(&w, A, true);
        live(1000);
        assert_false(w.machine[A].up); /* deposed */
}

static void hamon_act_is_away_for_a_moment(void **state)
{
        (void)state;
        redundant();
        world_act(&w, A, false);
        live(1000);
        world_act(&w, A, true);
        live(3000);
        assert_true(world_serves(&w, A));
        assert_int_equal(world_record(&w)->epoch, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(secondary_dies),
            cmocka_unit_test(link_between_nodes_is_cut),
            cmocka_unit_test(primary_is_isolated),
            cmocka_unit_test(witness_then_secondary_lost),
            cmocka_unit_test(witness_then_primary_lost),
            cmocka_unit_test(both_lost_power_secondary_returns),
            cmocka_unit_test(both_lost_power_primary_returns),
            cmocka_unit_test(both_lost_power_both_return),
            cmocka_unit_test(recorded_alone_restarts_alone),
            cmocka_unit_test(note_is_set_and_waits),
            cmocka_unit_test(note_is_set_and_the_peer_calls_us_failed),
            cmocka_unit_test(hamon_restarts_on_the_primary),
            cmocka_unit_test(hamon_restarts_on_a_lone_primary),
            cmocka_unit_test(hamon_restarts_on_the_secondary),
            cmocka_unit_test(hamon_restarts_in_a_resync),
            cmocka_unit_test(own_disk_fails),
            cmocka_unit_test(own_disk_fails_its_flushes),
            cmocka_unit_test(the_only_disk_fails_its_flushes),
            cmocka_unit_test(own_disk_hangs),
            cmocka_unit_test(far_and_lossy),
            cmocka_unit_test(hamon_act_restarts),
            cmocka_unit_test(probe_fails),
            cmocka_unit_test(assembly_fails_for_a_while),
            cmocka_unit_test(leg_hangs),
            cmocka_unit_test(one_way_link),
            cmocka_unit_test(array_gone_in_the_same_boot),
            cmocka_unit_test(array_gone_while_it_is_adopted),
            cmocka_unit_test(join_without_a_majority),
            cmocka_unit_test(own_disk_fails_in_a_leave),
            cmocka_unit_test(own_disk_hangs),
            cmocka_unit_test(the_primary_hangs_and_wakes_up),
            cmocka_unit_test(a_node_sleeps_for_a_moment),
            cmocka_unit_test(nobody_active_is_no_health),
            cmocka_unit_test(a_takeover_is_not_running_yet),
            cmocka_unit_test(hamon_act_does_not_come_back),
            cmocka_unit_test(hamon_act_is_away_for_a_moment),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
