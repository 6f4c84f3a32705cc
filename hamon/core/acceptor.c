/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The acceptor: one vote on one mirror's record. See record.c's essay for the rules of memory (R7c).
 *
 * R5: each answer names the durable generation of the state that it speaks of, so that the driver sends it after the fsync; a refusal
 * promises nothing and goes at once.
 */
#include "hamon/core/state.h"

void acceptor_init(struct core *c, uint8_t mirror, const struct acceptor_state *durable, bool known)
{
        struct cas_register *r = &c->reg[mirror];

        r->admitted = known && (!uuid_is_null(&durable->voter) || durable->value.version > 0);
#ifdef MUTANT_blank_voter_votes /* R7c */
        r->admitted = true;
#endif
        if (known)
                r->acceptor = *durable;
        else
                r->acceptor = (struct acceptor_state){.promised = {.n = 0}};

        /* An identity of this start: `start` is random, the rest tells voters and mirrors apart. Never null. */
        for (unsigned i = 0; i < 8; i++)
                r->pending.bytes[i] = (uint8_t)(c->config.start >> (56 - 8 * i));
        r->pending.bytes[8] = c->config.self;
        r->pending.bytes[9] = mirror;
        r->pending.bytes[15] = 1;
}

uint32_t register_voters_generation(const struct cas_register *r)
{
        return r->acceptor.value.version ? r->acceptor.value.voters_generation : VOTERS_GENERATION_FIRST;
}

static void persist(struct core *c, uint8_t mirror, struct actions *out)
{
        struct cas_register *r = &c->reg[mirror];
        struct action *a = actions_add(out, ACTION_PERSIST);

        r->generation = ++c->durable_generation;
        a->after = 0;
        a->persist.mirror = mirror;
        a->persist.generation = r->generation;
        a->persist.state = r->acceptor;
}

static struct action *reply_to(struct core *c, const struct message *m, enum message_type type, struct actions *out)
{
        struct action *a = actions_add(out, ACTION_SEND);

        a->after = 0;
        a->send = (struct message){
            .type = type,
            .from = c->config.self,
            .to = m->from,
            .mirror = m->mirror,
            .voters_generation = register_voters_generation(&c->reg[m->mirror]),
        };
        return a;
}

void acceptor_prepare(struct core *c, const struct event *e, struct actions *out)
{
        const struct message *m = &e->message;
        struct cas_register *r = &c->reg[m->mirror];
        const struct ballot *b = &m->prepare.ballot;
        enum refusal refusal = REFUSAL_NONE;
        uint32_t wait_ms = 0;

        if (m->voters_generation != register_voters_generation(r))
                refusal = REFUSAL_GENERATION;
        else if (ballot_compare(b, &r->acceptor.promised) < 0)
                refusal = REFUSAL_BALLOT;
        else if (m->prepare.primacy && r->admitted)
                refusal = lease_refuses(c, m->mirror, m->from, e->now_ms, &wait_ms);

        if (refusal == REFUSAL_NONE) {
                if (ballot_compare(b, &r->acceptor.promised) > 0) {
                        r->acceptor.promised = *b;
                        persist(c, m->mirror, out);
                }
                if (!r->admitted)
                        refusal = REFUSAL_NO_STATE; /* the promise is kept, but it counts for a creation only */
        }

        struct action *a = reply_to(c, m, MESSAGE_PROMISE, out);
        a->send.promise.ballot = *b;
        a->send.promise.refusal = refusal;
        a->send.promise.promised = r->acceptor.promised;
        a->send.promise.wait_ms = wait_ms;
        a->send.promise.voter = r->admitted ? r->acceptor.voter : r->pending;
        if (refusal == REFUSAL_NONE || refusal == REFUSAL_NO_STATE) {
#ifndef MUTANT_promised_before_fsync /* R5 */
                a->after = r->generation;
#endif
                a->send.promise.accepted = r->acceptor.accepted;
                a->send.promise.value = r->acceptor.value;
        }
}

/*
 * R4a at the accept: judged by what the value does, not by what the message says of itself - a re-proposal of a half-accepted swap
 * moves primacy as well. The lease holder itself may propose anything: it consents.
 */
static enum refusal refuse_primacy(const struct core *c, const struct event *e, uint32_t *ret_wait_ms)
{
        const struct message *m = &e->message;
        const struct record *mine = &c->reg[m->mirror].acceptor.value, *v = &m->accept.value;
        uint32_t ignored_ms;

        if (v->epoch == mine->epoch && v->primary == mine->primary && uuid_equal(&v->primary_boot, &mine->primary_boot))
                return REFUSAL_NONE;
        enum refusal refusal = lease_refuses(c, m->mirror, v->primary, e->now_ms, ret_wait_ms);
        if (refusal != REFUSAL_NONE && lease_refuses(c, m->mirror, m->from, e->now_ms, &ignored_ms) == REFUSAL_NONE)
                refusal = REFUSAL_NONE;
        return refusal;
}

void acceptor_accept(struct core *c, const struct event *e, struct actions *out)
{
        const struct message *m = &e->message;
        struct cas_register *r = &c->reg[m->mirror];
        const struct ballot *b = &m->accept.ballot;
        bool admitting = !r->admitted && uuid_equal(&m->accept.admit, &r->pending);
        enum refusal refusal = REFUSAL_NONE;
        uint32_t wait_ms = 0;

        if (m->voters_generation != register_voters_generation(r))
                refusal = REFUSAL_GENERATION;
#ifndef MUTANT_promise_broken
        else if (ballot_compare(b, &r->acceptor.promised) < 0)
                refusal = REFUSAL_BALLOT;
#endif
        else if (!r->admitted && !admitting)
                refusal = REFUSAL_NO_STATE;
        else if (r->admitted && ballot_compare(b, &r->acceptor.accepted) != 0)
                refusal = refuse_primacy(c, e, &wait_ms);

        if (refusal == REFUSAL_NONE && ballot_compare(b, &r->acceptor.accepted) != 0) {
                r->acceptor.promised = *b;
                r->acceptor.accepted = *b;
                r->acceptor.value = m->accept.value;
                if (admitting) {
                        r->acceptor.voter = r->pending;
                        r->admitted = true;
                }
                persist(c, m->mirror, out);
        }

        struct action *a = reply_to(c, m, MESSAGE_ACCEPTED, out);
        a->send.accepted.ballot = *b;
        a->send.accepted.refusal = refusal;
        a->send.accepted.promised = r->acceptor.promised;
        a->send.accepted.wait_ms = wait_ms;
#ifndef MUTANT_accepted_before_fsync /* R5 */
        if (refusal == REFUSAL_NONE)
                a->after = r->generation;
#endif
}
