/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Time, chance and events. An event belongs to a life (a machine, a process): when that ends it is dropped, while it is frozen it waits. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

uint64_t sim_random(struct sim *s, uint64_t below)
{
        uint64_t z = (s->random += 0x9e3779b97f4a7c15u); /* splitmix64 */
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        return below ? z % below : z;
}

bool sim_chance(struct sim *s, unsigned percent)
{
        return percent && sim_random(s, 100) < percent;
}

uint64_t sim_between(struct sim *s, uint64_t low, uint64_t high)
{
        return low + sim_random(s, high - low + 1);
}

struct uuid sim_uuid(struct sim *s)
{
        struct uuid u;
        for (unsigned i = 0; i < 16; i += 8) {
                uint64_t z = sim_random(s, 0) | 1;
                memcpy(u.bytes + i, &z, 8);
        }
        return u;
}

void sim_copy(struct sim *to, const struct sim *from)
{
        memcpy(to, from, offsetof(struct sim, event));
        memcpy(to->event, from->event, from->events * sizeof from->event[0]);
        memcpy(to->chosen, from->chosen, from->chosen_count * sizeof from->chosen[0]);
        for (unsigned v = 0; v < VOTERS; v++)
                memcpy(to->held[v], from->held[v], from->node[v].hamon.held_count * sizeof from->held[v][0]);
        memcpy(to->datagram, from->datagram, from->datagrams * sizeof from->datagram[0]);
        to->traces = to->script_lines = 0;
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
        return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void push(struct sim *s, const struct sim_event *e)
{
        assert(s->events < EVENTS_MAX);
        unsigned i = s->events++;
        while (i > 0 && before(e, &s->event[(i - 1) / 2])) {
                s->event[i] = s->event[(i - 1) / 2];
                i = (i - 1) / 2;
        }
        s->event[i] = *e;
}

static struct sim_event pop(struct sim *s)
{
        struct sim_event first = s->event[0], last = s->event[--s->events];
        unsigned i = 0;

        for (;;) {
                unsigned child = 2 * i + 1;
                if (child >= s->events)
                        break;
                if (child + 1 < s->events && before(&s->event[child + 1], &s->event[child]))
                        child++;
                if (!before(&s->event[child], &last))
                        break;
                s->event[i] = s->event[child];
                i = child;
        }
        s->event[i] = last;
        return first;
}

uint64_t sim_after(struct sim *s, uint64_t us, uint8_t node, enum life life, sim_fn fn, uint64_t a, uint64_t b)
{
        struct sim_event e = {
            .at_us = s->now_us + us,
            .order = ++s->next_order,
            .fn = fn,
            .a = a,
            .b = b,
            .number = life == LIFE_WORLD ? 0 : s->node[node].life[life].number,
            .node = node,
            .life = (uint8_t)life,
        };
        push(s, &e);
        return e.order;
}

void life_start(struct sim *s, uint8_t node, enum life life)
{
        struct life_state *l = &s->node[node].life[life];
        l->up = true;
        l->number++;
        l->frozen_until_us = 0;
}

void life_end(struct sim *s, uint8_t node, enum life life)
{
        struct life_state *l = &s->node[node].life[life];
        l->up = false;
        l->number++;
        l->frozen_until_us = 0;
}

static uint64_t frozen_until_us(const struct sim *s, uint8_t node, enum life life)
{
        const struct life_state *l = s->node[node].life;
        uint64_t machine_us = l[LIFE_MACHINE].frozen_until_us, own_us = l[life].frozen_until_us;
        return machine_us > own_us ? machine_us : own_us;
}

bool life_runs(const struct sim *s, uint8_t node, enum life life)
{
        const struct life_state *l = s->node[node].life;
        return l[LIFE_MACHINE].up && l[life].up && frozen_until_us(s, node, life) <= s->now_us;
}

/* Runs the next event if it is due by `until_us`; false when there is none. */
bool sim_step(struct sim *s, uint64_t until_us)
{
        if (s->events == 0 || s->event[0].at_us > until_us) {
                s->now_us = until_us;
                return false;
        }
        struct sim_event e = pop(s);
        s->now_us = e.at_us;
        if (e.life != LIFE_WORLD) {
                if (s->node[e.node].life[e.life].number != e.number)
                        return true;
                uint64_t thaw_us = frozen_until_us(s, e.node, (enum life)e.life);
                if (thaw_us > s->now_us) {
                        e.at_us = thaw_us; /* its order stays: what came first goes on first */
                        push(s, &e);
                        return true;
                }
        }
        s->steps++;
        e.fn(s, e.node, e.a, e.b);
        return true;
}
