/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the engine looks like as JSON. One renderer for the control API, and so for the admin command and libnbdd. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nbdd/budget.h"
#include "nbdd/control.h"
#include "nbdd/engine_internal.h"

static json_t *number(uint64_t v)
{
        char text[24];
        (void)snprintf(text, sizeof text, "%" PRIu64, v);
        return json_string(text);
}

static json_t *uuid(const struct uuid *u)
{
        char text[UUID_TEXT_SIZE] = "";
        if (!uuid_is_null(u))
                uuid_format(u, text);
        return json_string(text);
}

static void put_id(json_t *o, const char *key, uint64_t id)
{
        char text[EXPORT_ID_TEXT_SIZE];
        export_id_format(id, text);
        (void)json_object_set_new(o, key, json_string(text));
}

/* {"read": {"operations", "errors", "bytes", "latency_us": [below 1, below 2, below 4, ...] up to the last that is not 0}, ...} */
static json_t *stats_json(const struct stats *s)
{
        json_t *all = json_object();

        for (unsigned i = 0; i < STATS_KINDS; i++) {
                const struct stats_of_kind *k = &s->kinds[i];
                json_t *latency = json_array();
                unsigned n = STATS_BUCKETS;
                while (n && !atomic_load(&k->latency[n - 1]))
                        n--;
                for (unsigned b = 0; b < n; b++)
                        (void)json_array_append_new(latency, number(atomic_load(&k->latency[b])));
                (void)json_object_set_new(all, stats_kind_text((enum stats_kind)i),
                                          json_pack("{s:o, s:o, s:o, s:o}", "operations", number(atomic_load(&k->operations)), "errors",
                                                    number(atomic_load(&k->errors)), "bytes", number(atomic_load(&k->bytes)), "latency_us",
                                                    latency));
        }
        return all;
}

static uint64_t requests(const struct stats *s)
{
        uint64_t n = 0;
        for (unsigned i = 0; i < STATS_KINDS; i++)
                n += atomic_load(&s->kinds[i].operations);
        return n;
}

struct gather {
        bool with_stats;
        json_t *exports;
        json_t *current;  /* the export whose sessions come now */
        json_t *sessions; /* flat list, for /v1/sessions */
};

static void on_export(void *userdata, const struct engine_export_view *v)
{
        struct gather *g = userdata;
        const struct export *x = v->export;
        bool is_leg = x->kind == EXPORT_LEG;
        json_t *o = json_object();

        put_id(o, "id", x->id);
        (void)json_object_set_new(o, "device", json_string_nocheck(x->device));
        (void)json_object_set_new(o, "kind", json_string(is_leg ? "leg" : "plain"));
        (void)json_object_set_new(o, "status", json_string(export_status_text(v->status)));
        (void)json_object_set_new(o, "reason", json_string_nocheck(v->reason));
        (void)json_object_set_new(o, "failed", json_boolean(x->failed));
        (void)json_object_set_new(o, "noted", json_string_nocheck(x->noted ? x->noted : ""));
        (void)json_object_set_new(o, "read_only", json_boolean(x->read_only));
        (void)json_object_set_new(o, "writers", json_string(writer_policy_text(x->settings.writers)));
        (void)json_object_set_new(o, "hidden", json_boolean(x->settings.hidden));
        (void)json_object_set_new(o, "description", json_string_nocheck(x->settings.description));
        (void)json_object_set_new(o, "aliases", json_string_nocheck(x->settings.aliases));
        (void)json_object_set_new(o, "allow", json_string_nocheck(x->settings.allow));
        (void)json_object_set_new(o, "declared", json_boolean(x->declared));
        (void)json_object_set_new(o, "offset", number(x->offset_bytes));
        (void)json_object_set_new(o, "size", number(x->size_bytes));
        (void)json_object_set_new(o, "size_bytes", number(x->target ? atomic_load(&x->target->size_bytes) : 0));
        (void)json_object_set_new(o, "epoch", number(is_leg ? x->epoch : x->epoch_seen));
        (void)json_object_set_new(o, "epoch_seen", number(x->epoch_seen));
        (void)json_object_set_new(o, "session", uuid(&x->session));
        (void)json_object_set_new(o, "leg_uuid", uuid(&x->leg_uuid));
        (void)json_object_set_new(o, "owner", json_string_nocheck(x->owner));
        (void)json_object_set_new(o, "session_count", json_integer(v->session_count));
        (void)json_object_set_new(o, "inflight", number(v->inflight));
        (void)json_object_set_new(o, "oldest_request_ms", number(v->oldest_request_ms));
        (void)json_object_set_new(o, "fences", number(x->fences));
        (void)json_object_set_new(o, "disk_errors", number(x->disk_errors));
        (void)json_object_set_new(o, "requests", number(requests(&v->stats)));
        (void)json_object_set_new(o, "read_bytes", number(atomic_load(&v->stats.kinds[STATS_READ].bytes)));
        (void)json_object_set_new(o, "written_bytes", number(atomic_load(&v->stats.kinds[STATS_WRITE].bytes)));
        if (g->with_stats)
                (void)json_object_set_new(o, "stats", stats_json(&v->stats));
        (void)json_object_set_new(o, "sessions", json_array());
        g->current = json_object_get(o, "sessions");
        (void)json_array_append_new(g->exports, o);
}

static void on_session(void *userdata, const struct export *x, const struct engine_session *s, uint64_t now_ns)
{
        struct gather *g = userdata;
        uint64_t oldest_ns = atomic_load(&s->oldest_ns);
        json_t *o = json_object();

        (void)json_object_set_new(o, "number", number(s->number));
        (void)json_object_set_new(o, "address", json_string_nocheck(s->address));
        if (x)
                put_id(o, "export", x->id);
        (void)json_object_set_new(o, "state",
                                  json_string(s->ending ? "ending" : !x ? "handshake" : s->waiting ? "waiting" : "attached"));
        (void)json_object_set_new(o, "read_only", json_boolean(s->read_only));
        (void)json_object_set_new(o, "tls", json_boolean(s->client.tls));
        (void)json_object_set_new(o, "cn", json_string_nocheck(s->client.cn));
        (void)json_object_set_new(o, "psk", json_string_nocheck(s->client.psk));
        (void)json_object_set_new(o, "age_ms", number(now_ns > s->start_ns ? (now_ns - s->start_ns) / 1000000 : 0));
        if (s->has_session) {
                (void)json_object_set_new(o, "epoch", number(s->epoch));
                (void)json_object_set_new(o, "session", uuid(&s->session));
        }
        (void)json_object_set_new(o, "inflight", json_integer(atomic_load(&s->inflight)));
        (void)json_object_set_new(o, "oldest_request_ms",
                                  number(oldest_ns && now_ns > oldest_ns ? (now_ns - oldest_ns) / 1000000 : 0));
        (void)json_object_set_new(o, "requests", number(requests(&s->stats)));
        (void)json_object_set_new(o, "read_bytes", number(atomic_load(&s->stats.kinds[STATS_READ].bytes)));
        (void)json_object_set_new(o, "written_bytes", number(atomic_load(&s->stats.kinds[STATS_WRITE].bytes)));
        if (g->with_stats)
                (void)json_object_set_new(o, "stats", stats_json(&s->stats));
        (void)json_array_append_new(g->sessions ? g->sessions : g->current, o);
}

json_t *control_exports_json(struct engine *e, uint64_t id, bool with_stats)
{
        struct gather g = {.with_stats = with_stats, .exports = json_array()};

        engine_visit(e, id, &(struct engine_visitor){.export = on_export, .session = id ? on_session : NULL, .userdata = &g});
        if (!id)
                return json_pack("{s:o}", "exports", g.exports);
        json_t *one = json_incref(json_array_get(g.exports, 0));
        json_decref(g.exports);
        return one;
}

json_t *control_sessions_json(struct engine *e, bool with_stats)
{
        struct gather g = {.with_stats = with_stats, .sessions = json_array()};

        engine_visit(e, 0, &(struct engine_visitor){.session = on_session, .userdata = &g});
        return json_pack("{s:o}", "sessions", g.sessions);
}

struct sums {
        uint64_t inflight, oldest_ms;
        unsigned failed;
};

static void sum_export(void *userdata, const struct engine_export_view *v)
{
        struct sums *s = userdata;
        s->inflight += v->inflight;
        s->failed += v->export->failed != NULL;
        if (v->oldest_request_ms > s->oldest_ms)
                s->oldest_ms = v->oldest_request_ms;
}

json_t *control_health_json(struct engine *e, uint64_t uptime_ms)
{
        struct sums s = {0};
        unsigned exports, sessions;

        engine_counts(e, &exports, &sessions);
        engine_visit(e, 0, &(struct engine_visitor){.export = sum_export, .userdata = &s});
        return json_pack("{s:s, s:s, s:o, s:i, s:i, s:i, s:o, s:o, s:o}", "status", s.failed ? "failed" : "ok", "version", NBDD_VERSION,
                         "uptime_ms", number(uptime_ms), "exports", (int)exports, "sessions", (int)sessions, "failed_exports",
                         (int)s.failed, "inflight", number(s.inflight), "oldest_request_ms", number(s.oldest_ms), "memory_bytes",
                         number(budget_reserved()));
}
