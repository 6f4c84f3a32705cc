/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mirror gets another name, and its service with it, while both run on: a change of the configuration like any other (config_apply.c), in force everywhere or
 * nowhere. What its disks call it stays as its label, so that no disk, no record and no grant has to follow. A worker's.
 */
#include "hamon/api/call.h"
#include "hamon/api/config_keep.h"
#include "hamon/api/config_store.h"
#include "hamon/api/json_take.h"
#include "hamon/config_rename.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* w->node: its name; w->target: the new one; w->method: "POST" to look only, "PUT" to do it. */
static void run(const struct api *a, struct api_work *w, struct http_response *resp)
{
        const struct config_mirror *m = &a->config->mirror[config_mirror_index(a->config, w->node)]; /* it is one of ours */
        char *old = NULL, *text = NULL;
        if (config_store_read(config_keep_path(a->configs), &old) < 0) {
                (void)http_response_problem(resp, 500, "config-unreadable", "the configuration cannot be read", config_keep_path(a->configs), "look at that file");
                return;
        }
        text = config_text_renamed(old, a->config, m, w->target);
        json_t *body = json_pack("{s:s, s:O*, s:b}", "text", text ? text : "", "without", json_object_get(w->body, "without"), "accept_warnings",
                                 (int)json_is_true(json_object_get(w->body, "accept_warnings")));
        struct api_work change = *w;
        change.body = body;
        config_apply_work(a, &change, resp);
        json_decref(body);
        free(text);
        free(old);
}

static bool is_name(const char *name)
{
        return *name && strlen(name) <= CONFIG_MIRROR_NAME_MAX && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")] && !strchr("_-.", *name);
}

/* POST /v1/mirrors/NAME/rename */
int post_mirror_rename(struct api_call *c, struct http_response *resp)
{
        const struct api *a = c->api;
        const char *was = a->config->mirror[c->mirror].name;
        struct json_take t = json_take_from(c->body);
        char revision[ETAG_SIZE], detail[SENTENCE_SIZE];
        const char *name = json_take_string(&t, "name");
        bool check = json_take_has(&t, "check") && json_take_bool(&t, "check");
        if (!config_take_manner(a, &t) || json_take_end(&t) < 0)
                return http_response_problem(resp, 400, "bad-request", "the body is not what this command takes",
                                             "a member of the body is missing, unknown, or of another type, or 'without' names no other machine", "see /v1/openapi.yaml");
        if (!is_name(name)) {
                (void)snprintf(detail, sizeof detail, "a mirror's name has up to %d letters, digits, '_', '-' and '.', and begins with a letter or digit", CONFIG_MIRROR_NAME_MAX);
                return http_response_problem(resp, 400, "bad-request", "not a name", detail, NULL);
        }
        int other = config_mirror_index(a->config, name);
        if (other >= 0) {
                (void)snprintf(detail, sizeof detail, other == c->mirror ? "it is called %s" : "another mirror is called %s", name);
                return http_response_problem(resp, 409, "name-taken", "the name is taken", detail, "choose another name");
        }
        other = config_mirror_by_label(a->config, name);
        if (other >= 0 && other != c->mirror) {
                (void)snprintf(detail, sizeof detail, "mirror %s was called %s when it was made, and its disks are labelled so", a->config->mirror[other].name, name);
                return http_response_problem(resp, 409, "name-taken", "the name is taken", detail, "choose another name");
        }
        config_etag(a, revision);
        if (!check && revision_is_stale(c, revision, "send If-Match with the ETag of GET /v1/config", resp))
                return 0;
        c->work.run = run;
        c->work.body = json_incref((json_t *)c->body);
        (void)snprintf(c->work.method, sizeof c->work.method, "%s", check ? "POST" : "PUT");
        (void)snprintf(c->work.who, sizeof c->work.who, "%s", c->who);
        (void)snprintf(c->work.node, sizeof c->work.node, "%s", was);
        (void)snprintf(c->work.target, sizeof c->work.target, "%s", name);
        return HTTP_LATER;
}
