/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/core/trio.h"

#include <string.h>

#include "tests/unit/cmocka_all.h"

uint64_t trio_random(struct trio *t, uint64_t below)
{
        uint64_t z = (t->random += 0x9e3779b97f4a7c15u); /* splitmix64 */
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        return below ? z % below : z;
}

static struct event event_of(struct trio *t, enum event_type type)
{
        struct event e = {.type = type, .now_ms = t->now_ms};
        for (int i = 0; i < 4; i++)
                e.entropy[i] = trio_random(t, 0);
        return e;
}

static void send_packet(struct trio *t, const struct message *m)
{
        unsigned copies = trio_random(t, 100) < t->double_percent ? 2 : 1;

        if (t->cut[m->from][m->to] || (m->from != m->to && trio_random(t, 100) < t->lose_percent))
                return;
        while (copies--) {
                assert_true(t->queued < TRIO_QUEUE_MAX);
                uint64_t delay_ms = m->from == m->to ? 0 : 1 + trio_random(t, t->delay_max_ms + 1);
                t->queue[t->queued++] = (struct trio_packet){.at_ms = t->now_ms + delay_ms, .message = *m};
        }
}

static void note_accepted(struct trio *t, uint8_t voter, const struct acceptor_state *s)
{
        if (ballot_is_null(&s->accepted))
                return;
        for (unsigned i = 0; i < t->chosen_count; i++)
                if (ballot_compare(&t->chosen[i].ballot, &s->accepted) == 0) {
                        assert_true(record_equal(&t->chosen[i].value, &s->value)); /* one ballot, one value */
                        t->chosen[i].voters |= (uint8_t)(1u << voter);
                        return;
                }
        assert_true(t->chosen_count < TRIO_CHOSEN_MAX);
        t->chosen[t->chosen_count++] =
            (struct trio_chosen){.ballot = s->accepted, .value = s->value, .voters = (uint8_t)(1u << voter)};
}

/* As the writer thread: one fsync at a time, of the newest state. */
static void begin_sync(struct trio *t, uint8_t v)
{
        struct trio_voter *n = &t->voter[v];

        if (n->sync_at_ms != UINT64_MAX)
                return;
        for (unsigned i = 0; i < n->held_count; i++)
                if (n->held[i].type == ACTION_PERSIST) {
                        n->syncing = n->held[i].persist.generation;
                        n->sync_at_ms = t->now_ms;
                }
        if (n->sync_at_ms != UINT64_MAX)
                n->sync_at_ms += t->sync_min_ms + trio_random(t, t->sync_max_ms - t->sync_min_ms + 1);
}

/* Performs held actions in order as far as the fsyncs allow; `sync`: one has just ended. */
static void drain(struct trio *t, uint8_t v, bool sync)
{
        struct trio_voter *n = &t->voter[v];
        unsigned kept = 0;

        for (unsigned i = 0; i < n->held_count; i++) {
                struct action *a = &n->held[i];
                if (a->type == ACTION_PERSIST && sync && a->persist.generation <= n->syncing) {
                        n->file = a->persist.state;
                        n->file_known = true;
                        n->synced = a->persist.generation;
                        note_accepted(t, v, &n->file);
                } else if (a->type == ACTION_SEND && a->after <= n->synced) {
                        send_packet(t, &a->send);
                } else {
                        n->held[kept++] = *a;
                }
        }
        n->held_count = kept;
        if (sync)
                n->sync_at_ms = UINT64_MAX;
        begin_sync(t, v);
}

static void perform(struct trio *t, uint8_t v, const struct actions *out)
{
        struct trio_voter *n = &t->voter[v];

        for (unsigned i = 0; i < out->count; i++) {
                assert_true(n->held_count < 256);
                n->held[n->held_count++] = out->at[i];
        }
        if (n->core.reg[0].outcome.present) {
                n->last = n->core.reg[0].outcome;
                n->core.reg[0].outcome.present = false;
                n->outcomes++;
        }
        drain(t, v, false);
}

void trio_start(struct trio *t, uint8_t v)
{
        struct trio_voter *n = &t->voter[v];
        const struct core_config config = {
            .self = v,
            .mirrors = 1,
            .timers = timers_normal(),
            .boot = {.bytes = {(uint8_t)(v + 1), (uint8_t)(++t->starts)}},
            .start = trio_random(t, 0),
        };

        memset(&n->core, 0, sizeof n->core);
        n->core.config = config;
        n->core.started_ms = n->core.now_ms = t->now_ms;
        record_init(&n->core, 0, &n->file, n->file_known);
        n->up = true;
        n->synced = 0;
        n->held_count = 0;
        n->outcomes = 0;
        n->sync_at_ms = UINT64_MAX;
}

void trio_crash(struct trio *t, uint8_t v)
{
        t->voter[v].up = false;
        t->voter[v].held_count = 0;
        t->voter[v].sync_at_ms = UINT64_MAX;
}

void trio_init(struct trio *t, uint64_t seed)
{
        memset(t, 0, sizeof *t);
        t->random = seed;
        t->now_ms = 1000;
        t->delay_max_ms = 2;
        t->sync_max_ms = 3;
        for (uint8_t v = 0; v < VOTERS; v++)
                trio_start(t, v);
}

void trio_propose(struct trio *t, uint8_t v, const struct change *change)
{
        struct actions out = {.count = 0};
        struct event e = event_of(t, EVENT_TICK);

        record_propose(&t->voter[v].core, 0, change, &e, &out);
        perform(t, v, &out);
}

void trio_hold(struct trio *t, uint8_t v, bool hold)
{
        struct actions out = {.count = 0};
        struct event e = event_of(t, EVENT_TICK);

        lease_hold(&t->voter[v].core, 0, hold, &e, &out);
        perform(t, v, &out);
}

static void deliver(struct trio *t, const struct message *m)
{
        struct trio_voter *n = &t->voter[m->to];
        struct actions out = {.count = 0};
        struct event e = event_of(t, EVENT_MESSAGE);

        if (!n->up)
                return;
        e.message = *m;
        n->core.now_ms = t->now_ms;
        if (m->type == MESSAGE_RENEW || m->type == MESSAGE_RENEWED)
                lease_message(&n->core, &e, &out);
        else
                record_message(&n->core, &e, &out);
        perform(t, m->to, &out);
}

static void tick(struct trio *t, uint8_t v)
{
        struct core *c = &t->voter[v].core;
        struct actions out = {.count = 0};
        struct event e = event_of(t, EVENT_TICK);

        c->now_ms = t->now_ms;
        record_tick(c, 0, &e, &out);
        lease_tick(c, 0, &e, &out);
        perform(t, v, &out);
}

/* All that is due now, in random order: packets of one ms may overtake each other. */
static void run_one_ms(struct trio *t)
{
        for (;;) {
                unsigned due[TRIO_QUEUE_MAX], n = 0;
                for (unsigned i = 0; i < t->queued; i++)
                        if (t->queue[i].at_ms <= t->now_ms)
                                due[n++] = i;
                if (n == 0)
                        break;
                unsigned i = due[trio_random(t, n)];
                struct message m = t->queue[i].message;
                t->queue[i] = t->queue[--t->queued];
                deliver(t, &m);
        }
        for (uint8_t v = 0; v < VOTERS; v++) {
                struct trio_voter *n = &t->voter[v];
                if (!n->up)
                        continue;
                while (!n->disk_hangs && n->sync_at_ms <= t->now_ms)
                        drain(t, v, true);
                if (record_deadline_ms(&n->core, 0) <= t->now_ms || lease_deadline_ms(&n->core, 0) <= t->now_ms ||
                    t->now_ms % 200 == 0)
                        tick(t, v);
        }
}

void trio_run(struct trio *t, uint64_t ms)
{
        for (uint64_t end_ms = t->now_ms + ms; t->now_ms < end_ms; t->now_ms++)
                run_one_ms(t);
}

bool trio_run_until_idle(struct trio *t, uint8_t v, uint64_t limit_ms)
{
        unsigned before = t->voter[v].outcomes;

        for (uint64_t i = 0; i < limit_ms && t->voter[v].outcomes == before; i++)
                trio_run(t, 1);
        return t->voter[v].outcomes != before;
}

static bool by_majority(const struct trio_chosen *c)
{
        return (c->voters & (c->voters - 1)) != 0;
}

void trio_check(const struct trio *t)
{
        const struct trio_chosen *last = NULL;

        for (;;) {
                const struct trio_chosen *next = NULL;
                for (unsigned i = 0; i < t->chosen_count; i++) {
                        const struct trio_chosen *c = &t->chosen[i];
                        if (by_majority(c) && (!last || ballot_compare(&c->ballot, &last->ballot) > 0) &&
                            (!next || ballot_compare(&c->ballot, &next->ballot) < 0))
                                next = c;
                }
                if (!next)
                        return;
                if (last && last->value.version == next->value.version)
                        assert_true(record_equal(&last->value, &next->value));
                else if (last)
                        assert_true(next->value.version > last->value.version && next->value.epoch >= last->value.epoch);
                last = next;
        }
}

struct uuid trio_leg(uint8_t node)
{
        return (struct uuid){.bytes = {0xaa, node}};
}

struct change trio_change(enum change_kind kind, uint64_t epoch, uint8_t self)
{
        return (struct change){.kind = kind, .epoch = epoch, .own_leg = trio_leg(self), .peer_leg = trio_leg((uint8_t)(1 - self))};
}

void trio_make_redundant(struct trio *t)
{
        const enum change_kind kinds[] = {CHANGE_CREATE, CHANGE_MARK, CHANGE_JOIN};

        for (unsigned i = 0; i < 3; i++) {
                struct change change = trio_change(kinds[i], i > 0, 0);
                trio_propose(t, 0, &change);
                assert_true(trio_run_until_idle(t, 0, 5000));
                assert_true(t->voter[0].last.won);
        }
        trio_run(t, 1000);
}
