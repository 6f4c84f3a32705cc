/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control API's routes of exports and sessions. See control.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nbdd/control_internal.h"
#include "nbdd/engine.h"
#include "net/http_server.h"

static int answer_export(struct control *c, uint64_t id, bool with_stats, unsigned status, struct http_response *resp)
{
        char reason[ENGINE_REASON_SIZE], text[EXPORT_ID_TEXT_SIZE];

        resp->json = control_exports_json(c->engine, id, with_stats);
        resp->status = status;
        if (resp->json)
                return 0;
        export_id_format(id, text);
        (void)snprintf(reason, sizeof reason, "no such export: %s", text);
        return control_problem(resp, -ENOENT, reason);
}

/* ---- whose export is it ---- */

/* "?owner=NAME" says who acts, "?force=true" that a person knows better. */
static int check_owner(struct control *c, const struct http_request *req, uint64_t id, uint64_t session, const char *effect, char *reason)
{
        const char *force = http_request_query(req, "force"), *owner = http_request_query(req, "owner");

        if (force && strcmp(force, "true") == 0)
                return 0;
        return engine_check_owner(c->engine, id, session, owner ? owner : "", effect, reason);
}

/* ---- add, change, grant ---- */

static bool set_text(struct export_settings *s, const json_t *body, const char *key, char *reason)
{
        const char *value = json_string_value(json_object_get(body, key));
        return !value || settings_set(s, key, value, reason, ENGINE_REASON_SIZE) == 0;
}

static int add_with(struct control *c, const json_t *body, struct export_settings *settings, struct http_response *resp)
{
        char reason[ENGINE_REASON_SIZE];
        const char *kind = json_string_value(json_object_get(body, "kind"));
        struct engine_add a = {
            .kind = kind && kind[0] == 'l' ? EXPORT_LEG : EXPORT_PLAIN,
            .device = json_string_value(json_object_get(body, "device")),
            .owner = json_string_value(json_object_get(body, "owner")),
            .read_only = json_is_true(json_object_get(body, "read_only")),
            .settings = settings,
        };

        if (kind && strcmp(kind, "plain") != 0 && strcmp(kind, "leg") != 0)
                return control_bad(resp, "\"kind\" must be \"plain\" or \"leg\"");
        settings->hidden = json_is_true(json_object_get(body, "hidden"));
        if (export_id_parse(json_string_value(json_object_get(body, "id")), &a.id, reason, sizeof reason) < 0 ||
            !control_number(body, "offset", &a.offset_bytes, reason) || !control_number(body, "size", &a.size_bytes, reason) ||
            !control_uuid(body, "leg_uuid", &a.leg_uuid, reason) || !set_text(settings, body, "writers", reason) ||
            !set_text(settings, body, "description", reason) || !set_text(settings, body, "aliases", reason) ||
            !set_text(settings, body, "allow", reason))
                return control_bad(resp, reason);
        if (a.kind == EXPORT_LEG && (a.read_only || settings->writers != WRITERS_SHARED))
                return control_bad(resp, "a leg cannot be read-only, and has the one session of its grant");
        int r = engine_add(c->engine, &a, reason);
        return r < 0 ? control_problem(resp, r, reason) : answer_export(c, a.id, false, 201, resp);
}

int control_add(struct control *c, const json_t *body, struct http_response *resp)
{
        static const struct member members[] = {
            {"device", JSON_STRING, true},   {"id", JSON_STRING, true},           {"kind", JSON_STRING, false},
            {"read_only", JSON_TRUE, false}, {"offset", JSON_STRING, false},      {"size", JSON_STRING, false},
            {"leg_uuid", JSON_STRING, false}, {"owner", JSON_STRING, false},      {"writers", JSON_STRING, false},
            {"hidden", JSON_TRUE, false},    {"description", JSON_STRING, false}, {"aliases", JSON_STRING, false},
            {"allow", JSON_STRING, false},   {NULL, JSON_NULL, false},
        };
        char reason[ENGINE_REASON_SIZE];
        struct export_settings settings;

        if (!control_members(body, members, reason))
                return control_bad(resp, reason);
        if (settings_init(&settings) < 0)
                return -ENOMEM;
        int r = add_with(c, body, &settings, resp);
        settings_release(&settings);
        return r;
}

static int change(struct control *c, uint64_t id, const json_t *body, char *reason)
{
        static const struct member members[] = {
            {"device", JSON_STRING, false}, {"read_only", JSON_TRUE, false},     {"offset", JSON_STRING, false},
            {"size", JSON_STRING, false},   {"writers", JSON_STRING, false},     {"hidden", JSON_TRUE, false},
            {"allow", JSON_STRING, false},  {"description", JSON_STRING, false}, {"aliases", JSON_STRING, false},
            {NULL, JSON_NULL, false},
        };
        struct engine_change x = {0};

        if (!control_members(body, members, reason) || !control_number(body, "offset", &x.offset_bytes, reason) ||
            !control_number(body, "size", &x.size_bytes, reason))
                return -EINVAL;
        x.device = json_string_value(json_object_get(body, "device"));
        x.writers = json_string_value(json_object_get(body, "writers"));
        x.description = json_string_value(json_object_get(body, "description"));
        x.aliases = json_string_value(json_object_get(body, "aliases"));
        x.allow = json_string_value(json_object_get(body, "allow"));
        x.has_hidden = json_object_get(body, "hidden");
        x.hidden = json_is_true(json_object_get(body, "hidden"));
        x.has_read_only = json_object_get(body, "read_only");
        x.read_only = json_is_true(json_object_get(body, "read_only"));
        x.has_offset = json_object_get(body, "offset");
        x.has_size = json_object_get(body, "size");
        return engine_change(c->engine, id, &x, reason);
}

static int grant(struct control *c, uint64_t id, const json_t *body, char *reason)
{
        static const struct member members[] = {{"epoch", JSON_STRING, true},
                                                {"session", JSON_STRING, true},
                                                {"leg_uuid", JSON_STRING, false},
                                                {"trim", JSON_TRUE, false},
                                                {NULL, JSON_NULL, false}};
        uint64_t epoch = 0;
        struct uuid session = {0}, leg_uuid = {0};

        if (!control_members(body, members, reason) || !control_number(body, "epoch", &epoch, reason) ||
            !control_uuid(body, "session", &session, reason) || !control_uuid(body, "leg_uuid", &leg_uuid, reason))
                return -EINVAL;
        if (epoch == 0 || uuid_is_null(&session)) {
                (void)snprintf(reason, ENGINE_REASON_SIZE, "a grant needs an epoch from 1 and a session");
                return -EINVAL;
        }
        return engine_grant(c->engine, id, epoch, &session, &leg_uuid, json_is_true(json_object_get(body, "trim")), reason);
}

/* ---- routes ---- */

#define FREEZES "the mirror's writes freeze on its primary until hamon has recorded that this leg is out"

/* POST /v1/exports/ID/VERB; `effect`: what it would do to the mirror that owns the export. */
static const struct verb {
        const char *name, *effect; /* NULL: harmless to it, or refused by the table of rules */
        int (*simple)(struct engine *e, uint64_t id, char *reason); /* NULL: grant */
} verbs[] = {
    {"start", NULL, engine_export_start},
    {"stop", FREEZES, engine_export_stop},
    {"revoke", FREEZES, engine_revoke},
    {"clear", NULL, engine_clear},
    {"grant", FREEZES ", and whoever holds the new grant writes to the leg behind its back", NULL},
};

static int post(struct control *c, const struct http_request *req, uint64_t id, const char *name, struct http_response *resp)
{
        char reason[ENGINE_REASON_SIZE] = "";
        const struct verb *verb = verbs, *end = verbs + sizeof verbs / sizeof verbs[0];

        while (verb < end && strcmp(verb->name, name) != 0)
                verb++;
        if (verb == end)
                return http_response_problem(resp, 404, "unknown-path", "no such path", req->path, NULL);
        bool harmless = !verb->effect || (verb->simple == engine_revoke && engine_is_failed(c->engine, id));
        int r = harmless ? 0 : check_owner(c, req, id, 0, verb->effect, reason);
        if (r == 0)
                r = verb->simple ? verb->simple(c->engine, id, reason) : grant(c, id, req->body, reason);
        return r < 0 ? control_problem(resp, r, reason) : answer_export(c, id, false, 200, resp);
}

int control_export_route(struct control *c, const struct http_request *req, const char *rest, struct http_response *resp)
{
        char reason[ENGINE_REASON_SIZE] = "", text[32];
        const char *verb = strchr(rest, '/');
        size_t n = verb ? (size_t)(verb - rest) : strlen(rest);
        uint64_t id;
        int r;

        if (n >= sizeof text)
                return control_problem(resp, -ENOENT, "no such export");
        memcpy(text, rest, n);
        text[n] = '\0';
        if (export_id_parse(text, &id, reason, sizeof reason) < 0)
                return control_bad(resp, reason);
        if (verb && strcmp(req->method, "POST") == 0)
                return post(c, req, id, verb + 1, resp);
        if (!verb && strcmp(req->method, "GET") == 0)
                return answer_export(c, id, control_wants_stats(req), 200, resp);
        if (!verb && strcmp(req->method, "PATCH") == 0) {
                r = check_owner(c, req, id, 0, "hamon relies on the leg as it is", reason);
                if (r == 0)
                        r = change(c, id, req->body, reason);
                return r < 0 ? control_problem(resp, r, reason) : answer_export(c, id, false, 200, resp);
        }
        if (!verb && strcmp(req->method, "DELETE") == 0) {
                r = check_owner(c, req, id, 0, "the mirror loses this leg: it cannot come back before hamon has registered it again", reason);
                if (r == 0)
                        r = engine_remove(c->engine, id, reason);
                resp->status = 204;
                return r < 0 ? control_problem(resp, r, reason) : 0;
        }
        return http_response_problem(resp, 405, "bad-method", "this method is not for this path", NULL, NULL);
}

int control_kick(struct control *c, const struct http_request *req, const char *rest, struct http_response *resp)
{
        char reason[ENGINE_REASON_SIZE], *end;
        unsigned long long number = strtoull(rest, &end, 10);

        if (*rest < '0' || *rest > '9' || *end)
                return control_bad(resp, "a session is named by its number");
        int r = check_owner(c, req, 0, number, "the mirror's writes freeze on its primary until nbdc has connected again", reason);
        if (r == 0)
                r = engine_kick(c->engine, number, reason);
        resp->status = 204;
        return r < 0 ? control_problem(resp, r, reason) : 0;
}
