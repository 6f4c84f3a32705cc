/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/releases/recorded.h"

#include "hamon/act/protocol.h"
#include "hamon/driver/act_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct config config = {.mirrors = 2, .mirror = {{.name = "data", .label = "data"}, {.name = "logs", .label = "logs"}}};
static const struct uuid session = {{0x5e, 2}}, leg = {{0xa, 3}};

static int put_text(char *text, const char *path)
{
        int r = text ? recorded_put(path, text, strlen(text)) : -ENOMEM;
        free(text);
        return r;
}

/* ---- what hamon asks ---- */

static int put_effect(const struct effect *e, const char *path)
{
        char *text = NULL;
        int r = act_encode_effect(&config, e, &text);
        return r < 0 ? r : put_text(text, path);
}

static int write_effect(unsigned type, const char *path)
{
        struct effect e = {.type = (enum effect_type)type, .mirror = 1, .ticket = UINT64_MAX, .epoch = 7, .session = session, .leg = leg, .version = 9, .whole = true,
                           .lifetime_ms = 1000, .leg_bytes = type == EFFECT_ARRAY_CREATE ? 5ull << 40 : 0, .until_ms = 1ull << 40};
        if (type == EFFECT_RESYNC_CONTROL)
                e.order = (struct resync_order){.wish = RESYNC_RATE, .for_s = 3600, .rate_kib = 10240};
        return put_effect(&e, path);
}

static int rewrite_effect(unsigned type, const char *from, const char *to)
{
        uint8_t *text;
        size_t size;
        uint64_t ticket;
        char reason[128];
        struct effect e;
        int r = recorded_get(from, &text, &size);
        if (r < 0)
                return r;
        r = protocol_decode(&config, (const char *)text, size, &e, &ticket, reason, sizeof reason);
        free(text);
        return r < 0 ? r : e.type == type ? put_effect(&e, to) : -EPROTO;
}

/* ---- what hamon-act answers ---- */

static int write_result(unsigned type, const char *path)
{
        struct effect_result r = {.type = (enum effect_type)type, .ticket = 17};
        if (type == EFFECT_LEG_OPEN) {
                r.leg.present = r.leg.has_superblock = r.leg.note = r.leg.array_running = r.leg.calls_peer_failed = r.leg.clean = r.leg.debt = true;
                r.leg.uuid = leg;
                r.leg.last_epoch = 12;
                r.leg.updated_s = 1764400000;
                r.leg.md_events = 1ull << 60;
                r.leg.session = session;
        }
        if (type == EFFECT_ATTACH) {
                r.error = -EIO;
                strcpy(r.detail, "the leg refuses");
        }
        r.permits = type == EFFECT_CHECK_LEG;
        r.known = r.blank = type == EFFECT_DEBT_UNION;
        return put_text(protocol_encode_result(&config, &r), path);
}

static int decode_packet(const char *from, enum act_packet_type type, struct act_packet *ret)
{
        uint8_t *text;
        size_t size;
        int r = recorded_get(from, &text, &size);
        if (r < 0)
                return r;
        r = act_decode(&config, (const char *)text, size, ret);
        free(text);
        return r < 0 ? r : ret->type == type ? 0 : -EPROTO;
}

static int rewrite_result(unsigned type, const char *from, const char *to)
{
        struct act_packet p;
        int r = decode_packet(from, ACT_PACKET_RESULT, &p);
        return r < 0 ? r : p.result.type == (enum effect_type)type ? put_text(protocol_encode_result(&config, &p.result), to) : -EPROTO;
}

static int write_observation(unsigned which, const char *path)
{
        (void)which;
        const struct observation o = {.mirror = 1, .settled = 5, .array_running = true, .own_in_sync = true, .peer_in_array = true, .peer_in_sync = true, .sync_idle = true, .discards = DISCARDS_TAKEN,
                                      .owed_known = true, .owed_bytes = 24 << 20};
        const struct service_seen s = {0};
        return put_text(protocol_encode_observation(&config, &o, &s), path);
}

static int rewrite_observation(unsigned which, const char *from, const char *to)
{
        (void)which;
        struct act_packet p;
        int r = decode_packet(from, ACT_PACKET_OBSERVATION, &p);
        return r < 0 ? r : put_text(protocol_encode_observation(&config, &p.observed, &p.service), to);
}

#define EFFECT(name, word) {"effect-" word, EFFECT_##name, write_effect, rewrite_effect},
#define RESULT(name, type) {"result-" name, type, write_result, rewrite_result}
const struct recorded recorded_packets[] = {
    EFFECTS(EFFECT)
    RESULT("leg-open", EFFECT_LEG_OPEN),
    RESULT("attach", EFFECT_ATTACH),
    RESULT("check-leg", EFFECT_CHECK_LEG),
    RESULT("debt-union", EFFECT_DEBT_UNION),
    {"observation", 0, write_observation, rewrite_observation},
    {0},
};
