/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of nbdd's exports and sessions, on this node; another node's are asked for as /v1/nodes/NAME/exports. nbdd itself decides what may be: a leg of
 * a mirror and what belongs to one are refused there (nbdd --operator). A call is one of nbdd's control API with the same path and body, so its words
 * and its answers are nbdd's. Workers'.
 */
#include "hamon/api/call.h"
#include "hamon/api/threads.h"
#include "nbdd/client/nbdd.h"
#include "net/http_client.h"
#include "net/problem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANGE_TIMEOUT_MS = 15000 /* a stop waits for the disk */, LOOK_TIMEOUT_MS = 2000 };

/* Who did what, before it is known what became of it. */
static void audit(const struct api *a, const struct api_work *w)
{
        char sentence[SENTENCE_SIZE];
        (void)snprintf(sentence, sizeof sentence, "'%s %.60s' of nbdd was asked for by %.120s", w->method, w->target, w->who); /* fits */
        (void)api_event(a, "export", SEVERITY_INFO, sentence);
}

/* Has somebody set it otherwise since? What nbdd does not tell of is nbdd's to refuse. True: answered. nbdd compares nothing itself: what is done to it by its own
   command in the instant between is not seen. */
static bool is_stale(const struct api *a, const struct api_work *w, struct http_response *resp)
{
        char path[CALL_PATH_SIZE], error[512], revision[ETAG_SIZE];
        json_t *now = NULL;
        unsigned status = 0;
        if (strcmp(w->if_match, "*") == 0)
                return false;
        (void)snprintf(path, sizeof path, "/v1/exports/%.*s", (int)strcspn(w->target + strlen("/v1/exports/"), "/"), w->target + strlen("/v1/exports/")); /* shorter */
        bool known = http_call(a->nbdd_socket, "GET", path, NULL, LOOK_TIMEOUT_MS, &status, &now, error, sizeof error) == 0 && status < 400;
        if (known)
                export_revision(now, revision);
        json_decref(now);
        return known && revision_differs(w->if_match, revision, "send If-Match with the revision of the export in GET /v1/exports, or *", resp);
}

/* nbdd's answer about an export, with its revision. */
static void answer_export(json_t *answer, struct http_response *resp)
{
        char revision[ETAG_SIZE];
        export_revision(answer, revision);
        json_object_set_new(answer, "revision", json_string(revision));
        http_response_header(resp, "ETag", "\"%s\"", revision);
        resp->json = json_incref(answer);
}

static void run(const struct api *a, struct api_work *w, struct http_response *resp)
{
        char error[512] = "";
        json_t *answer = NULL;
        unsigned status = 0;
        if (is_stale(a, w, resp))
                return;
        audit(a, w);
        int r = http_call(a->nbdd_socket, w->method, w->target, w->body, CHANGE_TIMEOUT_MS, &status, &answer, error, sizeof error);
        if (r < 0) {
                (void)http_response_problem(resp, r == -ETIMEDOUT ? 504 : 502, "nbdd-unreachable", "nbdd does not answer", error,
                                            r == -ETIMEDOUT ? "look whether it was done: GET /v1/exports" : "systemctl status nbdd");
        } else if (status >= 400) {
                const char *text = problem_text(answer), *code = problem_code(answer);
                (void)http_response_problem(resp, status, *code ? code : "nbdd-refused", "nbdd refuses", text ? text : "nbdd gave no reason",
                                            status == 403 ? "this hamon may not change exports: nbdd --serve --operator USER" : "GET /v1/exports");
        } else {
                resp->status = status;
                if (status != 204)
                        answer_export(answer, resp);
        }
        json_decref(answer);
}

/* `has_revision`: what is changed is an export that is there; what is to be made, and a session, have none. */
static int later(struct api_call *c, const char *method, const char *target, bool has_revision, struct http_response *resp)
{
        if (c->api->self == WITNESS)
                return http_response_problem(resp, 409, "wrong-node", "the witness holds no data", "this is the witness: there is no nbdd here", "ask a node");
        if (!c->if_match)
                return http_response_problem(resp, 428, "no-if-match", "If-Match is needed",
                                             has_revision ? "a change names the revision that it is meant for" : "a change says that it is meant: what is new, and a session, has no revision, so it is *",
                                             has_revision ? "send If-Match with the revision of the export in GET /v1/exports, or *" : "send If-Match: *");
        if (!has_revision && strcmp(c->if_match, "*") != 0)
                return http_response_problem(resp, 412, "stale", "there is no revision of that", "what is new, and a session, has no revision", "send If-Match: *");
        (void)snprintf(c->work.if_match, sizeof c->work.if_match, "%s", c->if_match);
        c->work.run = run;
        c->work.body = json_incref((json_t *)c->body);
        (void)snprintf(c->work.method, sizeof c->work.method, "%s", method);
        (void)snprintf(c->work.target, sizeof c->work.target, "%s", target);
        (void)snprintf(c->work.who, sizeof c->work.who, "%s", c->who);
        return HTTP_LATER;
}

static int change(struct api_call *c, const char *method, const char *verb, struct http_response *resp)
{
        char path[160], id[64];
        if (http_encode(c->part[2], id, sizeof id) < 0)
                return http_response_problem(resp, 404, "not-found", "no such export", "that is no id of an export", "GET /v1/exports");
        (void)snprintf(path, sizeof path, "/v1/exports/%s%s%s", id, verb ? "/" : "", verb ? verb : ""); /* fits */
        return later(c, method, path, true, resp);
}

int post_export(struct api_call *c, struct http_response *resp)
{
        return later(c, "POST", "/v1/exports", false, resp);
}

int patch_export(struct api_call *c, struct http_response *resp)
{
        return change(c, "PATCH", NULL, resp);
}

int delete_export(struct api_call *c, struct http_response *resp)
{
        return change(c, "DELETE", NULL, resp);
}

int start_export(struct api_call *c, struct http_response *resp)
{
        return change(c, "POST", "start", resp);
}

int stop_export(struct api_call *c, struct http_response *resp)
{
        return change(c, "POST", "stop", resp);
}

int clear_export(struct api_call *c, struct http_response *resp)
{
        return change(c, "POST", "clear", resp);
}

int delete_session(struct api_call *c, struct http_response *resp)
{
        char path[96];
        uint64_t number;
        if (!parse_u64(c->part[2], &number))
                return http_response_problem(resp, 404, "not-found", "no such session", "a session is named by its number", "GET /v1/sessions");
        (void)snprintf(path, sizeof path, "/v1/sessions/%llu", (unsigned long long)number); /* fits */
        return later(c, "DELETE", path, false, resp);
}
