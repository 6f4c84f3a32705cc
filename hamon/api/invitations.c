/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /v1/cluster/invitations: join lines for machines that come new to the cluster, or anew in another's place. A line hands out the cluster's key, so that the answer goes
 * to the caller alone: over the control socket or TLS, never through another hamon (their way is not encrypted).
 */
#include "hamon/api/call.h"
#include "hamon/api/inviter.h"
#include "hamon/api/sentence.h"
#include "hamon/api/threads.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FOR_S_MIN = 30, FOR_S_MAX = 3600 };

int get_invitations(struct api_call *c, struct http_response *resp)
{
        return answer_json(resp, inviter_json(c->api->inviter));
}

static int bad_body(struct http_response *resp)
{
        return http_response_problem(resp, 400, "bad-request", "the body is not what this takes",
                                     "it has names, a list of other machines of the configuration, and perhaps for_s (30 to 3600) and listen (ADDRESS:PORT)", "see /v1/openapi.yaml");
}

static void failed(int r, const char *why, struct http_response *resp)
{
        if (r == -EALREADY)
                (void)http_response_problem(resp, 409, "invitation-open", "an invitation is open", "the join lines of an earlier call are still good", "DELETE /v1/cluster/invitations ends it");
        else if (r == -ENOENT)
                (void)http_response_problem(resp, 404, "unknown-node", "no such machine to invite", why, "GET /v1/voters");
        else if (r == -EIO)
                (void)http_response_problem(resp, 500, "config-unreadable", "the cluster's files cannot be given", why, "look at the files beside hamon.conf on that machine");
        else
                (void)http_response_problem(resp, 409, "cannot-listen", "nobody could come", why, "give listen, an ADDRESS:PORT of this machine that is free");
}

static void open_work(const struct api *a, struct api_work *w, struct http_response *resp)
{
        const char *names[VOTERS] = {NULL}, *where = json_string_value(json_object_get(w->body, "listen"));
        char why[JOIN_ERROR_SIZE] = "", sentence[SENTENCE_SIZE];
        const json_t *list = json_object_get(w->body, "names"), *name, *for_s = json_object_get(w->body, "for_s");
        size_t i;
        json_array_foreach(list, i, name)
                names[i] = json_string_value(name);
        json_t *answer = NULL;
        int r = inviter_open(a->inviter, where, names, (unsigned)json_array_size(list), for_s ? (uint32_t)json_integer_value(for_s) : JOIN_OPEN_S, &answer, why);
        if (r < 0) {
                char *next = strchr(why, '\n'); /* it speaks of hamonctl's own options */
                if (next)
                        *next = '\0';
                failed(r, why, resp);
                return;
        }
        json_object_set_new(answer, "node", json_string(a->config->voters[a->self].name));
        json_array_foreach(list, i, name)
        {
                (void)snprintf(sentence, sizeof sentence, "a join line for %.40s was made by %.100s", json_string_value(name), w->who); /* fits */
                (void)api_event(a, "invite", SEVERITY_INFO, sentence);
        }
        resp->status = 201;
        resp->json = answer;
}

static void close_work(const struct api *a, struct api_work *w, struct http_response *resp)
{
        char sentence[SENTENCE_SIZE];
        int left = inviter_close(a->inviter);
        if (left < 0) {
                (void)http_response_problem(resp, 404, "no-invitation", "no invitation is open", "no join line of this machine's hamon is good now", NULL);
                return;
        }
        (void)snprintf(sentence, sizeof sentence, "the invitation was ended by %.100s", w->who); /* fits */
        (void)api_event(a, "invite", SEVERITY_INFO, sentence);
        resp->json = inviter_json(a->inviter);
}

/* The revision is the configuration's: who asks has seen what is handed out. */
static bool is_stale(struct api_call *c, struct http_response *resp)
{
        char revision[ETAG_SIZE];
        config_etag(c->api, revision);
        return revision_is_stale(c, revision, "send If-Match with the ETag of GET /v1/config", resp);
}

static int later(struct api_call *c, void (*run)(const struct api *a, struct api_work *w, struct http_response *resp))
{
        c->work.run = run;
        c->work.body = json_incref((json_t *)c->body);
        (void)snprintf(c->work.who, sizeof c->work.who, "%s", c->who);
        return HTTP_LATER;
}

static bool from_another(const struct api_call *c, struct http_response *resp)
{
        if (c->entrance != ENTRANCE_PEER)
                return false;
        (void)http_response_problem(resp, 409, "ask-directly", "not through another node", "a join line is given by the machine itself, over its own socket or TLS", "ask that machine");
        return true;
}

static bool body_is_good(const struct api_call *c)
{
        const json_t *names = json_object_get(c->body, "names"), *for_s = json_object_get(c->body, "for_s"), *listen = json_object_get(c->body, "listen"), *name;
        size_t i, known = (size_t)(names != NULL) + (for_s != NULL) + (listen != NULL);
        if (!json_is_object(c->body) || json_object_size(c->body) != known || !json_is_array(names) || json_array_size(names) == 0 || json_array_size(names) > VOTERS)
                return false;
        json_array_foreach(names, i, name)
                if (!json_is_string(name))
                        return false;
        return (!for_s || (json_is_integer(for_s) && json_integer_value(for_s) >= FOR_S_MIN && json_integer_value(for_s) <= FOR_S_MAX)) && (!listen || json_is_string(listen));
}

int post_invitations(struct api_call *c, struct http_response *resp)
{
        if (from_another(c, resp))
                return 0;
        if (!body_is_good(c))
                return bad_body(resp);
        return is_stale(c, resp) ? 0 : later(c, open_work);
}

int delete_invitations(struct api_call *c, struct http_response *resp)
{
        if (from_another(c, resp))
                return 0;
        return is_stale(c, resp) ? 0 : later(c, close_work);
}
