/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/core/fixture_node.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"


static uint64_t next_random(struct world *w)
{
        w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return w->random >> 11;
}

static struct uuid make_uuid(struct world *w)
{
        struct uuid u;

        for (unsigned i = 0; i < sizeof u.bytes; i++)
                u.bytes[i] = (uint8_t)next_random(w);
        return u;
}

uint64_t world_random(struct world *w, uint64_t below)
{
        return below ? next_random(w) % below : 0;
}

void fixture_enqueue_later(struct world *w, uint8_t to, const struct event *e, uint64_t delay_ms)
{
        assert_true(w->queued < WORLD_QUEUE);
        w->queue[w->queued].at_ms = w->now_ms + delay_ms;
        w->queue[w->queued].order = w->orders++;
        w->queue[w->queued].to = to;
        w->queue[w->queued].life = e->type == EVENT_MESSAGE ? 0 : w->machine[to].starts;
        w->queue[w->queued++].event = *e;
}

void fixture_enqueue(struct world *w, uint8_t to, const struct event *e)
{
        fixture_enqueue_later(w, to, e, 0);
}

/* A frozen machine loses datagrams; what its own processes told it is read later. */
static bool waits_for_thaw(const struct world *w, unsigned i)
{
        return w->machine[w->queue[i].to].frozen && w->queue[i].event.type != EVENT_MESSAGE;
}

/* The next event that is due, or -1. */
static int next_due(const struct world *w)
{
        int best = -1;

        for (unsigned i = 0; i < w->queued; i++)
                if (w->queue[i].at_ms <= w->now_ms && !waits_for_thaw(w, i) && (best < 0 || w->queue[i].at_ms < w->queue[best].at_ms ||
                                                        (w->queue[i].at_ms == w->queue[best].at_ms && w->queue[i].order < w->queue[best].order)))
                        best = (int)i;
        return best;
}

/* One line of the story: when, who, what. */
__attribute__((format(printf, 3, 4))) void fixture_say(const struct world *w, uint8_t voter, const char *format, ...)
{
        va_list args;

        if (!w->trace)
                return;
        fprintf(w->trace, "%6llu %c ", (unsigned long long)(w->now_ms - w->trace_zero_ms), "ABW"[voter]);
        va_start(args, format);
        vfprintf(w->trace, format, args);
        va_end(args);
        fputc('\n', w->trace);
}

uint8_t fixture_other(uint8_t node)
{
        return (uint8_t)(1 - node);
}

/* -- events and actions ------------------------------------------------------------------------------------------------------------ */

static void note_decisions(struct world *w)
{
        for (uint8_t v = 0; v < VOTERS; v++) {
                const struct record *r = &w->core[v].reg[M].decided;
                if (r->version > w->decided.version)
                        w->decided = *r;
                for (int n = 0; n < NODES; n++)
                        if (w->machine[v].up && r->version > w->decided_without[n] && !r->legs[n].in_sync)
                                w->decided_without[n] = (unsigned)r->version;
        }
}

static void act_on(struct world *w, uint8_t node, const struct action *a)
{
        struct machine *n = &w->machine[node];

        if (!n->up)
                return;
        switch (a->type) {
        case ACTION_PERSIST:
                n->durable.known[a->persist.mirror] = true;
                n->durable.acceptor[a->persist.mirror] = a->persist.state;
                return;
        case ACTION_SEND:
                if (w->verbose && a->send.type != MESSAGE_HEARTBEAT && a->send.type != MESSAGE_RENEW && a->send.type != MESSAGE_RENEWED)
                        fixture_say(w, node, "-> %c message %d%s", "ABW"[a->send.to], a->send.type, w->cut[node][a->send.to] ? " (lost)" : "");
                if (!w->cut[node][a->send.to] && w->machine[a->send.to].up && world_random(w, 100) >= w->lose_percent)
                        fixture_enqueue_later(w, a->send.to, &(struct event){.type = EVENT_MESSAGE, .message = a->send},
                                      node == a->send.to ? 0 : world_random(w, w->message_max_ms));
                return;
        case ACTION_EFFECT:
                fixture_effect(w, node, &a->effect);
                return;
        case ACTION_REPORT:
                assert_true(w->reports < WORLD_REPORTS);
                w->report[w->reports].node = node;
                w->report[w->reports++].action = *a;
                fixture_say(w, node, "report %s", reason_code(a->report.reason));
                return;
        case ACTION_ANSWER:
                assert_true(a->answer.ticket < 64);
                assert_false(w->answered[a->answer.ticket].present);
                w->answered[a->answer.ticket].present = true;
                w->answered[a->answer.ticket].error = a->answer.error;
                w->answered[a->answer.ticket].reason = a->answer.reason;
                fixture_say(w, node, "answer %d %s", a->answer.error, reason_code(a->answer.reason));
                return;
        case ACTION_TYPES:
                return;
        }
}

static void say_states(const struct world *w, uint8_t v, const struct core *before)
{
        const struct core *c = &w->core[v];

        if (v >= NODES)
                return;
        if (before->mirror[M].state != c->mirror[M].state)
                fixture_say(w, v, "role %s", mirror_table.state_words[c->mirror[M].state]);
        if (before->leg[M].state != c->leg[M].state)
                fixture_say(w, v, "leg %s", leg_table.state_words[c->leg[M].state]);
        if (before->service[M].state != c->service[M].state)
                fixture_say(w, v, "service %s", service_table.state_words[c->service[M].state]);
}

static void step(struct world *w, uint8_t v, struct event e)
{
        static struct core before;
        struct actions out;

        if (!w->machine[v].up || w->machine[v].frozen)
                return;
        e.now_ms = w->now_ms;
        e.wall_s = w->now_ms / 1000 + FIXTURE_WALL_S;
        for (int i = 0; i < 4; i++)
                e.entropy[i] = next_random(w) ^ (next_random(w) << 32);
        before = w->core[v];
        core_step(&w->core[v], &e, &out);
        say_states(w, v, &before);
        note_decisions(w);
        for (unsigned i = 0; i < out.count; i++)
                act_on(w, v, &out.at[i]);
}

static void drain(struct world *w)
{
        int i;

        for (unsigned guard = 0; (i = next_due(w)) >= 0; guard++) {
                assert_true(guard < 20000); /* nothing may go round in no time */
                struct event e = w->queue[i].event;
                uint8_t to = w->queue[i].to;
                bool stale = e.type != EVENT_MESSAGE && w->queue[i].life != w->machine[to].starts;
                w->queue[i] = w->queue[--w->queued];
                if (!stale)
                        step(w, to, e);
                for (uint8_t n = 0; n < NODES; n++) {
                        fixture_look_at_md(w, n);
                        fixture_work(w, n);
                        fixture_observe(w, n);
                }
        }
}

void world_run(struct world *w, uint64_t ms)
{
        uint64_t end_ms = w->now_ms + ms;

        for (;;) {
                uint64_t next = end_ms;
                for (uint8_t v = 0; v < VOTERS; v++) {
                        uint64_t at = w->machine[v].up && !w->machine[v].frozen ? core_next_deadline_ms(&w->core[v]) : UINT64_MAX;
                        if (at < next)
                                next = at;
                }
                for (unsigned i = 0; i < w->queued; i++)
                        if (w->queue[i].at_ms < next && !waits_for_thaw(w, i))
                                next = w->queue[i].at_ms;
                for (uint8_t n = 0; n < NODES; n++)
                        if (w->machine[n].up && w->machine[n].job_count && w->machine[n].job_ends_ms > w->now_ms && w->machine[n].job_ends_ms < next)
                                next = w->machine[n].job_ends_ms;
                if (next > w->now_ms + 50)
                        next = w->now_ms + 50 < end_ms ? w->now_ms + 50 : end_ms; /* md and the services live on, too */
                if (next > w->now_ms)
                        w->now_ms = next;
                for (uint8_t v = 0; v < VOTERS; v++)
                        if (w->machine[v].up && !w->machine[v].frozen && core_next_deadline_ms(&w->core[v]) <= w->now_ms) {
                                fixture_enqueue(w, v, &(struct event){.type = EVENT_TICK});
                        }
                for (uint8_t n = 0; n < NODES; n++) {
                        fixture_look_at_md(w, n);
                        fixture_work(w, n);
                        fixture_observe(w, n);
                }
                drain(w);
                for (uint8_t v = 0; v < VOTERS; v++) /* a deadline that passed must be gone */
                        assert_true(!w->machine[v].up || w->machine[v].frozen || core_next_deadline_ms(&w->core[v]) > w->now_ms);
                if (w->now_ms >= end_ms)
                        return;
        }
}

/* -- machines ---------------------------------------------------------------------------------------------------------------------- */

static void start_hamon(struct world *w, uint8_t v)
{
        struct machine *n = &w->machine[v];
        struct core_config config = {
            .self = v,
            .manual = w->manual,
            .mirrors = 1,
            .has_service = {true},
            .service = {w->policy},
            .timers = timers_normal(),
            .boot = n->boot,
            .start = next_random(w) | 1,
        };

        n->starts++;
        core_init(&w->core[v], &config, &n->durable, w->now_ms);
        n->seen = (struct observation){.mirror = 0xff};
        if (v < NODES && n->act_up)
                fixture_enqueue(w, v, &(struct event){.type = EVENT_ACT_READY});
}

void world_power_on(struct world *w, uint8_t v)
{
        struct machine *n = &w->machine[v];

        assert_false(n->up);
        *n = (struct machine){.up = true,
                              .act_up = true,
                              .boot = make_uuid(w),
                              .starts = n->starts,
                              .disk = n->disk,
                              .durable = n->durable,
                              .hold = EFFECT_TYPES,
                              .fail = EFFECT_TYPES};
        start_hamon(w, v);
}

void world_power_off(struct world *w, uint8_t v)
{
        w->machine[v].up = false;
        w->machine[v].granted = w->machine[v].running = w->machine[v].attached = w->machine[v].service = false;
        w->machine[v].waiting = w->machine[v].job_count = 0;
        w->machine[v].starts++; /* what is on its way to it is lost */
}

void world_restart_hamon(struct world *w, uint8_t v)
{
        start_hamon(w, v);
}

void world_act(struct world *w, uint8_t node, bool up)
{
        w->machine[node].act_up = up;
        w->machine[node].job_count = 0; /* what it was at may be done or not */
        w->machine[node].held = w->machine[node].held && w->machine[node].running;
        fixture_enqueue(w, node, &(struct event){.type = up ? EVENT_ACT_READY : EVENT_ACT_LOST});
        drain(w);
}

void world_cut(struct world *w, uint8_t a, uint8_t b, bool cut)
{
        w->cut[a][b] = w->cut[b][a] = cut;
}

void world_isolate(struct world *w, uint8_t voter, bool cut)
{
        for (uint8_t v = 0; v < VOTERS; v++)
                if (v != voter)
                        world_cut(w, v, voter, cut);
}

void world_command(struct world *w, uint8_t node, enum command_type type, bool consent, uint64_t ticket)
{
        struct event e = {.type = EVENT_COMMAND};

        e.command.type = type;
        e.command.mirror = M;
        e.command.consent = consent;
        e.command.ticket = ticket;
        w->answered[ticket].present = false;
        fixture_enqueue(w, node, &e);
        drain(w);
}

void world_maintain(struct world *w, uint8_t node, uint64_t until_s, uint64_t ticket)
{
        struct event e = {.type = EVENT_COMMAND};

        e.command.type = COMMAND_MAINTENANCE;
        e.command.mirror = M;
        e.command.until_s = until_s;
        e.command.ticket = ticket;
        w->answered[ticket].present = false;
        fixture_enqueue(w, node, &e);
        world_run(w, 1000);
}

void world_init(struct world *w)
{
        memset(w, 0, sizeof *w);
        w->random = 42;
        w->now_ms = 1000;
        w->resync_ms = 1000;
        w->verbose = getenv("WORLD_VERBOSE") != NULL;
        w->trace = w->verbose ? stderr : NULL;
        for (uint8_t v = 0; v < VOTERS; v++)
                world_power_on(w, v);
}

void world_init_manual(struct world *w)
{
        world_init(w);
        world_power_off(w, W);
        w->manual = true;
        world_restart_hamon(w, A);
        world_restart_hamon(w, B);
}

void world_make_redundant(struct world *w)
{
        world_run(w, 4000);
        world_command(w, A, COMMAND_CREATE, false, 1);
        world_run(w, 2000);
        assert_true(w->answered[1].present);
        assert_int_equal(w->answered[1].error, 0);
        world_command(w, B, COMMAND_JOIN, false, 2);
        world_run(w, 6000);
        assert_true(w->answered[2].present);
        assert_int_equal(w->answered[2].error, 0);
        assert_int_equal(w->core[A].leg[M].state, LEG_IN);
        world_write(w);
}

void world_live(struct world *w, uint64_t ms)
{
        for (uint64_t end_ms = w->now_ms + ms; w->now_ms < end_ms;) {
                world_run(w, 20);
                world_write(w);
                assert_false(world_serves(w, A) && world_serves(w, B) && !w->manual);
        }
}

void world_hold_switchover(struct world *w, enum effect_type effect)
{
        world_init(w);
        world_make_redundant(w);
        w->machine[B].hold = effect;
        world_command(w, A, COMMAND_SWITCHOVER, false, 5);
        world_live(w, 500);
}

bool world_writes_go_on(struct world *w)
{
        uint64_t before = w->acknowledged;

        world_live(w, 200);
        return w->acknowledged > before;
}

struct mirror_view world_view(const struct world *w, uint8_t voter)
{
        struct mirror_view v;

        core_view_mirror(&w->core[voter], M, w->now_ms, &v);
        return v;
}

void world_expect_answer(const struct world *w, uint64_t ticket, int error, enum reason reason)
{
        assert_true(w->answered[ticket].present);
        assert_int_equal(w->answered[ticket].error, error);
        assert_int_equal(w->answered[ticket].reason, reason);
}

/* -- expectations ------------------------------------------------------------------------------------------------------------------ */

void world_expect_effects(struct world *w, unsigned since, uint8_t node, const char *expected)
{
        char got[8192] = "";
        size_t used = 0;

        for (unsigned i = since; i < w->effects; i++) {
                const struct world_effect *f = &w->effect[i];
                if (f->node != node || f->effect.type == EFFECT_ADDRESS_RENEW || f->effect.type == EFFECT_ADDRESS_DROP)
                        continue;
                used += (size_t)snprintf(got + used, sizeof got - used, "%s%s", used ? " " : "", effect_word(f->effect.type));
                assert_true(used < sizeof got);
        }
        assert_string_equal(got, expected);
}

bool world_reported(const struct world *w, unsigned since, uint8_t node, enum reason reason)
{
        for (unsigned i = since; i < w->reports; i++)
                if (w->report[i].node == node && w->report[i].action.report.reason == reason)
                        return true;
        return false;
}

const struct record *world_record(const struct world *w)
{
        return &w->decided;
}

bool world_serves(const struct world *w, uint8_t node)
{
        const struct machine *n = &w->machine[node];

        return n->up && n->service && n->address_until_ms > w->now_ms;
}
