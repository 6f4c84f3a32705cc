/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GET /v1/support-bundle: what somebody needs who was not there - state, events, configuration without secrets, journal - of this machine and of
 * those that can be reached. A worker's: it waits for children and for the other machines.
 */
#include "hamon/api/bundle_logs.h"
#include "hamon/api/call.h"
#include "hamon/api/forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BUNDLE_PEER_MS = 9000 };

/* What the API itself says; "?of=self": the others answer for themselves. */
static const char *const parts[][2] = {
        {"status", "/v1/status"},     {"explain", "/v1/explain"},       {"links", "/v1/links"},     {"voters", "/v1/voters"},
        {"services", "/v1/services"}, {"events", "/v1/events"},         {"history", "/v1/history"}, {"config", "/v1/config"},
        {"cluster", "/v1/cluster"},   {"operations", "/v1/operations"}, {"metrics", "/metrics"},    {"exports", "/v1/exports?of=self"},
        {"sessions", "/v1/sessions?of=self"},
};

/* Our own answer to GET `path`. */
static json_t *ask_self(const struct api *a, const char *path)
{
        struct http_response resp = {0};
        char bare[64];
        const char *query = strchr(path, '?');
        (void)snprintf(bare, sizeof bare, "%.*s", (int)strcspn(path, "?"), path); /* fits: one of the table */
        struct api_call c = {.api = a, .entrance = ENTRANCE_SOCKET, .access = ACCESS_OPERATOR, .who = "support bundle", .method = "GET", .path = bare,
                             .query = query ? query + 1 : NULL, .snapshot = snapshot_get(a->snapshots)};
        struct timespec now;
        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        c.now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
        if (c.snapshot && c.now_ms < c.snapshot->taken_ms)
                c.now_ms = c.snapshot->taken_ms;
        if (route_call(&c, &resp) == HTTP_LATER) {
                c.work.run(a, &c.work, &resp);
                json_decref(c.work.body);
        }
        snapshot_release(a->snapshots, c.snapshot);
        json_t *j = resp.json ? json_incref(resp.json) : resp.text ? json_string(resp.text) : json_null();
        http_response_release(&resp);
        return j;
}

static json_t *own(const struct api *a)
{
        json_t *j = bundle_logs();
        for (size_t i = 0; j && i < sizeof parts / sizeof *parts; i++)
                json_object_set_new(j, parts[i][0], ask_self(a, parts[i][1]));
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
        json_decref(j);
        if (!text)
                return NULL;
        bundle_scrub(a->config, text);
        j = json_loads(text, 0, NULL);
        free(text);
        return json_pack("{s:s, s:s, s:o*, s:n}", "node", a->config->voters[a->self].name, "version", NBDD_VERSION, "parts", j, "error");
}

static json_t *of_other(const struct api *a, uint8_t voter)
{
        char error[256] = "";
        struct forward_answer answer;
        const struct forward_request r = {.to = voter, .method = "GET", .target = "/v1/support-bundle?of=self", .access = ACCESS_OPERATOR, .who = "support bundle",
                                          .timeout_ms = BUNDLE_PEER_MS};
        int e = forward_call(a, &r, &answer, error, sizeof error);
        json_t *one = e == 0 && answer.status == 200 ? json_incref(json_array_get(json_object_get(answer.body, "nodes"), 0)) : NULL;
        if (!one)
                one = json_pack("{s:s, s:n, s:n, s:s}", "node", a->config->voters[voter].name, "version", "parts", "error",
                                e < 0 ? error : "it answered with an error, or is of an older version");
        forward_answer_release(&answer);
        return one;
}

static void collect(const struct api *a, struct api_work *w, struct http_response *resp)
{
        json_t *nodes = json_array();
        json_array_append_new(nodes, own(a));
        for (uint8_t v = 0; v < VOTERS && w->voter == VOTERS; v++)
                if (v != a->self && a->config->voters[v].links > 0)
                        json_array_append_new(nodes, of_other(a, v));
        resp->json = json_pack("{s:I, s:s, s:o}", "made", (json_int_t)time(NULL), "cluster", a->config->cluster, "nodes", nodes);
        if (!resp->json)
                (void)http_response_problem(resp, 500, "internal", "the request failed inside the server", "no memory for the bundle", NULL);
}

int get_support_bundle(struct api_call *c, struct http_response *resp)
{
        const char *of = call_query(c, "of");
        if (of && strcmp(of, "self") != 0 && strcmp(of, "all") != 0)
                return http_response_problem(resp, 400, "bad-request", "no such choice", "'of' must be self or all", NULL);
        c->work.run = collect;
        c->work.voter = (of && strcmp(of, "self") == 0) || c->entrance == ENTRANCE_PEER ? c->api->self : VOTERS;
        return HTTP_LATER;
}
