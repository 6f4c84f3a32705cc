/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/core/fixture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"

enum { OBSERVE_MS = 500, ADDRESS_LATE_MS = 250, NBDC_FIRST_MS = 300 };

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

static void enqueue_later(struct world *w, uint8_t to, const struct event *e, uint64_t delay_ms)
{
        assert_true(w->queued < WORLD_QUEUE);
        w->queue[w->queued].at_ms = w->now_ms + delay_ms;
        w->queue[w->queued].order = w->orders++;
        w->queue[w->queued].to = to;
        w->queue[w->queued].life = e->type == EVENT_MESSAGE ? 0 : w->machine[to].starts;
        w->queue[w->queued++].event = *e;
}

static void enqueue(struct world *w, uint8_t to, const struct event *e)
{
        enqueue_later(w, to, e, 0);
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
__attribute__((format(printf, 3, 4))) static void say(const struct world *w, uint8_t voter, const char *format, ...)
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

static uint8_t other(uint8_t node)
{
        return (uint8_t)(1 - node);
}

/* -- the leg of the peer on a node ------------------------------------------------------------------------------------------------- */

static bool session_lives(const struct world *w, uint8_t node)
{
        const struct machine *n = &w->machine[node], *p = &w->machine[other(node)];

        return n->attached && p->up && !p->nbdd_dead && p->granted && uuid_equal(&p->granted_session, &n->session) &&
               !w->cut[node][other(node)] && !w->cut[other(node)][node];
}

static bool session_refused(const struct world *w, uint8_t node)
{
        const struct machine *n = &w->machine[node], *p = &w->machine[other(node)];
        bool granted = p->granted && uuid_equal(&p->granted_session, &n->session);

        return n->attached && p->up && !p->nbdd_dead && !granted && !w->cut[node][other(node)] && !w->cut[other(node)][node];
}

/* One write of the service: to every leg that md has; waits while one of them is attached and does not answer. */
static void try_write(struct world *w, uint8_t node, uint64_t sequence)
{
        struct machine *n = &w->machine[node];
        bool to_peer = n->peer_in_array && !n->peer_failed && n->attached;

        if (n->own_stuck_ms)
                return;
        if (to_peer && !session_lives(w, node)) {
                if (!n->waiting)
                        n->stuck_ms = w->now_ms;
                n->waiting = sequence;
                if (!n->own_failed)
                        n->disk.data = sequence; /* the own leg may have it */
                return;
        }
        if (n->own_failed && !to_peer)
                return; /* an error: never acknowledged */
        if (!n->own_failed)
                n->disk.data = sequence;
        if (to_peer) {
                struct disk *d = &w->machine[other(node)].disk;
                if (n->peer_in_sync)
                        d->data = sequence;
        }
        n->waiting = n->stuck_ms = 0;
        w->acknowledged = sequence;
}

void world_write(struct world *w)
{
        for (uint8_t i = 0; i < NODES; i++) {
                struct machine *n = &w->machine[i];
                if (!n->up || n->frozen || !n->running)
                        continue;
                if (n->waiting)
                        try_write(w, i, n->waiting);
                if (!n->waiting && n->service)
                        try_write(w, i, ++w->written);
        }
}

static void look_at_md(struct world *w, uint8_t node)
{
        struct machine *n = &w->machine[node];

        if (!n->up || !n->running)
                return;
        if (n->peer_in_array && !n->peer_in_sync && n->attached && !session_lives(w, node))
                n->synced_at_ms = w->now_ms + w->resync_ms; /* the resync waits as well */
        if (n->peer_in_array && !n->peer_in_sync && !n->own_failed && n->attached && n->synced_at_ms <= w->now_ms) {
                n->peer_in_sync = true;
                w->machine[other(node)].disk.data = n->disk.data;
                w->machine[other(node)].disk.torn = false;
                w->machine[other(node)].disk.superblock = true;
        }
        if (n->waiting)
                try_write(w, node, n->waiting);
}

static void observe(struct world *w, uint8_t node)
{
        struct machine *n = &w->machine[node];
        struct observation o = {
            .mirror = M,
            .settled = n->settled,
            .array_running = n->running,
            .own_in_sync = n->own_in_sync,
            .own_failed = n->own_failed,
            .own_unsafe = n->own_unsafe,
            .peer_in_array = n->peer_in_array,
            .peer_in_sync = n->peer_in_sync,
            .peer_failed = n->peer_failed,
            .sync_idle = !n->peer_in_array || n->peer_in_sync,
            .attached = n->attached,
            .leg_connected = session_lives(w, node),
            .leg_refused = session_refused(w, node),
            .leg_oldest_ms = n->waiting ? (uint32_t)(w->now_ms - n->stuck_ms) : 0,
            .own_oldest_ms = n->own_stuck_ms ? (uint32_t)(w->now_ms - n->own_stuck_ms) : 0,
            .service_running = n->service,
        };
        struct observation was = n->seen;

        was.leg_oldest_ms = o.leg_oldest_ms;
        was.own_oldest_ms = o.own_oldest_ms;
        if (!n->up || !n->act_up || n->frozen)
                return;
        if (memcmp(&was, &o, sizeof o) == 0 && (!n->running || w->now_ms - n->seen_ms < OBSERVE_MS))
                return;
        n->seen = o;
        n->seen_ms = w->now_ms;
        enqueue(w, node, &(struct event){.type = EVENT_OBSERVED, .observed = o});
}

/* -- effects ----------------------------------------------------------------------------------------------------------------------- */

static void fill_leg(const struct machine *n, struct effect_result *r)
{
        r->leg.present = !uuid_is_null(&n->disk.leg);
        r->leg.uuid = n->disk.leg;
        r->leg.last_epoch = n->disk.last_epoch;
        r->leg.has_superblock = n->disk.superblock;
        r->leg.calls_peer_failed = n->disk.calls_peer_failed;
        r->leg.clean = n->disk.clean;
        r->leg.note = n->disk.note;
        r->leg.debt = n->disk.debt;
        r->leg.array_running = n->running;
}

static void check_assembly(struct world *w, uint8_t node, const struct effect *f)
{
        const struct machine *n = &w->machine[node];
        const struct record *r = world_record(w);

        assert_false(n->granted);
        assert_int_equal(r->primary, node); /* R3c: seen decided */
        assert_int_equal(r->epoch, f->epoch);
        assert_true(uuid_equal(&r->primary_boot, &n->boot));
        assert_true(n->disk.data >= w->acknowledged); /* P1, P3 */
        assert_false(n->disk.torn);
}

static void check_detach(struct world *w, uint8_t node, const struct effect *f)
{
        const struct machine *n = &w->machine[node];

        if (!n->attached || !n->required)
                return;
        assert_true(f->version > 0); /* R2a, R2g */
        assert_true(f->version <= w->decided_without[other(node)]);
        assert_false(world_record(w)->legs[other(node)].in_sync);
}

static int attach(struct world *w, uint8_t node, const struct effect *f)
{
        struct machine *n = &w->machine[node];

        assert_true(n->disk.note);
        bool handed = w->decided.legs[0].in_sync && w->decided.legs[1].in_sync && !n->running; /* nothing writes to it */
        assert_true(handed || w->decided.legs[other(node)].inconsistent || w->decided.primary != node); /* R2d */
        n->attached = true;
        n->required = false;
        n->session = f->session;
        if (!session_lives(w, node)) {
                n->attached = false;
                return -ECONNREFUSED;
        }
        return 0;
}

static void md_without_peer(struct world *w, uint8_t node)
{
        struct machine *n = &w->machine[node];
        uint64_t waiting = n->waiting;

        n->attached = n->peer_in_array = n->peer_in_sync = n->peer_failed = false;
        n->waiting = n->stuck_ms = 0;
        if (waiting)
                try_write(w, node, waiting);
}

static int perform(struct world *w, uint8_t node, const struct effect *f, struct effect_result *r)
{
        struct machine *n = &w->machine[node], *p = &w->machine[other(node)];

        if (n->disk.broken && (f->type == EFFECT_PROBE || f->type == EFFECT_ASSEMBLE || f->type == EFFECT_LEG_OPEN))
                return -EIO;
        switch (f->type) {
        case EFFECT_LEG_OPEN:
                break;
        case EFFECT_LEG_CREATE:
                if (!uuid_is_null(&n->disk.leg) && !uuid_equal(&n->disk.leg, &f->leg) && !f->overwrite)
                        return -EEXIST;
                n->disk = (struct disk){.leg = f->leg};
                break;
        case EFFECT_PROBE:
                break;
        case EFFECT_GRANT:
                if (n->held)
                        return -EBUSY;
                assert_true(uuid_equal(&f->leg, &n->disk.leg)); /* R1e */
                assert_false(record_takeover_unresolved(&w->core[node], M)); /* R6c */
                assert_int_not_equal(mirror_role(w->core[node].mirror[M].state), ROLE_TAKING_OVER);
                n->granted = true;
                n->granted_session = f->session;
                n->granted_epoch = f->epoch;
                break;
        case EFFECT_REVOKE:
                n->granted = false;
                n->held = true;
                break;
        case EFFECT_RELEASE:
                assert_false(n->running);
                n->held = false;
                break;
        case EFFECT_CHECK_LEG:
                r->permits = n->disk.superblock && !n->disk.torn;
                break;
        case EFFECT_DEBT_CAPTURE:
                if (!n->held)
                        return -EINVAL;
                n->disk.debt = true;
                break;
        case EFFECT_ARRAY_CREATE:
                n->disk.superblock = true;
                n->held = n->running = n->own_in_sync = true;
                break;
        case EFFECT_ASSEMBLE:
                if (!n->held) /* R3d */
                        return -EINVAL;
                check_assembly(w, node, f);
                n->running = n->own_in_sync = true;
                n->disk.clean = false;
                n->own_failed = n->peer_in_array = n->peer_in_sync = n->peer_failed = false;
                break;
        case EFFECT_ASSEMBLE_BOTH:
                if (!n->held || !session_lives(w, node))
                        return -EINVAL;
                if (!n->disk.clean || !p->disk.clean || n->disk.data != p->disk.data || n->disk.torn || p->disk.torn)
                        return -ESTALE;
                check_assembly(w, node, f);
                n->required = n->running = n->own_in_sync = n->peer_in_array = n->peer_in_sync = true;
                n->own_failed = n->peer_failed = n->disk.clean = p->disk.clean = false;
                break;
        case EFFECT_DEBT_APPLY:
        case EFFECT_NOTE_SET:
        case EFFECT_NOTE_CLEAR:
                n->disk.note = f->type == EFFECT_NOTE_SET ? true : f->type == EFFECT_NOTE_CLEAR ? false : n->disk.note;
                break;
        case EFFECT_ATTACH:
                return attach(w, node, f);
        case EFFECT_DEBT_UNION:
                if (!session_lives(w, node))
                        return -ENOTCONN;
                n->disk.debt = true;
                r->known = p->disk.superblock;
                break;
        case EFFECT_LEG_ADD:
                if (!session_lives(w, node))
                        return -ENOTCONN;
                assert_true(f->whole || p->disk.superblock);
                n->peer_in_array = true;
                n->peer_in_sync = n->peer_failed = false;
                n->synced_at_ms = w->now_ms + w->resync_ms;
                p->disk.torn = true;
                break;
        case EFFECT_REQUIRE:
                n->required = true;
                break;
        case EFFECT_DETACH:
                check_detach(w, node, f);
                n->attached = false;
                if (n->peer_in_array)
                        n->peer_failed = true;
                break;
        case EFFECT_LEG_REMOVE:
                assert_false(n->attached);
                md_without_peer(w, node);
                break;
        case EFFECT_DEBT_DROP:
                assert_true(world_record(w)->legs[other(node)].in_sync);
                n->disk.debt = false;
                break;
        case EFFECT_HISTORY:
                n->disk.last_epoch = f->epoch;
                break;
        case EFFECT_SERVICE_START:
                assert_true(n->running);
                if (n->service_broken)
                        return -EPROTO;
                n->service = true;
                break;
        case EFFECT_SERVICE_STOP:
                if (n->waiting)
                        return -ETIMEDOUT; /* an unmount writes */
                n->service = false;
                n->address_until_ms = 0;
                break;
        case EFFECT_ARRAY_STOP:
                assert_false(n->service);
                if (n->waiting || (!n->own_failed && n->peer_in_array && !n->peer_failed && !session_lives(w, node)))
                        return -ETIMEDOUT; /* the flush before it */
                if (n->running) {
                        n->disk.clean = !n->own_failed;
                        p->disk.clean = n->peer_in_sync && !n->peer_failed;
                }
                md_without_peer(w, node);
                n->running = n->held = n->own_in_sync = false;
                break;
        case EFFECT_ADDRESS_RENEW:
                assert_true(n->service);
                assert_true(w->now_ms + f->lifetime_ms + ADDRESS_LATE_MS <= lease_valid_until_ms(&w->core[node], M)); /* R4e */
                n->address_until_ms = w->now_ms + f->lifetime_ms;
                break;
        case EFFECT_ADDRESS_DROP:
                n->address_until_ms = 0;
                break;
        case EFFECT_REBOOT:
                world_power_off(w, node);
                break;
        case EFFECT_TYPES:
                break;
        }
        return 0;
}

static void answer_effect(struct world *w, uint8_t node, const struct effect *f)
{
        struct machine *n = &w->machine[node];
        struct event e = {.type = EVENT_EFFECT_DONE, .result = {.type = f->type, .mirror = f->mirror, .ticket = f->ticket}};

        e.result.error = n->fail == f->type ? n->error : perform(w, node, f, &e.result);
        fill_leg(n, &e.result);
        if (n->up)
                enqueue(w, node, &e);
        n->settled = f->ticket;
}

static void start_job(struct world *w, uint8_t node)
{
        w->machine[node].job_ends_ms = w->now_ms + world_random(w, w->effect_max_ms);
}

static void work(struct world *w, uint8_t node)
{
        struct machine *n = &w->machine[node];

        while (n->up && n->act_up && n->job_count && n->job_ends_ms <= w->now_ms && n->jobs[0].type != n->hold) {
                struct effect f = n->jobs[0];
                n->job_count--;
                memmove(n->jobs, n->jobs + 1, n->job_count * sizeof n->jobs[0]);
                start_job(w, node);
                answer_effect(w, node, &f);
        }
}

static void on_effect(struct world *w, uint8_t node, const struct effect *f)
{
        struct machine *n = &w->machine[node];
        bool at_once = f->type == EFFECT_ADDRESS_RENEW || f->type == EFFECT_ADDRESS_DROP || f->type == EFFECT_REBOOT;

        assert_true(w->effects < WORLD_EFFECTS);
        w->effect[w->effects++] = (struct world_effect){w->now_ms, node, *f};
        if (f->type != EFFECT_ADDRESS_RENEW || w->verbose)
                say(w, node, f->type == EFFECT_DETACH ? "effect %s version %llu" : "effect %s", effect_word(f->type), (unsigned long long)f->version);
        if (!n->act_up)
                return;
        if (at_once) {
                answer_effect(w, node, f);
                return;
        }
        assert_true(n->job_count < WORLD_JOBS);
        n->jobs[n->job_count++] = *f;
        if (n->job_count == 1)
                start_job(w, node);
        work(w, node);
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
                        say(w, node, "-> %c message %d%s", "ABW"[a->send.to], a->send.type, w->cut[node][a->send.to] ? " (lost)" : "");
                if (!w->cut[node][a->send.to] && w->machine[a->send.to].up && world_random(w, 100) >= w->lose_percent)
                        enqueue_later(w, a->send.to, &(struct event){.type = EVENT_MESSAGE, .message = a->send},
                                      node == a->send.to ? 0 : world_random(w, w->message_max_ms));
                return;
        case ACTION_EFFECT:
                on_effect(w, node, &a->effect);
                return;
        case ACTION_REPORT:
                assert_true(w->reports < WORLD_REPORTS);
                w->report[w->reports].node = node;
                w->report[w->reports++].action = *a;
                say(w, node, "report %s", reason_code(a->report.reason));
                return;
        case ACTION_ANSWER:
                assert_true(a->answer.ticket < 64);
                assert_false(w->answered[a->answer.ticket].present);
                w->answered[a->answer.ticket].present = true;
                w->answered[a->answer.ticket].error = a->answer.error;
                w->answered[a->answer.ticket].reason = a->answer.reason;
                say(w, node, "answer %d %s", a->answer.error, reason_code(a->answer.reason));
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
                say(w, v, "role %s", mirror_table.state_words[c->mirror[M].state]);
        if (before->leg[M].state != c->leg[M].state)
                say(w, v, "leg %s", leg_table.state_words[c->leg[M].state]);
        if (before->service[M].state != c->service[M].state)
                say(w, v, "service %s", service_table.state_words[c->service[M].state]);
}

static void step(struct world *w, uint8_t v, struct event e)
{
        static struct core before;
        struct actions out;

        if (!w->machine[v].up || w->machine[v].frozen)
                return;
        e.now_ms = w->now_ms;
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
                        look_at_md(w, n);
                        work(w, n);
                        observe(w, n);
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
                                enqueue(w, v, &(struct event){.type = EVENT_TICK});
                        }
                for (uint8_t n = 0; n < NODES; n++) {
                        look_at_md(w, n);
                        work(w, n);
                        observe(w, n);
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
            .mirrors = 1,
            .has_service = {true},
            .timers = timers_normal(),
            .boot = n->boot,
            .start = next_random(w) | 1,
        };

        n->starts++;
        core_init(&w->core[v], &config, &n->durable, w->now_ms);
        n->seen = (struct observation){.mirror = 0xff};
        if (v < NODES && n->act_up)
                enqueue(w, v, &(struct event){.type = EVENT_ACT_READY});
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
        enqueue(w, node, &(struct event){.type = up ? EVENT_ACT_READY : EVENT_ACT_LOST});
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
        enqueue(w, node, &e);
        drain(w);
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
