/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of routes: method, path, who may, and which function. docs/openapi.yaml describes each row, and nothing else: an integration
 * test compares them.
 */
#include "hamon/api/access.h"
#include "hamon/api/call.h"
#include "hamon/api/embedded.h"
#include "hamon/api/forward.h"
#include "net/http_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ROUTES(X)                                                                              \
        X(GET, "/", PUBLIC, get_file)                                                          \
        X(GET, "/ui/{file}", PUBLIC, get_file)                                                 \
        X(GET, "/status", VIEWER, get_status_page)                                             \
        X(GET, "/status/exports", VIEWER, get_status_exports)                                  \
        X(GET, "/healthz", PUBLIC, get_healthz)                                                \
        X(GET, "/readyz", PUBLIC, get_readyz)                                                  \
        X(GET, "/metrics", VIEWER, get_metrics)                                                \
        X(GET, "/v1/openapi.yaml", PUBLIC, get_file)                                           \
        X(GET, "/v1/openapi.json", PUBLIC, get_file)                                           \
        X(GET, "/v1/access", VIEWER, get_access)                                               \
        X(GET, "/v1/status", VIEWER, get_status)                                               \
        X(GET, "/v1/node", VIEWER, get_node)                                                   \
        X(GET, "/v1/cluster", VIEWER, get_cluster)                                             \
        X(GET, "/v1/cluster/invitations", VIEWER, get_invitations)                             \
        X(POST, "/v1/cluster/invitations", OPERATOR, post_invitations)                         \
        X(DELETE, "/v1/cluster/invitations", OPERATOR, delete_invitations)                     \
        X(GET, "/v1/nodes/{node}/{path}", VIEWER, pass_on)                                     \
        X(POST, "/v1/nodes/{node}/{path}", OPERATOR, pass_on)                                  \
        X(PUT, "/v1/nodes/{node}/{path}", OPERATOR, pass_on)                                   \
        X(PATCH, "/v1/nodes/{node}/{path}", OPERATOR, pass_on)                                 \
        X(DELETE, "/v1/nodes/{node}/{path}", OPERATOR, pass_on)                                \
        X(GET, "/v1/exports", VIEWER, get_exports)                                             \
        X(POST, "/v1/exports", OPERATOR, post_export)                                          \
        X(PATCH, "/v1/exports/{id}", OPERATOR, patch_export)                                   \
        X(DELETE, "/v1/exports/{id}", OPERATOR, delete_export)                                 \
        X(POST, "/v1/exports/{id}/start", OPERATOR, start_export)                              \
        X(POST, "/v1/exports/{id}/stop", OPERATOR, stop_export)                                \
        X(POST, "/v1/exports/{id}/clear", OPERATOR, clear_export)                              \
        X(GET, "/v1/sessions", VIEWER, get_sessions)                                           \
        X(DELETE, "/v1/sessions/{session}", OPERATOR, delete_session)                          \
        X(GET, "/v1/mirrors", VIEWER, get_mirrors)                                             \
        X(GET, "/v1/mirrors/{mirror}", VIEWER, get_mirror)                                     \
        X(GET, "/v1/mirrors/{mirror}/primary", PUBLIC, probe_primary)                          \
        X(GET, "/v1/mirrors/{mirror}/secondary", PUBLIC, probe_secondary)                      \
        X(GET, "/v1/mirrors/{mirror}/insync", PUBLIC, probe_insync)                            \
        X(GET, "/v1/mirrors/{mirror}/digests", OPERATOR, get_digests)                          \
        X(GET, "/v1/mirrors/{mirror}/disk", VIEWER, get_disk)                                  \
        X(GET, "/v1/legs", VIEWER, get_legs)                                                   \
        X(GET, "/v1/links", VIEWER, get_links)                                                 \
        X(GET, "/v1/voters", VIEWER, get_voters)                                               \
        X(GET, "/v1/services", VIEWER, get_services)                                           \
        X(GET, "/v1/events", VIEWER, get_events)                                               \
        X(GET, "/v1/events/stream", VIEWER, follow_events)                                     \
        X(GET, "/v1/history", VIEWER, get_history)                                             \
        X(GET, "/v1/config", VIEWER, get_config)                                               \
        X(PUT, "/v1/config", OPERATOR, put_config)                                             \
        X(POST, "/v1/config/check", OPERATOR, post_config_check)                               \
        X(POST, "/v1/config/step", OPERATOR, post_config_step)                                 \
        X(POST, "/v1/config/discard", OPERATOR, post_config_discard)                           \
        X(GET, "/v1/config/text", OPERATOR, get_config_text)                                   \
        X(PUT, "/v1/config/mirrors/{name}", OPERATOR, put_config_mirror)                       \
        X(DELETE, "/v1/config/mirrors/{name}", OPERATOR, delete_config_mirror)                 \
        X(PUT, "/v1/config/services/{name}", OPERATOR, put_config_service)                     \
        X(DELETE, "/v1/config/services/{name}", OPERATOR, delete_config_service)               \
        X(GET, "/v1/notify", VIEWER, get_notify)                                               \
        X(POST, "/v1/notify/test", OPERATOR, post_notify_test)                                 \
        X(GET, "/v1/reasons", VIEWER, get_reasons)                                             \
        X(GET, "/v1/explain", VIEWER, get_explain)                                             \
        X(GET, "/v1/simulate", VIEWER, get_simulate)                                           \
        X(GET, "/v1/preflight/{command}", VIEWER, get_preflight)                               \
        X(GET, "/v1/support-bundle", OPERATOR, get_support_bundle)                             \
        X(GET, "/v1/operations", VIEWER, get_operations)                                       \
        X(GET, "/v1/operations/{operation}", VIEWER, get_operation)                            \
        X(DELETE, "/v1/operations/{operation}", OPERATOR, cancel_operation)                    \
        X(GET, "/v1/tokens", LOCAL, get_tokens)                                                \
        X(POST, "/v1/tokens", LOCAL, post_token)                                               \
        X(DELETE, "/v1/tokens/{token}", LOCAL, delete_token)                                   \
        X(POST, "/v1/mirrors/{mirror}/create", OPERATOR, post_mirror_create)                   \
        X(POST, "/v1/mirrors/{mirror}/join", OPERATOR, post_mirror_join)                       \
        X(POST, "/v1/mirrors/{mirror}/switchover", OPERATOR, post_mirror_switchover)           \
        X(POST, "/v1/mirrors/{mirror}/resync", OPERATOR, post_mirror_resync)                   \
        X(POST, "/v1/mirrors/{mirror}/verify", OPERATOR, post_mirror_verify)                   \
        X(POST, "/v1/mirrors/{mirror}/service-restart", OPERATOR, post_mirror_service_restart) \
        X(POST, "/v1/mirrors/{mirror}/grow", OPERATOR, post_mirror_grow)                       \
        X(POST, "/v1/mirrors/{mirror}/remove-part", OPERATOR, post_mirror_remove_part)         \
        X(POST, "/v1/mirrors/{mirror}/rename", OPERATOR, post_mirror_rename)                   \
        X(DELETE, "/v1/mirrors/{mirror}", OPERATOR, delete_mirror)                             \
        X(POST, "/v1/mirrors/{mirror}/maintenance", OPERATOR, post_mirror_maintenance)         \
        X(POST, "/v1/mirrors/{mirror}/start-alone", OPERATOR, post_mirror_start_alone)         \
        X(POST, "/v1/mirrors/{mirror}/force-primary", OPERATOR, post_mirror_force_primary)     \
        X(POST, "/v1/node/leave", OPERATOR, post_node_leave)                                   \
        X(POST, "/v1/node/test-fence", OPERATOR, post_node_test_fence)                         \
        X(POST, "/v1/node/confirm-dead", OPERATOR, post_node_confirm_dead)                     \
        X(POST, "/v1/witness/replace", OPERATOR, post_witness_replace)

static api_handler pass_on;

struct route {
        const char *method, *path;
        enum access access;
        api_handler *handler;
};

static const struct route routes[] = {
#define X(method, path, access, handler) {#method, path, ACCESS_##access, handler},
        ROUTES(X)
#undef X
};

enum { ROUTES_COUNT = sizeof routes / sizeof *routes };

/* Cuts the path in place. False: too long, or too many parts to be one of ours. */
static bool cut(struct api_call *c)
{
        if (c->path[0] != '/' || strlen(c->path) >= sizeof c->cut)
                return false;
        (void)strcpy(c->cut, c->path);
        c->parts = 0;
        for (char *next = c->cut; next;) {
                char *part = next + 1;
                next = strchr(part, '/');
                if (next)
                        *next = '\0';
                if (c->parts == CALL_PARTS)
                        return false;
                c->part[c->parts++] = part;
        }
        return true;
}

static bool matches(const struct api_call *c, const char *pattern)
{
        for (unsigned i = 0; i < c->parts; i++) {
                if (*pattern++ != '/')
                        return false;
                if (strcmp(pattern, "{path}") == 0)
                        return *c->part[i]; /* and all that follows */
                size_t n = strcspn(pattern, "/");
                bool open = *pattern == '{';
                if (open ? !*c->part[i] : strlen(c->part[i]) != n || strncmp(pattern, c->part[i], n) != 0)
                        return false;
                pattern += n;
        }
        return *pattern == '\0';
}

static int not_found(const struct api_call *c, struct http_response *resp)
{
        char detail[SENTENCE_SIZE];
        (void)snprintf(detail, sizeof detail, "there is no '%.200s' here", c->path);
        return http_response_problem(resp, 404, "not-found", "no such resource", detail, "see /v1/openapi.yaml");
}

static int wrong_method(const char *allowed, struct http_response *resp)
{
        char detail[SENTENCE_SIZE];
        (void)snprintf(detail, sizeof detail, "this resource answers to %s only", allowed);
        http_response_header(resp, "Allow", "%s", allowed);
        return http_response_problem(resp, 405, "wrong-method", "method not allowed", detail, NULL);
}

static int unknown_mirror(const char *name, struct http_response *resp)
{
        char detail[SENTENCE_SIZE];
        (void)snprintf(detail, sizeof detail, "no mirror '%.32s' in the configuration", name);
        return http_response_problem(resp, 404, "unknown-mirror", "no such mirror", detail, "hamonctl status");
}

/* "/v1/nodes/NAME/mirrors" is that node's "/v1/mirrors", with the same query. */
static int pass_on(struct api_call *c, struct http_response *resp)
{
        char target[CALL_PATH_SIZE], detail[SENTENCE_SIZE];
        int voter = config_voter_index(c->api->config, c->part[2]);
        if (voter < 0) {
                (void)snprintf(detail, sizeof detail, "no machine '%.32s' in the configuration", c->part[2]);
                return http_response_problem(resp, 404, "unknown-node", "no such node", detail, "GET /v1/voters");
        }
        const char *rest = c->path + strlen("/v1/nodes/") + strlen(c->part[2]);
        static const char *const queries[] = {"since", "severity", "mirror", "fail", "of"};
        int n = snprintf(target, sizeof target, "/v1%s", rest);
        for (size_t i = 0; i < sizeof queries / sizeof *queries && n > 0 && (size_t)n < sizeof target; i++) {
                char value[128];
                const char *text = call_query(c, queries[i]);
                if (text && http_encode(text, value, sizeof value) == 0)
                        n += snprintf(target + n, sizeof target - (size_t)n, "%s%s=%s", strchr(target, '?') ? "&" : "?", queries[i], value);
        }
        if (n < 0 || (size_t)n >= sizeof target)
                return http_response_problem(resp, 414, "too-long", "too long", "the path is too long", NULL);
        if (strncmp(rest, "/nodes/", 7) == 0)
                return not_found(c, resp);
        return forward_later(c, (uint8_t)voter, target, resp);
}

/* /v1/nodes/ and this very node: the rest is a call of its own. */
static int call_own(struct api_call *c, struct http_response *resp)
{
        char path[CALL_PATH_SIZE];
        (void)snprintf(path, sizeof path, "/v1%s", c->path + strlen("/v1/nodes/") + strlen(c->part[2])); /* shorter than what it was */
        if (strncmp(path, "/v1/nodes/", 10) == 0)
                return not_found(c, resp);
        c->path = path;
        return route_call(c, resp);
}

int route_call(struct api_call *c, struct http_response *resp)
{
        const struct route *found = NULL;
        char allowed[64] = "";
        if (!cut(c))
                return not_found(c, resp);
        if (strcmp(c->method, "GET") == 0 && embedded_find(c->path))
                return get_file(c, resp); /* public, like its row in the table */
        for (size_t i = 0; i < ROUTES_COUNT && !found; i++) {
                if (!matches(c, routes[i].path))
                        continue;
                if (strcmp(routes[i].method, c->method) == 0)
                        found = &routes[i];
                else
                        (void)snprintf(allowed + strlen(allowed), sizeof allowed - strlen(allowed), "%s%s", *allowed ? " and " : "",
                                       routes[i].method);
        }
        if (!found && !*allowed)
                return not_found(c, resp);
        if (access_denied(c, found ? found->access : ACCESS_VIEWER, resp))
                return 0;
        if (!found)
                return wrong_method(allowed, resp);
        if (found->handler == pass_on && config_voter_index(c->api->config, c->part[2]) == c->api->self)
                return call_own(c, resp);
        if (strstr(found->path, "{mirror}")) {
                int mirror = config_mirror_index(c->api->config, c->part[2]);
                if (mirror < 0)
                        return unknown_mirror(c->part[2], resp);
                c->mirror = (uint8_t)mirror;
        }
        return found->handler(c, resp);
}
