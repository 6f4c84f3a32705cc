/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hamon-act's workers: one for the service, one for all else; each begins, goes on with and answers one effect after the other (act.c). */
#include "tests/sim/cover.h"
#include "tests/sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static void deliver_result(struct sim *s, uint8_t n, const struct effect *e, const struct effect_result *r)
{
        struct event event;

        if (!s->node[n].hamon.connected || !s->node[n].life[LIFE_HAMON].up)
                return;
        memset(&event, 0, sizeof event);
        event.type = EVENT_EFFECT_DONE;
        event.result = *r;
        event.result.type = e->type;
        event.result.mirror = e->mirror;
        event.result.ticket = e->ticket;
        hamon_event(s, n, &event);
}

static void work(struct sim *s, uint8_t n, uint64_t which, uint64_t unused);

static void next(struct sim *s, uint8_t n, unsigned which)
{
        struct act_worker *w = &s->node[n].act.worker[which];

        if (w->busy || w->queued == 0)
                return;
        w->busy = true;
        w->step = 0;
        w->flush = 0;
        w->began_us = s->now_us;
        w->began_for = s->node[n].act.client;
        sim_after(s, sim_between(s, 500, 15 * MS), n, LIFE_ACT, work, which, 0);
}

static void end_effect(struct sim *s, uint8_t n, unsigned which, const struct effect *e, const struct effect_result *r)
{
        struct act *a = &s->node[n].act;
        struct act_worker *w = &a->worker[which];

        trace(s, n, effect_word(e->type), (uint64_t)-r->error, e->epoch);
        memmove(&w->queue[0], &w->queue[1], (--w->queued) * sizeof w->queue[0]);
        w->busy = false;
        if (w->began_for == a->client) {
                if (which == ACT_MAIN)
                        a->settled = e->ticket;
                deliver_result(s, n, e, r);
        }
        if (s->node[n].life[LIFE_ACT].up)
                next(s, n, which);
}

static void work(struct sim *s, uint8_t n, uint64_t which, uint64_t unused)
{
        struct act *a = &s->node[n].act;
        struct act_worker *w = &a->worker[which];
        struct effect e = w->queue[0];
        struct effect_result r;

        (void)unused;
        memset(&r, 0, sizeof r);
        a->at = (unsigned)which;
        if (ambush_effect(s, n))
                return;
        bool spoilt = w->step == 0 && sim_chance(s, a->fail_percent);
        if (spoilt && sim_chance(s, 50)) {
                r.error = -EIO;
                end_effect(s, n, (unsigned)which, &e, &r);
                return;
        }
        int error = act_step(s, n, &e, &r);
        if (ambush_effect(s, n))
                return;
        if (spoilt && error == 0) {
                memset(&r, 0, sizeof r);
                error = -EINTR; /* done, but the answer says no */
        }
        if (error == ACT_WAIT) {
                sim_after(s, sim_between(s, 1 * MS, 10 * MS), n, LIFE_ACT, work, which, 0);
                return;
        }
        r.error = error;
        end_effect(s, n, (unsigned)which, &e, &r);
}

static void reboot(struct sim *s, uint8_t n, uint64_t unused_a, uint64_t unused_b)
{
        (void)unused_a, (void)unused_b;
        trace(s, n, "reboots without sync", 0, 0);
        machine_off(s, n);
}

static void answer_at_once(struct sim *s, uint8_t n, uint64_t ticket, uint64_t type)
{
        const struct effect e = {.type = (enum effect_type)type, .ticket = ticket};
        const struct effect_result r = {.error = 0};

        deliver_result(s, n, &e, &r);
}

static bool at_once(struct sim *s, uint8_t n, const struct effect *e)
{
        if (e->type == EFFECT_ADDRESS_RENEW) {
                s->node[n].address_until_us = s->now_us + e->lifetime_ms * MS + sim_random(s, 250 * MS);
                check_address(s, n);
                rules_address(s, n);
        } else if (e->type == EFFECT_ADDRESS_DROP) {
                s->node[n].address_until_us = 0;
        } else if (e->type == EFFECT_REBOOT) {
                sim_after(s, MS, n, LIFE_MACHINE, reboot, 0, 0);
        } else {
                return false;
        }
        sim_after(s, sim_between(s, 200, 2 * MS), n, LIFE_ACT, answer_at_once, e->ticket, e->type);
        return true;
}

void act_ask(struct sim *s, uint8_t n, const struct effect *e)
{
        unsigned which = effect_is_beside(e->type) ? ACT_SERVICE : ACT_MAIN;
        struct act_worker *w = &s->node[n].act.worker[which];

        if (!s->node[n].life[LIFE_ACT].up || at_once(s, n, e))
                return;
        assert(w->queued < EFFECTS_QUEUE_MAX);
        w->queue[w->queued++] = *e;
        next(s, n, which);
}

void act_flushed(struct sim *s, uint8_t n, uint64_t number)
{
        for (unsigned i = 0; i < ACT_WORKERS; i++) {
                struct act_worker *w = &s->node[n].act.worker[i];
                if (w->flush == number || w->flush == UINT64_MAX)
                        w->flush = 0;
        }
}

static void connect_hamon(struct sim *s, uint8_t n, uint64_t unused_a, uint64_t unused_b)
{
        struct event e;

        (void)unused_a, (void)unused_b;
        if (!s->node[n].life[LIFE_ACT].up || s->node[n].hamon.connected)
                return;
        /* A new client: what the old one asked for and was not begun is dropped. */
        struct act *a = &s->node[n].act;
        for (struct act_worker *w = a->worker; w < a->worker + ACT_WORKERS; w++)
                w->queued = w->busy ? 1 : 0;
        s->node[n].hamon.connected = true;
        a->client++;
        a->settled = 0;
        memset(&a->told, 0, sizeof a->told);
        a->told_us = 0;
        memset(&e, 0, sizeof e);
        e.type = EVENT_ACT_READY;
        hamon_event(s, n, &e);
}

/* hamon or hamon-act has just started: they meet a little later. */
void act_started(struct sim *s, uint8_t n)
{
        sim_after(s, sim_between(s, 5 * MS, 200 * MS), n, LIFE_HAMON, connect_hamon, 0, 0);
}
