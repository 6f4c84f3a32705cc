/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leases: R4. A renewal carries the nonce of the voter's last answer, so a voter whose answers do not reach the primary (one-way link)
 * extends nothing; the primary counts from the sending time of the renewal that a majority granted, so both clocks may run from
 * different origins: only their rates matter.
 *
 * A primary that has stopped its service in order gives the lease back, so that the next one need not wait for its end. A release carries
 * the echo of a renewal and counts only while that is the voter's latest nonce: one that is late cannot end a lease that was granted after it.
 */
#include "hamon/core/state.h"

static bool in_future(uint64_t t_ms, uint64_t now_ms)
{
        return t_ms > now_ms;
}

enum refusal lease_refuses(const struct core *c, uint8_t mirror, uint8_t candidate, uint64_t now_ms, uint32_t *ret_wait_ms)
{
        const struct lease *l = &c->lease[mirror];
        const struct record *v = &c->reg[mirror].acceptor.value;
        uint64_t guard_ms = c->started_ms + c->config.timers.lease_ms;

        *ret_wait_ms = 0;
#ifdef MUTANT_lease_ignored /* R4a */
        return REFUSAL_NONE;
#endif
        if (l->holder < NODES && l->holder != candidate && in_future(l->until_ms, now_ms)) {
                *ret_wait_ms = (uint32_t)(l->until_ms - now_ms);
                return REFUSAL_LEASE;
        }
        /* R4d: what this voter granted before its restart it granted to the primary of its highest accepted record (R4c). */
#ifdef MUTANT_restart_forgets_lease /* R4d */
        guard_ms = 0;
#endif
        if (v->version > 0 && v->primary != candidate && in_future(guard_ms, now_ms)) {
                *ret_wait_ms = (uint32_t)(guard_ms - now_ms);
                return REFUSAL_RESTARTED;
        }
        return REFUSAL_NONE;
}

static enum refusal refuse_renewal(const struct core *c, const struct message *m)
{
        const struct cas_register *r = &c->reg[m->mirror];
        const struct lease *l = &c->lease[m->mirror];
        const struct record *v = &r->acceptor.value;

        if (!r->admitted)
                return REFUSAL_NO_STATE;
        if (register_is_other_generation(r, m))
                return REFUSAL_GENERATION;
        /* R4c */
#ifndef MUTANT_anybody_is_renewed /* R4c */
        if (v->primary != m->from || v->epoch != m->renew.epoch || !uuid_equal(&v->primary_boot, &m->renew.boot))
                return REFUSAL_NOT_PRIMARY;
#endif
        /* R4b */
#ifndef MUTANT_echo_ignored /* R4b */
        if (l->nonce[m->from] == 0 || m->renew.echo != l->nonce[m->from])
                return REFUSAL_ECHO;
#endif
        return REFUSAL_NONE;
}

static void on_renew(struct core *c, const struct event *e, struct actions *out)
{
        const struct message *m = &e->message;
        struct lease *l = &c->lease[m->mirror];

        if (m->from >= NODES)
                return;
        enum refusal refusal = refuse_renewal(c, m);
        if (m->renew.release) {
                if (refusal == REFUSAL_NONE && l->holder == m->from) {
                        l->holder = NO_NODE;
                        l->nonce[m->from] = (e->entropy[0] + m->mirror) | 1; /* a renewal that was overtaken extends nothing */
                }
                return;
        }
        if (refusal == REFUSAL_NONE) {
                l->holder = m->from;
                l->until_ms = e->now_ms + c->config.timers.lease_ms;
        }
        /* A refusal keeps the nonce: a doubled old renewal must not make the one that is under way worthless. */
        if (refusal == REFUSAL_NONE || l->nonce[m->from] == 0)
                l->nonce[m->from] = (e->entropy[0] + m->mirror) | 1;

        struct action *a = actions_add(out, ACTION_SEND);
        a->after = c->reg[m->mirror].generation;
        a->send = (struct message){
            .type = MESSAGE_RENEWED,
            .from = c->config.self,
            .to = m->from,
            .mirror = m->mirror,
            .voters_generation = register_voters_generation(&c->reg[m->mirror]),
            .renewed = {.epoch = m->renew.epoch, .sequence = m->renew.sequence, .nonce = l->nonce[m->from], .refusal = refusal},
        };
}

static void send_renewal(struct core *c, uint8_t mirror, uint8_t voter, struct actions *out)
{
        struct lease *l = &c->lease[mirror];
        struct action *a = actions_add(out, ACTION_SEND);

        a->after = 0;
        a->send = (struct message){
            .type = MESSAGE_RENEW,
            .from = c->config.self,
            .to = voter,
            .mirror = mirror,
            .voters_generation = register_voters_generation(&c->reg[mirror]),
            .renew = {.epoch = l->epoch, .boot = c->config.boot, .sequence = l->sequence, .echo = l->echo[voter], .release = !l->hold},
        };
}

void lease_release(struct core *c, uint8_t mirror, struct actions *out)
{
        struct lease *l = &c->lease[mirror];

        if (!l->hold)
                return;
        l->hold = false;
        l->released = true;
        for (uint8_t voter = 0; voter < VOTERS; voter++)
                send_renewal(c, mirror, voter, out);
}

static void on_renewed(struct core *c, const struct event *e, struct actions *out)
{
        const struct message *m = &e->message;
        struct lease *l = &c->lease[m->mirror];

        register_note_memory(&c->reg[m->mirror], m->from, m->renewed.refusal != REFUSAL_NO_STATE);
        if (!l->hold && l->released && m->renewed.epoch == l->epoch && m->renewed.refusal == REFUSAL_NONE &&
            m->renewed.sequence == l->sequence && l->echo[m->from] != m->renewed.nonce) {
                /* This renewal was under way when the lease was given back. */
                l->echo[m->from] = m->renewed.nonce;
                send_renewal(c, m->mirror, m->from, out);
        }
        /*
         * Who holds another's undecided primacy renews nothing for ever: one of two voters, or so many of three that there is no lease. A decided write
         * settles it (R6a). Of three there may be nobody else to do it: a candidate that saw the witness go back does not count its vote (R7d).
         */
        bool in_the_way = voters_count(voters_known(c, m->mirror)) == 2 || lease_valid_until_ms(c, m->mirror) <= e->now_ms;
#ifdef MUTANT_UNIT_lost_lease_waits /* R6a */
        in_the_way = voters_count(voters_known(c, m->mirror)) == 2;
#endif
        if (m->renewed.refusal == REFUSAL_NOT_PRIMARY && in_the_way)
                c->reg[m->mirror].voters_behind |= voter_bit(m->from);
        if (!l->hold || m->renewed.epoch != l->epoch || m->renewed.sequence > l->sequence ||
            m->renewed.sequence + LEASE_SENT_RING <= l->sequence)
                return;
        if (m->renewed.refusal == REFUSAL_NONE) {
#ifdef MUTANT_lease_from_the_answer /* R4a */
                uint64_t sent_ms = e->now_ms;
#else
                uint64_t sent_ms = l->sent_ms[m->renewed.sequence % LEASE_SENT_RING];
#endif
                if (sent_ms >= l->granted_sent_ms[m->from]) {
                        l->granted_sent_ms[m->from] = sent_ms;
                        l->echo[m->from] = m->renewed.nonce;
                }
        } else if (m->renewed.refusal == REFUSAL_ECHO && l->echo[m->from] != m->renewed.nonce) {
                /* Our echo was old (its answer was lost) or none: once more, with this one. */
                l->echo[m->from] = m->renewed.nonce;
                send_renewal(c, m->mirror, m->from, out);
        }
}

void lease_message(struct core *c, const struct event *e, struct actions *out)
{
        if (e->message.type == MESSAGE_RENEW)
                on_renew(c, e, out);
        else if (e->message.type == MESSAGE_RENEWED)
                on_renewed(c, e, out);
}

static void renew(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct lease *l = &c->lease[mirror];

        l->sequence++;
        l->sent_ms[l->sequence % LEASE_SENT_RING] = e->now_ms;
        l->next_ms = e->now_ms + c->config.timers.address_renew_ms;
        for (uint8_t voter = 0; voter < VOTERS; voter++)
                send_renewal(c, mirror, voter, out);
}

void lease_hold(struct core *c, uint8_t mirror, bool hold, const struct event *e, struct actions *out)
{
        struct lease *l = &c->lease[mirror];
        bool decided;
        uint64_t epoch = record_known(c, mirror, &decided)->epoch;

        if (!hold) {
                l->hold = false;
                return;
        }
        if (l->hold && l->epoch == epoch)
                return;
        l->hold = true;
        l->released = false;
        l->epoch = epoch;
        for (int v = 0; v < VOTERS; v++) {
                l->echo[v] = 0;
                l->granted_sent_ms[v] = 0;
        }
        renew(c, mirror, e, out);
}

void lease_tick(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        const struct lease *l = &c->lease[mirror];

        if (l->hold && !in_future(l->next_ms, e->now_ms))
                renew(c, mirror, e, out);
}

uint64_t lease_deadline_ms(const struct core *c, uint8_t mirror)
{
        const struct lease *l = &c->lease[mirror];
        return l->hold ? l->next_ms : UINT64_MAX;
}

/* The second newest of the granted renewals: a majority granted at least that one. */
uint64_t lease_valid_until_ms(const struct core *c, uint8_t mirror)
{
        const struct lease *l = &c->lease[mirror];
        uint64_t newest = 0, second = 0;

        if (!l->hold)
                return 0;
        for (int v = 0; v < VOTERS; v++) {
                uint64_t t = l->granted_sent_ms[v];
                if (!(voters_known(c, mirror) & voter_bit((uint8_t)v)))
                        continue;
                if (t >= newest) {
                        second = newest;
                        newest = t;
                } else if (t > second) {
                        second = t;
                }
        }
        if (voters_known_needed(c, mirror) == 1)
                second = newest;
        return second ? second + c->config.timers.lease_ms : 0;
}
