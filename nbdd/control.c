/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control API's routes. See control.h. */
#include "nbdd/control_internal.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "nbdd/engine.h"
#include "nbdd/worker.h"
#include "net/http_server.h"

#define SOCKET_MODE 0660

/* All errors at once, a line each. */
static int reload_config(struct control *c, struct http_response *resp)
{
        char *detail = NULL;
        int r = c->reload ? c->reload(c->userdata, &detail) : -ENOSYS;

        resp->status = 204;
        if (r == -EINVAL || r == -EADDRINUSE)
                r = http_response_problem(resp, 409, "bad-configuration", "the configuration file is not taken over", detail, NULL);
        else if (r < 0)
                r = control_problem(resp, r, detail ? detail : strerror(-r));
        free(detail);
        return r;
}

static int limits(struct control *c, const struct http_request *req, struct http_response *resp)
{
        struct member members[LIMIT_COUNT + 1] = {{0}};
        char reason[ENGINE_REASON_SIZE];
        struct limits l;

        for (unsigned i = 0; i < LIMIT_COUNT; i++) {
                members[i] = (struct member){limit_rows[i].name, JSON_INTEGER, false};
                l.value[i] = engine_limit(c->engine, (enum limit)i);
        }
        if (strcmp(req->method, "PUT") == 0) {
                if (!control_members(req->body, members, reason))
                        return control_bad(resp, reason);
                for (unsigned i = 0; i < LIMIT_COUNT; i++) {
                        const json_t *v = json_object_get(req->body, limit_rows[i].name);
                        json_int_t n = json_integer_value(v);
                        if (v) /* what does not fit becomes a number that is out of every range */
                                l.value[i] = n < 0 || n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
                }
                int r = engine_set_limits(c->engine, &l, reason);
                if (r < 0)
                        return control_problem(resp, r, reason);
        }
        resp->json = json_object();
        for (unsigned i = 0; resp->json && i < LIMIT_COUNT; i++)
                (void)json_object_set_new(resp->json, limit_rows[i].name, json_integer((json_int_t)engine_limit(c->engine, (enum limit)i)));
        return resp->json ? 0 : -ENOMEM;
}

bool control_wants_stats(const struct http_request *req)
{
        const char *value = http_request_query(req, "stats");
        return value && strcmp(value, "true") == 0;
}

/* Changes are root's and our own account's; the socket's group may look: hamon shows exports and sessions, and runs unprivileged. */
static bool may_change(const struct http_peer *peer)
{
        return peer->known && (peer->uid == 0 || peer->uid == geteuid());
}

/* "/v1/exports/ID" and what follows: a plain export of nobody's. One that is not there is for the handler to say. */
static bool is_ordinary(struct control *c, const char *rest)
{
        char text[32], reason[ENGINE_REASON_SIZE];
        size_t n = strcspn(rest, "/");
        uint64_t id;

        if (n >= sizeof text)
                return false;
        memcpy(text, rest, n);
        text[n] = '\0';
        return export_id_parse(text, &id, reason, sizeof reason) < 0 || !engine_is_leg(c->engine, id);
}

/*
 * --operator: an account that has ordinary exports in its hands, and no leg of a mirror: hamon, for its API. Owners are told apart further on, and it
 * cannot force.
 */
static bool may_operate(struct control *c, const struct http_request *req)
{
        const char *kind = json_string_value(json_object_get(req->body, "kind"));

        if (!c->has_operator || !req->peer.known || req->peer.uid != c->operator_uid || http_request_query(req, "force") || http_request_query(req, "owner"))
                return false;
        if (strcmp(req->path, "/v1/exports") == 0)
                return (!kind || strcmp(kind, "plain") == 0) && !json_object_get(req->body, "owner");
        if (strncmp(req->path, "/v1/exports/", 12) == 0)
                return is_ordinary(c, req->path + 12);
        return strncmp(req->path, "/v1/sessions/", 13) == 0;
}

int control_handle(void *userdata, const struct http_request *req, struct http_response *resp)
{
        struct control *c = userdata;
        const char *path = req->path;
        bool get = strcmp(req->method, "GET") == 0;

        if (!get && !may_change(&req->peer) && !may_operate(c, req))
                return http_response_problem(resp, 403, "not-root", "only root may change this", path, "run the command as root");
        if (get && strcmp(path, "/v1/health") == 0)
                resp->json = control_health_json(c->engine, (monotonic_ns() - c->start_ns) / 1000000);
        else if (get && strcmp(path, "/v1/exports") == 0)
                resp->json = control_exports_json(c->engine, 0, control_wants_stats(req));
        else if (strcmp(req->method, "POST") == 0 && strcmp(path, "/v1/exports") == 0)
                return control_add(c, req->body, resp);
        else if (strncmp(path, "/v1/exports/", 12) == 0)
                return control_export_route(c, req, path + 12, resp);
        else if (strcmp(req->method, "POST") == 0 && strcmp(path, "/v1/reload") == 0)
                return reload_config(c, resp);
        else if (get && strcmp(path, "/v1/sessions") == 0)
                resp->json = control_sessions_json(c->engine, control_wants_stats(req));
        else if (strcmp(req->method, "DELETE") == 0 && strncmp(path, "/v1/sessions/", 13) == 0)
                return control_kick(c, req, path + 13, resp);
        else if ((get || strcmp(req->method, "PUT") == 0) && strcmp(path, "/v1/limits") == 0)
                return limits(c, req, resp);
        else
                return http_response_problem(resp, 404, "unknown-path", "no such path or method", path, NULL);
        return resp->json ? 0 : -ENOMEM;
}

int control_start(const char *socket_path, const uid_t *operator_uid, struct engine *engine, control_reload *reload, void *userdata, struct control **ret)
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
        c->has_operator = operator_uid;
        c->operator_uid = operator_uid ? *operator_uid : 0;
        c->reload = reload;
        c->userdata = userdata;
        c->start_ns = monotonic_ns();
        int r = http_server_start(&(struct http_server_options){.socket_path = socket_path,
                                                                 .socket_mode = SOCKET_MODE,
                                                                 .listen_fd = -1,
                                                                 .threads = HTTP_THREAD_EACH,
                                                                 .handler = control_handle,
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
