/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The acceptor: one vote on one mirror's record. See record.c's essay for the rules of memory (R7c).
 *
 * R5: each answer names the durable generation of the state that it speaks of, so that the driver sends it after the fsync; a refusal
 * promises nothing and goes at once.
 */
#include "hamon/core/state.h"

#include <string.h>

/* An identity of this start: `start` is random, the rest tells voters, mirrors and times apart. Never null. */
static void make_identity(struct core *c, uint8_t mirror)
{
        struct cas_register *r = &c->reg[mirror];

        for (unsigned i = 0; i < 8; i++)
                r->pending.bytes[i] = (uint8_t)(c->config.start >> (56 - 8 * i));
        r->pending.bytes[8] = c->config.self;
        r->pending.bytes[9] = mirror;
        r->pending.bytes[10] = r->forgotten;
        r->pending.bytes[15] = 1;
}

/* A file that a person copied from another voter, with every hamon stopped (record.c): it has that one's identity. */
static void take_own_seat(const struct core *c, struct acceptor_state *a)
{
        const struct uuid seat = a->value.voters[c->config.self];
        bool copied = false;

        for (uint8_t v = 0; v < VOTERS; v++)
                if (v != c->config.self && a->value.version > 0 && !uuid_is_null(&seat) && !uuid_is_null(&a->voter) &&
                    uuid_equal(&a->voter, &a->value.voters[v]))
                        copied = true;
        if (copied)
                *a = (struct acceptor_state){.voter = seat, .promised = a->promised, .accepted = a->accepted, .value = a->value}; /* not what the other one has seen */
}

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

        make_identity(c, mirror);
        take_own_seat(c, &r->acceptor);
}

uint32_t register_voters_generation(const struct cas_register *r)
{
        if (!r->admitted)
                return VOTERS_GENERATION_NONE;
        return r->acceptor.value.version ? r->acceptor.value.voters_generation : VOTERS_GENERATION_FIRST;
}

void register_note_generation(struct cas_register *r, uint32_t generation)
{
        uint32_t own = register_voters_generation(r);

        if (own == VOTERS_GENERATION_NONE || generation == VOTERS_GENERATION_NONE)
                return;
        if (own == generation)
                r->forked = false;
        else if (generation_is_fork(own, generation))
                r->forked = true;
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

/* Nothing relies on it, so nothing waits for it: a crash before the fsync forgets what was seen last, and no more. */
void acceptor_note_seen(struct core *c, uint8_t mirror, uint8_t voter, const struct ballot *accepted, struct actions *out)
{
        struct cas_register *r = &c->reg[mirror];

        r->acceptor.seen[voter].accepted = *accepted;
#ifdef MUTANT_UNIT_seen_in_memory_only /* R7d */
        return;
#endif
        if (voter == c->config.self)
                return; /* whoever puts this machine back puts this note back, too */
        struct action *a = actions_add(out, ACTION_PERSIST);
        a->after = 0;
        a->persist.mirror = mirror;
        a->persist.generation = ++c->durable_generation;
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

/* R7b: two sets of voters never mix. One without memory belongs to none, neither here nor there. */
bool register_is_other_generation(const struct cas_register *r, const struct message *m)
{
#ifdef MUTANT_UNIT_generations_mix /* R7b */
        return false;
#endif
        return r->admitted && m->voters_generation != VOTERS_GENERATION_NONE && m->voters_generation != register_voters_generation(r);
}

/*
 * R7d and R7b: the value has given this voter's seat to another identity, or to nobody, or was decided by a newer set. What it remembers is void, and
 * only as one without memory can it come back. Not by what is older than what it accepted under this identity: it may have been admitted since, and the
 * message that excluded its former self arrives late.
 */
static bool is_excluded(const struct core *c, const struct cas_register *r, const struct message *m)
{
        bool has_seat = uuid_equal(&m->accept.value.voters[c->config.self], &r->acceptor.voter);
        uint32_t own = register_voters_generation(r), its = m->accept.value.voters_generation;

#ifdef MUTANT_UNIT_any_identity /* R7d: neither does the proposer look (voters.c) */
        return false;
#endif
        if (!r->admitted || m->accept.value.version == 0)
                return false;
#ifndef MUTANT_UNIT_excluded_late /* R7d */
        if (its == own && ballot_compare(&m->accept.ballot, &r->acceptor.accepted) < 0)
                return false;
#endif
        return !has_seat && (its == own || generation_is_newer(its, own));
}

static void forget(struct core *c, uint8_t mirror)
{
        struct cas_register *r = &c->reg[mirror];

        r->admitted = false;
        struct acceptor_state void_memory = r->acceptor;

        r->acceptor = (struct acceptor_state){.promised = void_memory.promised, .value = {.primary = NO_NODE}};
        memcpy(r->acceptor.seen, void_memory.seen, sizeof r->acceptor.seen); /* of the others: as true as before */
        r->forgotten++;
        make_identity(c, mirror);
}

void acceptor_prepare(struct core *c, const struct event *e, struct actions *out)
{
        const struct message *m = &e->message;
        struct cas_register *r = &c->reg[m->mirror];
        const struct ballot *b = &m->prepare.ballot;
        enum refusal refusal = REFUSAL_NONE;
        uint32_t wait_ms = 0;

        if (m->from != c->config.self && m->voters_generation == VOTERS_GENERATION_NONE)
                register_note_memory(r, m->from, false);
        if (register_is_other_generation(r, m)) { /* R7b */
                refusal = REFUSAL_GENERATION;
                if (generation_is_newer(register_voters_generation(r), m->voters_generation))
                        r->voters_behind |= voter_bit(m->from); /* it is to be told */
        }
        if (refusal == REFUSAL_NONE && ballot_compare(b, &r->acceptor.promised) < 0)
                refusal = REFUSAL_BALLOT;
        else if (refusal == REFUSAL_NONE && m->prepare.primacy && r->admitted)
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
        enum refusal refusal = REFUSAL_NONE;
        uint32_t wait_ms = 0;

        if (is_excluded(c, r, m)) {
                forget(c, m->mirror);
                persist(c, m->mirror, out);
                report(c, REASON_VOTER_EXCLUDED, m->mirror, m->from, 0, out);
        }
        bool admitting = !r->admitted && uuid_equal(&m->accept.admit, &r->pending) &&
                         uuid_equal(&m->accept.value.voters[c->config.self], &r->pending);
        if (register_is_other_generation(r, m))
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
