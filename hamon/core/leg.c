/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of the peer's leg, and its deeds. OUTCOME rows judge by the decided record, not by who won: what counts is what is true now.
 */
#include "hamon/core/state.h"

#include <assert.h>

enum deed {
        NOTHING,
        FORGET,      /* all of it: no longer primary */
        GO_OUT,      /* with a back-off (R8b) */
        STEP,        /* the effect that belongs to the new state */
        RETRY,
        MARK,
        ASK_GRANT,
        ASK_CHECK,
        JOIN,
        LEAVE,
        KEEP,
        COME_IN,
        BE_IN,       /* found in after a restart of hamon */
        BE_HANDED,   /* in from the assembly on */
};

#define S(name) IN_STATE(LEG_##name)
#define OPTIONAL (S(NOTE) | S(ATTACH) | S(UNION) | S(ADD) | S(SYNCING))
#define JOINING (OPTIONAL | S(REQUIRE) | S(CHECK))
#define HANDING (S(HAND_ASK) | S(HAND_NOTE) | S(HAND_ATTACH))
#define HANDS (HANDING | S(HANDED) | S(HAND_BAD))
#define UNDOING (S(DETACH) | S(REMOVE) | S(CLEAR))
#define PROPOSING (S(MARK) | S(JOIN) | S(LEAVE) | S(KEEP))
#define HAS_EFFECT (S(HAND_NOTE) | S(HAND_ATTACH) | S(NOTE) | S(ATTACH) | S(UNION) | S(ADD) | S(REQUIRE) | S(DROP) | UNDOING)
#define ALL (S(NONE) | S(OUT) | S(ASK) | JOINING | UNDOING | PROPOSING | S(DROP) | S(IN) | S(OWN_FAILED) | HANDS)

/* clang-format off: one row, one line */
static const struct row rows[] = {
    /* the own role begins and ends */
    {S(NONE), LEG_BEGIN_OUT, 0, 0, LEG_CLEAR, STEP, REASON_DEGRADED},
    {S(NONE), LEG_BEGIN_UNDO, 0, 0, LEG_DETACH, STEP, REASON_DEGRADED},
    {S(NONE), LEG_BEGIN_RESYNC, 0, 0, LEG_SYNCING, NOTHING, REASON_RESYNC},
    {S(NONE), LEG_BEGIN_IN, 0, 0, LEG_IN, BE_IN, REASON_NONE},
    {S(NONE), LEG_BEGIN_ALONE, 0, 0, LEG_OWN_FAILED, BE_IN, REASON_OWN_LEG_FAILED},
    {ALL & ~S(NONE), LEG_BEGIN_OUT, 0, 0, STAY, NOTHING, REASON_NONE},
    {ALL & ~S(NONE), LEG_BEGIN_UNDO, 0, 0, STAY, NOTHING, REASON_NONE},
    {ALL & ~S(NONE), LEG_BEGIN_RESYNC, 0, 0, STAY, NOTHING, REASON_NONE},
    {S(HANDED), LEG_BEGIN_IN, 0, 0, LEG_IN, BE_HANDED, REASON_LEG_HANDED},
    {ALL & ~(S(NONE) | S(HANDED)), LEG_BEGIN_IN, 0, 0, STAY, NOTHING, REASON_NONE},
    {S(NONE) | HANDS, LEG_BEGIN_HAND, 0, 0, LEG_HAND_ASK, ASK_GRANT, REASON_NONE},
    {ALL & ~(S(NONE) | HANDS), LEG_BEGIN_HAND, 0, 0, STAY, NOTHING, REASON_NONE},
    {ALL & ~S(NONE), LEG_BEGIN_ALONE, 0, 0, STAY, NOTHING, REASON_NONE},
    {ALL, LEG_END, 0, 0, LEG_NONE, FORGET, REASON_NONE},

    /* what the peer answers */
#ifdef MUTANT_note_skipped /* 3.4 */
    {S(ASK), LEG_GRANTED, 0, 0, LEG_ATTACH, STEP, REASON_NONE},
#else
    {S(ASK), LEG_GRANTED, 0, 0, LEG_NOTE, STEP, REASON_NONE},
#endif
    {S(ASK), LEG_REFUSED, 0, 0, LEG_OUT, GO_OUT, REASON_LEG_REFUSED},
    {S(HAND_ASK), LEG_GRANTED, 0, 0, LEG_HAND_NOTE, STEP, REASON_NONE},
    {S(HAND_ASK), LEG_REFUSED, 0, 0, LEG_HAND_BAD, NOTHING, REASON_LEG_REFUSED},
    {S(CHECK), LEG_PERMITTED, LEG_SYNCED, LEG_TROUBLE, LEG_JOIN, JOIN, REASON_NONE},
    {S(CHECK), LEG_PERMITTED, LEG_TROUBLE, 0, STAY, NOTHING, REASON_NONE},
    {S(CHECK), LEG_PERMITTED, 0, LEG_TROUBLE | LEG_SYNCED, STAY, NOTHING, REASON_NONE},
    {ALL & ~(S(ASK) | S(HAND_ASK)), LEG_GRANTED, 0, 0, STAY, NOTHING, REASON_NONE},
    {ALL & ~(S(ASK) | S(HAND_ASK)), LEG_REFUSED, 0, 0, STAY, NOTHING, REASON_NONE},
    {ALL & ~S(CHECK), LEG_PERMITTED, 0, 0, STAY, NOTHING, REASON_NONE},

    /* effects */
    {S(NOTE), LEG_DONE, 0, 0, LEG_ATTACH, STEP, REASON_NONE},
    {S(ATTACH), LEG_DONE, 0, 0, LEG_UNION, STEP, REASON_NONE},
    {S(HAND_NOTE), LEG_DONE, 0, 0, LEG_HAND_ATTACH, STEP, REASON_NONE},
    {S(HAND_ATTACH), LEG_DONE, 0, 0, LEG_HANDED, NOTHING, REASON_NONE},
    {S(HAND_NOTE) | S(HAND_ATTACH), LEG_FAILED, 0, 0, LEG_HAND_BAD, NOTHING, REASON_EFFECT_FAILED},
    {S(UNION), LEG_DONE, 0, 0, LEG_ADD, STEP, REASON_NONE},
    {S(ADD), LEG_DONE, 0, 0, LEG_SYNCING, NOTHING, REASON_RESYNC},
#ifdef MUTANT_check_skipped /* R2f */
    {S(REQUIRE), LEG_DONE, 0, 0, LEG_JOIN, JOIN, REASON_NONE},
#elif defined(MUTANT_debt_dropped_early) /* 3.5 */
    {S(REQUIRE), LEG_DONE, 0, 0, LEG_DROP, STEP, REASON_NONE},
#else
    {S(REQUIRE), LEG_DONE, 0, 0, LEG_CHECK, ASK_CHECK, REASON_NONE},
#endif
    {S(DROP), LEG_DONE, 0, 0, LEG_IN, COME_IN, REASON_LEG_JOINED},
#ifdef MUTANT_note_cleared_early /* 3.4 */
    {S(DETACH), LEG_DONE, 0, 0, LEG_CLEAR, STEP, REASON_NONE},
#else
    {S(DETACH), LEG_DONE, 0, 0, LEG_REMOVE, STEP, REASON_NONE},
#endif
    {S(REMOVE), LEG_DONE, 0, 0, LEG_CLEAR, STEP, REASON_NONE},
    {S(CLEAR), LEG_DONE, 0, 0, LEG_OUT, GO_OUT, REASON_LEG_LEFT},
    {ALL & ~HAS_EFFECT, LEG_DONE, 0, 0, STAY, NOTHING, REASON_NONE},
    {HAS_EFFECT & JOINING & ~S(REQUIRE), LEG_FAILED, 0, 0, LEG_DETACH, STEP, REASON_EFFECT_FAILED},
    {S(REQUIRE), LEG_FAILED, 0, LEG_SOLE, LEG_DETACH, STEP, REASON_EFFECT_FAILED},
    {S(REQUIRE), LEG_FAILED, LEG_SOLE, 0, STAY, RETRY, REASON_EFFECT_FAILED},
    {S(DETACH), LEG_FAILED, LEG_OWN_BAD | LEG_UNBROKEN, 0, LEG_KEEP, KEEP, REASON_OWN_LEG_FAILED},
    {S(DETACH), LEG_FAILED, LEG_OWN_BAD | LEG_SOLE, LEG_UNBROKEN, LEG_SYNCING, NOTHING, REASON_OWN_LEG_FAILED}, /* hamon-act kept it: it joins (R2f) */
    {S(DETACH), LEG_FAILED, LEG_OWN_BAD, LEG_UNBROKEN | LEG_SOLE, STAY, RETRY, REASON_EFFECT_FAILED},
    {S(DETACH), LEG_FAILED, 0, LEG_OWN_BAD, STAY, RETRY, REASON_EFFECT_FAILED},
    {S(DROP), LEG_FAILED, 0, 0, LEG_IN, COME_IN, REASON_EFFECT_FAILED}, /* too much debt costs a longer resync, no more */
    {S(REMOVE) | S(CLEAR), LEG_FAILED, 0, 0, STAY, RETRY, REASON_EFFECT_FAILED},
    {ALL & ~HAS_EFFECT, LEG_FAILED, 0, 0, STAY, NOTHING, REASON_NONE},

    /* decided records */
    {S(MARK), LEG_OUTCOME, LEG_MINE | LEG_MARKED, 0, LEG_ASK, ASK_GRANT, REASON_LEG_JOINING},
    {S(MARK), LEG_OUTCOME, LEG_MINE, LEG_MARKED, LEG_OUT, GO_OUT, REASON_NONE},
    {S(JOIN), LEG_OUTCOME, LEG_MINE | LEG_PEER_IN, 0, LEG_DROP, STEP, REASON_NONE},
    {S(JOIN), LEG_OUTCOME, LEG_MINE, LEG_PEER_IN, LEG_DETACH, STEP, REASON_NONE},
    {S(LEAVE), LEG_OUTCOME, LEG_MINE, LEG_PEER_IN | LEG_OWN_BAD, LEG_DETACH, STEP, REASON_NONE},
    {S(LEAVE), LEG_OUTCOME, LEG_MINE | LEG_OWN_BAD, LEG_PEER_IN, LEG_KEEP, KEEP, REASON_OWN_LEG_FAILED},
    {S(LEAVE), LEG_OUTCOME, LEG_MINE | LEG_PEER_IN, 0, LEG_IN, NOTHING, REASON_NONE},
    {S(KEEP), LEG_OUTCOME, LEG_MINE, LEG_OWN_IN, LEG_OWN_FAILED, NOTHING, REASON_NONE},
    {S(KEEP), LEG_OUTCOME, LEG_MINE | LEG_OWN_IN, LEG_PEER_IN, LEG_DETACH, STEP, REASON_NONE},
    {S(KEEP), LEG_OUTCOME, LEG_MINE | LEG_OWN_IN | LEG_PEER_IN, 0, LEG_IN, NOTHING, REASON_NONE},
    {PROPOSING, LEG_OUTCOME, 0, LEG_MINE, STAY, NOTHING, REASON_NONE}, /* deposed: the own role sees to it */
    {ALL & ~PROPOSING, LEG_OUTCOME, 0, 0, STAY, NOTHING, REASON_NONE},

    /* what is the case now */
#ifdef MUTANT_mark_skipped /* R2d */
    {S(OUT), LEG_POLL, LEG_CAN_JOIN, LEG_MARKED, LEG_ASK, ASK_GRANT, REASON_NONE},
#else
    {S(OUT), LEG_POLL, LEG_CAN_JOIN, LEG_MARKED, LEG_MARK, MARK, REASON_NONE},
#endif
    {S(OUT), LEG_POLL, LEG_CAN_JOIN | LEG_MARKED, 0, LEG_ASK, ASK_GRANT, REASON_LEG_JOINING},
    {S(OUT), LEG_POLL, 0, LEG_CAN_JOIN, STAY, NOTHING, REASON_NONE},
    {S(ASK), LEG_POLL, LEG_TROUBLE, 0, LEG_OUT, GO_OUT, REASON_NONE},
    {S(ASK), LEG_POLL, LEG_RESEND, LEG_TROUBLE, STAY, ASK_GRANT, REASON_NONE},
    {S(ASK), LEG_POLL, 0, LEG_RESEND | LEG_TROUBLE, STAY, NOTHING, REASON_NONE},
    {HANDING, LEG_POLL, LEG_TROUBLE, 0, LEG_HAND_BAD, NOTHING, REASON_NONE},
    {S(HAND_ASK), LEG_POLL, LEG_RESEND, LEG_TROUBLE, STAY, ASK_GRANT, REASON_NONE},
    {S(HAND_ASK), LEG_POLL, 0, LEG_RESEND | LEG_TROUBLE, STAY, NOTHING, REASON_NONE},
    {HANDING & ~S(HAND_ASK), LEG_POLL, 0, LEG_TROUBLE, STAY, NOTHING, REASON_NONE},
    {JOINING, LEG_POLL, LEG_TROUBLE, 0, LEG_DETACH, STEP, REASON_NONE},
#ifdef MUTANT_require_skipped /* R2f */
    {S(SYNCING), LEG_POLL, LEG_SYNCED, LEG_TROUBLE, LEG_CHECK, ASK_CHECK, REASON_NONE},
#elif defined(MUTANT_sole_not_required) /* R2f: only when the own leg has failed */
    {S(SYNCING), LEG_POLL, LEG_SYNCED, LEG_TROUBLE | LEG_SOLE, LEG_REQUIRE, STEP, REASON_NONE},
    {S(SYNCING), LEG_POLL, LEG_SYNCED | LEG_SOLE, LEG_TROUBLE, LEG_CHECK, ASK_CHECK, REASON_NONE},
#else
    {S(SYNCING), LEG_POLL, LEG_SYNCED, LEG_TROUBLE, LEG_REQUIRE, STEP, REASON_NONE},
#endif
    {S(SYNCING), LEG_POLL, 0, LEG_SYNCED | LEG_TROUBLE, STAY, NOTHING, REASON_NONE},
    {S(CHECK), LEG_POLL, LEG_RESEND, LEG_TROUBLE, STAY, ASK_CHECK, REASON_NONE},
    {S(CHECK), LEG_POLL, 0, LEG_RESEND | LEG_TROUBLE, STAY, NOTHING, REASON_NONE},
    {JOINING & ~(S(SYNCING) | S(CHECK)), LEG_POLL, 0, LEG_TROUBLE, STAY, NOTHING, REASON_NONE},
#ifdef MUTANT_own_failure_ignored /* R2c */
    {S(IN), LEG_POLL, LEG_OWN_BAD, 0, STAY, NOTHING, REASON_NONE},
#else
    {S(IN), LEG_POLL, LEG_OWN_BAD, 0, LEG_KEEP, KEEP, REASON_OWN_LEG_FAILED},
#endif
#ifdef MUTANT_leave_skipped /* R2a */
    {S(IN), LEG_POLL, LEG_TROUBLE | LEG_OWN_GOOD, LEG_OWN_BAD, LEG_DETACH, STEP, REASON_LEG_LEAVING},
#elif defined(MUTANT_leave_unseen) /* R2b */
    {S(IN), LEG_POLL, LEG_TROUBLE, LEG_OWN_BAD, LEG_LEAVE, LEAVE, REASON_LEG_LEAVING},
#else
    {S(IN), LEG_POLL, LEG_TROUBLE | LEG_OWN_GOOD, LEG_OWN_BAD, LEG_LEAVE, LEAVE, REASON_LEG_LEAVING},
#endif
    {S(IN), LEG_POLL, LEG_TROUBLE, LEG_OWN_BAD | LEG_OWN_GOOD, STAY, NOTHING, REASON_NONE},
    {S(IN), LEG_POLL, 0, LEG_OWN_BAD | LEG_TROUBLE, STAY, NOTHING, REASON_NONE},
#ifdef MUTANT_UNIT_join_forgotten /* R2g */
    {S(JOIN), LEG_POLL, LEG_TROUBLE, 0, LEG_DETACH, STEP, REASON_NONE},
#endif
    {S(NONE) | PROPOSING | S(DROP) | UNDOING | S(OWN_FAILED) | S(HANDED) | S(HAND_BAD), LEG_POLL, 0, 0, STAY, NOTHING, REASON_NONE},
};

static const char *const words[] = {
    "none",      "out",      "marking",       "asking-grant", "noting",  "attaching", "comparing", "adding",        "syncing",      "requiring",
    "checking",  "joining",  "dropping-debt", "in-sync",      "leaving", "detaching", "removing",  "clearing-note", "keeping-peer", "own-leg-failed",
    "asking-grant", "noting",  "attaching",     "attached",      "not-to-be-had",
};
/* clang-format on */

const struct table leg_table = {rows, sizeof rows / sizeof *rows, LEG_STATES, LEG_EVENTS, words};

void leg_init(struct core *c, uint8_t mirror)
{
        c->leg[mirror] = (struct leg){.state = LEG_NONE, .since_ms = c->started_ms};
}

static enum effect_type effect_of(enum leg_state state)
{
        switch (state) {
        case LEG_NOTE:
        case LEG_HAND_NOTE: return EFFECT_NOTE_SET;
        case LEG_ATTACH:
        case LEG_HAND_ATTACH: return EFFECT_ATTACH;
        case LEG_UNION: return EFFECT_DEBT_UNION;
        case LEG_ADD: return EFFECT_LEG_ADD;
        case LEG_REQUIRE: return EFFECT_REQUIRE;
        case LEG_DROP: return EFFECT_DEBT_DROP;
        case LEG_DETACH: return EFFECT_DETACH;
        case LEG_REMOVE: return EFFECT_LEG_REMOVE;
        default: return EFFECT_NOTE_CLEAR;
        }
}

static void step(struct core *c, uint8_t mirror, struct actions *out)
{
        struct leg *l = &c->leg[mirror];

        if (l->state == LEG_REQUIRE)
                l->required = true;
        if (l->state == LEG_DROP)
                l->unbroken = true;
        pending_ask(c, &l->pending,
                    &(struct effect){
                        .type = effect_of(l->state),
                        .mirror = mirror,
                        .epoch = c->mirror[mirror].epoch,
                        .session = l->session,
                        .leg = l->peer_leg,
                        .version = l->state == LEG_DETACH && l->required ? c->reg[mirror].decided.version : 0,
                        .whole = l->whole,
                    },
                    out);
}

static void go_out(struct core *c, uint8_t mirror)
{
        struct leg *l = &c->leg[mirror];
        const struct timers *t = &c->config.timers;
        struct uuid boot = c->detector.voter[peer_of(c)].last.boot;

        if (l->in_since_ms && c->now_ms - l->in_since_ms >= t->join_backoff_max_ms)
                l->backoff_ms = 0;
        if (!uuid_equal(&boot, &l->tried_boot))
                l->backoff_ms = 0;
        l->backoff_ms = l->backoff_ms ? l->backoff_ms * 2 : t->join_backoff_ms;
        if (l->backoff_ms > t->join_backoff_max_ms)
                l->backoff_ms = t->join_backoff_max_ms;
#ifndef MUTANT_backoff_ignored /* R8b */
        l->join_ms = c->now_ms + l->backoff_ms;
#endif
        l->tried_boot = boot;
        l->peer_boot = (struct uuid){{0}};
        l->resend_ms = l->disconnected_ms = l->in_since_ms = 0;
        l->required = l->unbroken = l->tainted = false;
}

/* What is joined, as the peer says: fixed for this try. */
static void choose_leg(struct core *c, uint8_t mirror, const struct event *e)
{
        struct leg *l = &c->leg[mirror];
        const struct detector_voter *v = &c->detector.voter[peer_of(c)];

        l->peer_leg = v->last.mirror[mirror].leg;
        l->peer_boot = v->last.boot;
        l->tried_boot = v->last.boot;
        l->session = draw_uuid(c, e);
        l->required = false;
        const struct record_leg *known = &c->reg[mirror].decided.legs[peer_of(c)];
#ifndef MUTANT_any_leg_is_known /* R1e */
        if (!uuid_equal(&l->peer_leg, &known->uuid))
                l->whole = true;
#endif
#ifndef MUTANT_doubtful_by_bitmap /* 3.4 */
        if (known->doubtful)
                l->whole = true;
#endif
}

static void ask_grant(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct leg *l = &c->leg[mirror];

        if (uuid_is_null(&l->peer_boot) || (l->state == LEG_HAND_ASK && !l->resend_ms))
                choose_leg(c, mirror, e);
        struct message *q = message_send(c, peer_of(c), mirror, MESSAGE_GRANT_REQUEST, out);
        q->grant_request.epoch = c->mirror[mirror].epoch;
        q->grant_request.boot = c->config.boot;
        q->grant_request.session = l->session;
        q->grant_request.leg = l->peer_leg;
        l->resend_ms = c->now_ms + c->config.timers.swap_retry_ms;
}

static void ask_check(struct core *c, uint8_t mirror, struct actions *out)
{
        struct leg *l = &c->leg[mirror];
        struct message *q = message_send(c, peer_of(c), mirror, MESSAGE_CHECK_REQUEST, out);

        q->check_request.epoch = c->mirror[mirror].epoch;
        q->check_request.session = l->session;
        l->resend_ms = c->now_ms + c->config.timers.swap_retry_ms;
}

static void propose(struct core *c, uint8_t mirror, enum change_kind kind, const struct event *e)
{
        ask_change(c, mirror, &c->leg[mirror].ask, kind, c->mirror[mirror].epoch, e);
}

static void be_in(struct core *c, uint8_t mirror, struct actions *out)
{
        struct leg *l = &c->leg[mirror];

        l->unbroken = true;
        l->in_since_ms = c->now_ms;
        if (c->mirror[mirror].opened.leg.debt) /* the join was decided, and then hamon died */
                effect_send_untracked(c, (struct effect){.type = EFFECT_DEBT_DROP, .mirror = mirror}, out);
}

/* ASSEMBLE_BOTH has made it REQUIRED before anything was written. */
static void be_handed(struct core *c, uint8_t mirror, struct actions *out)
{
        struct leg *l = &c->leg[mirror];

        l->required = l->unbroken = true;
        l->whole = l->observed = false;
        l->in_since_ms = c->now_ms;
        if (c->mirror[mirror].opened.leg.debt) /* of an older primacy: the peer's leg has been in sync since */
                effect_send_untracked(c, (struct effect){.type = EFFECT_DEBT_DROP, .mirror = mirror}, out);
}

static void do_deed(struct core *c, uint8_t mirror, enum deed deed, const struct event *e, struct actions *out)
{
        struct leg *l = &c->leg[mirror];

        switch (deed) {
        case NOTHING:
                return;
        case FORGET:
                ask_forget(&l->ask);
                leg_init(c, mirror);
                return;
        case GO_OUT:
                go_out(c, mirror);
                return;
        case STEP:
                step(c, mirror, out);
                return;
        case RETRY:
                pending_retry_later(c, &l->pending);
                return;
        case MARK:
                choose_leg(c, mirror, e);
                propose(c, mirror, CHANGE_MARK, e);
                return;
        case ASK_GRANT:
                ask_grant(c, mirror, e, out);
                return;
        case ASK_CHECK:
                ask_check(c, mirror, out);
                return;
        case JOIN:
                propose(c, mirror, CHANGE_JOIN, e);
                return;
        case LEAVE:
                propose(c, mirror, CHANGE_LEAVE, e);
                return;
        case KEEP:
                propose(c, mirror, CHANGE_KEEP_PEER, e);
                return;
        case COME_IN:
                l->whole = false;
                l->in_since_ms = c->now_ms;
                return;
        case BE_IN:
                be_in(c, mirror, out);
                return;
        case BE_HANDED:
                be_handed(c, mirror, out);
                return;
        }
}

void leg_fire(struct core *c, uint8_t mirror, enum leg_event event, const struct event *e, struct actions *out)
{
        struct leg *l = &c->leg[mirror];
        const struct row *r = table_find(&leg_table, l->state, event, leg_facts(c, mirror));

        if (r->next != STAY) {
                l->state = r->next;
                l->since_ms = c->now_ms;
                l->observed = l->observed && l->state >= LEG_REQUIRE; /* before that, only what md shows after the step counts */
                l->resend_ms = 0;
        }
        if (r->reason != REASON_NONE)
                report(c, r->reason, mirror, peer_of(c), c->mirror[mirror].epoch, out);
        do_deed(c, mirror, r->deed, e, out);
}

/* After a restart of hamon: the attach goes on as it is, whatever comes of it; its peer is the one that is heard now. */
static void find_attached(struct core *c, uint8_t mirror)
{
        struct leg *l = &c->leg[mirror];
        const struct detector_voter *v = &c->detector.voter[peer_of(c)];

        l->required = true; /* or may be: the record just decided lets it go */
        l->session = c->mirror[mirror].opened.leg.session;
        l->peer_boot = v->ever ? v->last.boot : (struct uuid){{0}};
}

void leg_begin(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        const struct record *r = &c->reg[mirror].decided;
        bool peer_in = r->legs[peer_of(c)].in_sync, own_in = r->legs[c->config.self].in_sync;
        bool fresh = c->mirror[mirror].assembled, torn = r->legs[peer_of(c)].inconsistent, kept = !uuid_is_null(&c->mirror[mirror].opened.leg.session);
        enum leg_event undo = torn && kept ? LEG_BEGIN_RESYNC : LEG_BEGIN_UNDO;

        if (c->leg[mirror].state == LEG_HANDED) {
                leg_fire(c, mirror, LEG_BEGIN_IN, e, out);
                return;
        }
        assert(!fresh || !peer_in); /* R1a */
        c->leg[mirror].peer_leg = r->legs[peer_of(c)].uuid;
        if (!fresh)
                find_attached(c, mirror);
        leg_fire(c, mirror, fresh ? LEG_BEGIN_OUT : !peer_in ? undo : own_in ? LEG_BEGIN_IN : LEG_BEGIN_ALONE, e, out);
}

void leg_message(struct core *c, const struct event *e, struct actions *out)
{
        const struct message *q = &e->message;
        struct leg *l = &c->leg[q->mirror];

        if (q->from != peer_of(c))
                return;
        if (q->type == MESSAGE_GRANT_REPLY) {
                if (uuid_equal(&q->grant_reply.session, &l->session) && q->grant_reply.epoch == c->mirror[q->mirror].epoch) {
                        l->refused = q->grant_reply.refusal == REFUSAL_LEG;
                        leg_fire(c, q->mirror, q->grant_reply.refusal == REFUSAL_NONE ? LEG_GRANTED : LEG_REFUSED, e, out);
                }
        } else if (uuid_equal(&q->check_reply.session, &l->session) && q->check_reply.epoch == c->mirror[q->mirror].epoch &&
                   q->check_reply.permits) {
                leg_fire(c, q->mirror, LEG_PERMITTED, e, out);
        }
}

void leg_observed(struct core *c, uint8_t mirror)
{
        struct leg *l = &c->leg[mirror];

        const struct detector_voter *v = &c->detector.voter[peer_of(c)];

        l->observed = true;
#ifndef MUTANT_UNIT_copied_from_an_unsafe_disk /* R2f */
        if (l->state >= LEG_ATTACH && l->state <= LEG_SYNCING && c->mirror[mirror].observed.own_unsafe)
                l->tainted = true;
#endif
        if (leg_is_attached(l->state) && uuid_is_null(&l->peer_boot) && v->ever)
                l->peer_boot = v->last.boot; /* adopted before the peer was heard */
        if (!leg_is_attached(l->state) || c->mirror[mirror].observed.leg_connected)
                l->disconnected_ms = 0;
        else if (!l->disconnected_ms)
                l->disconnected_ms = c->now_ms;
}

void leg_effect_done(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct leg *l = &c->leg[mirror];
        const struct effect_result *r = &e->result;

        if (!pending_answered(&l->pending, r))
                return;
#ifndef MUTANT_any_leg_is_known
        if (r->error == 0 && r->type == EFFECT_DEBT_UNION && !r->known)
                l->whole = true;
#endif
        /* A new leg all the same, but one that lacks nothing else than the debt says. */
        if (r->error == 0 && r->type == EFFECT_DEBT_UNION && r->known && r->blank && !c->reg[mirror].decided.legs[peer_of(c)].doubtful)
                l->whole = false;
        if (r->error == 0 && (r->type == EFFECT_NOTE_SET || r->type == EFFECT_NOTE_CLEAR))
                c->mirror[mirror].opened.leg.note = r->type == EFFECT_NOTE_SET;
        leg_fire(c, mirror, r->error == 0 ? LEG_DONE : LEG_FAILED, e, out);
}

void leg_outcome(struct core *c, uint8_t mirror, const struct change_outcome *outcome, const struct event *e, struct actions *out)
{
        (void)outcome; /* judged by the decided record: c->reg[mirror].decided is at least that */
        leg_fire(c, mirror, LEG_OUTCOME, e, out);
}

uint64_t leg_deadline_ms(const struct core *c, uint8_t mirror)
{
        uint64_t a = pending_deadline_ms(c, &c->leg[mirror].pending), b = leg_facts_deadline_ms(c, mirror);

        return a < b ? a : b;
}
