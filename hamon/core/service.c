/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/core/state.h"

#include <errno.h>

/* R4e: what an address may live longer than it was told: until the renewal arrives, and until hamon-act takes it away (hamon/act/address_held.h). */
enum { ADDRESS_SLACK_MS = 250 };

enum deed { NOTHING, START, STOP, WAIT, UP, FAIL, LOSE, SICKEN, AFRESH, GIVE_UP, MOVE };

#define S(name) IN_STATE(SERVICE_##name)
#define ALL (S(NONE) | S(DOWN) | S(UNKNOWN) | S(STARTING) | S(UP) | S(FAILED) | S(STOPPING) | S(GIVEN_UP))

/* clang-format off: one row, one line */
static const struct row rows[] = {
    {S(DOWN), SERVICE_POLL, SERVICE_WANTED, SERVICE_FROZEN, SERVICE_STARTING, START, REASON_NONE},
    {S(DOWN), SERVICE_POLL, SERVICE_WANTED | SERVICE_FROZEN, 0, STAY, NOTHING, REASON_NONE},
    {S(UNKNOWN), SERVICE_POLL, SERVICE_WANTED | SERVICE_SEEN, 0, SERVICE_UP, UP, REASON_SERVICE_UP},
    {S(UNKNOWN), SERVICE_POLL, SERVICE_WANTED, SERVICE_SEEN | SERVICE_FROZEN, SERVICE_STARTING, START, REASON_NONE},
    {S(UNKNOWN), SERVICE_POLL, SERVICE_WANTED | SERVICE_FROZEN, SERVICE_SEEN, STAY, NOTHING, REASON_NONE},
    {S(DOWN), SERVICE_POLL, 0, SERVICE_WANTED, STAY, NOTHING, REASON_NONE},
    {S(FAILED), SERVICE_POLL, SERVICE_WANTED | SERVICE_EXHAUSTED, 0, SERVICE_GIVEN_UP, GIVE_UP, REASON_SERVICE_GIVEN_UP},
    {S(FAILED), SERVICE_POLL, SERVICE_WANTED | SERVICE_RETRY_DUE, SERVICE_FROZEN | SERVICE_EXHAUSTED, SERVICE_STARTING, START, REASON_NONE},
    {S(FAILED), SERVICE_POLL, SERVICE_WANTED | SERVICE_RETRY_DUE | SERVICE_FROZEN, SERVICE_EXHAUSTED, STAY, NOTHING, REASON_NONE},
    {S(FAILED), SERVICE_POLL, SERVICE_WANTED, SERVICE_RETRY_DUE | SERVICE_EXHAUSTED, STAY, NOTHING, REASON_NONE},
    {S(UP), SERVICE_POLL, SERVICE_WANTED | SERVICE_MISSING, SERVICE_FROZEN, SERVICE_FAILED, LOSE, REASON_SERVICE_FAILED},
    {S(UP), SERVICE_POLL, SERVICE_WANTED | SERVICE_SICK, SERVICE_MISSING | SERVICE_FROZEN, SERVICE_FAILED, SICKEN, REASON_SERVICE_UNHEALTHY},
    {S(UP), SERVICE_POLL, SERVICE_WANTED | SERVICE_MISSING | SERVICE_FROZEN, 0, STAY, NOTHING, REASON_NONE},
    {S(UP), SERVICE_POLL, SERVICE_WANTED | SERVICE_SICK | SERVICE_FROZEN, SERVICE_MISSING, STAY, NOTHING, REASON_NONE},
    {S(UP), SERVICE_POLL, SERVICE_WANTED, SERVICE_MISSING | SERVICE_SICK, STAY, NOTHING, REASON_NONE},
    {S(GIVEN_UP), SERVICE_POLL, SERVICE_WANTED | SERVICE_MOVABLE, 0, STAY, MOVE, REASON_SERVICE_MOVES},
    {S(GIVEN_UP), SERVICE_POLL, SERVICE_WANTED, SERVICE_MOVABLE, STAY, NOTHING, REASON_NONE},
    {S(GIVEN_UP), SERVICE_POLL, 0, SERVICE_WANTED | SERVICE_HELD, SERVICE_STOPPING, STOP, REASON_NONE},
    {S(STARTING), SERVICE_POLL, SERVICE_WANTED, 0, STAY, NOTHING, REASON_NONE},
    {S(UNKNOWN) | S(STARTING) | S(UP), SERVICE_POLL, 0, SERVICE_WANTED | SERVICE_HELD, SERVICE_STOPPING, STOP, REASON_NONE},
    {S(FAILED), SERVICE_POLL, SERVICE_RETRY_DUE, SERVICE_WANTED | SERVICE_HELD, SERVICE_STOPPING, STOP, REASON_NONE},
    {S(FAILED), SERVICE_POLL, 0, SERVICE_WANTED | SERVICE_RETRY_DUE | SERVICE_HELD, STAY, NOTHING, REASON_NONE},
    {S(UNKNOWN) | S(STARTING) | S(UP) | S(FAILED) | S(GIVEN_UP), SERVICE_POLL, SERVICE_HELD, SERVICE_WANTED, STAY, NOTHING, REASON_NONE},
    {S(NONE) | S(STOPPING), SERVICE_POLL, 0, 0, STAY, NOTHING, REASON_NONE},

    {S(STARTING), SERVICE_DONE, 0, 0, SERVICE_UP, UP, REASON_SERVICE_UP},
    {S(STARTING), SERVICE_FAILED_EFFECT, 0, 0, SERVICE_FAILED, FAIL, REASON_SERVICE_FAILED},
    {S(STOPPING), SERVICE_DONE, 0, 0, SERVICE_DOWN, NOTHING, REASON_NONE},
    {S(STOPPING), SERVICE_FAILED_EFFECT, 0, 0, SERVICE_FAILED, WAIT, REASON_EFFECT_FAILED},
    {ALL & ~(S(STARTING) | S(STOPPING)), SERVICE_DONE, 0, 0, STAY, NOTHING, REASON_NONE},
    {ALL & ~(S(STARTING) | S(STOPPING)), SERVICE_FAILED_EFFECT, 0, 0, STAY, NOTHING, REASON_NONE},

    {S(UP) | S(FAILED) | S(GIVEN_UP), SERVICE_AFRESH, SERVICE_WANTED, 0, SERVICE_FAILED, AFRESH, REASON_NONE},
    {S(UP) | S(FAILED) | S(GIVEN_UP), SERVICE_AFRESH, 0, SERVICE_WANTED, STAY, NOTHING, REASON_NONE},
    {ALL & ~(S(UP) | S(FAILED) | S(GIVEN_UP)), SERVICE_AFRESH, 0, 0, STAY, NOTHING, REASON_NONE},
};

static const char *const words[] = {"none", "down", "unknown", "starting", "up", "failed", "stopping", "given-up"};
/* clang-format on */

const struct table service_table = {rows, sizeof rows / sizeof *rows, SERVICE_STATES, SERVICE_EVENTS, words};

void service_init(struct core *c, uint8_t mirror)
{
        c->service[mirror] = (struct service){.state = c->config.has_service[mirror] ? SERVICE_DOWN : SERVICE_NONE};
}

void service_adopt(struct core *c, uint8_t mirror)
{
        if (c->config.has_service[mirror])
                c->service[mirror].state = SERVICE_UNKNOWN;
}

bool service_is_down(const struct core *c, uint8_t mirror)
{
        return c->service[mirror].state == SERVICE_DOWN || c->service[mirror].state == SERVICE_NONE;
}

bool service_is_busy(const struct core *c, uint8_t mirror)
{
        return c->service[mirror].state == SERVICE_STARTING || c->service[mirror].state == SERVICE_STOPPING;
}

static uint32_t facts(const struct core *c, uint8_t mirror)
{
        const struct service *s = &c->service[mirror];
        uint32_t f = 0;

        bool held = group_holds(c, mirror);

        if (c->mirror[mirror].state == MIRROR_PRIMARY && group_is_here(c, mirror))
                f |= SERVICE_WANTED;
        if (held)
                f |= SERVICE_HELD;
        if (s->retry_ms <= c->now_ms || (!(f & SERVICE_WANTED) && s->pending.effect.type != EFFECT_SERVICE_STOP))
                f |= SERVICE_RETRY_DUE; /* what failed to start is stopped at once */
        if (s->missing_since_ms && c->now_ms - s->missing_since_ms >= c->config.timers.leg_timeout_ms)
                f |= SERVICE_MISSING;
        if (c->mirror[mirror].observed_valid && c->mirror[mirror].observed.service_running)
                f |= SERVICE_SEEN;
        if (leg_is_in_the_way(c, mirror) || (held && (s->state == SERVICE_DOWN || s->state == SERVICE_FAILED)))
                f |= SERVICE_FROZEN; /* nor is it started under a service that still stops */
        if (s->sick)
                f |= SERVICE_SICK;
        if (service_policy_is_exhausted(c, mirror))
                f |= SERVICE_EXHAUSTED;
        if (service_policy_may_move(c, mirror))
                f |= SERVICE_MOVABLE;
        return f;
}

static void ask_effect(struct core *c, uint8_t mirror, enum effect_type type, struct actions *out)
{
        pending_ask(c, &c->service[mirror].pending,
                    &(struct effect){.type = type, .mirror = mirror, .epoch = c->mirror[mirror].epoch, .whole = type == EFFECT_SERVICE_START && c->service[mirror].again},
                    out);
}

static void drop_address(struct core *c, uint8_t mirror, struct actions *out)
{
        effect_send_untracked(c, (struct effect){.type = EFFECT_ADDRESS_DROP, .mirror = mirror}, out);
        c->service[mirror].address_up = false;
}

static void do_deed(struct core *c, uint8_t mirror, enum deed deed, struct actions *out)
{
        struct service *s = &c->service[mirror];

        switch (deed) {
        case NOTHING:
                return;
        case START:
                s->missing_since_ms = 0;
                ask_effect(c, mirror, EFFECT_SERVICE_START, out);
                s->again = false;
                return;
        case STOP:
                s->address_up = false; /* renewed no more: the stop drops it when the units have ended */
                ask_effect(c, mirror, EFFECT_SERVICE_STOP, out);
                return;
        case LOSE:
        case SICKEN: /* the first restart is at once */
                service_policy_failed(c, mirror);
                s->again = deed == SICKEN;
                s->retry_ms = c->now_ms;
                return;
        case AFRESH:
                s->tally = (struct service_tally){0};
                s->again = true;
                s->backoff_ms = 0;
                s->retry_ms = c->now_ms;
                return;
        case GIVE_UP:
                service_policy_give_up(c, mirror);
                drop_address(c, mirror, out);
                return;
        case MOVE: /* as by a person's switchover */
                group_move(c, mirror);
                return;
        case FAIL:
                service_policy_failed(c, mirror);
                s->again = s->pending.effect.whole; /* its units may not have been stopped */
                if (c->command[mirror].request.type == COMMAND_SERVICE_RESTART)
                        command_failed(c, mirror, -EIO, REASON_SERVICE_FAILED);
                /* fall through */
        case WAIT:
                s->backoff_ms = s->backoff_ms ? s->backoff_ms * 2 : c->config.timers.join_backoff_ms;
                if (s->backoff_ms > c->config.timers.join_backoff_max_ms)
                        s->backoff_ms = c->config.timers.join_backoff_max_ms;
                s->retry_ms = c->now_ms + s->backoff_ms;
                return;
        case UP:
                s->sick = false;
                s->backoff_ms = 0;
                s->renew_ms = c->now_ms;
                return;
        }
}

static void fire(struct core *c, uint8_t mirror, enum service_event event, struct actions *out)
{
        struct service *s = &c->service[mirror];
        const struct row *r = table_find(&service_table, s->state, event, facts(c, mirror));

        if (r->next != STAY)
                s->state = r->next;
        if (r->reason != REASON_NONE)
                report(c, r->reason, mirror, c->config.self, c->mirror[mirror].epoch, out);
        do_deed(c, mirror, r->deed, out);
}

/* R4e: the address lives only as long as the lease does, with what taking it away adds. */
static void care_for_address(struct core *c, uint8_t mirror, struct actions *out)
{
        struct service *s = &c->service[mirror];
        uint64_t until_ms = group_lease_until_ms(c, mirror);

        if (s->state != SERVICE_UP || c->mirror[mirror].state != MIRROR_PRIMARY)
                return;
        if (until_ms <= c->now_ms) {
                if (s->address_up)
                        drop_address(c, mirror, out);
                if (!s->lease_reported && c->now_ms - c->mirror[mirror].since_ms >= c->config.timers.lease_ms) {
                        s->lease_reported = true;
                        report(c, REASON_LEASE_LOST, mirror, c->config.self, 0, out);
                }
                return;
        }
        if (s->renew_ms > c->now_ms || !c->act_ready)
                return;
#ifndef MUTANT_address_outlives_lease /* R4e */
        if (until_ms < c->now_ms + c->config.timers.address_ms + ADDRESS_SLACK_MS)
                return;
#endif
        effect_send_untracked(c, (struct effect){.type = EFFECT_ADDRESS_RENEW, .mirror = mirror, .lifetime_ms = c->config.timers.address_ms},
                              out);
        s->address_up = true;
        s->lease_reported = false;
        /* All services in the same turn: the kernel looks for ended addresses a second after the last one that was set anew. */
        s->renew_ms = c->now_ms - c->now_ms % c->config.timers.address_renew_ms + c->config.timers.address_renew_ms;
}

void service_poll(struct core *c, uint8_t mirror, struct actions *out)
{
        if (c->mirror[mirror].state == MIRROR_DEPOSED)
                return; /* its frozen writes must not complete: nothing is stopped in order any more (3.5) */
        fire(c, mirror, SERVICE_POLL, out);
        care_for_address(c, mirror, out);
}

void service_observed(struct core *c, uint8_t mirror)
{
        struct service *s = &c->service[mirror];

        s->sick = s->state == SERVICE_UP && c->mirror[mirror].observed.service_unhealthy; /* what was seen before it was up is of another start */
        if (s->state != SERVICE_UP || c->mirror[mirror].observed.service_running)
                s->missing_since_ms = 0;
        else if (!s->missing_since_ms)
                s->missing_since_ms = c->now_ms;
}

void service_effect_done(struct core *c, uint8_t mirror, const struct event *e, struct actions *out)
{
        struct service *s = &c->service[mirror];

        if (pending_answered(&s->pending, &e->result))
                fire(c, mirror, e->result.error == 0 ? SERVICE_DONE : SERVICE_FAILED_EFFECT, out);
}

void service_afresh(struct core *c, uint8_t mirror, struct actions *out)
{
        fire(c, mirror, SERVICE_AFRESH, out);
}

uint64_t service_deadline_ms(const struct core *c, uint8_t mirror)
{
        const struct service *s = &c->service[mirror];
        bool serving = s->state == SERVICE_UP && c->mirror[mirror].state == MIRROR_PRIMARY;
        uint64_t until_ms = group_lease_until_ms(c, mirror);
        uint64_t at[] = {
            pending_deadline_ms(c, &s->pending),
            s->state == SERVICE_FAILED && s->retry_ms > c->now_ms ? s->retry_ms : UINT64_MAX,
            serving && s->renew_ms > c->now_ms ? s->renew_ms : UINT64_MAX,
            serving && s->address_up && until_ms > c->now_ms ? until_ms : UINT64_MAX,
        };
        uint64_t next = UINT64_MAX;

        for (unsigned i = 0; i < sizeof at / sizeof *at; i++)
                if (at[i] < next)
                        next = at[i];
        return next;
}
