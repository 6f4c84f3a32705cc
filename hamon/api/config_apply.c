/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A change of the configuration of all machines, seen to by the one that was asked. A worker's: it waits for the others.
 *
 *   look      each machine says what stands in its way; nothing changes
 *   prepare   each machine, this one first, keeps the next version beside its file, durably
 *   commit    this machine's file is replaced: from here on it is decided. Then the others', one after the other: each begins anew with it while
 *             the rest goes on, and this machine last
 *
 * A power cut before the commit leaves the old one everywhere: what waits elsewhere is thrown away when this machine says that nothing waits here. After
 * it the new one: whoever missed it takes it over from any machine that runs it (config_step_follow()). While this machine is silent in between, what
 * waits is shown as such, with what a person may do.
 */
#include "hamon/api/config_change.h"

#include "hamon/api/json_take.h"
#include "hamon/api/threads.h"
#include "hamon/config_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BUSY_TRIES = 25, BUSY_POLL_MS = 200 };

static json_t *verdict(const struct config_change *c, bool good)
{
        return json_pack("{s:b, s:b, s:o, s:s, s:O, s:O}", "good", (int)good, "needs_consent", (int)(good && change_count(c->findings, "warning") > 0), "version",
                         json_of_u64(c->next.version), "hash", c->next.hash, "changes", c->changes, "findings", c->findings);
}

static void refuse(const struct config_change *c, unsigned status, const char *code, const char *title, const char *next, struct http_response *resp)
{
        const json_t *first = NULL, *f;
        size_t i;
        json_array_foreach(c->findings, i, f)
                if (!first || (strcmp(json_string_value(json_object_get(f, "severity")), "error") == 0 &&
                               strcmp(json_string_value(json_object_get(first, "severity")), "error") != 0))
                        first = f;
        const char *what = json_string_value(json_object_get(first, "what"));
        (void)http_response_problem(resp, status, code, title, what ? what : "out of memory", next);
        json_object_set(resp->json, "findings", c->findings);
        json_object_set(resp->json, "changes", c->changes);
}

static void apply(struct config_change *c, const char *who, struct http_response *resp)
{
        char sentence[SENTENCE_SIZE];
        bool good = change_look(c);
        if (!good) {
                refuse(c, 422, "config-refused", "this configuration cannot be applied", "correct it: findings tell what, where and how", resp);
                return;
        }
        if (change_count(c->findings, "warning") > 0 && !c->accept) {
                refuse(c, 409, "needs-consent", "there are warnings", "send \"accept_warnings\": true when they are meant", resp);
                return;
        }
        c->next.text = c->own_text = config_text_with_version(c->text, c->next.version);
        (void)snprintf(c->next.by, sizeof c->next.by, "%s", change_name_of(c, c->a->self));
        json_t *states = c->own_text && change_prepare(c) ? change_commit(c) : NULL;
        if (!states) {
                refuse(c, 507, "config-not-kept", "the configuration was not changed", "nothing is changed anywhere; correct that, and apply it again", resp);
                return;
        }
        (void)snprintf(sentence, sizeof sentence, "version %" PRIu64 " of the configuration (%s) was applied by %s", c->next.version, c->next.hash, who);
        (void)api_event(c->a, "config-applied", SEVERITY_INFO, sentence);
        resp->json = json_pack("{s:o, s:s, s:o, s:O, s:O}", "version", json_of_u64(c->next.version), "hash", c->next.hash, "machines", states, "changes", c->changes, "findings",
                               c->findings);
}

/* "uid 0, pid 7, through node-b" */
static unsigned passed_on_by(const struct api *a, const char *who)
{
        const char *through = NULL;
        for (const char *p = who; (p = strstr(p, ", through ")); p++)
                through = p + strlen(", through ");
        int voter = through ? config_voter_index(a->config, through) : -ENOENT;
        return voter < 0 ? VOTERS : (unsigned)voter;
}

void config_apply_work(const struct api *a, struct api_work *w, struct http_response *resp)
{
        bool change = strcmp(w->method, "POST") != 0;
        struct config_change c = {.a = a, .text = json_string_value(json_object_get(w->body, "text")), .without = json_object_get(w->body, "without"), .past = json_string_value(json_object_get(w->body, "past")),
                           .accept = json_is_true(json_object_get(w->body, "accept_warnings")), .through = passed_on_by(a, w->who), .findings = json_array(), .changes = json_array(), .machines = json_object()};
        bool begun = config_keep_begin(a->configs);
        for (unsigned i = 0; !begun && i < BUSY_TRIES; i++) { /* the look at the others, each second, takes its moment, too */
                const struct timespec pause = {.tv_nsec = BUSY_POLL_MS * 1000000};
                (void)nanosleep(&pause, NULL);
                begun = config_keep_begin(a->configs);
        }
        if (!begun) {
                http_response_header(resp, "Retry-After", "5");
                (void)http_response_problem(resp, 409, "busy", "another change is under way", "this machine is just changing the configuration", "try again in some seconds");
        } else {
                if (change)
                        apply(&c, w->who, resp);
                else
                        resp->json = verdict(&c, change_look(&c));
                config_keep_end(a->configs);
        }
        json_decref(c.findings);
        json_decref(c.changes);
        json_decref(c.machines);
        free(c.config);
        free(c.own_text);
}

bool config_take_manner(const struct api *a, struct json_take *t)
{
        const json_t *without = json_take_has(t, "without") ? json_take_value(t, "without") : NULL, *name;
        size_t i;
        if (json_take_has(t, "accept_warnings"))
                (void)json_take_bool(t, "accept_warnings");
        if (without && !json_is_array(without))
                return false;
        json_array_foreach(without, i, name) {
                int voter = json_is_string(name) ? config_voter_index(a->config, json_string_value(name)) : -ENOENT;
                if (voter < 0 || voter == a->self)
                        return false;
        }
        return true;
}

static bool is_fit(const struct api_call *c)
{
        struct json_take t = json_take_from(c->body);
        const char *text = json_take_string(&t, "text");
        return config_take_manner(c->api, &t) && json_take_end(&t) == 0 && *text;
}

static int later(struct api_call *c, json_t *body, struct http_response *resp)
{
        (void)resp;
        c->work.run = config_apply_work;
        c->work.body = body;
        (void)snprintf(c->work.method, sizeof c->work.method, "%s", c->method);
        (void)snprintf(c->work.who, sizeof c->work.who, "%s", c->who);
        return HTTP_LATER;
}

static int bad_body(struct http_response *resp)
{
        return http_response_problem(resp, 400, "bad-request", "the body is not a configuration",
                                     "a member of the body is missing, unknown, or of another type, or 'without' names no other machine", "see /v1/openapi.yaml");
}

void config_etag(const struct api *a, char ret[ETAG_SIZE])
{
        struct config_seen seen;
        config_keep_look(a->configs, &seen);
        (void)snprintf(ret, ETAG_SIZE, "%" PRIu64 "-%s", seen.version, a->config_hash); /* fits */
}

int post_config_check(struct api_call *c, struct http_response *resp)
{
        return is_fit(c) ? later(c, json_incref((json_t *)c->body), resp) : bad_body(resp);
}

int put_config(struct api_call *c, struct http_response *resp)
{
        char revision[ETAG_SIZE];
        if (!is_fit(c))
                return bad_body(resp);
        config_etag(c->api, revision);
        if (revision_is_stale(c, revision, "send If-Match with the ETag of GET /v1/config", resp))
                return 0;
        return later(c, json_incref((json_t *)c->body), resp);
}
