/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people may ask for, and what they get: leaves, the witness, and what is refused. */
#include "tests/unit/core/fixture.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/cmocka_all.h"

static struct world w;

static void primary_leaves(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        unsigned reports = w.reports;
        world_command(&w, A, COMMAND_LEAVE, false, 5);
        world_live(&w, 4000);
        world_expect_answer(&w, 5, 0, REASON_COMMAND_DONE);
        assert_int_equal(w.core[A].mirror[M].state, MIRROR_LEFT);
        assert_true(world_reported(&w, reports, B, REASON_NODE_LEAVING));
        assert_true(world_serves(&w, B));
        world_restart_hamon(&w, A);
        world_live(&w, 8000);
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
                world_expect_answer(&w, 5, 0, REASON_COMMAND_DONE);
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
        world_live(&w, 15000);
        world_expect_answer(&w, 5, 0, REASON_COMMAND_DONE);
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
        world_live(&w, 8000);
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
        world_expect_answer(&w, 5, 0, REASON_COMMAND_DONE);
        world_expect_effects(&w, since, A, "detach leg-remove note-clear"); /* without waiting for anything */
        world_restart_hamon(&w, B);
        world_live(&w, 10000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
}

/* R7: the person knows that the witness was put back to an older state; nobody has asked it since. */
static void the_witness_is_replaced(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        struct uuid former = world_record(&w)->voters[W];
        world_command(&w, B, COMMAND_REPLACE_WITNESS, false, 5);
        world_expect_answer(&w, 5, -EINVAL, REASON_COMMAND_WRONG_STATE); /* not the primary */
        world_command(&w, A, COMMAND_REPLACE_WITNESS, false, 6);
        world_expect_answer(&w, 6, 0, REASON_COMMAND_DONE);
        world_live(&w, 30000);
        assert_true(w.core[W].reg[M].admitted);
        assert_false(uuid_equal(&world_record(&w)->voters[W], &former));
        assert_true(uuid_equal(&world_record(&w)->voters[W], &w.core[W].reg[M].acceptor.voter));
        world_power_off(&w, A); /* and its vote counts */
        world_live(&w, 6000);
        assert_true(world_serves(&w, B));
}

/* R7d, P7: restored from a snapshot while all is well, it is found out, excluded and admitted once, and its vote counts when a node dies after that. */
static void the_witness_is_put_back_in_peace(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        struct core_durable older = w.machine[W].durable;
        struct uuid former = world_record(&w)->voters[W];
        w.machine[B].nbdd_dead = true; /* a leave and a join, so that there are newer records */
        world_live(&w, 7000);
        w.machine[B].nbdd_dead = false;
        world_live(&w, 8000);
        assert_int_equal(w.core[A].leg[M].state, LEG_IN);
        uint64_t version = world_record(&w)->version;
        w.machine[W].durable = older;
        world_restart_hamon(&w, W);
        unsigned since = w.reports;
        world_live(&w, 30000);
        assert_true(world_reported(&w, since, A, REASON_VOTER_BACKWARD));
        assert_false(uuid_equal(&world_record(&w)->voters[W], &former));
        assert_int_equal(world_record(&w)->version, version + 2); /* its seat was taken, and given, once */
        world_power_off(&w, B);
        world_live(&w, 6000);
        assert_true(world_writes_go_on(&w));
}

static void confirm_dead_is_for_manual_mode(void **state)
{
        (void)state;
        world_init(&w);
        world_make_redundant(&w);
        world_command(&w, B, COMMAND_CONFIRM_DEAD, true, 5);
        world_expect_answer(&w, 5, -EINVAL, REASON_COMMAND_WRONG_STATE);
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
            cmocka_unit_test(primary_leaves),
            cmocka_unit_test(primary_leaves_with_a_dead_leg),
            cmocka_unit_test(primary_leaves_with_a_stuck_leg),
            cmocka_unit_test(primary_leaves_after_a_restart),
            cmocka_unit_test(secondary_leaves),
            cmocka_unit_test(the_witness_is_replaced),
            cmocka_unit_test(the_witness_is_put_back_in_peace),
            cmocka_unit_test(confirm_dead_is_for_manual_mode),
            cmocka_unit_test(all_mirrors_are_busy),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
