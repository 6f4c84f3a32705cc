/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/core/state.h"

#include <string.h>

#define NEVER IN_STATE(DETECTOR_NEVER)
#define ALIVE IN_STATE(DETECTOR_ALIVE)
#define SUSPECT IN_STATE(DETECTOR_SUSPECT)
#define DEAD IN_STATE(DETECTOR_DEAD)
#define LEFT IN_STATE(DETECTOR_LEFT)

/* clang-format off: one row, one line */
static const struct row rows[] = {
    {NEVER | DEAD | LEFT, DETECTOR_HEARD, 0, 0, DETECTOR_ALIVE, 0, REASON_NODE_UP},
    {ALIVE | SUSPECT, DETECTOR_HEARD, 0, 0, DETECTOR_ALIVE, 0, REASON_NONE},
    {NEVER | ALIVE | SUSPECT | DEAD, DETECTOR_HEARD_LEAVING, 0, 0, DETECTOR_LEFT, 0, REASON_NODE_LEAVING},
    {LEFT, DETECTOR_HEARD_LEAVING, 0, 0, STAY, 0, REASON_NONE},
    {ALIVE, DETECTOR_POLL, DETECTOR_SILENT_SUSPECT, DETECTOR_SILENT_DEAD, DETECTOR_SUSPECT, 0, REASON_NODE_SUSPECT},
    {NEVER | SUSPECT, DETECTOR_POLL, DETECTOR_SILENT_SUSPECT, DETECTOR_SILENT_DEAD, STAY, 0, REASON_NONE},
    {NEVER | ALIVE | SUSPECT, DETECTOR_POLL, DETECTOR_SILENT_DEAD, 0, DETECTOR_DEAD, 0, REASON_NODE_DEAD},
    {NEVER | ALIVE | SUSPECT, DETECTOR_POLL, 0, DETECTOR_SILENT_SUSPECT | DETECTOR_SILENT_DEAD, STAY, 0, REASON_NONE},
    {DEAD | LEFT, DETECTOR_POLL, 0, 0, STAY, 0, REASON_NONE},
};

static const char *const words[] = {"never-heard", "alive", "suspect", "dead", "left"};
/* clang-format on */

const struct table detector_table = {rows, sizeof rows / sizeof *rows, DETECTOR_STATES, DETECTOR_EVENTS, words};

void detector_init(struct core *c)
{
        for (int v = 0; v < VOTERS; v++)
                c->detector.voter[v].heard_ms = c->started_ms;
        c->detector.next_heartbeat_ms = c->started_ms;
}

static uint64_t silent_ms(const struct core *c, const struct detector_voter *v)
{
        return c->now_ms > v->heard_ms ? c->now_ms - v->heard_ms : 0;
}

static void fire(struct core *c, uint8_t voter, enum detector_event event, struct actions *out)
{
        struct detector_voter *v = &c->detector.voter[voter];
        uint64_t silent = silent_ms(c, v);
        uint32_t facts = (silent >= c->config.timers.suspect_ms ? (uint32_t)DETECTOR_SILENT_SUSPECT : 0) |
                         (silent >= c->config.timers.dead_ms ? (uint32_t)DETECTOR_SILENT_DEAD : 0);
        const struct row *r = table_find(&detector_table, v->state, event, facts);

        if (r->next != STAY)
                v->state = r->next;
        if (r->reason != REASON_NONE)
                report(c, r->reason, MIRRORS_MAX, voter, silent, out);
}

static void remember_roles(struct core *c, struct detector_voter *v, const struct heartbeat *h, bool first)
{
        for (int m = 0; m < MIRRORS_MAX; m++)
                if (first || v->last.mirror[m].role != h->mirror[m].role)
                        v->role_since_ms[m] = c->now_ms;
}

void detector_message(struct core *c, const struct event *e, struct actions *out)
{
        uint8_t from = e->message.from;
        struct detector_voter *v = &c->detector.voter[from];
        const struct heartbeat *h = &e->message.heartbeat;
        bool same_start = v->ever && h->start == v->last.start;

        /* Doubled, overtaken, or late, of a hamon that was replaced since. Not for ever: the late one may have come second by mistake. */
        bool replaced = v->ever && !same_start && h->start == v->previous_start && c->now_ms - v->start_since_ms < c->config.timers.dead_ms;
        if ((same_start && h->sequence <= v->last.sequence) || replaced)
                return;
        bool rebooted = v->ever && !uuid_equal(&h->boot, &v->last.boot);
        if (!v->ever || rebooted)
                v->boot_since_ms = c->now_ms;
        if (!same_start) {
                v->previous_start = v->ever ? v->last.start : 0;
                v->start_since_ms = c->now_ms;
        }
        remember_roles(c, v, h, !same_start || !detector_is_alive(c, from));
        v->last = *h;
        v->ever = true;
        fire(c, from, h->leaving ? DETECTOR_HEARD_LEAVING : DETECTOR_HEARD, out);
        v->heard_ms = c->now_ms;
        if (from < NODES)
                c->detector.confirmed_dead[from] = false;
        if (rebooted)
                report(c, REASON_NODE_REBOOTED, MIRRORS_MAX, from, 0, out);
}

static void send_heartbeats(struct core *c, struct actions *out)
{
        struct detector *d = &c->detector;

        d->sequence++;
        for (uint8_t to = 0; to < VOTERS; to++) {
                if (to == c->config.self)
                        continue;
                struct heartbeat *h = &message_send(c, to, 0, MESSAGE_HEARTBEAT, out)->heartbeat;
                h->boot = c->config.boot;
                h->start = c->config.start;
                h->sequence = d->sequence;
                h->leaving = c->leaving && mirrors_have_stopped(c);
                h->mirrors = c->config.mirrors;
                for (uint8_t m = 0; m < c->config.mirrors; m++)
                        mirror_summarize(c, m, &h->mirror[m]);
        }
        d->next_heartbeat_ms = c->now_ms + c->config.timers.heartbeat_ms;
}

void detector_stalled(struct core *c, uint64_t gap_ms)
{
        for (int v = 0; v < VOTERS; v++) {
                struct detector_voter *voter = &c->detector.voter[v];
                voter->heard_ms = voter->heard_ms + gap_ms > c->now_ms ? c->now_ms : voter->heard_ms + gap_ms;
        }
}

void detector_tick(struct core *c, struct actions *out)
{
        for (uint8_t v = 0; v < VOTERS; v++)
                if (v != c->config.self)
                        fire(c, v, DETECTOR_POLL, out);
}

void detector_beat(struct core *c, struct actions *out)
{
        if (c->detector.next_heartbeat_ms <= c->now_ms)
                send_heartbeats(c, out);
}

uint64_t detector_deadline_ms(const struct core *c)
{
        uint64_t next = c->detector.next_heartbeat_ms;

        for (int i = 0; i < VOTERS; i++) {
                const struct detector_voter *v = &c->detector.voter[i];
                if (i == c->config.self || v->state == DETECTOR_DEAD || v->state == DETECTOR_LEFT)
                        continue;
                uint32_t limit_ms = v->state == DETECTOR_ALIVE ? c->config.timers.suspect_ms : c->config.timers.dead_ms;
                if (v->heard_ms + limit_ms < next)
                        next = v->heard_ms + limit_ms;
        }
        return next;
}

void detector_hurry(struct core *c)
{
        c->detector.next_heartbeat_ms = c->now_ms;
}

bool detector_is_alive(const struct core *c, uint8_t voter)
{
        enum detector_state s = c->detector.voter[voter].state;

        return s == DETECTOR_ALIVE || s == DETECTOR_SUSPECT;
}

bool detector_is_dead(const struct core *c, uint8_t voter)
{
        enum detector_state s = c->detector.voter[voter].state;

        return s == DETECTOR_DEAD || s == DETECTOR_LEFT || (voter < NODES && c->detector.confirmed_dead[voter]);
}

const struct mirror_summary *detector_summary(const struct core *c, uint8_t voter, uint8_t mirror)
{
        const struct detector_voter *v = &c->detector.voter[voter];

        return detector_is_alive(c, voter) && mirror < v->last.mirrors ? &v->last.mirror[mirror] : NULL;
}
