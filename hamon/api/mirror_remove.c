/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One mirror goes, and the others run on. Seen to by the node that was asked; a worker's, for it waits for both nodes.
 *
 *   look    could all machines live without it? Nothing has changed
 *   end     the primary has it decided that the mirror ends, stops service and array in order, and closes its leg; then the other node closes its own
 *   forget  the configuration without it, in force everywhere or nowhere (config_apply.c)
 *
 * A power cut before the decision leaves the mirror as it was. After it nobody starts it any more, and each machine says that it is being removed, with the next
 * command: the same one again, which finishes, or the one that takes it back. The record stays with the voters as an ended one: a new mirror of that name begins
 * behind it (RECORD_ENDED_S). What is on the disks is not touched.
 */
#include "hamon/api/call.h"
#include "hamon/api/config_keep.h"
#include "hamon/api/config_local.h"
#include "hamon/api/forward.h"
#include "hamon/api/json_take.h"
#include "hamon/api/threads.h"
#include "hamon/config_remove.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
        POLL_MS = 200,
        SETTLE_MS = 15000, /* until what the machines show of each other has followed what they did */
        PART_MS = 600000,  /* of one node's part: the core gives up by itself long before, but for time-outs that somebody has set very long */
};

#define AGAIN "the same command again finishes it; or take it back: hamonctl maintenance off %s"

static uint64_t clock_ms(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void pause_ms(unsigned ms)
{
        const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
        (void)nanosleep(&t, NULL);
}

struct removal {
        const struct api *a;
        struct api_work *w;
        const char *name;
        uint8_t mirror;
        const json_t *without; /* names, or NULL */
        bool accept;
        struct http_response *resp;
};

static const char *name_of(const struct removal *r, unsigned voter)
{
        return r->a->config->voters[voter].name;
}

static bool is_left_out(const json_t *without, const char *name)
{
        size_t i;
        const json_t *one;
        json_array_foreach(without, i, one)
                if (strcmp(json_string_value(one), name) == 0)
                        return true;
        return false;
}

/* ---- one node's part ---- */

enum part { PART_DONE, PART_WAITS, PART_FAILED };

/* What became of it. A command under way and a role that is changing pass: that refusal is waited out (end_on()); any other is the answer. */
static enum part judge(bool done, const char *code)
{
        bool passes = code && (strcmp(code, reason_code(REASON_COMMAND_BUSY)) == 0 || strcmp(code, reason_code(REASON_COMMAND_WRONG_STATE)) == 0);
        return done ? PART_DONE : passes ? PART_WAITS : PART_FAILED;
}

static enum part own_part(const struct removal *r, char *why, size_t size, char ret_code[32])
{
        const struct operation wanted = {.type = COMMAND_REMOVE, .mirror = r->mirror, .consent = true};
        struct operation op = {.state = OPERATION_QUEUED};
        uint64_t ticket;
        if (operations_post(r->a->operations, &wanted, r->w->who, &ticket) < 0) {
                (void)snprintf(why, size, "too many commands are under way");
                return PART_WAITS;
        }
        for (unsigned waited_ms = 0; operations_get(r->a->operations, ticket, &op) == 0 && op.state < OPERATION_DONE && waited_ms < PART_MS; waited_ms += POLL_MS)
                pause_ms(POLL_MS);
        (void)snprintf(ret_code, 32, "%s", reason_code(op.reason));
        (void)snprintf(why, size, "%s%s%s", op.error < 0 ? strerrordesc_np(-op.error) : "it has not ended", *op.detail ? ": " : "", op.detail);
        return judge(op.state == OPERATION_DONE, ret_code);
}

/* Begins it there; *ret_path: where the operation is looked at. */
static bool begin_there(const struct removal *r, uint8_t voter, char *ret_path, size_t path_size, char *why, size_t size)
{
        char target[CALL_PATH_SIZE];
        json_t *body = json_pack("{s:b}", "confirm", 1);
        struct forward_answer answer = {0};
        (void)snprintf(target, sizeof target, "/v1/mirrors/%s/remove-part", r->name); /* fits */
        const struct forward_request q = {.to = voter, .method = "POST", .target = target, .body = body, .access = ACCESS_OPERATOR, .who = "hamon", .if_match = "*"};
        int e = body ? forward_call(r->a, &q, &answer, why, size) : -ENOMEM;
        bool begun = e == 0 && answer.status == 202 && *answer.location;
        const char *detail = json_string_value(json_object_get(answer.body, "detail"));
        if (e == 0 && !begun)
                (void)snprintf(why, size, "%s", detail ? detail : "its hamon is of another version");
        (void)snprintf(ret_path, path_size, "%s", answer.location);
        forward_answer_release(&answer);
        json_decref(body);
        return begun;
}

/* *ret_begun: it was begun, and what is waited for afterwards is the machine and no longer its part. */
static enum part part_there(const struct removal *r, uint8_t voter, char *why, size_t size, char ret_code[32], bool *ret_begun)
{
        char path[ETAG_SIZE];
        *ret_begun = false;
        if (!begin_there(r, voter, path, sizeof path, why, size))
                return PART_WAITS; /* it begins anew, perhaps */
        *ret_begun = true;
        const struct forward_request q = {.to = voter, .method = "GET", .target = path, .access = ACCESS_VIEWER, .who = "hamon"};
        for (unsigned waited_ms = 0; waited_ms < PART_MS; waited_ms += POLL_MS) {
                struct forward_answer answer = {0};
                pause_ms(POLL_MS);
                if (forward_call(r->a, &q, &answer, why, size) < 0)
                        return PART_WAITS; /* asked again it goes on where it was */
                const char *state = json_string_value(json_object_get(answer.body, "state")), *error = json_string_value(json_object_get(answer.body, "error")),
                           *detail = json_string_value(json_object_get(answer.body, "detail")),
                           *code = json_string_value(json_object_get(json_object_get(answer.body, "reason"), "code"));
                bool running = state && strcmp(state, "running") == 0, done = state && strcmp(state, "done") == 0;
                (void)snprintf(ret_code, 32, "%s", code ? code : "failed");
                (void)snprintf(why, size, "%s%s%s", error ? error : "it does not say what became of it", detail ? ": " : "", detail ? detail : "");
                forward_answer_release(&answer);
                if (!running)
                        return judge(done, ret_code);
        }
        return PART_FAILED;
}

/* False: the response says why. */
static bool end_on(const struct removal *r, uint8_t voter)
{
        char why[256] = "", code[32] = "not-reached", detail[SENTENCE_SIZE], next[SENTENCE_SIZE];
        enum part part = PART_WAITS;
        for (uint64_t end_ms = clock_ms() + SETTLE_MS; part == PART_WAITS && clock_ms() < end_ms;) { /* a machine that is off takes its time-out each time */
                bool begun = voter == r->a->self;
                part = begun ? own_part(r, why, sizeof why, code) : part_there(r, voter, why, sizeof why, code, &begun);
                if (begun && voter != r->a->self)
                        end_ms = clock_ms() + SETTLE_MS;
                if (part == PART_WAITS)
                        pause_ms(POLL_MS);
        }
        if (part == PART_DONE)
                return true;
        (void)snprintf(detail, sizeof detail, "%s: %s", name_of(r, voter), why); /* may be cut */
        (void)snprintf(next, sizeof next, "hamonctl status says whether it is being removed; if so, " AGAIN, r->name);
        (void)http_response_problem(r->resp, 409, code, "the mirror is not removed, and stays in the configuration", detail, next);
        return false;
}

/* ---- the configuration ---- */

/* As the configuration is now; malloc'ed. NULL: answered. */
static char *text_without(const struct removal *r)
{
        char *old = NULL, *text = NULL;
        int e = config_store_read(config_keep_path(r->a->configs), &old);
        if (e == 0)
                text = config_text_without_mirror(old, r->a->config, r->name);
        if (!text)
                (void)http_response_problem(r->resp, 500, "config-unreadable", "the configuration cannot be read", config_keep_path(r->a->configs), "look at that file");
        free(old);
        return text;
}

/* `past`: what is not an obstacle yet. */
static void configuration(const struct removal *r, const char *method, const char *text, const char *past)
{
        struct api_work work = *r->w;
        work.body = json_pack("{s:s, s:O*, s:b, s:s*}", "text", text, "without", r->without, "accept_warnings", (int)r->accept, "past", past);
        (void)snprintf(work.method, sizeof work.method, "%s", method);
        config_apply_work(r->a, &work, r->resp);
        json_decref(work.body);
}

static bool is_refused(const struct http_response *resp)
{
        return resp->status >= 400;
}

static void drop_answer(struct http_response *resp)
{
        json_decref(resp->json);
        resp->json = NULL;
        resp->status = 0;
}

/* False: answered. */
static bool look(const struct removal *r, const char *text)
{
        configuration(r, "POST", text, CONFIG_MIRROR_RUNS);
        if (is_refused(r->resp))
                return false;
        bool good = json_is_true(json_object_get(r->resp->json, "good")), consent = json_is_true(json_object_get(r->resp->json, "needs_consent")) && !r->accept;
        json_t *findings = json_incref(json_object_get(r->resp->json, "findings"));
        drop_answer(r->resp);
        if (!good)
                (void)http_response_problem(r->resp, 422, "config-refused", "the configuration cannot be without it as things are", "nothing was changed",
                                            "correct it: findings tell what, where and how");
        else if (consent)
                (void)http_response_problem(r->resp, 409, "needs-consent", "there are warnings", "nothing was changed", "send \"accept_warnings\": true when they are meant");
        if (r->resp->json)
                json_object_set(r->resp->json, "findings", findings);
        json_decref(findings);
        return good && !consent;
}

static bool still_runs(const json_t *answer)
{
        size_t i;
        const json_t *f;
        json_array_foreach(json_object_get(answer, "findings"), i, f)
                if (strcmp(json_string_value(json_object_get(f, "code")), CONFIG_MIRROR_RUNS) == 0)
                        return true;
        return false;
}

static void forget(const struct removal *r, const char *text)
{
        configuration(r, "PUT", text, NULL);
        /* What the machines last saw of the array may be some moments old. */
        for (unsigned waited_ms = 0; is_refused(r->resp) && still_runs(r->resp->json) && waited_ms < SETTLE_MS; waited_ms += POLL_MS) {
                drop_answer(r->resp);
                pause_ms(POLL_MS);
                configuration(r, "PUT", text, NULL);
        }
        if (is_refused(r->resp)) {
                char next[SENTENCE_SIZE];
                (void)snprintf(next, sizeof next, "correct that; " AGAIN, r->name);
                json_object_set_new(r->resp->json, "next", json_string(next));
                return;
        }
        char sentence[SENTENCE_SIZE];
        (void)snprintf(sentence, sizeof sentence, "mirror %s was removed by %.100s; its disks keep what is on them", r->name, r->w->who);
        (void)api_event(r->a, "mirror-removed", SEVERITY_INFO, sentence);
}

/* ---- the work ---- */

/* Whoever serves comes first: it has it decided. */
static uint8_t first_node(const struct removal *r)
{
        const struct api *a = r->a;
        const struct snapshot *s = snapshot_get(a->snapshots);
        uint8_t peer = (uint8_t)(1 - a->self);
        bool there = s && s->mirror[r->mirror].role != ROLE_PRIMARY && s->mirror[r->mirror].record.primary == peer && s->node[peer].alive;
        snapshot_release(a->snapshots, s);
        return there && !is_left_out(r->without, name_of(r, peer)) ? peer : a->self;
}

static void run(const struct api *a, struct api_work *w, struct http_response *resp)
{
        struct removal r = {.a = a, .w = w, .name = w->node, .mirror = (uint8_t)config_mirror_index(a->config, w->node), .without = json_object_get(w->body, "without"),
                            .accept = json_is_true(json_object_get(w->body, "accept_warnings")), .resp = resp};
        char *text = text_without(&r);
        if (!text)
                return;
        uint8_t first = first_node(&r), second = (uint8_t)(1 - first);
        if (look(&r, text) && end_on(&r, first) && (is_left_out(r.without, name_of(&r, second)) || end_on(&r, second)))
                forget(&r, text);
        free(text);
}

/* False: answered. */
static bool take_body(struct api_call *c, bool *ret_with_service, struct http_response *resp)
{
        struct json_take t = json_take_from(c->body);
        bool confirm = c->body && json_take_has(&t, "confirm") && json_take_bool(&t, "confirm");
        *ret_with_service = c->body && json_take_has(&t, "with_service") && json_take_bool(&t, "with_service");
        bool bad = c->body && (!config_take_manner(c->api, &t) || json_take_end(&t) < 0);
        if (bad)
                (void)http_response_problem(resp, 400, "bad-request", "the body is not what this command takes",
                                            "a member of the body is missing, unknown, or of another type, or 'without' names no other machine", "see /v1/openapi.yaml");
        else if (!confirm)
                (void)http_response_problem(resp, 409, reason_code(REASON_COMMAND_CONSENT), "typed consent is needed",
                                            "the mirror is stopped for good, and all machines forget it; what is on its disks stays", "send \"confirm\": true");
        return !bad && confirm;
}

/* DELETE /v1/mirrors/NAME */
int delete_mirror(struct api_call *c, struct http_response *resp)
{
        const struct api *a = c->api;
        const struct config_mirror *m = &a->config->mirror[c->mirror];
        char revision[ETAG_SIZE], detail[SENTENCE_SIZE], next[SENTENCE_SIZE];
        bool with_service;
        if (a->self == WITNESS)
                return http_response_problem(resp, 409, "wrong-node", "the witness holds no data", "this is the witness: it votes, and has nothing to command", "ask a node");
        if (call_is_early(c, resp) || !take_body(c, &with_service, resp))
                return 0;
        call_revision(c, c->mirror, revision);
        if (revision_is_stale(c, revision, "send If-Match with the ETag of GET /v1/mirrors/NAME", resp))
                return 0;
        if (m->service.present && !with_service) {
                (void)snprintf(detail, sizeof detail, "service %s is configured on it%s%.150s", m->name, m->service.has_mount ? ", mounted on " : "", m->service.mount);
                (void)snprintf(next, sizeof next, "hamonctl mirror remove %s --with-service stops it and takes it out in the same change", m->name);
                return http_response_problem(resp, 409, "has-service", "a service runs on that mirror", detail, next);
        }
        const char *peer = a->config->voters[1 - a->self].name;
        if (!c->snapshot->node[1 - a->self].alive && !is_left_out(json_object_get(c->body, "without"), peer)) {
                (void)snprintf(detail, sizeof detail, "%s is not heard: its leg cannot be closed", peer);
                (void)snprintf(next, sizeof next, "bring it back, or, if it is gone for good, hamonctl mirror remove %s --without %s", m->name, peer);
                return http_response_problem(resp, 409, "peer-silent", "the other node is not heard", detail, next);
        }
        c->work.run = run;
        c->work.body = json_incref((json_t *)c->body);
        (void)snprintf(c->work.who, sizeof c->work.who, "%s", c->who);
        (void)snprintf(c->work.node, sizeof c->work.node, "%s", m->name);
        return HTTP_LATER;
}
