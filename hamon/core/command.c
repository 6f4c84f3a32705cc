/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/core/state.h"

#include <errno.h>

static enum reason may_create(const struct core *c, uint8_t mirror)
{
        bool decided;
        const struct record *r = record_known(c, mirror, &decided);

        return c->mirror[mirror].state == MIRROR_STANDBY && (r->version == 0 || record_is_ended(r)) ? REASON_NONE : REASON_COMMAND_WRONG_STATE;
}

/* Never the only good leg. One that is there is left alone until somebody consents to lose it: it may be the one that is being copied to. */
static enum reason may_join(const struct core *c, uint8_t mirror, bool consent)
{
        bool decided;
        const struct record *r = record_known(c, mirror, &decided);

        if (r->version == 0)
                return REASON_NOT_CREATED;
        if (c->mirror[mirror].state != MIRROR_STANDBY || r->primary == c->config.self || r->legs[c->config.self].in_sync)
                return REASON_COMMAND_WRONG_STATE;
        return consent || !(mirror_facts(c, mirror) & MIRROR_PRESENT) ? REASON_NONE : REASON_COMMAND_CONSENT;
}

static enum reason may_switch_over(const struct core *c, uint8_t mirror)
{
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);

        return c->mirror[mirror].state == MIRROR_PRIMARY && c->leg[mirror].state == LEG_IN && s && s->leg_ready && group_can_move(c, mirror)
                   ? REASON_NONE
                   : REASON_COMMAND_WRONG_STATE;
}

static enum reason may_start_alone(const struct core *c, uint8_t mirror, bool consent)
{
        if (c->mirror[mirror].state != MIRROR_STANDBY)
                return REASON_COMMAND_WRONG_STATE;
        if (!mirror_owns_leg(c, mirror))
                return REASON_STALE;
        return consent ? REASON_NONE : REASON_COMMAND_CONSENT;
}

/* A pause that nothing would end by itself is not taken: with the leg in sync there is nothing to pause. */
static enum reason may_control_resync(const struct core *c, uint8_t mirror, const struct resync_order *order)
{
        if (c->mirror[mirror].state != MIRROR_PRIMARY)
                return REASON_COMMAND_WRONG_STATE;
#ifdef MUTANT_UNIT_pause_in_sync
        (void)order;
        return REASON_NONE;
#else
        return order->wish == RESYNC_PAUSE && c->leg[mirror].state == LEG_IN ? REASON_COMMAND_WRONG_STATE : REASON_NONE;
#endif
}

/* Whoever is heard serving has more than this node. */
static enum reason may_force(const struct core *c, uint8_t mirror, bool consent)
{
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);
        bool decided;

        if (c->mirror[mirror].state != MIRROR_STANDBY || record_known(c, mirror, &decided)->version == 0 || mirror_owns_leg(c, mirror) ||
            (s && (s->role == ROLE_PRIMARY || s->role == ROLE_TAKING_OVER)))
                return REASON_COMMAND_WRONG_STATE;
        if (!mirror_may_be_forced(c, mirror))
                return REASON_TORN;
        return consent ? REASON_NONE : REASON_COMMAND_CONSENT;
}

static enum reason may_restart_service(const struct core *c, uint8_t mirror)
{
        enum service_state s = c->service[mirror].state;

        return c->mirror[mirror].state == MIRROR_PRIMARY && (s == SERVICE_UP || s == SERVICE_FAILED || s == SERVICE_GIVEN_UP) ? REASON_NONE
                                                                                                                             : REASON_COMMAND_WRONG_STATE;
}

/* The standby's leg first: while it is attached again the primary has one leg. */
static enum reason may_grow(const struct core *c, uint8_t mirror)
{
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);
        bool decided;

        if (record_known(c, mirror, &decided)->version == 0)
                return REASON_NOT_CREATED;
        if (c->mirror[mirror].state == MIRROR_STANDBY)
                return s && s->role == ROLE_PRIMARY ? REASON_NONE : REASON_COMMAND_WRONG_STATE;
        return c->mirror[mirror].state == MIRROR_PRIMARY && c->leg[mirror].state == LEG_IN ? REASON_NONE : REASON_COMMAND_WRONG_STATE;
}

static enum reason may_maintain(const struct core *c, uint8_t mirror)
{
        bool decided;

        return record_known(c, mirror, &decided)->version == 0 ? REASON_NOT_CREATED : REASON_NONE;
}

/* On the primary, or where nobody else is it: whoever serves must hear of it by his own decision, and stop in order. */
static enum reason may_remove(const struct core *c, uint8_t mirror, bool consent)
{
        enum mirror_state state = c->mirror[mirror].state;
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);

        if (state != MIRROR_PRIMARY && state != MIRROR_STANDBY && state != MIRROR_LEFT && state != MIRROR_STOP_SERVICE && state != MIRROR_STOP_ARRAY)
                return REASON_COMMAND_BUSY;
        if (mirror_role(state) != ROLE_PRIMARY && s && s->role != ROLE_STANDBY)
                return REASON_COMMAND_WRONG_STATE;
        return consent ? REASON_NONE : REASON_COMMAND_CONSENT;
}

static void leave(struct core *c, const struct event *e, struct actions *out)
{
        if (c->leave_ticket) {
                answer(e->command.ticket, -EBUSY, REASON_COMMAND_BUSY, out);
                return;
        }
        c->leaving = true;
        detector_hurry(c);
        if (c->config.self == WITNESS)
                answer(e->command.ticket, 0, REASON_COMMAND_DONE, out);
        else
                c->leave_ticket = e->command.ticket;
}

/* Manual mode: a person has seen that the peer is off. Its vote in a pre-vote is taken as given; the record's rules are not touched. */
static void confirm_dead(struct core *c, const struct event *e, struct actions *out)
{
        if (!c->config.manual || detector_is_alive(c, peer_of(c))) {
                answer(e->command.ticket, -EINVAL, REASON_COMMAND_WRONG_STATE, out);
                return;
        }
        if (!e->command.consent) {
                answer(e->command.ticket, -EPERM, REASON_COMMAND_CONSENT, out);
                return;
        }
        c->detector.confirmed_dead[peer_of(c)] = true;
        answer(e->command.ticket, 0, REASON_COMMAND_DONE, out);
}

/* R7d by a person who knows more than the voters have seen. On the primary; what is under way there goes first. */
static void replace_witness(struct core *c, const struct event *e, struct actions *out)
{
        bool any = false;

        for (uint8_t m = 0; m < c->config.mirrors; m++)
                any = record_expel(c, m, WITNESS, e, out) || any;
        answer(e->command.ticket, any ? 0 : -EINVAL, any ? REASON_COMMAND_DONE : REASON_COMMAND_WRONG_STATE, out);
}

static void ask_maintenance(struct core *c, uint8_t mirror, uint64_t until_s, const struct event *e)
{
        struct ask *ask = &c->command[mirror].ask;

        ask_change(c, mirror, ask, CHANGE_MAINTAIN, 0, e);
        ask->change.maintenance_until_s = until_s;
}

/* One that was never created has nothing to be decided. */
static void begin_removal(struct core *c, uint8_t mirror, const struct event *e)
{
        bool decided;

        if (record_known(c, mirror, &decided)->version != 0)
                ask_maintenance(c, mirror, RECORD_ENDED_S, e);
}

/* What somebody asks of a mirror that is being removed: to finish, to take that back, or to make a new one. */
static bool is_for_the_ended(const struct command_request *r)
{
        return r->type == COMMAND_REMOVE || r->type == COMMAND_CREATE || (r->type == COMMAND_MAINTENANCE && r->until_s == 0);
}

static enum reason may_be_done(const struct core *c, const struct command_request *r)
{
        bool decided;

        if (!is_for_the_ended(r) && record_is_ended(record_known(c, r->mirror, &decided)))
                return REASON_BEING_REMOVED;
        if (r->type == COMMAND_MAINTENANCE)
                return may_maintain(c, r->mirror);
        if (!c->act_ready)
                return REASON_ACT_LOST;
        switch (r->type) {
        case COMMAND_CREATE:
                return may_create(c, r->mirror);
        case COMMAND_JOIN:
                return may_join(c, r->mirror, r->consent);
        case COMMAND_SWITCHOVER:
                return may_switch_over(c, r->mirror);
        case COMMAND_RESYNC:
                return may_control_resync(c, r->mirror, &r->order);
        case COMMAND_SERVICE_RESTART:
                return may_restart_service(c, r->mirror);
        case COMMAND_FORCE_PRIMARY:
                return may_force(c, r->mirror, r->consent);
        case COMMAND_GROW:
                return may_grow(c, r->mirror);
        case COMMAND_REMOVE:
                return may_remove(c, r->mirror, r->consent);
        default:
                return may_start_alone(c, r->mirror, r->consent);
        }
}

/* Everything but a word in the record is about the own disk, and what the record says of it. */
static bool must_look_first(const struct core *c, const struct command_request *r)
{
        enum mirror_state s = c->mirror[r->mirror].state;

        return r->type != COMMAND_MAINTENANCE && (s == MIRROR_START || s == MIRROR_OPENING || standby_is_behind(c, r->mirror));
}

/* The command is judged and begun, or refused. */
static void begin(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct command *cmd = &c->command[mirror];
        const struct command_request *r = &cmd->request;
        enum reason refused = may_be_done(c, r);
        bool decided;

        cmd->waits = false;
        if (refused != REASON_NONE) {
                cmd->active = false;
                answer(r->ticket, refused == REASON_COMMAND_CONSENT ? -EPERM : refused == REASON_COMMAND_BUSY ? -EBUSY : -EINVAL, refused, out);
                return;
        }
        cmd->epoch = record_known(c, mirror, &decided)->epoch;
        cmd->until_ms = c->now_ms + COMMAND_PATIENCE * (uint64_t)c->config.timers.effect_timeout_ms;
        if (r->type == COMMAND_CREATE)
                mirror_fire(c, mirror, MIRROR_COMMAND_CREATE, e, out);
        else if (r->type == COMMAND_JOIN)
                mirror_fire(c, mirror, MIRROR_COMMAND_JOIN, e, out);
        else if (r->type == COMMAND_SWITCHOVER)
                group_move(c, mirror);
        else if (r->type == COMMAND_MAINTENANCE)
                ask_maintenance(c, mirror, r->until_s, e);
        else if (r->type == COMMAND_REMOVE)
                begin_removal(c, mirror, e);
        else if (r->type == COMMAND_RESYNC)
                pending_ask(c, &cmd->pending,
                            &(struct effect){.type = EFFECT_RESYNC_CONTROL, .mirror = mirror, .order = r->order, .until_ms = cmd->until_ms}, out);
        else if (r->type == COMMAND_GROW)
                pending_ask(c, &cmd->pending,
                            &(struct effect){.type = c->mirror[mirror].state == MIRROR_PRIMARY ? EFFECT_ARRAY_GROW : EFFECT_LEG_GROW,
                                             .mirror = mirror,
                                             .until_ms = cmd->until_ms},
                            out);
        else if (r->type == COMMAND_SERVICE_RESTART)
                service_afresh(c, mirror, out);
        else
                c->mirror[mirror].start_alone = true;
        c->mirror[mirror].forced = r->type == COMMAND_FORCE_PRIMARY;
}

void command_given(struct core *c, const struct event *e, struct actions *out)
{
        uint8_t mirror = e->command.mirror;

        if (e->command.type == COMMAND_LEAVE) {
                leave(c, e, out);
                return;
        }
        if (c->config.self >= NODES || mirror >= c->config.mirrors) {
                answer(e->command.ticket, -EINVAL, REASON_COMMAND_WRONG_STATE, out);
                return;
        }
        if (e->command.type == COMMAND_CONFIRM_DEAD) {
                confirm_dead(c, e, out);
                return;
        }
        if (e->command.type == COMMAND_TEST_FENCE) {
                fence_test_given(c, e, out);
                return;
        }
        if (e->command.type == COMMAND_REPLACE_WITNESS) {
                replace_witness(c, e, out);
                return;
        }
        struct command *cmd = &c->command[mirror];
        if (cmd->active || c->leaving) {
                answer(e->command.ticket, -EBUSY, REASON_COMMAND_BUSY, out);
                return;
        }
        *cmd = (struct command){
            .active = true,
            .waits = must_look_first(c, &e->command),
            .request = e->command,
            .until_ms = c->now_ms + FIRST_LOOK_MS,
        };
        if (!cmd->waits)
                begin(c, mirror, e, out);
}

void command_effect_done(struct core *c, uint8_t mirror, const struct event *e)
{
        struct command *cmd = &c->command[mirror];

        if (!cmd->active || !pending_answered(&cmd->pending, &e->result) || cmd->pending.error >= 0)
                return;
        bool passes = cmd->request.type == COMMAND_GROW && cmd->pending.error == -EAGAIN; /* as the effect says it */
        command_failed(c, mirror, cmd->pending.error, passes ? REASON_COMMAND_BUSY : REASON_EFFECT_FAILED);
}

void command_outcome(struct core *c, uint8_t mirror, const struct change_outcome *outcome)
{
        enum command_type type = c->command[mirror].request.type;

        if (!outcome->won && (type == COMMAND_MAINTENANCE || type == COMMAND_REMOVE))
                command_failed(c, mirror, -EAGAIN, REASON_COMMAND_WRONG_STATE); /* somebody else's word came later */
}

void command_failed(struct core *c, uint8_t mirror, int error, enum reason reason)
{
        struct command *cmd = &c->command[mirror];

        if (!cmd->active || cmd->failed || cmd->given_up)
                return;
        cmd->failed = true;
        cmd->error = error;
        cmd->reason = reason;
}

/* The last part, when the array has stopped in order. */
static void close_leg(struct core *c, uint8_t mirror, struct actions *out)
{
        struct command *cmd = &c->command[mirror];
        enum mirror_state state = c->mirror[mirror].state;
        bool ended = record_is_ended(&c->reg[mirror].decided) || c->reg[mirror].decided.version == 0;

        if (cmd->request.type != COMMAND_REMOVE || cmd->closing || cmd->failed || cmd->given_up || cmd->ask.wanted || !ended)
                return;
        if ((state != MIRROR_STANDBY && state != MIRROR_LEFT) || !standby_is_idle(c, mirror))
                return;
        cmd->closing = true;
        pending_ask(c, &cmd->pending, &(struct effect){.type = EFFECT_LEG_CLOSE, .mirror = mirror, .until_ms = cmd->until_ms}, out);
}

static bool is_done(const struct core *c, uint8_t mirror)
{
        const struct command *cmd = &c->command[mirror];
        const struct mirror *m = &c->mirror[mirror];
        const struct mirror_summary *s = detector_summary(c, peer_of(c), mirror);

        switch (cmd->request.type) {
        case COMMAND_CREATE:
        case COMMAND_START_ALONE:
        case COMMAND_FORCE_PRIMARY:
                return m->state == MIRROR_PRIMARY;
        case COMMAND_JOIN:
                return m->state == MIRROR_STANDBY;
        case COMMAND_SWITCHOVER:
                return m->state == MIRROR_STANDBY && s && s->role == ROLE_PRIMARY && s->epoch > cmd->epoch && group_has_moved(c, mirror);
        case COMMAND_RESYNC:
        case COMMAND_GROW:
                return !pending_is_open(&cmd->pending);
        case COMMAND_REMOVE:
                return cmd->closing && !pending_is_open(&cmd->pending);
        case COMMAND_SERVICE_RESTART:
                return c->service[mirror].state == SERVICE_UP;
        case COMMAND_MAINTENANCE:
                return !cmd->ask.wanted && !cmd->given_up; /* then it was taken back */
        case COMMAND_CONFIRM_DEAD:
        case COMMAND_LEAVE:
        case COMMAND_REPLACE_WITNESS:
        case COMMAND_TEST_FENCE:
        case COMMAND_TYPES:
                break;
        }
        return true;
}

/* All of it is one effect of its own. */
static bool is_an_effect(const struct command *cmd)
{
        return cmd->request.type == COMMAND_RESYNC || cmd->request.type == COMMAND_GROW;
}

/* Why a command that ran out of patience did not get there. */
static enum reason obstacle(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];

        if (is_an_effect(&c->command[mirror]))
                return c->act_ready ? REASON_EFFECT_SLOW : REASON_ACT_LOST;
        if (c->command[mirror].request.type == COMMAND_MAINTENANCE || c->command[mirror].ask.wanted)
                return REASON_NO_MAJORITY;
        if (c->command[mirror].request.type == COMMAND_REMOVE)
                return REASON_EFFECT_SLOW; /* of the stop, or of the closing */
        if (m->reason != REASON_NONE)
                return m->reason;
        return pending_is_open(&m->pending) ? REASON_EFFECT_SLOW : REASON_NO_MAJORITY;
}

/* The machines have taken back what could be taken back. */
static bool may_still_happen(const struct core *c, uint8_t mirror)
{
        const struct mirror *m = &c->mirror[mirror];
        const struct command *cmd = &c->command[mirror];

        if (cmd->request.type == COMMAND_MAINTENANCE)
                return cmd->ask.wanted;
        if (cmd->request.type == COMMAND_REMOVE)
                return cmd->ask.wanted || record_is_ended(&c->reg[mirror].decided); /* it goes on stopping */
        if (is_an_effect(cmd))
                return pending_is_open(&cmd->pending) && !cmd->pending.unsent; /* as below: late ones are not begun, but it may have begun */
        if (cmd->request.type == COMMAND_SERVICE_RESTART)
                return service_is_busy(c, mirror);
        switch (m->state) {
        case MIRROR_CREATE_LEG:
        case MIRROR_JOIN_LEG:
                return pending_is_open(&m->pending) && !m->pending.unsent; /* hamon-act begins none that is late */
        case MIRROR_SWAP:
        case MIRROR_CREATE_SWAP:
        case MIRROR_REVOKE:
        case MIRROR_CAPTURE:
        case MIRROR_ASSEMBLE:
        case MIRROR_APPLY:
        case MIRROR_HISTORY:
                return true;
        default:
                return c->command[mirror].request.type == COMMAND_SWITCHOVER; /* the service is stopped, and the peer will start it */
        }
}

/* What nobody can have accepted does not happen any more. */
static void take_back(struct core *c, uint8_t mirror)
{
        struct ask *ask = &c->command[mirror].ask;

        if (ask->wanted && (!ask->started || record_cancel(c, mirror)))
                ask_forget(ask);
}

void command_leave_poll(struct core *c, struct actions *out)
{
        if (!c->leave_ticket || !mirrors_have_stopped(c))
                return;
        answer(c->leave_ticket, 0, REASON_COMMAND_DONE, out);
        c->leave_ticket = 0;
        detector_hurry(c);
}

bool command_poll(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct command *cmd = &c->command[mirror];

        if (!cmd->active)
                return false;
        if (cmd->waits && c->leaving) {
                cmd->active = false;
                answer(cmd->request.ticket, -EBUSY, REASON_COMMAND_BUSY, out);
                return false;
        }
        if (cmd->waits) {
                if (!must_look_first(c, &cmd->request) || cmd->until_ms <= c->now_ms)
                        begin(c, mirror, e, out);
                return !cmd->waits;
        }
        close_leg(c, mirror, out);
        if (!cmd->failed && is_done(c, mirror)) {
                answer(cmd->request.ticket, 0, REASON_COMMAND_DONE, out);
        } else if (cmd->given_up) {
                bool open = may_still_happen(c, mirror);
                answer(cmd->request.ticket, open ? -EINPROGRESS : -ETIMEDOUT, open ? REASON_COMMAND_UNSETTLED : cmd->reason, out);
        } else if (!cmd->failed && cmd->until_ms <= c->now_ms) {
                cmd->given_up = true;
                cmd->reason = obstacle(c, mirror);
                take_back(c, mirror);
                c->mirror[mirror].start_alone = false;
                return true;
        } else if (cmd->failed) {
                answer(cmd->request.ticket, cmd->error, cmd->reason, out);
        } else {
                return false;
        }
        cmd->active = false;
        pending_cancel(&cmd->pending);
        c->mirror[mirror].start_alone = false;
        return false;
}

uint64_t command_deadline_ms(const struct core *c, uint8_t mirror)
{
        const struct command *cmd = &c->command[mirror];
        uint64_t pending_ms = pending_deadline_ms(c, &cmd->pending);

        return !cmd->active ? UINT64_MAX : pending_ms < cmd->until_ms ? pending_ms : cmd->until_ms;
}
