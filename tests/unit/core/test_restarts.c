/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hamon, hamon-act or a whole machine goes away for a while and finds what there is. */
#include "tests/unit/core/fixture.h"
#include "tests/unit/core/fixture_node.h"
#include "tests/unit/core/fixture_node.h"

#include "tests/unit/cmocka_all.h"

static struct world w;

static void redundant(void)
{
        world_init(&w);
        world_make_redundant(&w);
}

static void hamon_restarts_on_the_primary(void **state)
{
        (void)state;
        redundant();
        unsigned since = w.effects, reports = w.reports;
        world_restart_hamon(&w, A);
        world_live(&w, 5000);
        world_expect_effects(&w, since, A, "leg-open history");
        world_expect_effects(&w, since, B, "");
        assert_true(world_reported(&w, reports, A, REASON_ADOPTED));
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        assert_int_equal(world_record(&w)->epoch, 1);
        assert_true(world_serves(&w, A));
        /* it still watches the leg */
        world_power_off(&w, B);
        world_live(&w, 4000);
        assert_true(world_writes_go_on(&w));
}

static void hamon_restarts_on_a_lone_primary(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, B);
        world_live(&w, 4000);
        w.machine[A].disk.debt = true;
        unsigned since = w.effects;
        world_restart_hamon(&w, A);
        world_live(&w, 3000);
        world_expect_effects(&w, since, A, "leg-open history detach leg-remove note-clear");
        assert_true(world_serves(&w, A));
}

static void hamon_restarts_on_the_secondary(void **state)
{
        (void)state;
        redundant();
        unsigned since = w.effects;
        world_restart_hamon(&w, B);
        world_live(&w, 5000);
        world_expect_effects(&w, since, A, "");
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
}

static void resyncing(void)
{
        world_init(&w);
        world_run(&w, 4000);
        w.resync_ms = 5000;
        world_command(&w, A, COMMAND_CREATE, false, 1);
        world_run(&w, 1000);
        world_command(&w, B, COMMAND_JOIN, false, 2);
        world_live(&w, 3000);
        assert_int_equal(w.core[A].leg[M].state, LEG_SYNCING);
}

static void hamon_restarts_in_a_resync(void **state)
{
        (void)state;
        resyncing();
        unsigned since = w.effects;
        world_restart_hamon(&w, A);
        world_live(&w, 12000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        assert_int_equal(world_record(&w)->epoch, 1);
        world_expect_effects(&w, since, A, "leg-open history require debt-drop"); /* nothing is let go and joined anew */
}

/* R2f: the joiner's hamon remembers nothing of the grant, and still says what its superblock permits. The grant is not given anew. */
static void the_joiners_hamon_restarts_in_a_resync(void **state)
{
        (void)state;
        resyncing();
        unsigned since = w.effects;
        world_restart_hamon(&w, B);
        world_live(&w, 12000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        world_expect_effects(&w, since, A, "require debt-drop");
        world_expect_effects(&w, since, B, "leg-open leg-open check-leg");
}

static void ask_b_to_check(uint64_t epoch)
{
        struct event e = {.type = EVENT_MESSAGE, .message = {.from = A, .to = B, .mirror = M, .type = MESSAGE_CHECK_REQUEST}};

        e.message.check_request.epoch = epoch;
        e.message.check_request.session = (struct uuid){{7}};
        fixture_enqueue(&w, B, &e);
        world_live(&w, 2000);
}

/* And it answers the primary of the decided record alone. */
static void a_check_is_for_the_recorded_primary(void **state)
{
        (void)state;
        redundant();
        world_restart_hamon(&w, B);
        world_live(&w, 1000);
        unsigned since = w.effects;
        ask_b_to_check(world_record(&w)->epoch + 1);
        world_expect_effects(&w, since, B, "");
        ask_b_to_check(world_record(&w)->epoch);
        world_expect_effects(&w, since, B, "check-leg");
}

static void hamon_act_restarts(void **state)
{
        (void)state;
        redundant();
        w.machine[A].hold = EFFECT_DETACH; /* it dies while detaching */
        world_power_off(&w, B);
        world_live(&w, 3000);
        assert_int_equal(w.core[A].leg[M].state, LEG_DETACH);
        unsigned since = w.effects;
        world_act(&w, A, false);
        world_live(&w, 1000);
        w.machine[A].hold = EFFECT_TYPES;
        world_act(&w, A, true);
        world_live(&w, 2000);
        world_expect_effects(&w, since, A, "leg-open detach leg-remove note-clear");
        assert_true(world_writes_go_on(&w));
        assert_true(world_serves(&w, A));
}

static void assembly_fails_for_a_while(void **state)
{
        (void)state;
        redundant();
        w.machine[B].fail = EFFECT_ASSEMBLE;
        w.machine[B].error = -5;
        world_power_off(&w, A);
        world_live(&w, 6000);
        assert_int_equal(w.core[B].mirror[M].state, MIRROR_ASSEMBLE);
        w.machine[B].fail = EFFECT_TYPES;
        world_live(&w, 8000);
        assert_true(world_serves(&w, B));
}

static void array_gone_in_the_same_boot(void **state)
{
        (void)state;
        redundant();
        world_power_off(&w, B);
        world_live(&w, 4000);
        world_act(&w, A, false);
        w.machine[A].running = w.machine[A].service = false; /* somebody stopped it */
        w.machine[A].own_in_sync = false;
        world_act(&w, A, true);
        world_live(&w, 6000);
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
        world_live(&w, 4000);
        assert_true(world_serves(&w, B));
}

/* R2g: nothing can be decided, and the leg makes no progress: once the join was sent it stays REQUIRED and attached until its outcome is known. */
static void join_without_a_majority(void **state)
{
        (void)state;
        redundant();
        w.machine[B].nbdd_dead = true;
        world_live(&w, 7000);
        w.machine[B].nbdd_dead = false;
        w.machine[B].hold = EFFECT_CHECK_LEG;
        for (unsigned i = 0; i < 200 && w.core[A].leg[M].state != LEG_CHECK; i++)
                world_live(&w, 20);
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

static void the_primary_hangs_and_wakes_up(void **state)
{
        (void)state;
        redundant();
        w.machine[A].frozen = true;
        world_live(&w, 6000);
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
        world_live(&w, 1200);
        w.machine[B].frozen = false;
        unsigned reports = w.reports;
        world_live(&w, 3000);
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
        world_live(&w, 12000);
        assert_true(world_serves(&w, B));
        world_act(&w, A, true);
        world_live(&w, 1000);
        assert_false(w.machine[A].up); /* deposed */
}

static void hamon_act_is_away_for_a_moment(void **state)
{
        (void)state;
        redundant();
        world_act(&w, A, false);
        world_live(&w, 1000);
        world_act(&w, A, true);
        world_live(&w, 3000);
        assert_true(world_serves(&w, A));
        assert_int_equal(world_record(&w)->epoch, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(hamon_restarts_on_the_primary),
            cmocka_unit_test(hamon_restarts_on_a_lone_primary),
            cmocka_unit_test(hamon_restarts_on_the_secondary),
            cmocka_unit_test(hamon_restarts_in_a_resync),
            cmocka_unit_test(the_joiners_hamon_restarts_in_a_resync),
            cmocka_unit_test(a_check_is_for_the_recorded_primary),
            cmocka_unit_test(hamon_act_restarts),
            cmocka_unit_test(assembly_fails_for_a_while),
            cmocka_unit_test(array_gone_in_the_same_boot),
            cmocka_unit_test(array_gone_while_it_is_adopted),
            cmocka_unit_test(join_without_a_majority),
            cmocka_unit_test(the_primary_hangs_and_wakes_up),
            cmocka_unit_test(a_node_sleeps_for_a_moment),
            cmocka_unit_test(hamon_act_does_not_come_back),
            cmocka_unit_test(hamon_act_is_away_for_a_moment),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
