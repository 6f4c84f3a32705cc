/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams between hamons: through the production codec, over links that lose, double, delay, reorder and are cut in one direction. */
#include "tests/sim/sim.h"

#include <assert.h>
#include <string.h>

bool link_up(const struct sim *s, uint8_t from, uint8_t to)
{
        return !s->cut[from][to];
}

bool link_both(const struct sim *s, uint8_t a, uint8_t b)
{
        return link_up(s, a, b) && link_up(s, b, a);
}

static void deliver(struct sim *s, uint8_t node, uint64_t slot, uint64_t from)
{
        struct event e;

        memset(&e, 0, sizeof e);
        e.type = EVENT_MESSAGE;
        s->datagram_used[slot] = false;
        while (s->datagrams > 0 && !s->datagram_used[s->datagrams - 1])
                s->datagrams--;
        assert(hamon_wire_decode(s->datagram[slot], s->datagram_size[slot], &e.message) == 0);
        if (s->cut[from][node] && from != node)
                return;
        if (!s->node[node].life[LIFE_MACHINE].up || !s->node[node].life[LIFE_HAMON].up)
                return;
        uint64_t frozen_us = s->node[node].life[LIFE_MACHINE].frozen_until_us;
        if (s->node[node].life[LIFE_HAMON].frozen_until_us > frozen_us)
                frozen_us = s->node[node].life[LIFE_HAMON].frozen_until_us;
        if (frozen_us > s->now_us) { /* it waits in the socket */
                s->datagram_used[slot] = true;
                if (slot >= s->datagrams)
                        s->datagrams = (unsigned)slot + 1;
                sim_after(s, frozen_us - s->now_us, node, LIFE_WORLD, deliver, slot, from);
                return;
        }
        s->messages++;
        hamon_event(s, node, &e);
}

static void enqueue(struct sim *s, const uint8_t *bytes, int size, uint8_t from, uint8_t to)
{
        for (unsigned slot = 0; slot < DATAGRAMS_MAX; slot++)
                if (!s->datagram_used[slot]) {
                        s->datagram_used[slot] = true;
                        if (slot >= s->datagrams)
                                s->datagrams = slot + 1;
                        memcpy(s->datagram[slot], bytes, (size_t)size);
                        s->datagram_size[slot] = (uint16_t)size;
                        uint64_t delay_us = from == to ? 0 : sim_between(s, 200, s->delay_max_us);
                        sim_after(s, delay_us, to, LIFE_WORLD, deliver, slot, from);
                        return;
                }
        /* Full queues drop, as networks do. */
}

void net_send(struct sim *s, const struct message *m)
{
        uint8_t bytes[HAMON_WIRE_MAX];
        int size = hamon_wire_encode(m, bytes, sizeof bytes);

        if (size < 0) {
                violation(s, m->from, "codec refuses message type %llu (error %llu)", (uint64_t)m->type, (uint64_t)-size);
                return;
        }
        if (m->from != m->to && m->type == s->lost_type && sim_chance(s, 80))
                return;
        if (m->from != m->to && (s->cut[m->from][m->to] || sim_chance(s, s->lose_percent)))
                return;
        enqueue(s, bytes, size, m->from, m->to);
        if (m->from != m->to && sim_chance(s, s->double_percent))
                enqueue(s, bytes, size, m->from, m->to);
}
