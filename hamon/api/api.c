/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/api.h"

#include "hamon/api/words.h"
#include "hamon/api/json_take.h"
#include "net/http_server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PATH_PARTS = 4 };

/* "/v1/mirrors/data/create" -> {"v1", "mirrors", "data", "create"}; 0 for anything longer. The copy is cut in place. */
static unsigned split(char *path, char *parts[PATH_PARTS])
{
        unsigned n = 0;
        if (*path != '/')
                return 0;
        for (char *next = path; next;) {
                char *part = next + 1;
                next = strchr(part, '/');
                if (next)
                        *next = '\0';
                if (n == PATH_PARTS)
                        return 0;
                parts[n++] = part;
        }
        return n;
}

static int not_found(struct http_response *resp, const struct http_request *req)
{
        char detail[SENTENCE_SIZE];
        (void)snprintf(detail, sizeof detail, "there is no '%.200s' here", req->path);
        return http_response_problem(resp, 404, "not-found", "no such resource", detail, NULL);
}

static int wrong_method(struct http_response *resp, const char *allowed)
{
        char detail[SENTENCE_SIZE];
        (void)snprintf(detail, sizeof detail, "this resource answers to %s only", allowed);
        return http_response_problem(resp, 405, "wrong-method", "method not allowed", detail, NULL);
}

static int answer_json(struct http_response *resp, json_t *j)
{
        resp->json = j;
        return j ? 0 : -ENOMEM;
}

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int get_status(const struct api *a, struct http_response *resp)
{
        const struct snapshot *s = snapshot_get(a->snapshots);
        if (!s)
                return http_response_problem(resp, 503, "starting", "hamon is starting", "hamon has just started and knows nothing yet",
                                             "try again in a second");
        int r = answer_json(resp, status_json(s, now_ms()));
        snapshot_release(a->snapshots, s);
        return r;
}

static bool parse_u64(const char *text, uint64_t *ret)
{
        char *end;
        errno = 0;
        uint64_t v = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || *end != '\0' || errno != 0)
                return false;
        *ret = v;
        return true;
}

static int get_events(const struct api *a, const struct http_request *req, struct http_response *resp)
{
        const char *text = http_request_query(req, "since");
        uint64_t since = 0;
        if (text && !parse_u64(text, &since))
                return http_response_problem(resp, 400, "bad-number", "not a number", "'since' must be the number of an event", NULL);
        return answer_json(resp, event_log_json(a->events, since));
}

static int get_primary(const struct api *a, uint8_t mirror, struct http_response *resp)
{
        const struct snapshot *s = snapshot_get(a->snapshots);
        bool primary = false, known = false;
        if (s) {
                const struct mirror_view *v = &s->mirror[mirror];
                known = v->role != ROLE_UNKNOWN;
                primary = v->role == ROLE_PRIMARY && v->lease_valid && v->lease_left_ms > now_ms() - s->taken_ms;
                snapshot_release(a->snapshots, s);
        }
        resp->status = primary ? 200 : 503;
        return answer_json(resp, json_pack("{s:s, s:o}", "mirror", a->config->mirror[mirror].name, "primary",
                                           known ? json_boolean(primary) : json_null()));
}

static int get_operation(const struct api *a, const char *text, const struct http_request *req, struct http_response *resp)
{
        static const char *const states[] = {
                [OPERATION_QUEUED] = "running", [OPERATION_RUNNING] = "running", [OPERATION_DONE] = "done", [OPERATION_FAILED] = "failed"};
        struct operation op;
        uint64_t ticket;
        if (!parse_u64(text, &ticket) || operations_get(a->operations, ticket, &op) < 0)
                return not_found(resp, req);
        json_t *reason = json_null(), *mirror = json_null();
        if (op.mirror < a->config->mirrors)
                mirror = json_string(a->config->mirror[op.mirror].name);
        const struct snapshot *s = snapshot_get(a->snapshots);
        if (s && op.state >= OPERATION_DONE)
                reason = reason_json(s, op.mirror, op.reason, a->self < NODES ? (uint8_t)(1 - a->self) : NO_NODE);
        snapshot_release(a->snapshots, s);
        return answer_json(resp, json_pack("{s:o, s:s, s:o, s:s, s:o, s:o, s:o}", "operation", json_of_u64(op.ticket), "command",
                                           command_word(op.type), "mirror", mirror, "state", states[op.state], "reason", reason, "error",
                                           op.error < 0 ? json_string(strerrordesc_np(-op.error)) : json_null(), "detail",
                                           *op.detail ? json_string(op.detail) : json_null()));
}

/* The body must be absent or an object with nothing but the given flag (and "node", when `ret_node` is wanted). */
static int take_body(const struct http_request *req, const char *flag, bool *ret_flag, const char **ret_node)
{
        *ret_flag = false;
        if (!req->body)
                return ret_node ? -EINVAL : 0;
        struct json_take t = json_take_from(req->body);
        if (flag && json_take_has(&t, flag))
                *ret_flag = json_take_bool(&t, flag);
        if (ret_node)
                *ret_node = json_take_string(&t, "node");
        return json_take_end(&t);
}

static int bad_body(struct http_response *resp)
{
        return http_response_problem(resp, 400, "bad-request", "the body is not what this command takes",
                                     "a member of the body is missing, unknown, or of another type", "see docs/API.md");
}

static int post(const struct api *a, struct http_response *resp, enum command_type type, uint8_t mirror, bool consent)
{
        if (a->self == WITNESS)
                return http_response_problem(resp, 409, "wrong-node", "the witness holds no data",
                                             "this is the witness: it votes, and has nothing to command", "run hamonctl on a node");
        uint64_t ticket;
        if (operations_post(a->operations, type, mirror, consent, &ticket) < 0)
                return http_response_problem(resp, 503, "busy", "too many commands", "too many commands are under way", "try again later");
        resp->status = 202;
        resp->headers[0].name = "Location";
        (void)snprintf(resp->headers[0].value, sizeof resp->headers[0].value, "/v1/operations/%" PRIu64, ticket); /* fits */
        return answer_json(resp, json_pack("{s:o}", "operation", json_of_u64(ticket)));
}

static int needs_consent(struct http_response *resp, const char *what)
{
        return http_response_problem(resp, 409, reason_code(REASON_COMMAND_CONSENT), "typed consent is needed", what,
                                     "send \"confirm\": true");
}

static int post_mirror(const struct api *a, const struct http_request *req, uint8_t mirror, const char *verb, struct http_response *resp)
{
        static const struct {
                const char *verb, *flag;
                enum command_type type;
        } verbs[] = {
                {"create", "overwrite", COMMAND_CREATE},
                {"join", "overwrite", COMMAND_JOIN},
                {"switchover", NULL, COMMAND_SWITCHOVER},
                {"start-alone", "confirm", COMMAND_START_ALONE},
        };
        for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
                if (strcmp(verb, verbs[i].verb) != 0)
                        continue;
                bool flag;
                if (take_body(req, verbs[i].flag, &flag, NULL) < 0)
                        return bad_body(resp);
                if (verbs[i].type == COMMAND_START_ALONE && !flag)
                        return needs_consent(resp, "this node may lack acknowledged writes: starting it alone gives them up");
                return post(a, resp, verbs[i].type, mirror, flag);
        }
        return not_found(resp, req);
}

static int post_confirm_dead(const struct api *a, const struct http_request *req, struct http_response *resp)
{
        bool confirm;
        const char *node;
        if (take_body(req, "confirm", &confirm, &node) < 0)
                return bad_body(resp);
        if (a->self < NODES && config_voter_index(a->config, node) != 1 - a->self)
                return http_response_problem(resp, 404, "unknown-node", "no such node", "only the other node can be confirmed dead", NULL);
        if (!confirm)
                return needs_consent(resp, "if that node still runs, both would write: be sure that it is off");
        return post(a, resp, COMMAND_CONFIRM_DEAD, MIRRORS_MAX, true);
}

static int route_mirror(const struct api *a, const struct http_request *req, const char *name, const char *verb, bool is_get,
                        struct http_response *resp)
{
        int mirror = config_mirror_index(a->config, name);
        if (mirror < 0) {
                char detail[SENTENCE_SIZE];
                (void)snprintf(detail, sizeof detail, "no mirror '%.32s' in the configuration", name);
                return http_response_problem(resp, 404, "unknown-mirror", "no such mirror", detail, "hamonctl status");
        }
        if (strcmp(verb, "primary") == 0)
                return is_get ? get_primary(a, (uint8_t)mirror, resp) : wrong_method(resp, "GET");
        return is_get ? wrong_method(resp, "POST") : post_mirror(a, req, (uint8_t)mirror, verb, resp);
}

static int handle(void *userdata, const struct http_request *req, struct http_response *resp)
{
        const struct api *a = userdata;
        char path[256], *parts[PATH_PARTS];
        if (strlen(req->path) >= sizeof path)
                return not_found(resp, req);
        (void)strcpy(path, req->path);
        unsigned n = split(path, parts);
        bool is_get = strcmp(req->method, "GET") == 0;
        if (!is_get && strcmp(req->method, "POST") != 0)
                return wrong_method(resp, "GET and POST");
        if (n < 2 || strcmp(parts[0], "v1") != 0)
                return not_found(resp, req);
        if (n == 2 && strcmp(parts[1], "status") == 0)
                return is_get ? get_status(a, resp) : wrong_method(resp, "GET");
        if (n == 2 && strcmp(parts[1], "events") == 0)
                return is_get ? get_events(a, req, resp) : wrong_method(resp, "GET");
        if (n == 3 && strcmp(parts[1], "operations") == 0)
                return is_get ? get_operation(a, parts[2], req, resp) : wrong_method(resp, "GET");
        if (n == 4 && strcmp(parts[1], "mirrors") == 0)
                return route_mirror(a, req, parts[2], parts[3], is_get, resp);
        if (n == 3 && strcmp(parts[1], "node") == 0 && strcmp(parts[2], "leave") == 0) {
                bool none;
                if (is_get)
                        return wrong_method(resp, "POST");
                return take_body(req, NULL, &none, NULL) < 0 ? bad_body(resp) : post(a, resp, COMMAND_LEAVE, MIRRORS_MAX, true);
        }
        if (n == 3 && strcmp(parts[1], "node") == 0 && strcmp(parts[2], "confirm-dead") == 0)
                return is_get ? wrong_method(resp, "POST") : post_confirm_dead(a, req, resp);
        return not_found(resp, req);
}

int api_start(const struct api *api, const char *socket_path, struct http_server **ret)
{
        struct http_server_options options = {
                .socket_path = socket_path,
                .socket_mode = 0660,
                .threads = HTTP_ONE_THREAD,
                .handler = handle,
                .userdata = (void *)api, /* only read */
        };
        return http_server_start(&options, ret);
}
