/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/driver/act_codec.h"

#include "hamon/api/json_take.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int act_encode_effect(const struct config *c, const struct effect *e, char **ret_text)
{
        json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:I}", "do", effect_word(e->type), "mirror",
                              c->mirror[e->mirror].label, "ticket", json_of_u64(e->ticket), "epoch", json_of_u64(e->epoch),
                              "session", json_of_uuid(&e->session), "leg", json_of_uuid(&e->leg), "version", json_of_u64(e->version),
                              "whole", (int)e->whole, "overwrite", (int)e->overwrite, "lifetime_ms", (json_int_t)e->lifetime_ms);
        if (j && e->type == EFFECT_RESYNC_CONTROL) {
                json_t *order = json_pack("{s:i, s:I, s:I}", "wish", (int)e->order.wish, "for_s", (json_int_t)e->order.for_s, "rate_kib",
                                          (json_int_t)e->order.rate_kib);
                if (!order || json_object_update(j, order) < 0) {
                        json_decref(j);
                        j = NULL;
                }
                json_decref(order);
        }
        if (j && e->leg_bytes != 0 && json_object_set_new(j, "leg_bytes", json_of_u64(e->leg_bytes)) < 0) {
                json_decref(j);
                j = NULL;
        }
        if (j && e->until_ms != 0 && json_object_set_new(j, "until_ms", json_of_u64(e->until_ms)) < 0) {
                json_decref(j);
                j = NULL;
        }
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
        json_decref(j);
        if (!text)
                return -ENOMEM;
        *ret_text = text;
        return 0;
}

static uint8_t mirror_take(const struct config *c, struct json_take *t, const char *key)
{
        int i = config_mirror_by_label(c, json_take_string(t, key));
        if (i < 0)
                t->bad = true;
        return i < 0 ? 0 : (uint8_t)i;
}

static void leg_take(struct json_take *from, struct effect_result *r)
{
        struct json_take t = json_take_from(json_take_value(from, "leg"));
        r->leg.present = json_take_bool(&t, "present");
        r->leg.uuid = json_take_uuid(&t, "uuid");
        r->leg.last_epoch = json_take_u64(&t, "last_epoch");
        r->leg.has_superblock = json_take_bool(&t, "has_superblock");
        r->leg.calls_peer_failed = json_take_bool(&t, "calls_peer_failed");
        r->leg.clean = json_take_bool(&t, "clean");
        r->leg.md_events = json_take_u64(&t, "md_events");
        r->leg.note = json_take_bool(&t, "note");
        r->leg.debt = json_take_bool(&t, "debt");
        r->leg.array_running = json_take_bool(&t, "array_running");
        if (json_take_has(&t, "updated_s"))
                r->leg.updated_s = json_take_u64(&t, "updated_s");
        if (json_take_has(&t, "session")) /* one is upgraded before the other */
                r->leg.session = json_take_uuid(&t, "session");
        if (json_take_end(&t) < 0)
                from->bad = true;
}

static bool result_has_leg(enum effect_type type)
{
        return type == EFFECT_LEG_OPEN || type == EFFECT_LEG_CREATE || type == EFFECT_ARRAY_CREATE;
}

static int decode_result(const struct config *c, struct json_take *t, struct effect_result *ret)
{
        struct effect_result r = {0};
        int type = effect_by_word(json_take_string(t, "done"));
        if (type < 0)
                return -EPROTO;
        r.type = (enum effect_type)type;
        r.mirror = mirror_take(c, t, "mirror");
        r.ticket = json_take_u64(t, "ticket");
        r.error = (int)json_take_int(t, "error", -4095, 0);
        const char *detail = json_take_string(t, "detail");
        size_t n = strnlen(detail, sizeof r.detail - 1); /* for people: cut when longer */
        memcpy(r.detail, detail, n);
        if (r.error == 0 && result_has_leg(r.type))
                leg_take(t, &r);
        if (r.error == 0 && r.type == EFFECT_CHECK_LEG)
                r.permits = json_take_bool(t, "permits");
        if (r.error == 0 && r.type == EFFECT_DEBT_UNION)
                r.known = json_take_bool(t, "known");
        if (r.error == 0 && r.type == EFFECT_DEBT_UNION && json_take_has(t, "blank"))
                r.blank = json_take_bool(t, "blank");
        *ret = r;
        return r.ticket == 0 ? -EPROTO : json_take_end(t);
}

static struct resync_seen resync_take(struct json_take *from)
{
        struct json_take t = json_take_from(json_take_value(from, "resync"));
        struct resync_seen r = {
                .paused = json_take_bool(&t, "paused"),
                .pause_left_s = (uint32_t)json_take_int(&t, "pause_left_s", 0, UINT32_MAX),
                .stalled = json_take_bool(&t, "stalled"),
                .rate_kib = (uint32_t)json_take_int(&t, "rate_kib", 0, UINT32_MAX),
                .limit_kib = (uint32_t)json_take_int(&t, "limit_kib", 0, UINT32_MAX),
                .ceiling_kib = (uint32_t)json_take_int(&t, "ceiling_kib", 0, UINT32_MAX),
                .latency_us = (uint32_t)json_take_int(&t, "latency_us", 0, UINT32_MAX),
        };
        if (json_take_end(&t) < 0)
                from->bad = true;
        return r;
}

static void text_take(struct json_take *t, const char *key, char *to, size_t size)
{
        const char *text = json_take_string(t, key);
        size_t n = strnlen(text, size - 1); /* for people: cut when longer */

        memcpy(to, text, n);
}

static void service_take(struct json_take *from, const struct config_service *s, struct service_seen *ret)
{
        struct json_take t = json_take_from(json_take_value(from, "service"));
        const json_t *units = json_take_value(&t, "units"), *unit;
        size_t i;

        ret->mounted = json_take_bool(&t, "mounted");
        ret->turned_read_only = json_take_bool(&t, "turned_read_only");
        ret->health.checked = json_take_bool(&t, "checked");
        ret->health.failures = (unsigned)json_take_int(&t, "failures", 0, UINT32_MAX);
        ret->health.unhealthy = json_take_bool(&t, "unhealthy");
        ret->health.status = (int)json_take_int(&t, "status", -1, 255);
        text_take(&t, "detail", ret->health.detail, sizeof ret->health.detail);
        if (!json_is_array(units) || json_array_size(units) != s->units)
                from->bad = true; /* it has read another configuration */
        json_array_foreach(units, i, unit)
        {
                struct json_take u = json_take_from(unit);
                if (i >= s->units)
                        break;
                text_take(&u, "active", ret->unit[i].active, sizeof ret->unit[i].active);
                text_take(&u, "result", ret->unit[i].result, sizeof ret->unit[i].result);
                text_take(&u, "ended", ret->unit[i].ended, sizeof ret->unit[i].ended);
                text_take(&u, "load", ret->unit[i].load, sizeof ret->unit[i].load);
                ret->unit[i].status = (int)json_take_int(&u, "status", INT32_MIN, INT32_MAX);
                if (json_take_end(&u) < 0)
                        from->bad = true;
        }
        if (json_take_end(&t) < 0)
                from->bad = true;
}

static int decode_observation(const struct config *c, struct json_take *t, struct act_packet *ret)
{
        struct act_packet p = {.type = ACT_PACKET_OBSERVATION};
        struct observation o = {
                .mirror = mirror_take(c, t, "observed"),
                .settled = json_take_u64(t, "settled"),
                .array_running = json_take_bool(t, "array_running"),
                .own_in_sync = json_take_bool(t, "own_in_sync"),
                .own_failed = json_take_bool(t, "own_failed"),
                .peer_in_array = json_take_bool(t, "peer_in_array"),
                .peer_in_sync = json_take_bool(t, "peer_in_sync"),
                .peer_failed = json_take_bool(t, "peer_failed"),
                .sync_idle = json_take_bool(t, "sync_idle"),
                .resync_done_sectors = json_take_u64(t, "resync_done_sectors"),
                .resync_total_sectors = json_take_u64(t, "resync_total_sectors"),
                .attached = json_take_bool(t, "attached"),
                .leg_connected = json_take_bool(t, "leg_connected"),
                .leg_refused = json_take_bool(t, "leg_refused"),
                .leg_oldest_ms = (uint32_t)json_take_int(t, "leg_oldest_ms", 0, UINT32_MAX),
                .own_oldest_ms = (uint32_t)json_take_int(t, "own_oldest_ms", 0, UINT32_MAX),
                .service_running = json_take_bool(t, "service_running"),
        };
        if (json_take_has(t, "own_unsafe")) /* one is upgraded before the other */
                o.own_unsafe = json_take_bool(t, "own_unsafe");
        if (json_take_has(t, "leg_request_us"))
                o.leg_request_us = (uint32_t)json_take_int(t, "leg_request_us", 0, UINT32_MAX);
        if (json_take_has(t, "own_request_us"))
                o.own_request_us = (uint32_t)json_take_int(t, "own_request_us", 0, UINT32_MAX);
        if (json_take_has(t, "owed_bytes")) {
                o.owed_bytes = json_take_u64(t, "owed_bytes");
                o.owed_known = true;
        }
        if (json_take_has(t, "discards"))
                o.discards = (enum discards_seen)json_take_int(t, "discards", 0, DISCARDS_SEEN - 1);
        if (json_take_has(t, "resync"))
                o.resync = resync_take(t);
        if (json_take_has(t, "service")) {
                service_take(t, &c->mirror[o.mirror].service, &p.service);
                p.has_service = true;
                o.service_unhealthy = p.service.health.unhealthy;
        }
        p.observed = o;
        *ret = p;
        return json_take_end(t);
}

int act_decode(const struct config *c, const char *text, size_t size_bytes, struct act_packet *ret)
{
        json_error_t error;
        json_t *j = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, &error);
        if (!j)
                return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EPROTO;
        struct json_take t = json_take_from(j);
        struct act_packet p = {.type = json_take_has(&t, "observed") ? ACT_PACKET_OBSERVATION : ACT_PACKET_RESULT};
        int r = p.type == ACT_PACKET_OBSERVATION ? decode_observation(c, &t, &p) : decode_result(c, &t, &p.result);
        json_decref(j);
        if (r == 0)
                *ret = p;
        return r;
}
