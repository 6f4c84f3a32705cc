/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One step of the core: the event goes to its machine; then everything that depends on time or on the others is looked at again until
 * nothing moves any more.
 */
#include "hamon/core/state.h"

#include <assert.h>
#include <string.h>

enum { ROUNDS_MAX = 32 }; /* of looking again; a machine that keeps moving is a bug */

static bool is_node(const struct core *c)
{
        return c->config.self < NODES;
}

void core_init(struct core *c, const struct core_config *config, const struct core_durable *durable, uint64_t now_ms)
{
        memset(c, 0, sizeof *c);
        assert(config->mirrors <= MIRRORS_MAX && config->self < VOTERS);
        c->config = *config;
        c->started_ms = c->act_lost_ms = c->now_ms = now_ms;
        detector_init(c);
        for (uint8_t m = 0; m < config->mirrors; m++) {
                c->lease[m].holder = NO_NODE;
                record_init(c, m, &durable->acceptor[m], durable->known[m]);
                mirror_init(c, m);
                leg_init(c, m);
                standby_init(c, m);
                service_init(c, m);
        }
}

/* -- proposals: ask.h ------------------------------------------------------------------------------------------------------------- */

void ask_change(struct core *c, uint8_t mirror, struct ask *a, enum change_kind kind, uint64_t epoch, const struct event *e)
{
        *a = (struct ask){
            .wanted = true,
            .change = {.kind = kind,
                       .epoch = epoch,
                       .own_leg = c->mirror[mirror].opened.leg.uuid,
                       .peer_leg = c->leg[mirror].peer_leg,
                       .despite_maintenance = mirror_is_a_persons(c, mirror),
                       .doubtful = kind == CHANGE_KEEP_PEER && c->mirror[mirror].observed.own_unsafe,
                       .id = draw_uuid(c, e)},
        };
}

void ask_forget(struct ask *a)
{
        *a = (struct ask){.wanted = false};
}

/* An outcome is there until the register is called the next time. */
static bool take_outcome(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct ask *asks[] = {&c->mirror[mirror].ask, &c->leg[mirror].ask, &c->standby[mirror].ask, &c->command[mirror].ask};
        struct change_outcome outcome = c->reg[mirror].outcome;
        unsigned asker = 0;

        if (!outcome.present)
                return false;
        c->reg[mirror].outcome.present = false;
        while (asker < 4 && !asks[asker]->started)
                asker++;
        if (asker < 4)
                ask_forget(asks[asker]);
        if (asker == 0)
                mirror_outcome(c, mirror, &outcome, e, out);
        else if (asker == 1)
                leg_outcome(c, mirror, &outcome, e, out);
        else if (asker == 2)
                standby_outcome(c, mirror, &outcome, e, out);
        else if (asker == 3)
                command_outcome(c, mirror, &outcome);
        return true;
}

static bool start_proposal(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct ask *asks[] = {&c->mirror[mirror].ask, &c->leg[mirror].ask, &c->standby[mirror].ask, &c->command[mirror].ask};

        for (unsigned i = 0; i < 4; i++) {
                if (asks[i]->wanted && !asks[i]->started && !record_busy(c, mirror)) {
                        asks[i]->started = true;
                        record_propose(c, mirror, &asks[i]->change, e, out);
                        return true;
                }
        }
        return false;
}

/* -- events ----------------------------------------------------------------------------------------------------------------------- */

static void on_message(struct core *c, const struct event *e, struct actions *out)
{
        const struct message *m = &e->message;

        if (m->from >= VOTERS || m->to != c->config.self || (m->type != MESSAGE_HEARTBEAT && m->mirror >= c->config.mirrors))
                return;
        if (m->type != MESSAGE_HEARTBEAT && m->from < NODES && m->from != c->config.self)
                register_note_generation(&c->reg[m->mirror], m->voters_generation);
        switch (m->type) {
        case MESSAGE_HEARTBEAT:
                if (m->from != c->config.self)
                        detector_message(c, e, out);
                return;
        case MESSAGE_PREVOTE:
        case MESSAGE_PREVOTE_REPLY:
                prevote_message(c, e, out);
                return;
        case MESSAGE_PREPARE:
        case MESSAGE_PROMISE:
        case MESSAGE_ACCEPT:
        case MESSAGE_ACCEPTED:
                record_message(c, e, out);
                return;
        case MESSAGE_RENEW:
        case MESSAGE_RENEWED:
                lease_message(c, e, out);
                return;
        case MESSAGE_GRANT_REQUEST:
        case MESSAGE_CHECK_REQUEST:
                if (is_node(c))
                        standby_message(c, e, out);
                return;
        case MESSAGE_GRANT_REPLY:
        case MESSAGE_CHECK_REPLY:
                if (is_node(c))
                        leg_message(c, e, out);
                return;
        case MESSAGE_TYPE_END:
                return;
        }
}

static void on_effect_done(struct core *c, const struct event *e, struct actions *out)
{
        uint8_t m = e->result.mirror;

        if (!c->act_ready || m >= c->config.mirrors)
                return;
        if (!effect_is_at_once(e->result.type) && !effect_is_beside(e->result.type) && e->result.ticket > c->mirror[m].settled)
                c->mirror[m].settled = e->result.ticket;
        /* A ticket is one machine's. */
        mirror_effect_done(c, m, e, out);
        leg_effect_done(c, m, e, out);
        standby_effect_done(c, m, e, out);
        service_effect_done(c, m, e, out);
        resync_hook_effect_done(c, m, e);
        command_effect_done(c, m, e);
}

/* What people should hear of at once, and afterwards: a pause that ended by itself, too. */
static void report_resync(struct core *c, uint8_t m, const struct resync_seen *before, const struct resync_seen *now, struct actions *out)
{
        if (now->paused && !before->paused)
                report(c, REASON_RESYNC_PAUSED, m, peer_of(c), 0, out);
        if (!now->paused && before->paused)
                report(c, REASON_RESYNC_RESUMED, m, peer_of(c), 0, out);
        if (now->stalled && !before->stalled)
                report(c, REASON_RESYNC_STALLED, m, peer_of(c), 0, out);
}

static void report_discards(struct core *c, uint8_t m, enum discards_seen before, enum discards_seen now, struct actions *out)
{
        if (now == DISCARDS_TAKEN && before != DISCARDS_TAKEN)
                report(c, REASON_DISCARDS_TAKEN, m, NO_NODE, 0, out);
        if (discards_are_refused(now) && !discards_are_refused(before))
                report(c, REASON_DISCARDS_REFUSED, m, NO_NODE, 0, out);
}

static void on_observed(struct core *c, const struct event *e, struct actions *out)
{
        uint8_t m = e->observed.mirror;

        if (!c->act_ready || m >= c->config.mirrors)
                return;
#ifndef MUTANT_stale_observation
        if (e->observed.settled < c->mirror[m].settled)
                return; /* it was on its way while an effect changed what it shows */
#endif
        report_resync(c, m, &c->mirror[m].observed.resync, &e->observed.resync, out);
        report_discards(c, m, c->mirror[m].observed.discards, e->observed.discards, out);
        c->mirror[m].observed = e->observed;
        c->mirror[m].observed_valid = true;
        c->mirror[m].observed_ms = c->now_ms;
        leg_observed(c, m);
        service_observed(c, m);
}

static void on_act(struct core *c, bool ready, const struct event *e, struct actions *out)
{
        bool lost = c->act_ready; /* also when it was lost and is back before anybody told us */

        if (lost)
                c->act_lost_ms = c->now_ms;
        c->act_ready = ready;
        for (uint8_t m = 0; m < c->config.mirrors; m++) {
                c->mirror[m].observed_valid = false;
                c->mirror[m].settled = 0;
                c->service[m].address_up = false;
                pending_lost(&c->mirror[m].pending);
                pending_lost(&c->mirror[m].reopen);
                pending_lost(&c->leg[m].pending);
                pending_lost(&c->standby[m].pending);
                pending_lost(&c->service[m].pending);
                pending_lost(&c->command[m].pending);
                pending_lost(&c->resync_hook[m].pending);
                mirror_fire(c, m, ready ? MIRROR_ACT_READY : MIRROR_ACT_LOST, e, out);
                pending_ask_again(c, &c->command[m].pending, out);
                pending_ask_again(c, &c->resync_hook[m].pending, out);
        }
        if (!ready && lost)
                report(c, REASON_ACT_LOST, MIRRORS_MAX, c->config.self, 0, out);
}

static void dispatch(struct core *c, const struct event *e, struct actions *out)
{
        switch (e->type) {
        case EVENT_TICK:
        case EVENT_TYPES:
                return;
        case EVENT_MESSAGE:
                on_message(c, e, out);
                return;
        case EVENT_EFFECT_DONE:
                if (is_node(c))
                        on_effect_done(c, e, out);
                return;
        case EVENT_OBSERVED:
                if (is_node(c))
                        on_observed(c, e, out);
                return;
        case EVENT_ACT_LOST:
        case EVENT_ACT_READY:
                if (is_node(c))
                        on_act(c, e->type == EVENT_ACT_READY, e, out);
                return;
        case EVENT_COMMAND:
                command_given(c, e, out);
                return;
        }
}

/* -- looking again ---------------------------------------------------------------------------------------------------------------- */

static void tick_pending(struct core *c, uint8_t m, struct actions *out)
{
        pending_tick(c, &c->mirror[m].pending, out);
        pending_tick(c, &c->mirror[m].reopen, out);
        pending_tick(c, &c->leg[m].pending, out);
        pending_tick(c, &c->standby[m].pending, out);
        pending_tick(c, &c->service[m].pending, out);
        pending_tick(c, &c->command[m].pending, out);
        pending_tick(c, &c->resync_hook[m].pending, out);
}

/* Each node says when it begins, as far as it knows, and when it is over: by a person's word or by the time. */
static void report_maintenance(struct core *c, uint8_t m, struct actions *out)
{
        bool decided;
        const struct record *r = record_known(c, m, &decided);
        bool ended = record_is_ended(r), now = record_is_in_maintenance(c, r) && !ended;

        if (ended != c->mirror[m].ended)
                report(c, ended ? REASON_BEING_REMOVED : REASON_REMOVAL_OVER, m, NO_NODE, 0, out);
        if (now != c->mirror[m].maintained)
                report(c, now ? REASON_MAINTENANCE_ON : REASON_MAINTENANCE_OVER, m, NO_NODE, now ? r->maintenance_until_s - c->wall_s : 0, out);
        c->mirror[m].maintained = now;
        c->mirror[m].ended = ended;
}

static void settle(struct core *c, uint8_t m, const struct event *e, struct actions *out)
{
        for (int round = 0;; round++) {
                assert(round < ROUNDS_MAX);
                int before[] = {(int)c->mirror[m].state, (int)c->leg[m].state, (int)c->standby[m].state, (int)c->service[m].state};
                bool moved = take_outcome(c, m, e, out) || start_proposal(c, m, e, out);

                mirror_fire(c, m, MIRROR_POLL, e, out);
                lease_hold(c, m, mirror_wants_lease(c, m), e, out);
                leg_fire(c, m, LEG_POLL, e, out);
                standby_poll(c, m, e, out);
                service_poll(c, m, out);
                resync_hook_poll(c, m, out);
                moved = command_poll(c, m, e, out) || moved;
                if (!moved && before[0] == (int)c->mirror[m].state && before[1] == (int)c->leg[m].state &&
                    before[2] == (int)c->standby[m].state && before[3] == (int)c->service[m].state)
                        return;
        }
}

void core_step(struct core *c, const struct event *event, struct actions *ret_actions)
{
        uint64_t gap_ms = event->now_ms - c->now_ms;

        ret_actions->count = 0;
        assert(event->now_ms >= c->now_ms);
        c->now_ms = event->now_ms;
        c->wall_s = event->wall_s;
        if (gap_ms > c->config.timers.suspect_ms)
                detector_stalled(c, gap_ms);
        dispatch(c, event, ret_actions);
        detector_tick(c, ret_actions);
        for (uint8_t m = 0; m < c->config.mirrors; m++) {
                if (is_node(c))
                        take_outcome(c, m, event, ret_actions);
                record_tick(c, m, event, ret_actions);
                lease_tick(c, m, event, ret_actions);
                if (is_node(c)) {
                        report_maintenance(c, m, ret_actions);
                        tick_pending(c, m, ret_actions);
                        settle(c, m, event, ret_actions);
                }
        }
        if (is_node(c)) {
                command_leave_poll(c, ret_actions);
                fence_test_poll(c, ret_actions);
        }
        detector_beat(c, ret_actions);
}

uint64_t core_next_deadline_ms(const struct core *c)
{
        uint64_t next = detector_deadline_ms(c), test = fence_test_deadline_ms(c);

        if (test < next)
                next = test;

        for (uint8_t m = 0; m < c->config.mirrors; m++) {
                uint64_t at[] = {
                    record_deadline_ms(c, m),
                    lease_deadline_ms(c, m),
                    is_node(c) ? mirror_deadline_ms(c, m) : UINT64_MAX,
                    is_node(c) ? leg_deadline_ms(c, m) : UINT64_MAX,
                    is_node(c) ? standby_deadline_ms(c, m) : UINT64_MAX,
                    is_node(c) ? service_deadline_ms(c, m) : UINT64_MAX,
                    is_node(c) ? command_deadline_ms(c, m) : UINT64_MAX,
                    is_node(c) ? pending_deadline_ms(c, &c->resync_hook[m].pending) : UINT64_MAX,
                };
                for (unsigned i = 0; i < sizeof at / sizeof *at; i++)
                        if (at[i] < next)
                                next = at[i];
        }
        return next;
}
