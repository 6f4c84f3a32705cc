/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The own disk, or the peer's, fails, hangs or loses what was flushed. */
#include "tests/unit/core/fixture.h"

#include <errno.h>

#include "tests/unit/cmocka_all.h"

static struct world w;

static void redundant(void)
{
        world_init(&w);
        world_make_redundant(&w);
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
        world_live(&w, 10000);
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
        for (unsigned i = 0; i < 100 && !world_serves(&w, B); i++)
                world_live(&w, 20); /* the service moves */
        assert_true(world_serves(&w, B));
        assert_int_equal(w.core[B].leg[M].state, LEG_OUT); /* the join has not begun */
        w.machine[A].own_unsafe = false;
        world_restart_hamon(&w, B);
        unsigned since = w.effects;
        world_live(&w, 8000);
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
        world_live(&w, 4000);
        w.machine[A].own_unsafe = true;
        world_power_on(&w, B);
        world_live(&w, 15000);
        core_view_mirror(&w.core[A], M, w.now_ms, &v);
        assert_int_equal(v.reason, REASON_OWN_LEG_UNSAFE);
        assert_true(world_record(&w)->legs[A].in_sync && !world_record(&w)->legs[B].in_sync);
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
        world_live(&w, 5000);
        assert_true(world_reported(&w, reports, B, REASON_PROBE_FAILED));
        assert_int_equal(world_record(&w)->epoch, 1); /* nothing was swapped */
        w.machine[B].fail = EFFECT_TYPES;
        world_live(&w, 8000);
        assert_true(world_serves(&w, B));
}

static void leg_hangs(void **state)
{
        (void)state;
        redundant();
        w.machine[B].nbdd_dead = true; /* heartbeats go on */
        world_live(&w, 12000);
        assert_false(world_record(&w)->legs[B].in_sync);
        assert_true(world_writes_go_on(&w));
        w.machine[B].nbdd_dead = false;
        world_live(&w, 60000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
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
        world_live(&w, 9000);
        assert_false(w.machine[A].up);
        assert_true(world_serves(&w, B));
}

/* B comes back, and md of A has just called its leg in sync: hamon makes it REQUIRED. */
static void come_to_the_join(void)
{
        redundant();
        world_power_off(&w, B);
        world_live(&w, 4000);
        w.effect_max_ms = 200;
        world_power_on(&w, B);
        for (unsigned i = 0; i < 20000 && w.core[A].leg[M].state != LEG_REQUIRE; i++) {
                world_run(&w, 1);
                world_write(&w);
        }
        assert_int_equal(w.core[A].leg[M].state, LEG_REQUIRE);
}

static void fail_the_disk_of_a(void)
{
        w.machine[A].own_failed = true;
        w.machine[A].own_in_sync = false;
}

static void expect_the_service_on_b(void)
{
        assert_int_equal(world_record(&w)->primary, B);
        assert_true(world_record(&w)->legs[B].in_sync);
        assert_true(world_serves(&w, B) && world_writes_go_on(&w));
}

/* The record does not count the peer's leg yet, but md does: it joins all the same, REQUIRED and flushed, and the service moves to it (R2c, R2f, P7). */
static void own_disk_fails_before_the_join(void **state)
{
        (void)state;
        come_to_the_join();
        unsigned since = w.effects;
        fail_the_disk_of_a();
        for (unsigned i = 0; i < 300 && world_record(&w)->primary != B; i++)
                world_live(&w, 20);
        world_expect_effects(&w, since, A, "debt-drop service-stop array-stop leg-open");
        assert_false(world_record(&w)->legs[A].in_sync);
        world_live(&w, 4000);
        expect_the_service_on_b();
}

/* And the peer does not answer meanwhile: its leg is the only good one, so it is not let go, however long that takes. */
static void the_only_good_leg_is_not_let_go(void **state)
{
        (void)state;
        come_to_the_join();
        fail_the_disk_of_a();
        world_cut(&w, A, B, true);
        world_run(&w, 20000);
        assert_true(w.machine[A].attached);
        assert_false(world_writes_go_on(&w)); /* P4 */
        assert_false(world_record(&w)->legs[B].in_sync);
        world_cut(&w, A, B, false);
        world_live(&w, 8000);
        expect_the_service_on_b();
}

static void power_cycle_b(void)
{
        world_power_off(&w, B);
        world_run(&w, 1000);
        world_power_on(&w, B);
}

/* After the flush: whatever its cache forgot, nobody was told that it is safe. The leg joins when its node is back (R2f). */
static void the_only_good_leg_outlives_its_session(void **state)
{
        (void)state;
        come_to_the_join();
        w.machine[B].hold = EFFECT_CHECK_LEG;
        world_run(&w, 1000);
        assert_int_equal(w.core[A].leg[M].state, LEG_CHECK);
        fail_the_disk_of_a();
        power_cycle_b();
        w.machine[B].hold = EFFECT_TYPES;
        for (unsigned i = 0; i < 300 && world_record(&w)->primary != B; i++)
                world_live(&w, 20);
        assert_false(w.machine[A].up); /* 3.3 */
        world_live(&w, 4000);
        expect_the_service_on_b();
}

/* Before it: what it was sent may be lost, so it cannot join; what waits in this machine must not complete either (3.3). A person looks at both. */
static void the_only_good_leg_loses_its_cache(void **state)
{
        (void)state;
        come_to_the_join();
        w.machine[A].hold = EFFECT_REQUIRE;
        fail_the_disk_of_a();
        w.machine[B].disk.calls_peer_failed = true;
        world_run(&w, 1000);
        power_cycle_b();
        world_run(&w, 1000);
        assert_false(w.machine[A].up);
        world_power_on(&w, A);
        world_run(&w, 20000);
        assert_false(world_record(&w)->legs[B].in_sync);
        assert_true(!world_serves(&w, A) && !world_serves(&w, B));
        assert_int_equal(world_view(&w, A).reason, REASON_WAITING_FOR_PEER);
}

/* REQUIRE fails for a while, and hamon restarts: it finds the leg attached, and goes on from there. */
static void hamon_restarts_with_the_only_good_leg(void **state)
{
        (void)state;
        come_to_the_join();
        fail_the_disk_of_a();
        w.machine[A].fail = EFFECT_REQUIRE;
        w.machine[A].error = -ETIMEDOUT;
        world_live(&w, 2000);
        assert_int_equal(w.core[A].leg[M].state, LEG_REQUIRE);
        world_restart_hamon(&w, A);
        world_live(&w, 8000);
        assert_true(w.machine[A].attached);
        assert_false(world_record(&w)->legs[B].in_sync);
        w.machine[A].fail = EFFECT_TYPES;
        world_live(&w, 8000);
        expect_the_service_on_b();
}

/* The record is without the peer's leg already, hamon restarts before the detach, and then md loses the own leg: hamon-act keeps the other one. */
static void a_leave_is_undone_by_the_own_disk(void **state)
{
        (void)state;
        redundant();
        w.machine[A].fail = EFFECT_DETACH;
        w.machine[A].error = -ETIMEDOUT;
        w.machine[B].nbdd_dead = true;
        for (unsigned i = 0; i < 500 && w.core[A].leg[M].state != LEG_DETACH; i++)
                world_live(&w, 20);
        assert_false(world_record(&w)->legs[B].in_sync);
        world_restart_hamon(&w, A);
        fail_the_disk_of_a();
        w.machine[A].fail = EFFECT_TYPES;
        w.machine[B].nbdd_dead = false;
        unsigned since = w.effects;
        for (unsigned i = 0; i < 300 && world_record(&w)->primary != B; i++)
                world_live(&w, 20);
        world_expect_effects(&w, since, A, "leg-open history detach require debt-drop service-stop array-stop leg-open");
        world_live(&w, 4000);
        expect_the_service_on_b();
}

/* A disk that fails flushes may have lost what it then copied: no leg that was made from it passes for whole. */
static void what_an_unsafe_disk_copied_does_not_join(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, B);
        world_live(&w, 4000);
        w.resync_ms = 5000;
        world_power_on(&w, B);
        for (unsigned i = 0; i < 1000 && w.core[A].leg[M].state != LEG_SYNCING; i++)
                world_live(&w, 20);
        w.machine[A].own_unsafe = true;
        world_live(&w, 15000);
        assert_true(w.machine[A].peer_in_sync);
        assert_int_equal(world_view(&w, A).reason, REASON_OWN_LEG_UNSAFE);
        assert_true(world_record(&w)->legs[A].in_sync && !world_record(&w)->legs[B].in_sync);
        assert_true(world_serves(&w, A));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(own_disk_fails),
            cmocka_unit_test(own_disk_fails_its_flushes),
            cmocka_unit_test(the_only_disk_fails_its_flushes),
            cmocka_unit_test(own_disk_hangs),
            cmocka_unit_test(probe_fails),
            cmocka_unit_test(leg_hangs),
            cmocka_unit_test(own_disk_fails_in_a_leave),
            cmocka_unit_test(own_disk_fails_before_the_join),
            cmocka_unit_test(the_only_good_leg_is_not_let_go),
            cmocka_unit_test(the_only_good_leg_outlives_its_session),
            cmocka_unit_test(the_only_good_leg_loses_its_cache),
            cmocka_unit_test(hamon_restarts_with_the_only_good_leg),
            cmocka_unit_test(a_leave_is_undone_by_the_own_disk),
            cmocka_unit_test(what_an_unsafe_disk_copied_does_not_join),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
