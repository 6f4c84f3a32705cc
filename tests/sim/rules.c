/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules (R1 to R8) as they can be seen at the boundary of one core: what went in, what came out, and what changed meanwhile. Each check
 * is made from the simulator's own knowledge (what is durable, who was promised what), not by the core's; cover_rule() counts where a
 * core without the rule would have been caught.
 */
#include "tests/sim/cover.h"
#include "tests/sim/sim.h"

#include <string.h>

/* Of the core that is in core_step() now. */
static struct {
        enum mirror_state role;
        enum leg_state leg;
        enum standby_state standby;
        enum proposer_phase phase;
        bool accept_sent, address_up;
        uint32_t attempts;
        uint64_t role_since_ms;
        uint8_t lease_holder;
        struct record accepted;
} was;

/* Manual: a person's word, or what was decided after it, makes one node a majority. */
static bool is_alone(const struct sim *s, uint8_t n)
{
        return s->manual && (s->word_of == n || (s->seats & (s->seats - 1)) == 0);
}

static unsigned count(uint8_t mask)
{
        return (mask & 1u) + (mask >> 1 & 1u) + (mask >> 2 & 1u);
}

void rules_before(struct sim *s, uint8_t n, const struct event *e)
{
        const struct core *c = &s->node[n].hamon.core;

        was.role = c->mirror[0].state;
        was.role_since_ms = c->mirror[0].since_ms;
        was.leg = c->leg[0].state;
        was.standby = c->standby[0].state;
        was.phase = c->reg[0].proposer.phase;
        was.accept_sent = c->reg[0].proposer.accept_sent;
        was.attempts = c->reg[0].proposer.attempts;
        was.address_up = c->service[0].address_up;
        was.lease_holder = c->lease[0].holder;
        if (e->type == EVENT_MESSAGE && e->message.type == MESSAGE_ACCEPT)
                was.accepted = c->reg[0].acceptor.value;
}

/* -- a voter's answers ---------------------------------------------------------------------------------------------------------- */

/* R4b, R4c, and what this voter has promised from now on. */
static void renewed(struct sim *s, uint8_t n, const struct event *e, const struct message *answer)
{
        struct hamon *h = &s->node[n].hamon;
        const struct record *v = &h->core.reg[0].acceptor.value;
        uint8_t from = e->message.from;

        if (answer->renewed.refusal == REFUSAL_ECHO)
                cover_rule(RULE_R4b);
        if (answer->renewed.refusal == REFUSAL_NOT_PRIMARY)
                cover_rule(RULE_R4c);
        if (answer->renewed.refusal == REFUSAL_NONE) {
                if (h->nonce[from] == 0 || e->message.renew.echo != h->nonce[from])
                        violation(s, n, "R4b: a renewal was granted that does not echo the last answer", 0, 0);
                if (v->primary != from || v->epoch != e->message.renew.epoch || !uuid_equal(&v->primary_boot, &e->message.renew.boot))
                        violation(s, n, "R4c: a renewal was granted to node %llu, which is not the recorded primary", from, 0);
                s->promise[n].holder = from;
                s->promise[n].until_us = clock_when_us(s, n, (clock_ms(s, n) + h->core.config.timers.lease_ms) * MS);
        }
        h->nonce[from] = answer->renewed.nonce;
}

/* A lease that was given back: its holder's address is gone (P6), and it has not been granted again since (R4b). */
static void released(struct sim *s, uint8_t n, const struct event *e)
{
        struct hamon *h = &s->node[n].hamon;
        const struct lease *l = &h->core.lease[0];
        uint8_t from = e->message.from;

        if (was.lease_holder != from || l->holder == from)
                return; /* not honoured, or nothing to give back */
        if (e->message.renew.echo != h->nonce[from])
                violation(s, n, "R4b: a release ended a lease that was granted after it", 0, 0);
        s->promise[n].until_us = 0;
        h->nonce[from] = l->nonce[from];
        if (s->node[from].address_until_us > s->now_us)
                rules_address(s, from); /* the others' promises must cover it: a release may be late, and of an older primacy */
}

/* R4a and R4d together: whatever this voter has forgotten, its lease holds. */
static void accepted(struct sim *s, uint8_t n, const struct event *e)
{
        const struct record *v = &e->message.accept.value;
        bool primacy = v->epoch != was.accepted.epoch || v->primary != was.accepted.primary ||
                       !uuid_equal(&v->primary_boot, &was.accepted.primary_boot);
        uint8_t holder = s->promise[n].holder;

        if (primacy && was.accepted.version && clock_is_trusted(s) && s->promise[n].until_us > s->now_us + CLOCK_SLACK_US && holder != v->primary && holder != e->message.from)
                violation(s, n, "R4a: primacy of epoch %llu accepted while the lease of node %llu runs", v->epoch, holder);
        if (primacy && holder == e->message.from)
                s->promise[n].until_us = 0; /* the holder itself brought the news of another's primacy: it lets its lease go */
}

static void refused(enum refusal refusal)
{
        if (refusal == REFUSAL_LEASE)
                cover_rule(RULE_R4a);
        else if (refusal == REFUSAL_RESTARTED)
                cover_rule(RULE_R4d);
        else if (refusal == REFUSAL_NO_STATE)
                cover_rule(RULE_R7c);
        else if (refusal == REFUSAL_GENERATION)
                cover_rule(RULE_R7b);
}

static void sent(struct sim *s, uint8_t n, const struct event *e, const struct message *m)
{
        switch (m->type) {
        case MESSAGE_PREVOTE_REPLY:
                if (m->prevote_reply.refusal == REFUSAL_PEER_ALIVE)
                        cover_rule(RULE_R3a);
                return;
        case MESSAGE_PROMISE:
                refused(m->promise.refusal);
                return;
        case MESSAGE_ACCEPTED:
                refused(m->accepted.refusal);
                if (m->accepted.refusal == REFUSAL_NONE && e->type == EVENT_MESSAGE && e->message.type == MESSAGE_ACCEPT)
                        accepted(s, n, e);
                return;
        case MESSAGE_RENEWED:
                if (e->type == EVENT_MESSAGE && e->message.type == MESSAGE_RENEW)
                        renewed(s, n, e, m);
                return;
        case MESSAGE_GRANT_REPLY:
                if (m->grant_reply.refusal == REFUSAL_UNRESOLVED)
                        cover_rule(RULE_R6c);
                return;
        default:
                return;
        }
}

/* R5: what a voter's answer promises is durable before it leaves the node. */
void rules_leaving(struct sim *s, const struct message *m)
{
        const struct acceptor_state *file = &s->node[m->from].hamon.file;

        if (m->type == MESSAGE_PROMISE && m->promise.refusal == REFUSAL_NONE && ballot_compare(&file->promised, &m->promise.ballot) < 0)
                violation(s, m->from, "R5: a promise is sent before it is durable", 0, 0);
        if (m->type == MESSAGE_ACCEPTED && m->accepted.refusal == REFUSAL_NONE && ballot_compare(&file->accepted, &m->accepted.ballot) < 0)
                violation(s, m->from, "R5: an acceptance is sent before it is durable", 0, 0);
}

/* -- the record ----------------------------------------------------------------------------------------------------------------- */

static bool majority_has(const struct sim *s, const struct record *v)
{
        for (unsigned i = s->chosen_count; i-- > 0;)
                if (record_equal(&s->chosen[i].value, v) && s->chosen[i].decided)
                        return true;
        return v->version == 0 || (s->chosen_count > 0 && v->version < s->chosen[0].value.version); /* too long ago */
}

static void proposal_ended(struct sim *s, uint8_t n)
{
        const struct cas_register *r = &s->node[n].hamon.core.reg[0];

        if (was.accept_sent && was.attempts > 0)
                cover_rule(RULE_R6a);
        if (!majority_has(s, &r->decided))
                violation(s, n, "R6a: version %llu is taken for decided, and no majority has accepted it", r->decided.version, 0);
}

/* R6b, R6c: a standby asks hamon-act for a grant. */
static void grants(struct sim *s, uint8_t n, const struct effect *f)
{
        const struct core *c = &s->node[n].hamon.core;
        const struct record *mine = &c->reg[0].acceptor.value, *d = &s->decided;

        cover_rule(RULE_R6b);
        if (was.role != MIRROR_STANDBY && c->mirror[0].state != MIRROR_STANDBY)
                violation(s, n, "R6c: a grant while this node is a candidate", 0, 0);
        if (f->epoch > d->epoch || (f->epoch == d->epoch && d->primary == n) || c->reg[0].decided.epoch != f->epoch)
                violation(s, n, "R6b: a grant for epoch %llu, which is not the peer's by a decided record", f->epoch, 0);
        if (mine->version > d->version && mine->primary == n)
                violation(s, n, "R6c: a grant while the own take-over is unresolved", 0, 0);
}

/* -- roles ---------------------------------------------------------------------------------------------------------------------- */

static void role_changed(struct sim *s, uint8_t n)
{
        const struct node *m = &s->node[n];
        const struct core *c = &m->hamon.core;
        const struct mirror *r = &c->mirror[0];

        bool enough = count(r->granted) >= (is_alone(s, n) ? 1u : 2u) || (s->manual && s->word_of < NODES && (r->granted & 1u << s->word_of));
        if (r->state == MIRROR_PROBE && !enough) /* the vote of who has a person's word is a majority */
                violation(s, n, "R3a: a candidate goes on without a majority of pre-votes", 0, 0);
        if (was.role == MIRROR_PROBE && r->state == MIRROR_STANDBY)
                cover_rule(RULE_R3b);
        if (r->state == MIRROR_SWAP && m->act.probed_us < was.role_since_ms * MS)
                violation(s, n, "R3b: a swap is asked for and the own disk was not probed", 0, 0);
        if (was.role == MIRROR_ADOPT && r->state == MIRROR_HISTORY) {
                cover_rule(RULE_R1d);
                if (!m->md.running || m->md.epoch != r->epoch)
                        violation(s, n, "R1d: the adopted array is not that of epoch %llu", r->epoch, 0);
        }
        if (was.role == MIRROR_OPENING && r->state == MIRROR_DEPOSED && s->decided.primary == n && uuid_equal(&s->decided.primary_boot, &m->boot))
                violation(s, n, "R1d: a restarted hamon reboots a node whose array is the decided one", 0, 0);
        if (was.role == MIRROR_PRIMARY && r->state == MIRROR_DEPOSED && r->observed.own_oldest_ms > c->config.timers.leg_timeout_ms)
                cover_rule(RULE_R8d);
}

static void leg_changed(struct sim *s, uint8_t n)
{
        struct hamon *h = &s->node[n].hamon;
        const struct core *c = &h->core;
        const struct leg *l = &c->leg[0];
        const struct observation *o = &c->mirror[0].observed;

        if (l->state == LEG_LEAVE && was.leg == LEG_IN) {
                cover_rule(RULE_R2b);
                if (!o->own_in_sync || o->own_failed || !c->mirror[0].observed_valid || c->now_ms - c->mirror[0].observed_ms >= c->config.timers.leg_timeout_ms)
                        violation(s, n, "R2b: a leave is begun and the own leg is not seen in sync", 0, 0);
                if (c->detector.voter[1 - n].state == DETECTOR_ALIVE)
                        cover_rule(RULE_R8a);
        }
        if (was.leg == LEG_JOIN && l->state != LEG_DROP) {
                cover_rule(RULE_R2g);
                if (l->state == LEG_DETACH && c->reg[0].proposer.phase != PROPOSER_IDLE)
                        violation(s, n, "R2g: the leg is let go while the outcome of its join is unknown", 0, 0);
        }
        if (l->state == LEG_OUT) {
                h->out_us = clock_us(s, n);
                h->out_boot = c->detector.voter[1 - n].last.boot;
        }
        if (was.leg == LEG_OUT && l->state != LEG_NONE && h->out_us && l->backoff_ms > c->config.timers.join_backoff_ms &&
            uuid_equal(&h->out_boot, &c->detector.voter[1 - n].last.boot)) {
                cover_rule(RULE_R8b);
                if (clock_us(s, n) + 2 * MS < h->out_us + l->backoff_ms * MS)
                        violation(s, n, "R8b: the next join begins before its back-off of %llu ms is over", l->backoff_ms, 0);
        }
}

void rules_after(struct sim *s, uint8_t n, const struct event *e, const struct actions *out)
{
        const struct core *c = &s->node[n].hamon.core;

        for (unsigned i = 0; i < out->count; i++) {
                if (out->at[i].type == ACTION_SEND)
                        sent(s, n, e, &out->at[i].send);
                else if (out->at[i].type == ACTION_EFFECT && out->at[i].effect.type == EFFECT_GRANT)
                        grants(s, n, &out->at[i].effect);
        }
        if (e->type == EVENT_MESSAGE && e->message.type == MESSAGE_RENEW && e->message.renew.release)
                released(s, n, e);
        if (was.phase != PROPOSER_IDLE && c->reg[0].proposer.phase == PROPOSER_IDLE)
                proposal_ended(s, n);
        if (n >= NODES)
                return;
        if (was.role != c->mirror[0].state) {
                role_changed(s, n);
                ambush_entered(s, n, AMBUSH_ROLE, c->mirror[0].state);
        }
        if (was.leg != c->leg[0].state) {
                leg_changed(s, n);
                ambush_entered(s, n, AMBUSH_LEG, c->leg[0].state);
        }
        if (was.standby != c->standby[0].state)
                ambush_entered(s, n, AMBUSH_STANDBY, c->standby[0].state);
        if (was.address_up && !c->service[0].address_up && c->mirror[0].state == MIRROR_PRIMARY && c->act_ready)
                cover_rule(RULE_R4e);
        if (e->type == EVENT_TICK && c->mirror[0].state == MIRROR_STANDBY && c->reg[0].acceptor.value.version &&
            !c->reg[0].acceptor.value.legs[n].in_sync && detector_is_dead(c, (uint8_t)(1 - n)))
                cover_rule(RULE_R1b);
}

/* hamon dies: what was not durable is as if it had never been. */
void rules_hamon_dies(struct sim *s, uint8_t n)
{
        const struct hamon *h = &s->node[n].hamon;

        if (!s->node[n].life[LIFE_HAMON].up)
                return;
        if (h->held_count > 0)
                cover_rule(RULE_R5);
        if (n < NODES && h->core.leg[0].state == LEG_JOIN)
                cover_rule(RULE_R2g);
}

/* -- what hamon-act is asked to do ---------------------------------------------------------------------------------------------- */

/*
 * R4e: a majority of the voters has promised to keep others away for as long as the kernel keeps this address. Of two voters one is enough: nothing is decided
 * without it (the other one may have been admitted only now).
 */
void rules_address(struct sim *s, uint8_t n)
{
        uint64_t newest = 0, second = 0;

        for (uint8_t v = 0; v < VOTERS; v++) {
                uint64_t until = s->promise[v].holder == n ? s->promise[v].until_us : 0;
                if (until >= newest) {
                        second = newest;
                        newest = until;
                } else if (until > second) {
                        second = until;
                }
        }
        if (is_alone(s, n) || s->manual)
                second = newest;
        if (clock_is_trusted(s) && s->node[n].address_until_us > second + CLOCK_SLACK_US)
                violation(s, n, "R4e: the address outlives the lease by %llu us", s->node[n].address_until_us - second, 0);
}

void rules_assemble(struct sim *s, uint8_t n)
{
        const struct node *m = &s->node[n];

        cover_rule(RULE_R3c);
        if (m->disk.super.bitmap & ~m->act.debt)
                violation(s, n, "R3e: an assembly forgets dirty bits %llx", m->disk.super.bitmap & ~m->act.debt, 0);
        if (m->disk.super.bitmap)
                cover_rule(RULE_R3e);
        if (!uuid_equal(&m->disk.leg, &s->decided.legs[n].uuid))
                violation(s, n, "R1e: assembly of a leg that is not the record's", 0, 0);
}

/* R1e: a leg that the record does not know is resynced whole. */
void rules_leg_add(struct sim *s, uint8_t n, bool whole)
{
        bool known = uuid_equal(&s->member[1 - n], &s->node[1 - n].disk.leg);

        if (whole)
                cover_rule(RULE_R1e);
        else if (!known)
                violation(s, n, "R1e: a leg with another UUID is added by its bitmap", 0, 0);
}

void rules_resync(struct sim *s, uint8_t n)
{
        const struct record_leg *leg = &s->decided.legs[1 - n];

        cover_rule(RULE_R2d);
        cover_rule(RULE_R2e);
        if (leg->in_sync || !leg->inconsistent)
                violation(s, n, "R2d: a resync writes to a leg that the record does not call inconsistent", 0, 0);
        if (s->node[n].nbdc.policy != POLICY_OPTIONAL)
                violation(s, n, "R2e: a resync writes while the leg is REQUIRED", 0, 0);
}

/* A higher epoch was decided. */
void rules_epoch(struct sim *s, const struct record *old, const struct record *v)
{
        cover_rule(RULE_R1a);
        bool kept = v->primary < NODES && v->legs[1 - v->primary].in_sync;
        if (kept && v->epoch == old->epoch + 1 && (v->primary == old->primary || s->stopped_epoch != old->epoch))
                violation(s, v->primary, "R1a: epoch %llu keeps a leg in sync, and the old primary has not stopped in order", v->epoch, 0);
        if (v->primary == old->primary && !uuid_equal(&v->primary_boot, &old->primary_boot))
                cover_rule(RULE_R1c);
}
