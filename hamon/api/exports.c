/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Exports and sessions of nbdd: of this node by libnbdd, of the other one by its hamon. Both wait, so they are a worker's. An nbdd that does
 * not answer is an answer, too: "error" says why.
 */
#include "hamon/api/forward.h"
#include "hamon/api/workers.h"
#include "nbdd/client/nbdd.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NBDD_TIMEOUT_MS = 2000 };

void export_revision(const json_t *one, char ret[ETAG_SIZE])
{
        enum { SHOWN_BYTES = 8, HASH_BYTES = 32 };
        static const char *const settings[] = {"id",     "device",      "kind",    "failed", "read_only", "writers", "hidden",
                                               "description", "aliases", "allow", "declared", "offset", "size", "owner"};
        const char *status = json_string_value(json_object_get(one, "status"));
        uint8_t digest[HASH_BYTES] = {0};
        json_t *set = json_object();
        for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
                json_object_set(set, settings[i], json_object_get(one, settings[i])); /* one that is missing stays out */
        json_object_set_new(set, "status", json_string(status && strcmp(status, "RUNNING") == 0 ? "AVAILABLE" : status ? status : "")); /* clients come and go */
        char *text = json_dumps(set, JSON_SORT_KEYS | JSON_COMPACT);
        json_decref(set);
        ret[0] = '\0';
        if (text && gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), digest) == 0)
                for (unsigned i = 0; i < SHOWN_BYTES; i++)
                        (void)snprintf(ret + 2 * i, 3, "%02x", digest[i]); /* fits */
        free(text);
}

static void add_revisions(json_t *exports)
{
        char revision[ETAG_SIZE];
        json_t *one;
        size_t i;
        json_array_foreach(exports, i, one) {
                export_revision(one, revision);
                json_object_set_new(one, "revision", json_string(revision));
        }
}

/* {"node", KEY: [...] or null, "error"} */
static json_t *own(const struct api *a, const char *key)
{
        char path[32], error[512] = "", *text = NULL;
        struct nbdd *n = NULL;
        json_t *list = NULL;
        (void)snprintf(path, sizeof path, "/v1/%s", key); /* fits */
        int r = nbdd_open(a->nbdd_socket, &n);
        if (r == 0)
                r = nbdd_call(n, "GET", path, NULL, NBDD_TIMEOUT_MS, &text);
        if (r < 0)
                (void)snprintf(error, sizeof error, "%s", n ? nbdd_error(n) : strerrordesc_np(-r));
        json_t *answer = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
        list = json_incref(json_object_get(answer, key));
        if (strcmp(key, "exports") == 0)
                add_revisions(list);
        json_decref(answer);
        free(text);
        nbdd_close(n);
        return json_pack("{s:s, s:o, s:o}", "node", a->config->voters[a->self].name, key, list ? list : json_null(), "error",
                         *error ? json_string(error) : json_null());
}

static json_t *of_peer(const struct api *a, const char *key)
{
        char target[64], error[256] = "";
        struct forward_answer answer;
        uint8_t peer = (uint8_t)(1 - a->self);
        (void)snprintf(target, sizeof target, "/v1/%s?of=self", key); /* fits */
        const struct forward_request r = {.to = peer, .method = "GET", .target = target, .access = ACCESS_VIEWER, .who = "hamon"};
        int e = forward_call(a, &r, &answer, error, sizeof error);
        json_t *one = e == 0 && answer.status == 200 ? json_incref(json_array_get(json_object_get(answer.body, "nodes"), 0)) : NULL;
        if (!one)
                one = json_pack("{s:s, s:n, s:s}", "node", a->config->voters[peer].name, key, "error",
                                e < 0 ? error : "it answered with an error");
        forward_answer_release(&answer);
        return one;
}

json_t *exports_look(const struct api *a, const char *key, bool both)
{
        json_t *nodes = json_array();
        json_array_append_new(nodes, own(a, key));
        if (both)
                json_array_append_new(nodes, of_peer(a, key));
        return nodes;
}

static void look(const struct api *a, struct api_work *w, struct http_response *resp)
{
        resp->json = json_pack("{s:o}", "nodes", exports_look(a, w->target, w->voter < NODES));
}

static int look_later(struct api_call *c, const char *key, struct http_response *resp)
{
        const char *of = call_query(c, "of");
        if (of && strcmp(of, "self") != 0 && strcmp(of, "all") != 0)
                return http_response_problem(resp, 400, "bad-request", "no such choice", "'of' must be self or all", NULL);
        if (c->api->self == WITNESS)
                return http_response_problem(resp, 409, "wrong-node", "the witness holds no data", "this is the witness: there is no nbdd here",
                                             "ask a node");
        c->work.run = look;
        c->work.voter = c->entrance != ENTRANCE_PEER && !(of && strcmp(of, "self") == 0) ? (uint8_t)(1 - c->api->self) : NO_NODE;
        (void)strcpy(c->work.target, key);
        return HTTP_LATER;
}

int get_exports(struct api_call *c, struct http_response *resp)
{
        return look_later(c, "exports", resp);
}

int get_sessions(struct api_call *c, struct http_response *resp)
{
        return look_later(c, "sessions", resp);
}
