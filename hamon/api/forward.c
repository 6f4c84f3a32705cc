/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The envelope and its MAC, on both sides. */
#include "hamon/api/forward.h"

#include "hamon/api/config_keep.h"
#include "hamon/api/json_take.h"
#include "hamon/api/workers.h"
#include "net/http_client.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAC_BYTES = 32, MAC_TEXT_SIZE = 2 * MAC_BYTES + 1, CONNECT_TIMEOUT_MS = 700, CHANGE_TIMEOUT_MS = 60000 /* a configuration goes round, a disk is waited for */, REPLAY_WINDOW = 64, ANSWER_OUT_MS = 300, ANEW_STEP_MS = 50 };

/* What a sender has used up: numbers above `highest` and the holes in the window below it are fresh. */
struct replay {
        uint64_t start, highest, seen; /* bit i: highest - i */
};

struct keys {
        uint8_t key[FORWARD_KEY_BYTES], also[FORWARD_KEY_BYTES];
        bool has_also;
};

struct forward {
        uint8_t self;
        uint64_t start;
        atomic_uint_fast64_t sequence;
        pthread_mutex_t lock; /* guards what follows */
        struct keys keys;
        struct replay replay[VOTERS];
};

static bool derive(const uint8_t cluster[SEAL_KEY_BYTES], uint8_t ret[FORWARD_KEY_BYTES])
{
        static const char purpose[] = "hamon api forward 1";

        return gnutls_hmac_fast(GNUTLS_MAC_SHA256, cluster, SEAL_KEY_BYTES, purpose, sizeof purpose - 1, ret) == 0;
}

int forward_rekey(struct forward *f, const uint8_t key[SEAL_KEY_BYTES], const uint8_t *also)
{
        struct keys k = {.has_also = also != NULL};
        bool good = derive(key, k.key) && (!also || derive(also, k.also));

        pthread_mutex_lock(&f->lock);
        if (good)
                f->keys = k;
        pthread_mutex_unlock(&f->lock);
        explicit_bzero(&k, sizeof k);
        return good ? 0 : -EIO;
}

static void keys_of(struct forward *f, struct keys *ret)
{
        pthread_mutex_lock(&f->lock);
        *ret = f->keys;
        pthread_mutex_unlock(&f->lock);
}

/* Both keys, as the files are at the start. */
static int load_keys(struct forward *f, const char *key_file)
{
        uint8_t key[SEAL_KEY_BYTES], also[SEAL_KEY_BYTES];
        char path[PATH_MAX];
        int second = seal_key_also(key_file, path, sizeof path);

        if (second == 0)
                second = seal_key_load(path, also); /* one that cannot be read the driver has something to say about */
        int r = seal_key_load(key_file, key);
        if (r == 0)
                r = forward_rekey(f, key, second == 0 ? also : NULL);
        explicit_bzero(key, sizeof key);
        explicit_bzero(also, sizeof also);
        return r;
}

int forward_new(const struct config *config, uint8_t self, uint64_t start, struct forward **ret)
{
        struct forward *f = calloc(1, sizeof *f);
        uint64_t first;
        if (!f)
                return -ENOMEM;
        pthread_mutex_init(&f->lock, NULL);
        int r = load_keys(f, config->key_file);
        if (r == 0 && gnutls_rnd(GNUTLS_RND_NONCE, &first, sizeof first) < 0)
                r = -EIO;
        if (r < 0) {
                forward_free(f);
                return r;
        }
        atomic_init(&f->sequence, first >> 2); /* an answer names its call by this number alone: one to an earlier start of ours fits none of today's */
        f->self = self;
        f->start = start;
        *ret = f;
        return 0;
}

void forward_free(struct forward *f)
{
        if (!f)
                return;
        pthread_mutex_destroy(&f->lock);
        explicit_bzero(&f->keys, sizeof f->keys);
        free(f);
}

int forward_derive(const struct api *a, const struct forward_caller *caller, const uint8_t *salt, size_t size_bytes, uint8_t ret[32])
{
        static const char purpose[] = "hamon verify digest 1";
        gnutls_hmac_hd_t h;
        struct keys k;
        keys_of(a->forward, &k);
        int r = gnutls_hmac_init(&h, GNUTLS_MAC_SHA256, caller && caller->sequence ? caller->key : k.key, FORWARD_KEY_BYTES);
        explicit_bzero(&k, sizeof k);
        if (r < 0)
                return -EIO;
        bool good = gnutls_hmac(h, purpose, sizeof purpose) == 0 && gnutls_hmac(h, salt, size_bytes) == 0;
        gnutls_hmac_deinit(h, ret);
        return good ? 0 : -EIO;
}

/* HMAC over what it is ("call" or "answer"), the number, and the text. */
static void mac_of(const uint8_t key[FORWARD_KEY_BYTES], const char *kind, uint64_t sequence, const char *text, size_t size, char ret[MAC_TEXT_SIZE])
{
        char head[64];
        uint8_t mac[MAC_BYTES];
        gnutls_hmac_hd_t h;
        int n = snprintf(head, sizeof head, "%s %" PRIu64 "\n", kind, sequence); /* fits */
        memset(ret, 0, MAC_TEXT_SIZE);
        if (gnutls_hmac_init(&h, GNUTLS_MAC_SHA256, key, FORWARD_KEY_BYTES) < 0)
                return; /* an empty MAC matches nothing */
        bool good = gnutls_hmac(h, head, (size_t)n) == 0 && (size == 0 || gnutls_hmac(h, text, size) == 0);
        gnutls_hmac_deinit(h, mac);
        for (unsigned i = 0; good && i < MAC_BYTES; i++)
                (void)snprintf(ret + 2 * i, 3, "%02x", mac[i]); /* fits */
}

static bool mac_matches(const char *a, const char *b)
{
        return a && strlen(a) == 2 * MAC_BYTES && strlen(b) == 2 * MAC_BYTES && gnutls_memcmp(a, b, 2 * MAC_BYTES) == 0;
}

/* ---- to another hamon ---- */

static char *envelope_text(const struct api *a, const struct forward_request *r, uint64_t to_start, uint64_t sequence)
{
        const struct forward *f = a->forward;
        json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:i, s:s, s:s*, s:s*, s:O*}", "from", a->config->voters[f->self].name, "to",
                              a->config->voters[r->to].name, "start", json_of_u64(f->start), "to_start", json_of_u64(to_start), "sequence",
                              json_of_u64(sequence), "method", r->method, "target", r->target, "access", (int)r->access, "who", r->who,
                              "if_match", r->if_match, "idempotency_key", r->idempotency_key, "body", (json_t *)r->body);
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
        json_decref(j);
        return text;
}

static int open_answer(const uint8_t key[FORWARD_KEY_BYTES], uint64_t sequence, struct http_answer *http, struct forward_answer *ret, char *error,
                       size_t error_size)
{
        char mac[MAC_TEXT_SIZE];
        mac_of(key, "answer", sequence, http->text, http->size, mac);
        if (!mac_matches(http->mac, mac)) {
                const char *why = json_string_value(json_object_get(http->json, "detail"));
                (void)snprintf(error, error_size, "its answer is not authentic%s%.200s", why ? ": " : "", why ? why : "");
                return -EBADMSG;
        }
        const char *text = json_string_value(json_object_get(http->json, "text"));
        ret->status = (unsigned)json_integer_value(json_object_get(http->json, "status"));
        ret->body = json_incref(json_object_get(http->json, "json"));
        ret->text = text ? strdup(text) : NULL;
        const char *type = json_string_value(json_object_get(http->json, "type")), *etag = json_string_value(json_object_get(http->json, "etag"));
        const char *location = json_string_value(json_object_get(http->json, "location"));
        (void)snprintf(ret->type, sizeof ret->type, "%s", type ? type : "");
        (void)snprintf(ret->etag, sizeof ret->etag, "%s", etag ? etag : "");
        const char *retry_after = json_string_value(json_object_get(http->json, "retry_after"));
        (void)snprintf(ret->location, sizeof ret->location, "%s", location ? location : "");
        (void)snprintf(ret->retry_after, sizeof ret->retry_after, "%s", retry_after ? retry_after : "");
        ret->replayed = json_is_string(json_object_get(http->json, "replayed"));
        ret->connect_us = http->connect_us;
        return 0;
}

/* The start that the other side's heartbeats name: 0 while it was never heard. */
static uint64_t start_of(const struct api *a, uint8_t voter)
{
        const struct snapshot *s = snapshot_get(a->snapshots);
        uint64_t start = s && s->node[voter].ever ? s->node[voter].last.start : 0;
        snapshot_release(a->snapshots, s);
        return start;
}

/* One of the two began anew, and the other has not heard it yet. Sealed with the cluster's key, and by one that had performed nothing. */
static bool came_too_early(const struct forward_answer *answer)
{
        const char *code = json_string_value(json_object_get(answer->body, "code"));

        return answer->status == 421 && code && (strcmp(code, "earlier-start") == 0 || strcmp(code, "unheard-start") == 0);
}

static int call_start(const struct api *a, const struct forward_request *r, uint64_t to_start, struct forward_answer *ret, char *error, size_t error_size)
{
        struct forward *f = a->forward;
        const struct config_voter *v = &a->config->voters[r->to];
        uint64_t sequence = 0;
        int e = -EHOSTUNREACH;
        struct keys k;
        keys_of(f, &k);
        *ret = (struct forward_answer){0};
        (void)snprintf(error, error_size, "%s was never heard", v->name);
        for (unsigned i = 0; to_start != 0 && i < v->links; i++) {
                unsigned link = (r->first_link + i) % v->links;
                char origin[128], header[MAC_TEXT_SIZE + 16], mac[MAC_TEXT_SIZE];
                const char *headers[] = {header, NULL};
                struct http_answer http;
                sequence = atomic_fetch_add(&f->sequence, 1) + 1;
                char *text = envelope_text(a, r, to_start, sequence);
                if (!text) {
                        e = -ENOMEM;
                        break;
                }
                mac_of(k.key, "call", sequence, text, strlen(text), mac);
                (void)snprintf(header, sizeof header, "Hamon-Mac: %s", mac); /* fits */
                (void)snprintf(origin, sizeof origin, v->link[link].family == AF_INET6 ? "http://[%s]:%u" : "http://%s:%u", v->link[link].text,
                               a->config->port); /* fits */
                const struct http_call_options o = {.origin = origin, .method = "POST", .path = "/forward", .text = text, .headers = headers,
                                                    .timeout_ms = r->timeout_ms ? r->timeout_ms : WORK_TIMEOUT_MS,
                                                    .connect_timeout_ms = CONNECT_TIMEOUT_MS};
                e = http_call_full(&o, &http, error, error_size);
                free(text);
                if (e == 0) {
                        e = open_answer(k.key, sequence, &http, ret, error, error_size);
                        ret->link = link;
                        http_answer_release(&http);
                        break; /* one that came is never sent again over another link */
                }
                if (e != -ECONNREFUSED && e != -EHOSTUNREACH && e != -ENETUNREACH && e != -EADDRNOTAVAIL && strcmp(r->method, "GET") != 0)
                        break; /* it may have been done */
        }
        explicit_bzero(&k, sizeof k);
        return e;
}

/* A call that came too early is made anew until the heartbeats have told it: by then a node would be dead. */
int forward_call(const struct api *a, const struct forward_request *r, struct forward_answer *ret, char *error, size_t error_size)
{
        unsigned patience_ms = a->config->timers.dead_ms;

        for (unsigned waited_ms = 0;; waited_ms += ANEW_STEP_MS) {
                int e = call_start(a, r, start_of(a, r->to), ret, error, error_size);
                if (e < 0 || !came_too_early(ret))
                        return e;
                forward_answer_release(ret);
                if (waited_ms >= patience_ms)
                        break;
                (void)nanosleep(&(struct timespec){.tv_nsec = ANEW_STEP_MS * 1000000L}, NULL); /* woken early means asked early */
        }
        (void)snprintf(error, error_size, "one of the two began anew, and the other has not heard it since");
        return -EHOSTUNREACH;
}

void forward_answer_release(struct forward_answer *answer)
{
        json_decref(answer->body);
        free(answer->text);
        *answer = (struct forward_answer){0};
}

/* ---- from another hamon ---- */

static bool is_fresh(struct forward *f, uint8_t from, uint64_t start, uint64_t sequence)
{
        pthread_mutex_lock(&f->lock);
        struct replay *p = &f->replay[from];
        bool fresh = false;
        if (p->start != start)
                *p = (struct replay){.start = start};
        if (sequence > p->highest) {
                uint64_t by = sequence - p->highest;
                p->seen = by >= REPLAY_WINDOW ? 0 : p->seen << by;
                p->seen |= 1;
                p->highest = sequence;
                fresh = true;
        } else if (p->highest - sequence < REPLAY_WINDOW) {
                uint64_t bit = (uint64_t)1 << (p->highest - sequence);
                fresh = !(p->seen & bit);
                p->seen |= bit;
        }
        pthread_mutex_unlock(&f->lock);
        return fresh;
}

static bool refuse(struct http_response *resp, const char *detail)
{
        (void)http_response_problem(resp, 401, "not-authentic", "this is for the hamons of this cluster", detail, NULL);
        return false;
}

/* With which of our keys was this call made? False: none. */
static bool find_key(struct forward *f, const struct http_request *request, uint64_t sequence, uint8_t ret[FORWARD_KEY_BYTES])
{
        const char *said = http_request_header(request, "Hamon-Mac");
        char mac[MAC_TEXT_SIZE];
        struct keys k;
        keys_of(f, &k);
        bool found = false;
        for (unsigned i = 0; !found && i < (k.has_also ? 2 : 1); i++) {
                const uint8_t *key = i == 0 ? k.key : k.also;
                mac_of(key, "call", sequence, request->raw, request->raw_size, mac);
                found = mac_matches(said, mac);
                if (found)
                        memcpy(ret, key, FORWARD_KEY_BYTES);
        }
        explicit_bzero(&k, sizeof k);
        return found;
}

bool forward_admit(struct api_call *c, json_t **ret_envelope, struct http_response *resp)
{
        const struct api *a = c->api;
        struct forward *f = a->forward;
        struct json_take t = json_take_from(c->body);
        if (strcmp(c->method, "POST") != 0 || strcmp(c->path, "/forward") != 0 || !c->request->raw)
                return refuse(resp, "only POST /forward is answered here");
        const char *from = json_take_string(&t, "from"), *to = json_take_string(&t, "to");
        uint64_t start = json_take_u64(&t, "start"), to_start = json_take_u64(&t, "to_start"), sequence = json_take_u64(&t, "sequence");
        if (!find_key(f, c->request, sequence, c->caller.key))
                return refuse(resp, "the call is not authenticated with the cluster's key");
        c->method = json_take_string(&t, "method");
        const char *target = json_take_string(&t, "target");
        int64_t access = json_take_int(&t, "access", ACCESS_PUBLIC, ACCESS_OPERATOR);
        const char *who = json_take_string(&t, "who");
        c->if_match = json_take_has(&t, "if_match") ? json_take_string(&t, "if_match") : NULL;
        c->idempotency_key = json_take_has(&t, "idempotency_key") ? json_take_string(&t, "idempotency_key") : NULL;
        const json_t *body = json_take_has(&t, "body") ? json_take_value(&t, "body") : NULL;
        int voter = config_voter_index(a->config, from);
        if (json_take_end(&t) < 0 || voter < 0 || voter == f->self || strcmp(to, a->config->voters[f->self].name) != 0)
                return refuse(resp, "the call is not for this node, or of another version");
        if (to_start != f->start) {
                (void)http_response_problem(resp, 421, "earlier-start", "the call is for an earlier start of this hamon", "it was not performed", NULL);
                c->caller.sequence = sequence;
                return false;
        }
        /* Of a former start of the caller nothing counts any more: what was recorded of it would be fresh to a new one's window. */
        if (start != start_of(a, (uint8_t)voter)) {
                (void)http_response_problem(resp, 421, "unheard-start", "this start of the caller's hamon was not heard yet", "it was not performed", NULL);
                c->caller.sequence = sequence;
                return false;
        }
        if (!is_fresh(f, (uint8_t)voter, start, sequence))
                return refuse(resp, "the call was seen before");
        c->access = (enum access)access;
        (void)snprintf(c->who, sizeof c->who, "%.100s, through %s", who, from); /* fits */
        *ret_envelope = json_incref((json_t *)c->body); /* the strings above live in it */
        c->body = body;
        c->path = target;
        c->caller.sequence = sequence;
        c->request = NULL;
        return true;
}

static const char *header_of(const struct http_response *resp, const char *name)
{
        for (size_t i = 0; i < HTTP_RESPONSE_HEADERS_MAX && resp->headers[i].name; i++)
                if (strcmp(resp->headers[i].name, name) == 0)
                        return resp->headers[i].value;
        return NULL;
}

void forward_seal(const struct forward_caller *caller, struct http_response *resp)
{
        char mac[MAC_TEXT_SIZE];
        json_t *text = resp->bytes ? json_stringn(resp->bytes, resp->bytes_size) : resp->text ? json_string(resp->text) : NULL;
        json_t *j = json_pack("{s:i, s:s*, s:s*, s:s*, s:s*, s:s*, s:o*, s:O*}", "status", resp->status ? (int)resp->status : 200, "type", resp->content_type, "etag",
                              header_of(resp, "ETag"), "location", header_of(resp, "Location"), "replayed", header_of(resp, "Idempotency-Replayed"), "retry_after",
                              header_of(resp, "Retry-After"), "text", text, "json", resp->json);
        char *sealed = j ? json_dumps(j, JSON_COMPACT) : NULL;
        json_decref(j);
        http_response_release(resp);
        if (!sealed) {
                (void)http_response_problem(resp, 500, "internal", "the request failed inside the server", "no memory for the answer", NULL);
                return;
        }
        mac_of(caller->key, "answer", caller->sequence, sealed, strlen(sealed), mac);
        resp->status = 200;
        resp->text = sealed;
        resp->content_type = "application/json";
        http_response_header(resp, "Hamon-Mac", "%s", mac);
}

/* ---- the work ---- */

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* "/v1/operations/7" of the other node is "/v1/nodes/NAME/operations/7" here. */
static void put_location(const struct forward_answer *answer, const char *node, struct http_response *resp)
{
        if (strncmp(answer->location, "/v1/", 4) == 0)
                http_response_header(resp, "Location", "/v1/nodes/%s/%s", node, answer->location + 4);
}

static const char *static_type(const char *type)
{
        static const char *const types[] = {"text/html; charset=utf-8", "text/plain; version=0.0.4; charset=utf-8", "application/json",
                                            "application/yaml; charset=utf-8"};
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
                if (strcmp(type, types[i]) == 0)
                        return types[i];
        return NULL;
}

void forward_work(const struct api *a, struct api_work *w, struct http_response *resp)
{
        char error[256], detail[400];
        struct forward_answer answer;
        const struct forward_request r = {.to = w->voter, .method = w->method, .target = w->target, .body = w->body, .access = w->access, .who = w->who,
                                          .timeout_ms = strcmp(w->method, "GET") == 0 ? 0 : CHANGE_TIMEOUT_MS,
                                          .if_match = *w->if_match ? w->if_match : NULL,
                                          .idempotency_key = *w->idempotency_key ? w->idempotency_key : NULL};
        const char *node = a->config->voters[w->voter].name;
        bool of_config = strncmp(w->target, "/v1/config", 10) == 0 && strcmp(w->method, "GET") != 0;
        if (of_config)
                config_keep_hold(a->configs);
        int e = forward_call(a, &r, &answer, error, sizeof error);
        if (of_config)
                config_keep_let_go(a->configs, now_ms() + ANSWER_OUT_MS);
        if (e < 0) {
                (void)snprintf(detail, sizeof detail, "%s does not answer: %s", node, error); /* fits */
                (void)http_response_problem(resp, e == -ETIMEDOUT ? 504 : 502, "node-unreachable", "the other node does not answer", detail,
                                            strcmp(w->method, "GET") == 0 ? "ask GET /v1/cluster what was known of it last"
                                                                          : "ask that node whether it was done before asking again");
                return;
        }
        resp->status = answer.status;
        resp->json = json_incref(answer.body);
        resp->text = answer.text;
        answer.text = NULL;
        resp->content_type = static_type(answer.type);
        if (*answer.etag)
                http_response_header(resp, "ETag", "%s", answer.etag);
        if (answer.replayed)
                http_response_header(resp, "Idempotency-Replayed", "true");
        if (*answer.retry_after)
                http_response_header(resp, "Retry-After", "%s", answer.retry_after);
        put_location(&answer, node, resp);
        forward_answer_release(&answer);
}

int forward_later(struct api_call *c, uint8_t voter, const char *target, struct http_response *resp)
{
        struct api_work *w = &c->work;
        if (c->entrance == ENTRANCE_PEER)
                return http_response_problem(resp, 508, "forwarded-twice", "this call was forwarded already",
                                             "the nodes do not agree on which of them it is for", "ask again in a second");
        if (strlen(target) >= sizeof w->target || strlen(c->method) >= sizeof w->method)
                return http_response_problem(resp, 414, "too-long", "too long", "the path is too long", NULL);
        w->run = forward_work;
        w->voter = voter;
        (void)strcpy(w->method, c->method);
        (void)strcpy(w->target, target);
        w->body = json_incref((json_t *)c->body);
        w->access = c->access > ACCESS_OPERATOR ? ACCESS_OPERATOR : c->access;
        (void)snprintf(w->who, sizeof w->who, "%s", c->who);
        (void)snprintf(w->if_match, sizeof w->if_match, "%s", c->if_match ? c->if_match : "");
        (void)snprintf(w->idempotency_key, sizeof w->idempotency_key, "%s", c->idempotency_key ? c->idempotency_key : "");
        return HTTP_LATER;
}
