/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hamon-act's monitor: tells hamon what it sees, when it changes and twice a second. */
#include "tests/sim/sim.h"

#include <string.h>

static uint8_t other(uint8_t n)
{
        return (uint8_t)(1 - n);
}

/* What it sees but for the ages of requests, which are no change. */
static struct observation look(const struct sim *s, uint8_t n)
{
        const struct node *m = &s->node[n];
        const struct md *md = &m->md;
        uint8_t peer = md->super.slot[other(n)];
        struct observation o;

        memset(&o, 0, sizeof o);
        o.settled = m->act.settled;
        o.array_running = md->running;
        if (md->running) {
                o.own_in_sync = md->super.slot[n] == SLOT_ACTIVE;
                o.own_failed = md->super.slot[n] == SLOT_FAULTY || m->disk.failed;
                o.peer_in_array = peer == SLOT_ACTIVE || peer == SLOT_RECOVERING;
                o.peer_in_sync = peer == SLOT_ACTIVE; /* sysfs says so before the superblocks do */
                o.peer_failed = m->nbdc.attached && peer == SLOT_FAULTY;
                o.sync_idle = peer != SLOT_RECOVERING;
                o.own_unsafe = m->act.own_unsafe;
        }
        o.attached = m->nbdc.attached;
        o.leg_connected = m->nbdc.connection != 0;
        o.leg_refused = m->nbdc.refused;
        o.service_running = m->app.running;
        return o;
}

static bool same(const struct observation *a, const struct observation *b)
{
        return a->settled == b->settled && a->array_running == b->array_running && a->own_in_sync == b->own_in_sync && a->own_failed == b->own_failed &&
               a->own_unsafe == b->own_unsafe &&
               a->peer_in_array == b->peer_in_array && a->peer_in_sync == b->peer_in_sync && a->peer_failed == b->peer_failed &&
               a->sync_idle == b->sync_idle && a->attached == b->attached && a->leg_connected == b->leg_connected &&
               a->leg_refused == b->leg_refused && a->service_running == b->service_running;
}

/* In the order in which they were seen; for the client of that time only. */
static void read_look(struct sim *s, uint8_t n, uint64_t look, uint64_t client)
{
        struct act *a = &s->node[n].act;
        struct event e;

        a->looks_read = look + 1;
        if (client != a->client || !s->node[n].hamon.connected)
                return;
        memset(&e, 0, sizeof e);
        e.type = EVENT_OBSERVED;
        e.observed = a->under_way[look % LOOKS_MAX];
        hamon_event(s, n, &e);
}

/* A thread of its own: it stands before no effect. */
static void probe_own_disk(struct sim *s, uint8_t n)
{
        struct act *a = &s->node[n].act;
        const struct disk *d = &s->node[n].disk;

        if (!s->node[n].md.running || !life_runs(s, n, LIFE_ACT)) {
                a->own_unsafe = a->own_unsafe && s->node[n].md.running && s->node[n].life[LIFE_ACT].up;
                return;
        }
        if (s->now_us - a->own_probed_us < 2 * SECOND || d->hung_until_us > s->now_us)
                return;
        a->own_probed_us = s->now_us;
        a->own_unsafe = a->own_unsafe || d->failed || d->lying;
}

void act_observe(struct sim *s, uint8_t n)
{
        struct act *a = &s->node[n].act;

        probe_own_disk(s, n);
        if (!life_runs(s, n, LIFE_ACT) || !life_runs(s, n, LIFE_HAMON) || !s->node[n].hamon.connected)
                return;
        if (a->look_client != a->client) {
                a->look_client = a->client;
                a->looks_read = a->looks;
        }
        struct observation o = look(s, n);
        if (a->looks - a->looks_read == LOOKS_MAX || (same(&o, &a->told) && s->now_us - a->told_us < 500 * MS))
                return;
        if (o.array_running)
                o.own_oldest_ms = (uint32_t)(disk_oldest_us(s, n) / MS);
        o.leg_oldest_ms = (uint32_t)(nbdc_oldest_us(s, n) / MS);
        a->told = o;
        a->told_us = s->now_us;
        a->under_way[a->looks % LOOKS_MAX] = o;
        /* Looking takes time: what an effect changes meanwhile is not in it (struct observation, `settled`). */
        uint64_t due_us = s->now_us + sim_random(s, sim_chance(s, 10) ? 60 * MS : 3 * MS);
        a->look_due_us = due_us > a->look_due_us ? due_us : a->look_due_us;
        sim_after(s, a->look_due_us - s->now_us, n, LIFE_ACT, read_look, a->looks++, a->client);
}
