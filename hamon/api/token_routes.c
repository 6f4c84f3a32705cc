/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GET, POST and DELETE of /v1/tokens, on the control socket only. Making and revoking are a worker's: they wait for the disk. */
#include "hamon/api/json_take.h"
#include "hamon/api/tokens.h"
#include "hamon/api/threads.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void put_etag(const struct api *a, struct http_response *resp)
{
        char revision[ETAG_SIZE];
        tokens_revision(a->tokens, revision);
        http_response_header(resp, "ETag", "\"%s\"", revision);
}

int get_tokens(struct api_call *c, struct http_response *resp)
{
        put_etag(c->api, resp);
        return answer_json(resp, json_pack("{s:o}", "tokens", tokens_json(c->api->tokens)));
}

static void failed(int r, const char *name, struct http_response *resp)
{
        char detail[200];
        const char *why = r == -EEXIST   ? "a token of that name is there: revoke it first, or choose another name"
                          : r == -ENOENT ? "no token has that name"
                          : r == -ENOSPC ? "64 tokens are there already"
                          : r == -EINVAL ? "a name has up to 31 letters, digits, \"_\", \"-\" and \".\""
                                         : strerrordesc_np(-r);
        (void)snprintf(detail, sizeof detail, "'%.40s': %s", name, why); /* fits */
        if (r == -ENOENT)
                (void)http_response_problem(resp, 404, "unknown-token", "no such token", detail, "hamonctl token list");
        else if (r == -EINVAL)
                (void)http_response_problem(resp, 400, "bad-request", "not a name", detail, NULL);
        else if (r == -EEXIST || r == -ENOSPC)
                (void)http_response_problem(resp, 409, "token-exists", "no room for this token", detail, "hamonctl token list");
        else
                (void)http_response_problem(resp, 500, "state-write-failed", "the tokens cannot be written", detail, "look at the disk of hamon's state");
}

static void create_token(const struct api *a, struct api_work *w, struct http_response *resp)
{
        char secret[TOKEN_TEXT_SIZE], sentence[SENTENCE_SIZE];
        int r = tokens_create(a->tokens, w->target, w->access, secret);
        if (r < 0) {
                failed(r, w->target, resp);
                return;
        }
        const char *role = w->access == ACCESS_OPERATOR ? "operator" : "viewer";
        (void)snprintf(sentence, sizeof sentence, "token '%.31s' with role %s was made by %s", w->target, role, w->who);
        api_audit(a, sentence);
        resp->status = 201;
        put_etag(a, resp);
        resp->json = json_pack("{s:s, s:s, s:s}", "name", w->target, "role", role, "token", secret);
        explicit_bzero(secret, sizeof secret);
}

static void revoke_token(const struct api *a, struct api_work *w, struct http_response *resp)
{
        char sentence[SENTENCE_SIZE];
        int r = tokens_revoke(a->tokens, w->target);
        if (r < 0) {
                failed(r, w->target, resp);
                return;
        }
        (void)snprintf(sentence, sizeof sentence, "token '%.31s' was revoked by %s", w->target, w->who);
        api_audit(a, sentence);
        resp->status = 204;
}

static bool is_stale(struct api_call *c, struct http_response *resp)
{
        char revision[ETAG_SIZE];
        tokens_revision(c->api->tokens, revision);
        return revision_is_stale(c, revision, "send If-Match with the ETag of GET /v1/tokens", resp);
}

static int later(struct api_call *c, void (*run)(const struct api *a, struct api_work *w, struct http_response *resp), const char *name, enum access role)
{
        c->work.run = run;
        c->work.access = role;
        (void)snprintf(c->work.target, sizeof c->work.target, "%s", name); /* too long is not a name */
        (void)snprintf(c->work.who, sizeof c->work.who, "%s", c->who);
        return HTTP_LATER;
}

int post_token(struct api_call *c, struct http_response *resp)
{
        struct json_take t = json_take_from(c->body);
        const char *name = json_take_string(&t, "name"), *role = json_take_string(&t, "role");
        bool is_operator = strcmp(role, "operator") == 0;
        if (json_take_end(&t) < 0 || (!is_operator && strcmp(role, "viewer") != 0))
                return http_response_problem(resp, 400, "bad-request", "the body is not what this takes",
                                             "a token has a name and a role, viewer or operator", "see /v1/openapi.yaml");
        return is_stale(c, resp) ? 0 : later(c, create_token, name, is_operator ? ACCESS_OPERATOR : ACCESS_VIEWER);
}

int delete_token(struct api_call *c, struct http_response *resp)
{
        return is_stale(c, resp) ? 0 : later(c, revoke_token, c->part[2], ACCESS_VIEWER);
}
