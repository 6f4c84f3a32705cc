/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random faults in the model world: whatever happens, its checks hold (fixture.h), two nodes never serve at once, and when all faults are
 * healed and the nodes are up, the mirror comes back redundant without a person. TORTURE_SEED=n replays one seed, TORTURE_SEEDS=n runs
 * that many.
 */
#include "tests/unit/core/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/cmocka_all.h"

enum { ROUNDS = 12, SEEDS = 500 };

static struct world w;
static uint64_t running; /* this seed */

static void live(uint64_t ms)
{
        for (uint64_t end_ms = w.now_ms + ms; w.now_ms < end_ms;) {
                world_run(&w, 25);
                world_write(&w);
                if (world_serves(&w, A) && world_serves(&w, B))
                        fail_msg("both nodes serve at %llu", (unsigned long long)w.now_ms);
        }
}

/* A deposed node has rebooted itself: somebody's power button, or its own firmware. */
static void revive(void)
{
        for (uint8_t v = 0; v < VOTERS; v++)
                if (!w.machine[v].up)
                        world_power_on(&w, v);
}

static void hurt(uint64_t ticket)
{
        uint8_t node = (uint8_t)world_random(&w, NODES), voter = (uint8_t)world_random(&w, VOTERS);
        struct machine *n = &w.machine[node];
        static const enum effect_type holdable[] = {EFFECT_DETACH, EFFECT_ATTACH, EFFECT_LEG_ADD, EFFECT_REVOKE, EFFECT_ASSEMBLE,
                                                    EFFECT_GRANT, EFFECT_REQUIRE, EFFECT_SERVICE_START, EFFECT_HISTORY, EFFECT_LEG_OPEN};

        switch (world_random(&w, 18)) {
        case 0:
        case 1:
                if (w.machine[voter].up)
                        world_power_off(&w, voter);
                return;
        case 2:
        case 3:
                revive();
                return;
        case 4:
                world_cut(&w, A, B, true);
                return;
        case 5:
                world_isolate(&w, voter, true);
                return;
        case 6:
                w.cut[world_random(&w, VOTERS)][voter] = true;
                w.cut[voter][voter] = false;
                return;
        case 7:
                for (uint8_t v = 0; v < VOTERS; v++)
                        world_isolate(&w, v, false);
                return;
        case 8:
        case 9:
                if (w.machine[voter].up)
                        world_restart_hamon(&w, voter);
                return;
        case 10:
                if (n->up)
                        world_act(&w, node, !n->act_up);
                return;
        case 11:
                n->nbdd_dead = !n->nbdd_dead;
                return;
        case 12:
                n->hold = n->hold == EFFECT_TYPES ? holdable[world_random(&w, sizeof holdable / sizeof *holdable)] : EFFECT_TYPES;
                return;
        case 13:
                w.machine[voter].frozen = !w.machine[voter].frozen;
                return;
        case 14:
                n->fail = n->fail == EFFECT_TYPES ? holdable[world_random(&w, sizeof holdable / sizeof *holdable)] : EFFECT_TYPES;
                n->error = -EIO;
                return;
        case 15: /* hamon-act crashes and is restarted at once */
                if (n->up && n->act_up) {
                        world_act(&w, node, false);
                        world_act(&w, node, true);
                }
                return;
        case 16:
                w.lose_percent = w.lose_percent ? 0 : 20;
                return;
        default:
                if (n->up)
                        world_command(&w, node, COMMAND_SWITCHOVER, true, ticket);
                return;
        }
}

static void heal(void)
{
        for (uint8_t v = 0; v < VOTERS; v++) {
                world_isolate(&w, v, false);
                w.machine[v].frozen = false;
        }
        for (uint8_t n = 0; n < NODES; n++) {
                w.machine[n].nbdd_dead = false;
                w.machine[n].hold = w.machine[n].fail = EFFECT_TYPES;
                if (w.machine[n].up && !w.machine[n].act_up)
                        world_act(&w, n, true);
        }
}

static bool is_well(void)
{
        for (uint8_t n = 0; n < NODES; n++)
                if (w.core[n].mirror[M].state == MIRROR_PRIMARY && w.core[n].leg[M].state == LEG_IN && world_serves(&w, n))
                        return true;
        return false;
}

static void torture(uint64_t seed)
{
        world_init(&w);
        world_make_redundant(&w);
        w.random = seed * 7919 + 1;
        w.message_max_ms = seed % 2 ? 5 : 60;
        w.effect_max_ms = seed % 3 ? 20 : 400;
        w.lose_percent = seed % 5 == 0 ? 10 : 0;
        for (int round = 0; round < ROUNDS; round++) {
                hurt((uint64_t)(10 + round));
                live(world_random(&w, 2) ? world_random(&w, 300) : world_random(&w, 8000));
        }
        heal();
        w.lose_percent = 0;
        for (int i = 0; i < 100 && !is_well(); i++) {
                revive();
                live(2000);
        }
        if (!is_well()) {
                for (uint8_t n = 0; n < NODES; n++) {
                        struct mirror_view v;
                        core_view_mirror(&w.core[n], M, w.now_ms, &v);
                        print_error("%c: %s, leg %s, service %s, %s, waiting for %s\n", "AB"[n], v.role_word, v.leg_word, v.service_word,
                                    reason_code(v.reason), v.waiting_for ? v.waiting_for : "nothing");
                }
                fail_msg("seed %llu: not redundant again", (unsigned long long)seed);
        }
        assert_int_equal(w.machine[A].disk.torn, false);
        assert_int_equal(w.machine[B].disk.torn, false);
}

static void random_faults(void **state)
{
        const char *one = getenv("TORTURE_SEED"), *many = getenv("TORTURE_SEEDS");
        uint64_t first = one ? strtoull(one, NULL, 0) : 1, last = one ? first : many ? strtoull(many, NULL, 0) : SEEDS;

        (void)state;
        for (uint64_t seed = first; seed <= last; seed++) {
                running = seed;
                torture(seed);
        }
        running = 0;
}

static int name_the_seed(void **state)
{
        (void)state;
        if (running)
                print_error("failed with TORTURE_SEED=%llu\n", (unsigned long long)running);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(random_faults, name_the_seed)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
