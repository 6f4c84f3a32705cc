/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A machine: power, boot, the processes on it, and the regular turns of those that look around. */
#include "tests/sim/sim.h"

#include <string.h>

static void every_20_ms(struct sim *s, uint8_t n, uint64_t a, uint64_t b)
{
        sim_after(s, 20 * MS, n, LIFE_MACHINE, every_20_ms, a + 1, b);
        if (a % 5 == 0) {
                nbdc_poll(s, n);
                check_progress(s, n);
        }
        if (a % 150 == 0)
                md_clear_bits(s, n);
        app_turn(s, n);
        act_observe(s, n);
        check_own_failure(s, n);
}

static void start_hamon(struct sim *s, uint8_t n, uint64_t a, uint64_t b)
{
        (void)a, (void)b;
        if (!s->node[n].life[LIFE_HAMON].up)
                hamon_start(s, n);
}

static void power_returns(struct sim *s, uint8_t n, uint64_t a, uint64_t b)
{
        (void)a, (void)b;
        if (!s->node[n].life[LIFE_MACHINE].up && !s->node[n].stay_down)
                machine_on(s, n);
}

void machine_off(struct sim *s, uint8_t n)
{
        struct node *m = &s->node[n];

        trace(s, n, "power is cut", 0, 0);
        script(s, "power-off", n, NO_NODE);
        rules_hamon_dies(s, n);
        for (int life = LIFE_MACHINE; life < LIVES; life++)
                life_end(s, n, (enum life)life);
        m->hamon.connected = false;
        m->hamon.held_count = 0;
        m->address_until_us = m->own_failed_us = m->own_out_us = 0;
        if (n < NODES) {
                disk_power_cut(s, n);
                m->nbdd.connection = 0;
                m->nbdd.open = false;
                m->nbdd.inflight = 0;
                m->nbdd.drained = false;
                m->nbdc = (struct nbdc){.attached = false};
                md_stop(s, n);
                m->act.hold = false;
                for (unsigned i = 0; i < ACT_WORKERS; i++) {
                        m->act.worker[i].busy = false;
                        m->act.worker[i].queued = 0;
                }
                m->app = (struct app){.running = false};
        }
        if (!m->stay_down)
                sim_after(s, sim_between(s, 1500 * MS, 8 * SECOND), n, LIFE_WORLD, power_returns, 0, 0);
}

void machine_on(struct sim *s, uint8_t n)
{
        struct node *m = &s->node[n];

        life_start(s, n, LIFE_MACHINE);
        m->boot = sim_uuid(s);
        trace(s, n, "boots", 0, 0);
        script(s, "power-on", n, NO_NODE);
        if (m->disk.flaky) {
                m->disk.had_failed = true;
                m->disk.failed = m->disk.flaky = false;
        }
        if (m->new_disk)
                disk_replace(s, n);
        m->new_disk = false;
        if (n < NODES) {
                life_start(s, n, LIFE_ACT);
                life_start(s, n, LIFE_NBDC);
                nbdd_started(s, n);
                sim_after(s, 20 * MS, n, LIFE_MACHINE, every_20_ms, sim_random(s, 100), 0);
        }
        sim_after(s, sim_between(s, 20 * MS, 600 * MS), n, LIFE_MACHINE, start_hamon, 0, 0);
}
