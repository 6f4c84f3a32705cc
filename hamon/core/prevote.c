/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * R3a: before a candidate disturbs anybody it asks all three voters whether they would grant it primacy. Nothing durable changes.
 *
 * A voter that itself hears the primary well says no. The candidate's own vote counts like any other but for that question, which it has
 * answered already. What is asked here is asked again, with force, by the acceptors (R4a, R4d).
 */
#include "hamon/core/state.h"

bool prevote_is_granted(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];

#ifdef MUTANT_prevote_ignored /* R3a */
        return m->state == MIRROR_PREVOTE;
#endif
        return m->state == MIRROR_PREVOTE && voters_count(m->granted & voters_known(c, mirror)) >= voters_known_needed(c, mirror);
}

void prevote_begin(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct mirror *m = &c->mirror[mirror];
        bool decided;
        uint64_t epoch = record_known(c, mirror, &decided)->epoch;

        m->round = draw(c, e);
        m->granted = m->refused = 0;
        m->wait_ms = 0;
        m->deadline_ms = c->now_ms + c->config.timers.swap_retry_ms;
        for (uint8_t to = 0; to < VOTERS; to++) {
                struct message *q = message_send(c, to, mirror, MESSAGE_PREVOTE, out);
                q->prevote.round = m->round;
                q->prevote.epoch = epoch;
        }
}

/* This voter hears the primary of its record, under the recorded boot, in its role. Or is it. */
static bool hears_primary(const struct core *c, uint8_t mirror, const struct record *r, uint8_t candidate)
{
        if (r->version == 0 || r->primary >= NODES || r->primary == candidate)
                return false;
        if (r->primary == c->config.self) {
                enum node_role role = mirror_shown_role(c, mirror);
                return role == ROLE_PRIMARY || role == ROLE_TAKING_OVER;
        }
        const struct mirror_summary *s = detector_summary(c, r->primary, mirror);
        return s && c->detector.voter[r->primary].state == DETECTOR_ALIVE &&
               uuid_equal(&c->detector.voter[r->primary].last.boot, &r->primary_boot) &&
               (s->role == ROLE_PRIMARY || s->role == ROLE_TAKING_OVER);
}

static void on_prevote(struct core *c, const struct event *e, struct actions *out)
{
        const struct message *m = &e->message;
        bool decided;
        const struct record *r = record_known(c, m->mirror, &decided);
        uint32_t wait_ms = 0;
        enum refusal refusal = lease_refuses(c, m->mirror, m->from, c->now_ms, &wait_ms);

        if (m->from >= NODES)
                return;
        if (refusal == REFUSAL_NONE && !c->reg[m->mirror].admitted)
                refusal = REFUSAL_NO_STATE;
        if (refusal == REFUSAL_NONE && register_is_other_generation(&c->reg[m->mirror], m))
                refusal = REFUSAL_GENERATION;
        if (refusal == REFUSAL_NONE && decided && r->epoch > m->prevote.epoch)
                refusal = REFUSAL_NOT_IN_SYNC; /* it asks about a primacy that is history */
        if (refusal == REFUSAL_NONE && m->from != c->config.self && hears_primary(c, m->mirror, r, m->from))
                refusal = REFUSAL_PEER_ALIVE;

        struct message *a = message_send(c, m->from, m->mirror, MESSAGE_PREVOTE_REPLY, out);
        a->prevote_reply.round = m->prevote.round;
        a->prevote_reply.refusal = refusal;
        a->prevote_reply.wait_ms = wait_ms;
}

static void on_reply(struct core *c, const struct event *e)
{
        const struct message *q = &e->message;
        struct mirror *m = &c->mirror[q->mirror];
        uint8_t bit = (uint8_t)(1u << q->from);

        if (c->config.self >= NODES || m->state != MIRROR_PREVOTE || q->prevote_reply.round != m->round)
                return;
        if (q->prevote_reply.refusal == REFUSAL_NONE || q->prevote_reply.refusal == REFUSAL_NO_STATE)
                register_note_memory(&c->reg[q->mirror], q->from, q->prevote_reply.refusal == REFUSAL_NONE);
        if (q->prevote_reply.refusal == REFUSAL_NONE) {
                m->granted |= bit;
                return;
        }
        m->refused |= bit;
        m->refusal = q->prevote_reply.refusal;
        if (q->prevote_reply.wait_ms > m->wait_ms)
                m->wait_ms = q->prevote_reply.wait_ms;
        uint8_t members = voters_known(c, q->mirror);
        if (voters_count(m->refused & members) + voters_known_needed(c, q->mirror) > voters_count(members))
                m->deadline_ms = c->now_ms; /* a majority cannot come any more */
}

void prevote_message(struct core *c, const struct event *e, struct actions *out)
{
        if (e->message.type == MESSAGE_PREVOTE)
                on_prevote(c, e, out);
        else
                on_reply(c, e);
}
