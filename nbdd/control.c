/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control API's routes. See control.h. */
#include "nbdd/control.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "nbdd/engine.h"
#include "nbdd/worker.h"
#include "net/http_server.h"

#define SOCKET_MODE 0660

struct control {
        struct engine *engine;
        struct http_server *http;
        uint64_t start_ns;
};

/* ---- errors ---- */

static const struct {
        int error;
        unsigned status;
        const char *code, *title;
} problems[] = {
    {ENOENT, 404, "unknown-export", "no such export, session or device"},
    {EEXIST, 409, "already-exported", "the id or the device is already exported"},
    {EBUSY, 409, "busy", "the export's state forbids it, or the device is in use"},
    {ESTALE, 409, "stale-epoch", "a higher epoch was here before"},
    {EPERM, 409, "not-for-this-kind", "the command is not for this kind of export"},
    {EINVAL, 400, "bad-argument", "an argument is wrong"},
    {ENAMETOOLONG, 400, "bad-argument", "an argument is wrong"},
    {ERANGE, 400, "bad-argument", "an argument is wrong"},
    {ENODEV, 400, "not-a-device", "neither a block device nor a regular file"},
    {EACCES, 403, "no-access", "nbdd may not open the device"},
    {EROFS, 403, "no-access", "nbdd may not open the device"},
    {ENOSPC, 507, "full", "the table or the disk that keeps it is full"},
    {ESHUTDOWN, 503, "shutting-down", "nbdd is shutting down"},
    {EIO, 500, "disk-error", "a disk or its state file failed"},
};

static int problem(struct http_response *resp, int error, const char *reason)
{
        for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++)
                if (problems[i].error == -error)
                        return http_response_problem(resp, problems[i].status, problems[i].code, problems[i].title, reason, NULL);
        return http_response_problem(resp, 500, "system-error", "the system refused", reason, NULL);
}

static int bad(struct http_response *resp, const char *reason)
{
        return problem(resp, -EINVAL, reason);
}

/* ---- bodies: every member known and of its type ---- */

struct member {
        const char *key;
        json_type type; /* JSON_TRUE stands for both booleans */
        bool required;
};

static bool check_members(const json_t *body, const struct member *members, char *reason)
{
        const char *key;
        json_t *value;

        if (!json_is_object(body)) {
                (void)snprintf(reason, ENGINE_REASON_SIZE, "a JSON object is expected");
                return false;
        }
        json_object_foreach((json_t *)body, key, value) {
                const struct member *m = members;
                while (m->key && strcmp(m->key, key) != 0)
                        m++;
                bool fits = m->key && (json_typeof(value) == m->type || (m->type == JSON_TRUE && json_is_boolean(value)));
                if (!fits) {
                        (void)snprintf(reason, ENGINE_REASON_SIZE, m->key ? "\"%.60s\" has the wrong type" : "unknown member \"%.60s\"", key);
                        return false;
                }
        }
        for (const struct member *m = members; m->key; m++) {
                if (m->required && !json_object_get(body, m->key)) {
                        (void)snprintf(reason, ENGINE_REASON_SIZE, "\"%s\" is missing", m->key);
                        return false;
                }
        }
        return true;
}

static bool number_member(const json_t *body, const char *key, uint64_t *ret, char *reason)
{
        const char *text = json_string_value(json_object_get(body, key));
        char *end;

        if (!text)
                return true;
        errno = 0;
        unsigned long long v = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno) {
                (void)snprintf(reason, ENGINE_REASON_SIZE, "\"%s\" must be a decimal number, as a string", key);
                return false;
        }
        *ret = v;
        return true;
}

static bool uuid_member(const json_t *body, const char *key, struct uuid *ret, char *reason)
{
        const char *text = json_string_value(json_object_get(body, key));

        if (text && *text && uuid_parse(text, ret) < 0) {
                (void)snprintf(reason, ENGINE_REASON_SIZE, "\"%s\" must be a UUID", key);
                return false;
        }
        return true;
}

/* ---- routes ---- */

static int answer_export(struct control *c, uint64_t id, unsigned status, struct http_response *resp)
{
        resp->json = control_exports_json(c->engine, id);
        resp->status = status;
        return resp->json ? 0 : problem(resp, -ENOENT, "no such export");
}

static int add(struct control *c, const json_t *body, struct http_response *resp)
{
        static const struct member members[] = {
            {"device", JSON_STRING, true},     {"id", JSON_STRING, true},      {"kind", JSON_STRING, false},
            {"read_only", JSON_TRUE, false},   {"offset", JSON_STRING, false}, {"size", JSON_STRING, false},
            {"leg_uuid", JSON_STRING, false},  {"owner", JSON_STRING, false},  {NULL, JSON_NULL, false},
        };
        char reason[ENGINE_REASON_SIZE];
        struct engine_add a = {0};

        if (!check_members(body, members, reason))
                return bad(resp, reason);
        const char *kind = json_string_value(json_object_get(body, "kind"));
        if (kind && strcmp(kind, "plain") != 0 && strcmp(kind, "leg") != 0)
                return bad(resp, "\"kind\" must be \"plain\" or \"leg\"");
        a.kind = kind && kind[0] == 'l' ? EXPORT_LEG : EXPORT_PLAIN;
        a.device = json_string_value(json_object_get(body, "device"));
        a.owner = json_string_value(json_object_get(body, "owner"));
        a.read_only = json_is_true(json_object_get(body, "read_only"));
        if (export_id_parse(json_string_value(json_object_get(body, "id")), &a.id, reason, sizeof reason) < 0 ||
            !number_member(body, "offset", &a.offset_bytes, reason) || !number_member(body, "size", &a.size_bytes, reason) ||
            !uuid_member(body, "leg_uuid", &a.leg_uuid, reason))
                return bad(resp, reason);
        if (a.kind == EXPORT_LEG && a.read_only)
                return bad(resp, "a leg cannot be read-only");
        int r = engine_add(c->engine, &a, reason);
        return r < 0 ? problem(resp, r, reason) : answer_export(c, a.id, 201, resp);
}

static int grant(struct control *c, uint64_t id, const json_t *body, char *reason)
{
        static const struct member members[] = {{"epoch", JSON_STRING, true},
                                                {"session", JSON_STRING, true},
                                                {"leg_uuid", JSON_STRING, false},
                                                {NULL, JSON_NULL, false}};
        uint64_t epoch = 0;
        struct uuid session = {0}, leg_uuid = {0};

        if (!check_members(body, members, reason) || !number_member(body, "epoch", &epoch, reason) ||
            !uuid_member(body, "session", &session, reason) || !uuid_member(body, "leg_uuid", &leg_uuid, reason))
                return -EINVAL;
        if (epoch == 0 || uuid_is_null(&session)) {
                (void)snprintf(reason, ENGINE_REASON_SIZE, "a grant needs an epoch from 1 and a session");
                return -EINVAL;
        }
        return engine_grant(c->engine, id, epoch, &session, &leg_uuid, reason);
}

static int export_route(struct control *c, const struct http_request *req, const char *rest, struct http_response *resp)
{
        char reason[ENGINE_REASON_SIZE] = "", text[32];
        const char *verb = strchr(rest, '/');
        size_t n = verb ? (size_t)(verb - rest) : strlen(rest);
        uint64_t id;
        int r;

        if (n >= sizeof text)
                return problem(resp, -ENOENT, "no such export");
        memcpy(text, rest, n);
        text[n] = '\0';
        if (export_id_parse(text, &id, reason, sizeof reason) < 0)
                return bad(resp, reason);
        if (!verb && strcmp(req->method, "GET") == 0)
                return answer_export(c, id, 200, resp);
        if (!verb && strcmp(req->method, "DELETE") == 0) {
                r = engine_remove(c->engine, id, reason);
                resp->status = 204;
                return r < 0 ? problem(resp, r, reason) : 0;
        }
        if (!verb || strcmp(req->method, "POST") != 0)
                return http_response_problem(resp, 405, "bad-method", "this method is not for this path", NULL, NULL);
        verb++;
        if (strcmp(verb, "start") == 0)
                r = engine_export_start(c->engine, id, reason);
        else if (strcmp(verb, "stop") == 0)
                r = engine_export_stop(c->engine, id, reason);
        else if (strcmp(verb, "revoke") == 0)
                r = engine_revoke(c->engine, id, reason);
        else if (strcmp(verb, "clear") == 0)
                r = engine_clear(c->engine, id, reason);
        else if (strcmp(verb, "grant") == 0)
                r = grant(c, id, req->body, reason);
        else
                return http_response_problem(resp, 404, "unknown-path", "no such path", req->path, NULL);
        return r < 0 ? problem(resp, r, reason) : answer_export(c, id, 200, resp);
}

static int limits(struct control *c, const struct http_request *req, struct http_response *resp)
{
        static const struct member members[] = {{"maxconnect", JSON_INTEGER, true}, {NULL, JSON_NULL, false}};
        char reason[ENGINE_REASON_SIZE];

        if (strcmp(req->method, "PUT") == 0) {
                if (!check_members(req->body, members, reason))
                        return bad(resp, reason);
                json_int_t n = json_integer_value(json_object_get(req->body, "maxconnect"));
                int r = engine_set_maxconnect(c->engine, n < 0 || n > UINT32_MAX ? 0 : (unsigned)n, reason);
                if (r < 0)
                        return problem(resp, r, reason);
        }
        resp->json = json_pack("{s:I}", "maxconnect", (json_int_t)engine_maxconnect(c->engine));
        return 0;
}

static int kick(struct control *c, const char *rest, struct http_response *resp)
{
        char reason[ENGINE_REASON_SIZE], *end;
        unsigned long long number = strtoull(rest, &end, 10);
        int r = *rest < '0' || *rest > '9' || *end ? -EINVAL : engine_kick(c->engine, number, reason);

        if (r == -EINVAL)
                return bad(resp, "a session is named by its number");
        resp->status = 204;
        return r < 0 ? problem(resp, r, reason) : 0;
}

static int handle(void *userdata, const struct http_request *req, struct http_response *resp)
{
        struct control *c = userdata;
        const char *path = req->path;
        bool get = strcmp(req->method, "GET") == 0;

        if (get && strcmp(path, "/v1/health") == 0)
                resp->json = control_health_json(c->engine, (monotonic_ns() - c->start_ns) / 1000000);
        else if (get && strcmp(path, "/v1/exports") == 0)
                resp->json = control_exports_json(c->engine, 0);
        else if (strcmp(req->method, "POST") == 0 && strcmp(path, "/v1/exports") == 0)
                return add(c, req->body, resp);
        else if (strncmp(path, "/v1/exports/", 12) == 0)
                return export_route(c, req, path + 12, resp);
        else if (get && strcmp(path, "/v1/sessions") == 0)
                resp->json = control_sessions_json(c->engine);
        else if (strcmp(req->method, "DELETE") == 0 && strncmp(path, "/v1/sessions/", 13) == 0)
                return kick(c, path + 13, resp);
        else if ((get || strcmp(req->method, "PUT") == 0) && strcmp(path, "/v1/limits") == 0)
                return limits(c, req, resp);
        else
                return http_response_problem(resp, 404, "unknown-path", "no such path or method", path, NULL);
        return resp->json ? 0 : -ENOMEM;
}

int control_start(const char *socket_path, struct engine *engine, struct control **ret)
{
        struct control *c = calloc(1, sizeof *c);
        char *copy = strdup(socket_path);

        if (!c || !copy) {
                free(c);
                free(copy);
                return -ENOMEM;
        }
        (void)mkdir(dirname(copy), 0755); /* what is wrong with the folder shows when the socket is made */
        free(copy);
        c->engine = engine;
        c->start_ns = monotonic_ns();
        int r = http_server_start(&(struct http_server_options){.socket_path = socket_path,
                                                                 .socket_mode = SOCKET_MODE,
                                                                 .listen_fd = -1,
                                                                 .threads = HTTP_THREAD_EACH,
                                                                 .handler = handle,
                                                                 .userdata = c},
                                  &c->http);
        if (r < 0) {
                free(c);
                return r;
        }
        *ret = c;
        return 0;
}

void control_stop(struct control *c)
{
        if (!c)
                return;
        http_server_stop(c->http);
        free(c);
}
