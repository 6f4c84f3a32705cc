/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/core/state.h"

enum { RETRY_FIRST_MS = 250 };

static void emit(struct core *c, struct pending *p, struct actions *out)
{
        p->effect.ticket = p->ticket = ++c->next_ticket;
        p->asked_ms = c->now_ms;
        p->retry_ms = 0;
        p->slow_reported = false;
        p->unsent = !c->act_ready;
        if (c->act_ready)
                effect_send(c, &p->effect, out);
}

void pending_ask(struct core *c, struct pending *p, const struct effect *effect, struct actions *out)
{
        *p = (struct pending){.effect = *effect};
        emit(c, p, out);
}

bool pending_answered(struct pending *p, const struct effect_result *result)
{
        if (p->ticket == 0 || p->unsent || p->ticket != result->ticket || p->effect.type != result->type)
                return false;
        p->ticket = 0;
        p->error = result->error;
        if (result->error == 0)
                p->backoff_ms = 0;
        return true;
}

void pending_retry_later(struct core *c, struct pending *p)
{
        uint32_t max_ms = c->config.timers.leg_timeout_ms;

        p->backoff_ms = p->backoff_ms == 0 ? RETRY_FIRST_MS : p->backoff_ms * 2;
        if (p->backoff_ms > max_ms)
                p->backoff_ms = max_ms;
        p->retry_ms = c->now_ms + p->backoff_ms;
}

void pending_lost(struct pending *p)
{
        if (p->ticket)
                p->unsent = true;
}

void pending_ask_again(struct core *c, struct pending *p, struct actions *out)
{
        if (p->ticket && p->unsent)
                emit(c, p, out);
}

void pending_tick(struct core *c, struct pending *p, struct actions *out)
{
        if (p->retry_ms && p->retry_ms <= c->now_ms)
                emit(c, p, out);
        if (p->ticket && !p->unsent && !p->slow_reported && c->now_ms - p->asked_ms >= c->config.timers.effect_timeout_ms) {
                p->slow_reported = true;
                report(c, REASON_EFFECT_SLOW, p->effect.mirror, c->config.self, c->now_ms - p->asked_ms, out);
        }
}

uint64_t pending_deadline_ms(const struct core *c, const struct pending *p)
{
        if (p->retry_ms)
                return p->retry_ms;
        if (p->ticket && !p->unsent && !p->slow_reported)
                return p->asked_ms + c->config.timers.effect_timeout_ms;
        return UINT64_MAX;
}

void pending_cancel(struct pending *p)
{
        *p = (struct pending){.ticket = 0};
}

bool pending_is_open(const struct pending *p)
{
        return p->ticket != 0 || p->retry_ms != 0;
}
