/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/core/state.h"

enum deed { NOTHING, LEARN, CONFIRM, RECALL, RELEASE, GRANT, CHECK, GRANTED, REFUSED, CHECKED, BUSY_REFUSED, WRONG_LEG, WRONG_PRIMARY, ASK_AGAIN, GIVE_UP };

#define S(name) IN_STATE(STANDBY_##name)
#define READING (S(LEARN) | S(CONFIRM) | S(RECALL))
#define ALL (S(IDLE) | READING | S(RELEASE) | S(GRANT) | S(CHECK))
#define BUSY (ALL & ~S(IDLE))

/* What is asked for again while it is under way needs no row of its own: its answer is on its way. */
/* clang-format off: one row, one line */
static const struct row rows[] = {
    {S(IDLE), STANDBY_GRANT_REQUESTED, STANDBY_FREE | STANDBY_GIVEN, 0, STAY, GRANTED, REASON_NONE},
#ifdef MUTANT_grant_unread /* R6b */
    {S(IDLE), STANDBY_GRANT_REQUESTED, STANDBY_FREE | STANDBY_LEG, STANDBY_GIVEN, STANDBY_GRANT, GRANT, REASON_NONE},
#else
    {S(IDLE), STANDBY_GRANT_REQUESTED, STANDBY_FREE | STANDBY_LEG, STANDBY_GIVEN, STANDBY_CONFIRM, CONFIRM, REASON_NONE},
#endif
    {S(IDLE), STANDBY_GRANT_REQUESTED, STANDBY_FREE, STANDBY_GIVEN | STANDBY_LEG, STAY, WRONG_LEG, REASON_NONE},
    {S(IDLE), STANDBY_GRANT_REQUESTED, 0, STANDBY_FREE, STAY, BUSY_REFUSED, REASON_NONE},
    {BUSY, STANDBY_GRANT_REQUESTED, 0, 0, STAY, NOTHING, REASON_NONE},

    {S(IDLE), STANDBY_CHECK_REQUESTED, STANDBY_FREE | STANDBY_GIVEN, 0, STANDBY_CHECK, CHECK, REASON_NONE},
    {S(IDLE), STANDBY_CHECK_REQUESTED, 0, STANDBY_FREE, STAY, NOTHING, REASON_NONE},
#ifdef MUTANT_UNIT_check_forgotten /* R2f */
    {S(IDLE), STANDBY_CHECK_REQUESTED, STANDBY_FREE, STANDBY_GIVEN, STAY, NOTHING, REASON_NONE},
#elif defined(MUTANT_UNIT_check_unread) /* R2f */
    {S(IDLE), STANDBY_CHECK_REQUESTED, STANDBY_FREE, STANDBY_GIVEN, STANDBY_CHECK, CHECK, REASON_NONE},
#else
    {S(IDLE), STANDBY_CHECK_REQUESTED, STANDBY_FREE, STANDBY_GIVEN, STANDBY_RECALL, RECALL, REASON_NONE},
#endif
    {BUSY, STANDBY_CHECK_REQUESTED, 0, 0, STAY, NOTHING, REASON_NONE},

    {S(LEARN), STANDBY_OUTCOME, 0, 0, STANDBY_IDLE, NOTHING, REASON_NONE},
    {S(CONFIRM), STANDBY_OUTCOME, STANDBY_FREE | STANDBY_RIGHT | STANDBY_HELD, 0, STANDBY_RELEASE, RELEASE, REASON_NONE},
    {S(CONFIRM), STANDBY_OUTCOME, STANDBY_FREE | STANDBY_RIGHT, STANDBY_HELD, STANDBY_GRANT, GRANT, REASON_NONE},
    {S(CONFIRM), STANDBY_OUTCOME, STANDBY_FREE, STANDBY_RIGHT, STANDBY_IDLE, WRONG_PRIMARY, REASON_NONE},
    {S(CONFIRM), STANDBY_OUTCOME, 0, STANDBY_FREE, STANDBY_IDLE, BUSY_REFUSED, REASON_NONE},
    {S(RECALL), STANDBY_OUTCOME, STANDBY_FREE | STANDBY_RIGHT, 0, STANDBY_CHECK, CHECK, REASON_NONE},
    {S(RECALL), STANDBY_OUTCOME, STANDBY_FREE, STANDBY_RIGHT, STANDBY_IDLE, NOTHING, REASON_NONE},
    {S(RECALL), STANDBY_OUTCOME, 0, STANDBY_FREE, STANDBY_IDLE, NOTHING, REASON_NONE},
    {ALL & ~READING, STANDBY_OUTCOME, 0, 0, STAY, NOTHING, REASON_NONE},

    {S(RELEASE), STANDBY_DONE, STANDBY_FREE, 0, STANDBY_GRANT, GRANT, REASON_NONE},
    {S(RELEASE), STANDBY_DONE, 0, STANDBY_FREE, STANDBY_IDLE, BUSY_REFUSED, REASON_NONE},
    {S(GRANT), STANDBY_DONE, STANDBY_FREE, 0, STANDBY_IDLE, GRANTED, REASON_NONE},
    {S(GRANT), STANDBY_DONE, 0, STANDBY_FREE, STANDBY_IDLE, BUSY_REFUSED, REASON_NONE},
    {S(CHECK), STANDBY_DONE, 0, 0, STANDBY_IDLE, CHECKED, REASON_NONE},
    {S(IDLE) | READING, STANDBY_DONE, 0, 0, STAY, NOTHING, REASON_NONE},
    {S(RELEASE) | S(GRANT), STANDBY_FAILED, 0, 0, STANDBY_IDLE, REFUSED, REASON_EFFECT_FAILED},
    {S(CHECK), STANDBY_FAILED, 0, 0, STANDBY_IDLE, NOTHING, REASON_EFFECT_FAILED},
    {S(IDLE) | READING, STANDBY_FAILED, 0, 0, STAY, NOTHING, REASON_NONE},

    /* R6c: a grant that was asked before an own take-over began must not come after its REVOKE. */
    {S(RELEASE) | S(GRANT) | S(CHECK), STANDBY_ACT_BACK, STANDBY_FREE, 0, STAY, ASK_AGAIN, REASON_NONE},
    {S(RELEASE) | S(GRANT) | S(CHECK), STANDBY_ACT_BACK, 0, STANDBY_FREE, STANDBY_IDLE, GIVE_UP, REASON_NONE},
    {S(IDLE) | READING, STANDBY_ACT_BACK, 0, 0, STAY, NOTHING, REASON_NONE},

    {S(IDLE), STANDBY_POLL, STANDBY_FREE | STANDBY_BEHIND, 0, STANDBY_LEARN, LEARN, REASON_NONE},
    {S(IDLE), STANDBY_POLL, STANDBY_FREE, STANDBY_BEHIND, STAY, NOTHING, REASON_NONE},
    {S(IDLE), STANDBY_POLL, 0, STANDBY_FREE, STAY, NOTHING, REASON_NONE},
    {BUSY, STANDBY_POLL, 0, 0, STAY, NOTHING, REASON_NONE},
};

static const char *const words[] = {"idle", "learning", "confirming", "recalling", "releasing", "granting", "checking"};
/* clang-format on */

const struct table standby_table = {rows, sizeof rows / sizeof *rows, STANDBY_STATES, STANDBY_EVENTS, words};

void standby_init(struct core *c, uint8_t mirror)
{
        c->standby[mirror] = (struct standby){.state = STANDBY_IDLE};
}

static uint64_t highest_heard(const struct core *c, uint8_t mirror)
{
        uint64_t highest = 0;

        for (uint8_t v = 0; v < VOTERS; v++) {
                const struct mirror_summary *s = v == c->config.self ? NULL : detector_summary(c, v, mirror);
                if (s && s->record_version > highest)
                        highest = s->record_version;
        }
        return highest;
}

static uint32_t facts(const struct core *c, uint8_t mirror)
{
        const struct standby *s = &c->standby[mirror];
        const struct mirror *m = &c->mirror[mirror];
        const struct record *r = &c->reg[mirror].decided;
        uint32_t f = 0;

#ifdef MUTANT_candidate_grants /* R6c */
        if ((m->state == MIRROR_STANDBY || mirror_role(m->state) == ROLE_CANDIDATE) && c->act_ready)
#else
        if (m->state == MIRROR_STANDBY && c->act_ready)
#endif
                f |= STANDBY_FREE;
        if (s->given && s->given_epoch == s->epoch && uuid_equal(&s->given_session, &s->session))
                f |= STANDBY_GIVEN;
        if (m->opened_known && m->opened.leg.present && uuid_equal(&m->opened.leg.uuid, &s->leg))
                f |= STANDBY_LEG;
        if (r->version > 0 && r->primary == s->from && r->epoch == s->epoch && uuid_equal(&r->primary_boot, &s->boot) &&
            uuid_equal(&r->legs[c->config.self].uuid, &s->leg) && !record_takeover_unresolved(c, mirror))
                f |= STANDBY_RIGHT; /* R6c: the decided read that precedes has settled an older take-over of ours, too */
        if (m->held)
                f |= STANDBY_HELD;
        if (s->behind_since_ms && c->now_ms - s->behind_since_ms >= 2 * c->config.timers.heartbeat_ms)
                f |= STANDBY_BEHIND;
        return f;
}

static void reply_grant(struct core *c, uint8_t mirror, enum refusal refusal, struct actions *out)
{
        const struct standby *s = &c->standby[mirror];
        struct message *a = message_send(c, s->from, mirror, MESSAGE_GRANT_REPLY, out);

        a->grant_reply.epoch = s->epoch;
        a->grant_reply.session = s->session;
        a->grant_reply.refusal = refusal;
}

static void ask_effect(struct core *c, uint8_t mirror, enum effect_type type, struct actions *out)
{
        struct standby *s = &c->standby[mirror];

        pending_ask(c, &s->pending,
                    &(struct effect){.type = type, .mirror = mirror, .epoch = s->epoch, .session = s->session, .leg = s->leg}, out);
}

static void do_deed(struct core *c, uint8_t mirror, enum deed deed, const struct event *e, struct actions *out)
{
        struct standby *s = &c->standby[mirror];

        switch (deed) {
        case NOTHING:
                return;
        case LEARN:
                s->behind_since_ms = 0;
                ask_change(c, mirror, &s->ask, CHANGE_CONFIRM, 0, e);
                return;
        case CONFIRM:
        case RECALL:
                ask_change(c, mirror, &s->ask, CHANGE_CONFIRM, 0, e);
                return;
        case RELEASE:
                ask_effect(c, mirror, EFFECT_RELEASE, out);
                return;
        case GRANT:
                s->given = false; /* the older session ends here */
                ask_effect(c, mirror, EFFECT_GRANT, out);
                return;
        case CHECK:
                ask_effect(c, mirror, EFFECT_CHECK_LEG, out);
                return;
        case GRANTED:
                s->given = true;
                s->given_session = s->session;
                s->given_epoch = s->epoch;
                reply_grant(c, mirror, REFUSAL_NONE, out);
                return;
        case REFUSED:
        case WRONG_LEG:
                reply_grant(c, mirror, REFUSAL_LEG, out);
                return;
        case BUSY_REFUSED:
                reply_grant(c, mirror, REFUSAL_UNRESOLVED, out);
                return;
        case WRONG_PRIMARY:
                reply_grant(c, mirror, REFUSAL_NOT_PRIMARY, out);
                return;
        case ASK_AGAIN:
                pending_ask_again(c, &s->pending, out);
                return;
        case GIVE_UP:
                pending_cancel(&s->pending);
                return;
        case CHECKED: {
                struct message *a = message_send(c, s->from, mirror, MESSAGE_CHECK_REPLY, out);
                a->check_reply.epoch = s->epoch;
                a->check_reply.session = s->session;
                a->check_reply.permits = e->result.permits;
                return;
        }
        }
}

static void fire(struct core *c, uint8_t mirror, enum standby_event event, const struct event *e, struct actions *out)
{
        struct standby *s = &c->standby[mirror];
        const struct row *r = table_find(&standby_table, s->state, event, facts(c, mirror));

        if (r->next != STAY)
                s->state = r->next;
        if (r->reason != REASON_NONE)
                report(c, r->reason, mirror, peer_of(c), s->epoch, out);
        do_deed(c, mirror, r->deed, e, out);
}

/* The session is not the one that this hamon granted last: the leg that is meant is the one that the record names, if that is ours. */
static void recall(struct core *c, const struct message *q)
{
        struct standby *s = &c->standby[q->mirror];
        const struct detector_voter *v = &c->detector.voter[q->from];

        s->from = q->from;
        s->epoch = q->check_request.epoch;
        s->session = q->check_request.session;
        s->boot = v->ever ? v->last.boot : (struct uuid){{0}};
        s->leg = c->mirror[q->mirror].opened.leg.uuid;
}

void standby_message(struct core *c, const struct event *e, struct actions *out)
{
        const struct message *q = &e->message;
        struct standby *s = &c->standby[q->mirror];

        if (q->from != peer_of(c))
                return;
        if (q->type == MESSAGE_GRANT_REQUEST) {
                if (s->state == STANDBY_IDLE) {
                        s->from = q->from;
                        s->epoch = q->grant_request.epoch;
                        s->boot = q->grant_request.boot;
                        s->session = q->grant_request.session;
                        s->leg = q->grant_request.leg;
                }
                fire(c, q->mirror, STANDBY_GRANT_REQUESTED, e, out);
        } else {
                bool granted_last = s->given && s->epoch == q->check_request.epoch && uuid_equal(&s->session, &q->check_request.session);
                if (s->state == STANDBY_IDLE && !granted_last)
                        recall(c, q);
                fire(c, q->mirror, STANDBY_CHECK_REQUESTED, e, out);
        }
}

void standby_effect_done(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct standby *s = &c->standby[mirror];

        if (!pending_answered(&s->pending, &e->result))
                return;
        s->failed = e->result.error != 0;
        if (s->state == STANDBY_RELEASE && e->result.error == 0)
                c->mirror[mirror].held = false;
        fire(c, mirror, e->result.error == 0 ? STANDBY_DONE : STANDBY_FAILED, e, out);
}

void standby_act_is_back(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        fire(c, mirror, STANDBY_ACT_BACK, e, out);
}

void standby_outcome(struct core *c, uint8_t mirror, const struct change_outcome *outcome, const struct event *e, struct actions *out)
{
        (void)outcome; /* c->reg[mirror].decided is at least that */
        fire(c, mirror, STANDBY_OUTCOME, e, out);
}

void standby_poll(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct standby *s = &c->standby[mirror];

        if (!standby_is_behind(c, mirror))
                s->behind_since_ms = 0;
        else if (!s->behind_since_ms)
                s->behind_since_ms = c->now_ms;
        fire(c, mirror, STANDBY_POLL, e, out);
}

uint64_t standby_deadline_ms(const struct core *c, uint8_t mirror)
{
        const struct standby *s = &c->standby[mirror];
        uint64_t pending = pending_deadline_ms(c, &s->pending);
        uint64_t behind = s->behind_since_ms ? s->behind_since_ms + 2 * c->config.timers.heartbeat_ms : UINT64_MAX;

        return pending < behind || behind <= c->now_ms ? pending : behind;
}

bool standby_is_behind(const struct core *c, uint8_t mirror)
{
        bool decided;

        return highest_heard(c, mirror) > record_known(c, mirror, &decided)->version;
}

bool standby_is_idle(const struct core *c, uint8_t mirror)
{
        return !c->standby[mirror].ask.wanted && c->standby[mirror].state == STANDBY_IDLE;
}
