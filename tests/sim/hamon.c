/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The driver around the production core: events with time and entropy in, actions performed in order when what they rely on is durable. */
#include "tests/sim/cover.h"
#include "tests/sim/sim.h"

#include <assert.h>
#include <string.h>

static void perform_held(struct sim *s, uint8_t n);

/* The newest state was written when this fsync began, and the older ones with it: what is said after it may speak of any of them. */
static void synced(struct sim *s, uint8_t n, uint64_t generation, uint64_t unused)
{
        struct hamon *h = &s->node[n].hamon;
        unsigned kept = 0;

        (void)unused;
        h->syncing = false;
        for (unsigned i = 0; i < h->held_count; i++) {
                const struct action *a = &s->held[n][i];
                if (a->type == ACTION_PERSIST && a->persist.generation <= generation) {
                        h->file = a->persist.state;
                        h->file_known = true;
                        h->synced = a->persist.generation;
                        check_persisted(s, n, &h->file);
                } else {
                        if (kept != i)
                                s->held[n][kept] = *a;
                        kept++;
                }
        }
        h->held_count = kept;
        perform_held(s, n);
}

/* As the writer thread: one fsync at a time, of the newest state. */
static void begin_sync(struct sim *s, uint8_t n)
{
        struct hamon *h = &s->node[n].hamon;
        uint64_t newest = 0;

        for (unsigned i = 0; i < h->held_count; i++)
                if (s->held[n][i].type == ACTION_PERSIST)
                        newest = s->held[n][i].persist.generation;
        if (!newest || h->syncing)
                return;
        h->syncing = true;
        sim_after(s, sim_between(s, 300, 4 * MS) * (1 + s->node[n].disk.slowness / 2), n, LIFE_HAMON, synced, newest, 0);
}

static void perform(struct sim *s, uint8_t n, const struct action *a)
{
        switch (a->type) {
        case ACTION_SEND:
                rules_leaving(s, &a->send);
                net_send(s, &a->send);
                return;
        case ACTION_EFFECT:
                if (s->node[n].hamon.connected)
                        act_ask(s, n, &a->effect);
                return;
        case ACTION_REPORT:
                trace(s, n, reason_code(a->report.reason), a->report.number, a->report.node);
                if (a->report.reason == REASON_VOTER_BACKWARD)
                        cover_rule(RULE_R7d);
                return;
        case ACTION_ANSWER:
                trace(s, n, "command answered: error %llu, reason %llu", (uint64_t)-a->answer.error, (uint64_t)a->answer.reason);
                return;
        case ACTION_PERSIST:
        case ACTION_TYPES:
                return;
        }
}

/* R5: what relies on a later generation waits; the order of the others is kept. */
static void perform_held(struct sim *s, uint8_t n)
{
        struct hamon *h = &s->node[n].hamon;
        unsigned kept = 0, count = h->held_count;
        uint32_t life = s->node[n].life[LIFE_HAMON].number;

        for (unsigned i = 0; i < count; i++) {
                struct action *a = &s->held[n][i];
                if (a->type == ACTION_PERSIST || a->after > h->synced) {
                        if (kept != i)
                                s->held[n][kept] = *a;
                        kept++;
                } else {
                        perform(s, n, a);
                        if (s->node[n].life[LIFE_HAMON].number != life)
                                return; /* it asked for its own reboot */
                }
        }
        h->held_count = kept;
        begin_sync(s, n);
}

static void tick(struct sim *s, uint8_t n, uint64_t a, uint64_t b);

static void arm_tick(struct sim *s, uint8_t n)
{
        struct hamon *h = &s->node[n].hamon;
        uint64_t at_ms = core_next_deadline_ms(&h->core);

        if (at_ms == UINT64_MAX)
                return;
        uint64_t at_us = clock_when_us(s, n, at_ms * MS);
        if (h->tick_order && h->tick_us <= at_us)
                return; /* it fires first, and is then armed again */
        h->tick_us = at_us > s->now_us ? at_us : s->now_us;
        h->tick_order = sim_after(s, h->tick_us - s->now_us, n, LIFE_HAMON, tick, s->next_order + 1, 0);
}

void hamon_event(struct sim *s, uint8_t n, struct event *e)
{
        static struct actions out; /* large */
        struct hamon *h = &s->node[n].hamon;

        if (!s->node[n].life[LIFE_MACHINE].up || !s->node[n].life[LIFE_HAMON].up)
                return;
        s->delivered += e->type != EVENT_TICK;
        e->now_ms = clock_ms(s, n);
        e->wall_s = sim_wall_s(s);
        for (int i = 0; i < 4; i++)
                e->entropy[i] = sim_random(s, 0);
        out.count = 0;
        rules_before(s, n, e);
        core_step(&h->core, e, &out);
        rules_after(s, n, e, &out);
        unsigned first = 0;
        if (h->held_count == 0) { /* mostly nothing has to wait */
                uint32_t life = s->node[n].life[LIFE_HAMON].number;
                for (; first < out.count && out.at[first].type != ACTION_PERSIST && out.at[first].after <= h->synced; first++) {
                        perform(s, n, &out.at[first]);
                        if (s->node[n].life[LIFE_HAMON].number != life)
                                return; /* it asked for its own reboot */
                }
        }
        if (first < out.count) {
                assert(h->held_count + out.count - first <= HELD_MAX);
                memcpy(&s->held[n][h->held_count], out.at + first, (out.count - first) * sizeof out.at[0]);
                h->held_count += out.count - first;
                perform_held(s, n);
        }
        if (s->node[n].life[LIFE_HAMON].up)
                arm_tick(s, n);
}

/* Only the one that was armed last counts. */
static void tick(struct sim *s, uint8_t n, uint64_t order, uint64_t unused)
{
        struct hamon *h = &s->node[n].hamon;
        struct event e;

        (void)unused;
        if (order != h->tick_order)
                return;
        h->tick_order = 0;
        if (core_next_deadline_ms(&h->core) > clock_ms(s, n)) {
                arm_tick(s, n);
                return;
        }
        memset(&e, 0, sizeof e);
        e.type = EVENT_TICK;
        hamon_event(s, n, &e);
}

void hamon_start(struct sim *s, uint8_t n)
{
        struct hamon *h = &s->node[n].hamon;
        static struct core_durable durable;
        const struct core_config config = {
            .self = n,
            .manual = s->manual,
            .mirrors = 1,
            .has_service = {true},
            .timers = timers_normal(),
            .boot = s->node[n].boot,
            .start = sim_random(s, 0) | 1,
        };

        life_start(s, n, LIFE_HAMON);
        memset(&durable, 0, sizeof durable);
        durable.known[0] = h->file_known;
        durable.acceptor[0] = h->file;
        memset(h->nonce, 0, sizeof h->nonce);
        h->out_us = 0;
        h->held_count = 0;
        h->synced = h->tick_order = 0;
        h->syncing = false;
        h->connected = false;
        core_init(&h->core, &config, &durable, clock_ms(s, n));
        trace(s, n, "hamon starts", 0, 0);
        arm_tick(s, n);
        if (n < NODES && s->node[n].life[LIFE_ACT].up)
                act_started(s, n);
}

uint64_t sim_wall_s(const struct sim *s)
{
        return 1700000000 + s->now_us / SECOND;
}

void hamon_maintain(struct sim *s, uint8_t n, uint64_t for_s)
{
        struct event e;

        memset(&e, 0, sizeof e);
        e.type = EVENT_COMMAND;
        e.command.type = COMMAND_MAINTENANCE;
        e.command.until_s = for_s ? sim_wall_s(s) + for_s : 0;
        e.command.ticket = 1;
        trace(s, n, "a person says: maintenance for %llu s", for_s, 0);
        hamon_event(s, n, &e);
}

void hamon_command(struct sim *s, uint8_t n, enum command_type type)
{
        struct event e;

        memset(&e, 0, sizeof e);
        e.type = EVENT_COMMAND;
        e.command.type = type;
        e.command.consent = true;
        e.command.ticket = 1;
        static const char *const words[COMMAND_TYPES] = {[COMMAND_JOIN] = "join", [COMMAND_SWITCHOVER] = "switchover",
                                                         [COMMAND_START_ALONE] = "start-alone", [COMMAND_LEAVE] = "leave"};
        s->moved = s->moved || type == COMMAND_START_ALONE || type == COMMAND_SWITCHOVER || type == COMMAND_LEAVE;
        if (words[type])
                script_command(s, n, words[type]);
        trace(s, n, "a person gives command %llu", (uint64_t)type, 0);
        hamon_event(s, n, &e);
}
