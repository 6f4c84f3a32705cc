/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/protocol.h"

#include "hamon/api/json_take.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void say(char *ret, size_t size, const char *what, const char *subject)
{
        char shown[64];

        snprintf(ret, size, "%s%s%s%s", what, subject ? " \"" : "",
                 subject ? text_printable(subject, shown, sizeof shown) : "", subject ? "\"" : "");
}

int protocol_decode(const struct config *c, const char *text, size_t size_bytes, struct effect *ret,
                    uint64_t *ret_ticket, char *ret_reason, size_t reason_size)
{
        struct effect e = {0};
        json_error_t error;

        *ret_ticket = 0;
        json_t *j = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, &error);
        if (!j) {
                say(ret_reason, reason_size, "not one JSON object", NULL);
                return -EPROTO;
        }
        struct json_take t = json_take_from(j);
        e.ticket = json_take_u64(&t, "ticket");
        if (!t.bad)
                *ret_ticket = e.ticket;
        const char *word = json_take_string(&t, "do"), *name = json_take_string(&t, "mirror");
        int type = effect_by_word(word), mirror = config_mirror_by_label(c, name);
        e.epoch = json_take_u64(&t, "epoch");
        e.session = json_take_uuid(&t, "session");
        e.leg = json_take_uuid(&t, "leg");
        e.version = json_take_u64(&t, "version");
        e.whole = json_take_bool(&t, "whole");
        e.overwrite = json_take_bool(&t, "overwrite");
        e.lifetime_ms = (uint32_t)json_take_int(&t, "lifetime_ms", 0, UINT32_MAX);
        if (json_take_has(&t, "leg_bytes"))
                e.leg_bytes = json_take_u64(&t, "leg_bytes");
        if (json_take_has(&t, "until_ms"))
                e.until_ms = json_take_u64(&t, "until_ms");
        if (type == EFFECT_RESYNC_CONTROL) {
                e.order.wish = (enum resync_wish)json_take_int(&t, "wish", 0, RESYNC_WISHES - 1);
                e.order.for_s = (uint32_t)json_take_int(&t, "for_s", 0, RESYNC_PAUSE_MOST_S);
                e.order.rate_kib = (uint32_t)json_take_int(&t, "rate_kib", 0, RESYNC_RATE_MOST_KIB);
        }
        int r = json_take_end(&t);
        if (r < 0 || e.ticket == 0)
                say(ret_reason, reason_size, "a field is missing, unknown or of another type", NULL);
        else if (type < 0)
                say(ret_reason, reason_size, "unknown effect", word);
        else if (mirror < 0)
                say(ret_reason, reason_size, "unknown mirror", name);
        else
                ret_reason[0] = '\0';
        if (ret_reason[0])
                r = -EPROTO;
        json_decref(j);
        if (r < 0)
                return -EPROTO;
        e.type = (enum effect_type)type;
        e.mirror = (uint8_t)mirror;
        *ret = e;
        return 0;
}

static char *dump(json_t *j)
{
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

        json_decref(j);
        return text;
}

static json_t *leg_object(const struct effect_result *r)
{
        return json_pack("{s:b, s:o, s:o, s:b, s:b, s:b, s:o, s:b, s:b, s:b, s:o, s:o*}", "present", (int)r->leg.present, "uuid",
                         json_of_uuid(&r->leg.uuid), "last_epoch", json_of_u64(r->leg.last_epoch), "has_superblock",
                         (int)r->leg.has_superblock, "calls_peer_failed", (int)r->leg.calls_peer_failed, "clean",
                         (int)r->leg.clean, "md_events", json_of_u64(r->leg.md_events), "note", (int)r->leg.note,
                         "debt", (int)r->leg.debt, "array_running", (int)r->leg.array_running, "updated_s",
                         json_of_u64(r->leg.updated_s), "session",
                         uuid_is_null(&r->leg.session) ? NULL : json_of_uuid(&r->leg.session));
}

/* A detail may quote what a program said: JSON takes only UTF-8. */
static json_t *detail_string(const char *detail)
{
        char plain[sizeof((struct effect_result *)0)->detail];
        size_t i;

        for (i = 0; i < sizeof plain - 1 && detail[i]; i++)
                plain[i] = detail[i] >= 0x20 && detail[i] < 0x7f ? detail[i] : '?';
        plain[i] = '\0';
        return json_string(plain);
}

char *protocol_encode_result(const struct config *c, const struct effect_result *r)
{
        json_t *j =
            json_pack("{s:s, s:s, s:o, s:i, s:o}", "done", effect_word(r->type), "mirror", c->mirror[r->mirror].label,
                      "ticket", json_of_u64(r->ticket), "error", r->error, "detail", detail_string(r->detail));
        int failed = j ? 0 : -1;

        if (j && r->error == 0 &&
            (r->type == EFFECT_LEG_OPEN || r->type == EFFECT_LEG_CREATE || r->type == EFFECT_ARRAY_CREATE))
                failed = json_object_set_new(j, "leg", leg_object(r));
        if (j && r->error == 0 && r->type == EFFECT_CHECK_LEG)
                failed = json_object_set_new(j, "permits", json_boolean(r->permits));
        if (j && r->error == 0 && r->type == EFFECT_DEBT_UNION)
                failed = json_object_set_new(j, "known", json_boolean(r->known));
        if (j && failed == 0 && r->error == 0 && r->blank)
                failed = json_object_set_new(j, "blank", json_true());
        if (failed) {
                json_decref(j);
                return NULL;
        }
        return dump(j);
}

static json_t *service_object(const struct config_service *s, const struct service_seen *seen)
{
        const struct health_seen *h = &seen->health;
        json_t *units = json_array();

        for (unsigned i = 0; i < s->units; i++) {
                const struct unit_seen *u = &seen->unit[i];
                json_array_append_new(units, json_pack("{s:s, s:s, s:s, s:i, s:s}", "active", u->active, "result", u->result, "ended", u->ended, "status", u->status,
                                                       "load", u->load));
        }
        return json_pack("{s:b, s:b, s:o, s:b, s:I, s:b, s:i, s:o}", "mounted", seen->mounted, "turned_read_only", seen->turned_read_only, "units", units, "checked", (int)h->checked, "failures",
                         (json_int_t)h->failures, "unhealthy", (int)h->unhealthy, "status", h->status, "detail", detail_string(h->detail));
}

char *protocol_encode_observation(const struct config *c, const struct observation *o, const struct service_seen *service)
{
        const struct resync_seen *r = &o->resync;
        json_t *resync = json_pack("{s:b, s:I, s:b, s:I, s:I, s:I, s:I}", "paused", (int)r->paused, "pause_left_s", (json_int_t)r->pause_left_s, "stalled",
                                   (int)r->stalled, "rate_kib", (json_int_t)r->rate_kib, "limit_kib", (json_int_t)r->limit_kib, "ceiling_kib",
                                   (json_int_t)r->ceiling_kib, "latency_us", (json_int_t)r->latency_us);
        json_t *j = json_pack(
            "{s:s, s:o, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:o, s:o, s:b, s:b, s:b, s:I, s:I, s:I, s:I, s:b, s:b, s:o}", "observed",
            c->mirror[o->mirror].label, "settled", json_of_u64(o->settled), "array_running", (int)o->array_running,
            "own_in_sync", (int)o->own_in_sync, "own_failed", (int)o->own_failed, "peer_in_array",
            (int)o->peer_in_array, "peer_in_sync", (int)o->peer_in_sync, "peer_failed", (int)o->peer_failed,
            "sync_idle", (int)o->sync_idle, "resync_done_sectors", json_of_u64(o->resync_done_sectors),
            "resync_total_sectors", json_of_u64(o->resync_total_sectors), "attached", (int)o->attached, "leg_connected",
            (int)o->leg_connected, "leg_refused", (int)o->leg_refused, "leg_oldest_ms", (json_int_t)o->leg_oldest_ms,
            "own_oldest_ms", (json_int_t)o->own_oldest_ms, "leg_request_us", (json_int_t)o->leg_request_us, "own_request_us", (json_int_t)o->own_request_us,
            "service_running", (int)o->service_running, "own_unsafe", (int)o->own_unsafe, "resync", resync);
        if (j && o->owed_known && json_object_set_new(j, "owed_bytes", json_of_u64(o->owed_bytes)) < 0) {
                json_decref(j);
                j = NULL;
        }
        if (j && o->discards != DISCARDS_UNASKED && json_object_set_new(j, "discards", json_integer(o->discards)) < 0) {
                json_decref(j);
                j = NULL;
        }
        if (j && c->mirror[o->mirror].service.present &&
            json_object_set_new(j, "service", service_object(&c->mirror[o->mirror].service, service)) < 0) {
                json_decref(j);
                j = NULL;
        }
        return dump(j);
}

char *protocol_encode_refusal(uint64_t ticket, const char *reason)
{
        return dump(json_pack("{s:o, s:i, s:o}", "ticket", json_of_u64(ticket), "error", -EPROTO, "detail",
                              detail_string(reason)));
}
