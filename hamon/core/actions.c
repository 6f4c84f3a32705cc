/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the machines append actions, and the ids that they draw from an event's entropy. */
#include "hamon/core/state.h"

#include <assert.h>
#include <string.h>

struct action *actions_add(struct actions *out, enum action_type type)
{
        assert(out->count < ACTIONS_MAX);
        struct action *a = &out->at[out->count++];
        memset(a, 0, sizeof *a);
        a->type = type;
        return a;
}

struct message *message_send(struct core *c, uint8_t to, uint8_t mirror, enum message_type type, struct actions *out)
{
        struct action *a = actions_add(out, ACTION_SEND);

        a->after = type == MESSAGE_HEARTBEAT ? 0 : c->reg[mirror].generation;
        a->send.type = type;
        a->send.from = c->config.self;
        a->send.to = to;
        a->send.mirror = mirror;
        a->send.voters_generation = type == MESSAGE_HEARTBEAT ? 0 : register_voters_generation(&c->reg[mirror]);
        return &a->send;
}

void effect_send(struct core *c, const struct effect *effect, struct actions *out)
{
        struct action *a = actions_add(out, ACTION_EFFECT);
        bool takes_away = effect->type == EFFECT_ADDRESS_DROP || effect->type == EFFECT_REBOOT || effect->type == EFFECT_ADDRESS_RENEW;

        a->after = takes_away ? 0 : c->reg[effect->mirror].generation;
        a->effect = *effect;
}

void effect_send_untracked(struct core *c, struct effect effect, struct actions *out)
{
        if (!c->act_ready)
                return;
        effect.ticket = ++c->next_ticket;
        effect_send(c, &effect, out);
}

void report(struct core *c, enum reason reason, uint8_t mirror, uint8_t node, uint64_t number, struct actions *out)
{
        (void)c;
        struct action *a = actions_add(out, ACTION_REPORT);

        a->report.reason = reason;
        a->report.mirror = mirror;
        a->report.node = node;
        a->report.number = number;
}

void answer(uint64_t ticket, int error, enum reason reason, struct actions *out)
{
        struct action *a = actions_add(out, ACTION_ANSWER);

        a->answer.ticket = ticket;
        a->answer.error = error;
        a->answer.reason = reason;
}

static uint64_t mix(uint64_t x)
{
        x ^= x >> 30;
        x *= UINT64_C(0xbf58476d1ce4e5b9);
        x ^= x >> 27;
        x *= UINT64_C(0x94d049bb133111eb);
        return x ^ (x >> 31);
}

uint64_t draw(struct core *c, const struct event *e)
{
        uint64_t n = ++c->draws;

        return mix(e->entropy[n % 4] + n * UINT64_C(0x9e3779b97f4a7c15)) | 1;
}

struct uuid draw_uuid(struct core *c, const struct event *e)
{
        uint64_t words[2] = {draw(c, e), draw(c, e)};
        struct uuid u;

        memcpy(u.bytes, words, sizeof u.bytes);
        u.bytes[6] = (uint8_t)((u.bytes[6] & 0x0f) | 0x40);
        u.bytes[8] = (uint8_t)((u.bytes[8] & 0x3f) | 0x80);
        return u;
}
