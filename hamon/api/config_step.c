/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/config_step.h"

#include "hamon/api/call.h"
#include "hamon/api/conceal.h"
#include "hamon/api/config_json.h"
#include "hamon/api/config_local.h"
#include "hamon/api/forward.h"
#include "hamon/api/json_take.h"
#include "hamon/api/threads.h"
#include "hamon/api/views.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RENEW_AFTER_MS = 300 /* the answer is out by then */ };

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- reading ---- */

struct reading {
        json_t *findings;
        const char *node;
};

static void on_error(void *userdata, const char *message)
{
        const struct reading *r = userdata;
        config_finding(r->findings, r->node, "error", "syntax", "correct that line", "%s", message);
}

bool config_step_read(const char *text, const char *node, json_t *findings, struct config *ret, char ret_hash[CONFIG_HASH_SIZE])
{
        struct reading r = {.findings = findings, .node = node};
        struct ini_errors errors = {.report = on_error, .userdata = &r};
        if (strlen(text) > CONFIG_TEXT_MAX) {
                config_finding(findings, node, "error", "syntax", "leave comments out", "the configuration is longer than %d bytes", CONFIG_TEXT_MAX);
                return false;
        }
        return config_parse("hamon.conf", text, &errors, ret) == 0 && config_hash(ret, ret_hash) == 0;
}

/* This machine must be in it, as what it is: another place would be another vote, and another slot of each array. */
static bool names_us(const struct api *a, const struct config *next, json_t *findings)
{
        const char *self = a->config->voters[a->self].name;
        if (config_voter_index(next, self) == a->self)
                return true;
        config_finding(findings, self, "error", "identity", "leave the machines as they are", "%s is not in it, or not as %s", self, a->self == WITNESS ? "the witness" : "the same node");
        return false;
}

json_t *config_step_check(const struct api *a, const char *text)
{
        struct config *next = calloc(1, sizeof *next);
        char hash[CONFIG_HASH_SIZE];
        const char *self = a->config->voters[a->self].name;
        struct config_seen seen;
        json_t *findings = json_array(), *facts = NULL;
        if (!next)
                return NULL;
        config_keep_look(a->configs, &seen);
        if (config_step_read(text, self, findings, next, hash) && names_us(a, next, findings))
                facts = config_local_look(a, next, findings);
        free(next);
        return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o}", "node", self, "version", json_of_u64(seen.version), "hash", a->config_hash, "waits",
                         seen.next_version ? json_of_u64(seen.next_version) : json_null(), "facts", facts ? facts : json_null(), "findings", findings);
}

int config_step_prepare(const struct api *a, const struct config_next *next, bool displace)
{
        struct config_seen seen;
        config_keep_look(a->configs, &seen);
        return next->version <= seen.version ? -ESTALE : config_keep_prepare(a->configs, next, displace, now_ms());
}

static void tell(const struct api *a, const char *code, enum severity severity, const char *format, uint64_t version, const char *who)
{
        char sentence[SENTENCE_SIZE];
        (void)snprintf(sentence, sizeof sentence, format, (unsigned long long)version, who); /* fits */
        (void)api_event(a, code, severity, sentence);
}

/* ---- asked for by another hamon ---- */

static int answer_error(int r, struct http_response *resp)
{
        if (r == -EBUSY)
                return http_response_problem(resp, 409, "config-waits", "another configuration waits here", "another machine's change of the configuration is not over here",
                                             "hamonctl config discard, on the machine that says so");
        if (r == -ESTALE)
                return http_response_problem(resp, 409, "config-stale", "a later configuration runs here", "a later version of the configuration runs here", "look again, and decide again");
        if (r == -ENOENT)
                return http_response_problem(resp, 409, "config-gone", "it does not wait here", "this version of the configuration does not wait here", "apply it again");
        return http_response_problem(resp, 507, "config-not-kept", "the configuration cannot be kept", strerrordesc_np(-r), "look at the disk that holds /etc on that machine");
}

static int do_step(const struct api *a, struct json_take *t, struct http_response *resp)
{
        const char *step = json_take_string(t, "step");
        uint64_t version = json_take_has(t, "version") ? json_take_u64(t, "version") : 0;
        const char *hash = json_take_has(t, "hash") ? json_take_string(t, "hash") : "", *by = json_take_has(t, "by") ? json_take_string(t, "by") : "";
        const char *concealed = json_take_has(t, "concealed") ? json_take_string(t, "concealed") : "";
        bool displace = json_take_has(t, "displace") && json_take_bool(t, "displace");
        char *text = *concealed ? reveal(a->config->key_file, concealed) : NULL;
        int r = json_take_end(t) < 0 || (*concealed && !text) ? -EPROTO : 0;
        struct config_next next = {.version = version, .text = text};
        (void)snprintf(next.hash, sizeof next.hash, "%s", hash);
        (void)snprintf(next.by, sizeof next.by, "%s", by);
        if (r < 0)
                (void)http_response_problem(resp, 400, "bad-request", "the body is not a step", "a member of the body is missing, unknown, or of another type", NULL);
        else if (strcmp(step, "check") == 0 && text)
                resp->json = config_step_check(a, text);
        else if (strcmp(step, "prepare") == 0 && text)
                r = config_step_prepare(a, &next, displace);
        else if (strcmp(step, "commit") == 0)
                r = config_keep_commit(a->configs, version, hash);
        else if (strcmp(step, "discard") == 0)
                r = config_keep_discard(a->configs);
        else
                (void)http_response_problem(resp, 400, "bad-request", "no such step", "a step is check, prepare, commit or discard", NULL);
        if (r == 0 && strcmp(step, "commit") == 0) {
                tell(a, "config-applied", SEVERITY_INFO, "version %llu of the configuration is in force here, seen to by %s", version, by);
                config_keep_renew(a->configs, now_ms() + RENEW_AFTER_MS);
        }
        if (r < 0 && r != -EPROTO)
                (void)answer_error(r, resp);
        else if (r == 0 && !resp->json && resp->status < 400)
                resp->json = json_pack("{s:s}", "node", a->config->voters[a->self].name);
        free(text);
        return 0;
}

static void step_work(const struct api *a, struct api_work *w, struct http_response *resp)
{
        struct json_take t = json_take_from(w->body);
        (void)do_step(a, &t, resp);
}

/* "hamon, through node-b" */
bool call_is_of_a_hamon(const struct api_call *c)
{
        return c->entrance == ENTRANCE_PEER && strncmp(c->who, "hamon, through ", 15) == 0;
}

static int later(struct api_call *c, void (*run)(const struct api *a, struct api_work *w, struct http_response *resp))
{
        c->work.run = run;
        c->work.body = json_incref((json_t *)c->body);
        (void)snprintf(c->work.who, sizeof c->work.who, "%s", c->who);
        return HTTP_LATER;
}

int post_config_step(struct api_call *c, struct http_response *resp)
{
        if (!call_is_of_a_hamon(c))
                return http_response_problem(resp, 403, "not-permitted", "this is among hamons", "a step of a change is taken for another hamon of the cluster only",
                                             "PUT /v1/config changes the configuration of all machines");
        return later(c, step_work);
}

static void text_work(const struct api *a, struct api_work *w, struct http_response *resp)
{
        struct config_seen seen;
        char *text = NULL, *concealed = NULL;
        config_keep_look(a->configs, &seen);
        int r = config_store_read(config_keep_path(a->configs), &text);
        if (r == 0 && w->voter != NO_NODE) /* to another hamon: it may go over a plain link */
                concealed = conceal(a->config->key_file, text);
        if (r < 0)
                (void)http_response_problem(resp, 500, "config-unreadable", "the configuration cannot be read", strerrordesc_np(-r), "look at the file hamon.conf of that machine");
        else if (w->voter != NO_NODE)
                resp->json = json_pack("{s:s, s:o, s:s?}", "node", a->config->voters[a->self].name, "version", json_of_u64(seen.version), "concealed", concealed);
        else
                resp->json = json_pack("{s:s, s:o, s:s}", "node", a->config->voters[a->self].name, "version", json_of_u64(seen.version), "text", text);
        free(text);
        free(concealed);
}

int get_config_text(struct api_call *c, struct http_response *resp)
{
        bool hamon = call_is_of_a_hamon(c);
        if (c->entrance == ENTRANCE_PEER && !hamon) /* it may hold a webhook's secret, and the way back is not encrypted */
                return http_response_problem(resp, 409, "ask-directly", "not through another node", "the file's text is given by the machine itself", "ask that machine");
        c->work.voter = hamon ? 0 : NO_NODE;
        return later(c, text_work);
}

static void discard_work(const struct api *a, struct api_work *w, struct http_response *resp)
{
        struct config_seen seen;
        config_keep_look(a->configs, &seen);
        if (seen.next_version == 0) {
                (void)http_response_problem(resp, 409, "nothing-waits", "nothing waits here", "no configuration waits on this machine", NULL);
                return;
        }
        int r = config_keep_discard(a->configs);
        if (r < 0) {
                (void)answer_error(r, resp);
                return;
        }
        tell(a, "config-discarded", SEVERITY_WARNING, "version %llu of the configuration, which waited, was thrown away for %s", seen.next_version, w->who);
        resp->json = json_pack("{s:s, s:o}", "node", a->config->voters[a->self].name, "discarded", json_of_u64(seen.next_version));
}

int post_config_discard(struct api_call *c, struct http_response *resp)
{
        char revision[ETAG_SIZE];
        config_etag(c->api, revision);
        if (revision_is_stale(c, revision, "send If-Match with the ETag of GET /v1/config", resp))
                return 0;
        return later(c, discard_work);
}

/* ---- what others have decided ---- */

struct other {
        bool fresh;
        uint64_t version, waits, seen_ms;
        char hash[17];
};

static struct other look_at(const struct api *a, uint8_t voter, uint64_t now)
{
        struct views_answer seen;
        struct other o = {0};
        views_get_node(a->views, voter, &seen);
        const json_t *node = json_object_get(seen.status, "node"), *waits = json_object_get(node, "config_waits");
        const char *version = json_string_value(json_object_get(node, "config_version")), *hash = json_string_value(json_object_get(node, "config_hash"));
        o.fresh = version && hash && seen.age_ms < VIEWS_FRESH_MS && !*seen.error;
        uint64_t old_ms = seen.age_ms + (uint64_t)json_integer_value(json_object_get(seen.status, "age_ms")); /* what it tells is a snapshot */
        o.seen_ms = now > old_ms ? now - old_ms : 0;
        if (o.fresh)
                o.fresh = parse_u64(version, &o.version);
        (void)snprintf(o.hash, sizeof o.hash, "%s", hash ? hash : "");
        const char *waiting = json_string_value(json_object_get(waits, "version"));
        if (waiting)
                (void)parse_u64(waiting, &o.waits);
        views_release(&seen);
        return o;
}

/* A later version that another machine runs becomes ours, when this machine can live with it. */
static void catch_up(const struct api *a, uint8_t from, const struct other *o)
{
        static uint64_t refused; /* views' thread only: told once for each version */
        const char *who = a->config->voters[from].name;
        char error[256];
        struct forward_answer answer;
        const struct forward_request r = {.to = from, .method = "GET", .target = "/v1/config/text", .access = ACCESS_OPERATOR, .who = "hamon"};
        if (forward_call(a, &r, &answer, error, sizeof error) < 0)
                return;
        const char *concealed = answer.status == 200 ? json_string_value(json_object_get(answer.body, "concealed")) : NULL;
        char *text = concealed ? reveal(a->config->key_file, concealed) : NULL;
        json_t *checked = text ? config_step_check(a, text) : NULL, *findings = json_object_get(checked, "findings"), *f;
        struct config *next = calloc(1, sizeof *next);
        struct config_next n = {.version = o->version, .text = text};
        bool good = checked && next && config_step_read(text, who, findings, next, n.hash);
        size_t i;
        json_array_foreach(findings, i, f)
                if (strcmp(json_string_value(json_object_get(f, "severity")), "error") == 0) {
                        if (refused != o->version) {
                                char sentence[SENTENCE_SIZE];
                                (void)snprintf(sentence, sizeof sentence, "version %llu of the configuration, which %.31s runs, cannot be taken over: %.150s",
                                               (unsigned long long)o->version, who, json_string_value(json_object_get(f, "what")));
                                (void)api_event(a, "config-behind", SEVERITY_WARNING, sentence);
                        }
                        refused = o->version;
                        good = false;
                        break;
                }
        (void)snprintf(n.by, sizeof n.by, "%s", who);
        if (good && strcmp(n.hash, o->hash) == 0 && config_step_prepare(a, &n, true) == 0 && config_keep_commit(a->configs, n.version, n.hash) == 0) {
                tell(a, "config-applied", SEVERITY_INFO, "version %llu of the configuration is in force here: %s runs it", n.version, who);
                config_keep_renew(a->configs, now_ms());
        }
        free(next);
        free(text);
        json_decref(checked);
        forward_answer_release(&answer);
}

void config_step_follow(const struct api *a)
{
        struct config_seen own;
        uint64_t now = now_ms();
        if (!config_keep_begin(a->configs))
                return;
        config_keep_look(a->configs, &own);
        for (uint8_t v = 0; v < VOTERS; v++) {
                if (v == a->self || a->config->voters[v].links == 0)
                        continue;
                struct other o = look_at(a, v, now);
                if (!o.fresh)
                        continue;
                bool decides = own.next_version && strcmp(own.next_by, a->config->voters[v].name) == 0 && o.seen_ms > own.next_since_ms;
                if (own.next_version && o.version == own.next_version && strcmp(o.hash, own.next_hash) == 0) {
                        if (config_keep_commit(a->configs, o.version, o.hash) == 0) {
                                tell(a, "config-applied", SEVERITY_INFO, "version %llu of the configuration is in force here: %s runs it", o.version, a->config->voters[v].name);
                                config_keep_renew(a->configs, now);
                        }
                        break;
                }
                if (decides && o.waits != own.next_version && o.version < own.next_version) {
                        if (config_keep_discard(a->configs) == 0)
                                tell(a, "config-discarded", SEVERITY_INFO, "version %llu of the configuration is not coming: %s gave it up", own.next_version,
                                     a->config->voters[v].name);
                        break;
                }
                if (o.version > own.version && o.version > own.next_version) {
                        catch_up(a, v, &o);
                        break;
                }
        }
        config_keep_end(a->configs);
}
