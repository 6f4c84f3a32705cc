/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands, and the operations that they become. Every command is checked for its form here and for its sense by the core; nothing waits
 * for the loop. Runs in an HTTP thread.
 */
#include "hamon/api/call.h"
#include "hamon/api/units_there.h"
#include "hamon/api/forward.h"
#include "hamon/api/idempotency.h"
#include "hamon/api/json_take.h"
#include "hamon/api/sentence.h"
#include "hamon/api/threads.h"
#include "hamon/api/verifier.h"
#include "hamon/api/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* -- Operations -------------------------------------------------------------------------------------------------------------------- */

static json_t *resync_percent(const struct mirror_view *v)
{
        const struct observation *o = &v->observed;
        if (o->resync_total_sectors == 0)
                return json_null();
        double percent = 100.0 * (double)o->resync_done_sectors / (double)o->resync_total_sectors;
        return json_real(percent > 100 ? 100.0 : percent);
}

/* KiB a second, 0: not known or not moving; *ret_left: at most. */
static uint64_t resync_pace(const struct observation *o, uint64_t *ret_left_bytes)
{
        bool moves = o->resync_total_sectors > o->resync_done_sectors && !o->resync.paused && !o->resync.stalled;
        *ret_left_bytes = moves ? (o->resync_total_sectors - o->resync_done_sectors) * 512 : 0;
        return moves ? o->resync.rate_kib : 0;
}

static uint64_t verify_pace(const struct verify_view *v, uint64_t *ret_left_bytes)
{
        const struct verify_run *run = &v->memory.run;
        *ret_left_bytes = run->size_bytes > run->position_bytes ? run->size_bytes - run->position_bytes : 0;
        return v->rate_kib;
}

static json_t *operation_json(const struct api_call *c, const struct operation *op)
{
        static const char *const states[] = {
                [OPERATION_QUEUED] = "running", [OPERATION_RUNNING] = "running", [OPERATION_DONE] = "done", [OPERATION_FAILED] = "failed"};
        const struct api *a = c->api;
        bool of_mirror = op->mirror < a->config->mirrors, over = op->state >= OPERATION_DONE;
        json_t *reason = json_null(), *progress = json_null();
        if (c->snapshot && over)
                reason = api_reason(c, op->mirror, op->reason, a->self < NODES ? (uint8_t)(1 - a->self) : NO_NODE);
        if (c->snapshot && !over && of_mirror) {
                const struct mirror_view *v = &c->snapshot->mirror[op->mirror];
                const struct verify_view *verify = &c->snapshot->verify[op->mirror];
                uint64_t left_bytes, rate_kib = op->verify ? verify_pace(verify, &left_bytes) : resync_pace(&v->observed, &left_bytes);
                progress = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "role", v->role_word ? v->role_word : "", "step",
                                     v->waiting_for ? json_string(v->waiting_for) : json_null(), "resync_percent", resync_percent(v), "verify_percent",
                                     op->verify ? json_real(verify_percent(&verify->memory.run)) : json_null(), "rate_kib",
                                     rate_kib ? json_integer((json_int_t)rate_kib) : json_null(), "eta_s",
                                     rate_kib ? json_integer((json_int_t)(left_bytes / 1024 / rate_kib + 1)) : json_null());
        }
        return json_pack("{s:o, s:s, s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "operation", json_of_u64(op->ticket), "command",
                         op->verify ? "verify" : command_word(op->type), "mirror", of_mirror ? json_string(a->config->mirror[op->mirror].name) : json_null(), "state",
                         states[op->state], "by", op->by, "age_ms", (json_int_t)(c->now_ms > op->posted_ms ? c->now_ms - op->posted_ms : 0),
                         "progress", progress, "reason", reason, "error",
                         op->error < 0 ? json_string(strerrordesc_np(-op->error)) : json_null(), "detail",
                         *op->detail ? json_string(op->detail) : json_null());
}

static bool find_operation(const struct api_call *c, struct operation *ret, struct http_response *resp)
{
        uint64_t ticket;
        bool number = parse_u64(c->part[2], &ticket);
        if (number && operations_get(c->api->operations, ticket, ret) == 0)
                return true;
        if (number && idempotency_knows(c->api->idempotency, ticket)) {
                (void)http_response_problem(resp, 410, "operation-forgotten", "it was of an earlier start of hamon", "hamon began anew since that operation, and does not know how it ended",
                                            "GET /v1/events: what was done stands there; GET /v1/status: what is so now");
                return false;
        }
        (void)http_response_problem(resp, 404, "not-found", "no such operation",
                                    "no operation has that number, or it is too long ago: the last 64 of this start are kept", NULL);
        return false;
}

/* Which one, and how far: who takes it back has seen that it can be. */
static void operation_revision(const struct operation *op, char ret[ETAG_SIZE])
{
        static const char *const words[] = {[OPERATION_QUEUED] = "queued", [OPERATION_RUNNING] = "begun", [OPERATION_DONE] = "over", [OPERATION_FAILED] = "over"};
        (void)snprintf(ret, ETAG_SIZE, "%" PRIu64 ".%s", op->ticket, words[op->state]); /* fits */
}

static int answer_operation(struct api_call *c, const struct operation *op, struct http_response *resp)
{
        char revision[ETAG_SIZE];
        operation_revision(op, revision);
        http_response_header(resp, "ETag", "\"%s\"", revision);
        return answer_json(resp, operation_json(c, op));
}

int get_operation(struct api_call *c, struct http_response *resp)
{
        struct operation op;
        return find_operation(c, &op, resp) ? answer_operation(c, &op, resp) : 0;
}

static int answer_key(const struct api_call *c, struct http_response *resp);

int get_operations(struct api_call *c, struct http_response *resp)
{
        if (c->entrance == ENTRANCE_PEER && c->idempotency_key && c->body)
                return answer_key(c, resp);
        json_t *list = json_array();
        uint64_t last = operations_last(c->api->operations);
        for (uint64_t ticket = last > OPERATIONS_MAX ? last - OPERATIONS_MAX + 1 : 1; ticket <= last; ticket++) {
                struct operation op;
                if (operations_get(c->api->operations, ticket, &op) == 0)
                        json_array_append_new(list, operation_json(c, &op));
        }
        return answer_json(resp, json_pack("{s:o}", "operations", list));
}

/* A command that the core has is safe to finish and unsafe to forget: only what waits for the loop can be taken back. */
int cancel_operation(struct api_call *c, struct http_response *resp)
{
        struct operation op;
        char revision[ETAG_SIZE];
        if (!find_operation(c, &op, resp))
                return 0;
        operation_revision(&op, revision);
        if (revision_is_stale(c, revision, "send If-Match with the ETag of GET /v1/operations/ID", resp))
                return 0;
        bool taken_back = operations_cancel(c->api->operations, op.ticket) == 0 || (op.verify && verifier_order(c->api->verifier, op.mirror, VERIFY_CANCEL, 0, 0) == 0);
        if (taken_back) {
                char sentence[SENTENCE_SIZE];
                (void)snprintf(sentence, sizeof sentence, "operation %" PRIu64 ", '%s', was taken back by %.100s", op.ticket, op.verify ? "verify" : command_word(op.type), c->who); /* fits */
                (void)api_event(c->api, "command", SEVERITY_INFO, sentence);
                (void)operations_get(c->api->operations, op.ticket, &op);
                return answer_operation(c, &op, resp);
        }
        return http_response_problem(resp, 409, op.state >= OPERATION_DONE ? "operation-over" : "not-cancellable", "this cannot be cancelled",
                                     op.state >= OPERATION_DONE ? "the operation is over" : "the operation has begun, and is safer finished than left half done",
                                     "GET /v1/operations/ID tells when it is over");
}

/* -- Commands ---------------------------------------------------------------------------------------------------------------------- */

/* The body must be absent or an object with nothing but the given flag (and "node", when `ret_node` is wanted). */
static int take_body(const struct api_call *c, const char *flag, bool *ret_flag, const char **ret_node)
{
        *ret_flag = false;
        if (!c->body)
                return ret_node ? -EINVAL : 0;
        struct json_take t = json_take_from(c->body);
        if (flag && json_take_has(&t, flag))
                *ret_flag = json_take_bool(&t, flag);
        if (ret_node)
                *ret_node = json_take_string(&t, "node");
        return json_take_end(&t);
}

static int bad_body(struct http_response *resp)
{
        return http_response_problem(resp, 400, "bad-request", "the body is not what this command takes",
                                     "a member of the body is missing, unknown, or of another type", "see /v1/openapi.yaml");
}

static int needs_consent(struct http_response *resp, const char *what)
{
        return http_response_problem(resp, 409, reason_code(REASON_COMMAND_CONSENT), "typed consent is needed", what,
                                     "send \"confirm\": true");
}

static const char *where_revisions_are(uint8_t mirror)
{
        return mirror < MIRRORS_MAX ? "send If-Match with the ETag of GET /v1/mirrors/NAME" : "send If-Match with the ETag of GET /v1/node";
}

static bool is_stale(struct api_call *c, uint8_t mirror, struct http_response *resp)
{
        char revision[ETAG_SIZE];
        call_revision(c, mirror, revision);
        return revision_is_stale(c, revision, where_revisions_are(mirror), resp);
}

/* Of this machine, or of the other node. */
static int accepted_at(const struct api *a, uint8_t voter, uint64_t ticket, struct http_response *resp)
{
        bool here = voter == a->self;
        const char *name = a->config->voters[voter].name;
        resp->status = 202;
        http_response_header(resp, "Location", "/v1/%s%s%soperations/%" PRIu64, here ? "" : "nodes/", here ? "" : name, here ? "" : "/", ticket);
        return answer_json(resp, json_pack("{s:o, s:s}", "operation", json_of_u64(ticket), "node", name));
}

static int accepted(const struct api *a, uint64_t ticket, struct http_response *resp)
{
        return accepted_at(a, a->self, ticket, resp);
}

static int busy(struct http_response *resp, const char *detail)
{
        http_response_header(resp, "Retry-After", "5");
        return http_response_problem(resp, 503, "busy", "too many commands", detail, "try again later");
}

enum { WHAT_SIZE = CALL_PATH_SIZE + 320 };

/* Everything that makes the request, of this machine or of any: the same text. */
static void describe(const struct api_call *c, char ret[WHAT_SIZE])
{
        char *body = c->body ? json_dumps(c->body, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
        (void)snprintf(ret, WHAT_SIZE, "%s %s %.256s", c->method, c->path, body ? body : "");
        free(body);
}

static int64_t wall_ms(void)
{
        struct timespec wall;
        (void)clock_gettime(CLOCK_REALTIME, &wall);
        return (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
}

/* True, and answered: all but IDEMPOTENCY_NEW. */
static bool answer_known(const struct api *a, enum idempotency_verdict verdict, uint8_t voter, uint64_t ticket, struct http_response *resp)
{
        switch (verdict) {
        case IDEMPOTENCY_NEW:
                return false;
        case IDEMPOTENCY_DONE:
                http_response_header(resp, "Idempotency-Replayed", "true");
                (void)accepted_at(a, voter, ticket, resp);
                return true;
        case IDEMPOTENCY_REUSED:
                (void)http_response_problem(resp, 422, "key-reused", "this Idempotency-Key was used for something else",
                                            "the key belongs to another request of the last 24 hours", "choose a new key for a new request");
                return true;
        case IDEMPOTENCY_UNDER_WAY:
                (void)http_response_problem(resp, 409, "busy", "the same request is under way", "the first of the two is not answered yet", "ask again");
                return true;
        case IDEMPOTENCY_UNKNOWN:
                (void)http_response_problem(resp, 409, "outcome-unknown", "it may have been done", "hamon ended just when it was to begin this; it will not be begun by this key again",
                                            "look at GET /v1/events whether it was asked for, and send it with a new key if not");
                return true;
        case IDEMPOTENCY_FULL:
                break;
        }
        (void)busy(resp, "too many changes with a key within 24 hours");
        return true;
}

/* A key that was used before, here: true, and answered. `reserve`: it is this request's from now on. */
static bool is_again(struct api_call *c, bool reserve, struct http_response *resp)
{
        char what[WHAT_SIZE];
        uint64_t ticket = 0;
        if (strlen(c->idempotency_key) > IDEMPOTENCY_KEY_MAX) {
                (void)http_response_problem(resp, 400, "bad-request", "the Idempotency-Key is too long", "a key has up to 127 characters", "a UUID is a good key");
                return true;
        }
        describe(c, what);
        enum idempotency_verdict verdict = (reserve ? idempotency_begin : idempotency_look)(c->api->idempotency, c->idempotency_key, what, wall_ms(), &ticket);
        return answer_known(c->api, verdict, c->api->self, ticket, resp);
}

/*
 * What any node takes is the primary's, and who that is changes, by that very request: whoever asks again asks another one. So the other node is asked, too,
 * before it is begun here: true, and answered. One that does not answer cannot have this kept from being done (If-Match does). A worker's.
 */
static bool is_again_there(const struct api *a, const struct api_work *w, struct http_response *resp)
{
        char error[256], *end;
        struct forward_answer answer;
        uint8_t peer = (uint8_t)(1 - a->self);
        const struct forward_request q = {.to = peer, .method = "GET", .target = "/v1/operations", .body = w->body, .access = ACCESS_VIEWER, .who = "hamon",
                                          .idempotency_key = w->idempotency_key};
        if (!w->body || forward_call(a, &q, &answer, error, sizeof error) < 0)
                return false;
        bool known = answer.status >= 400 || answer.replayed;
        const char *number = strrchr(answer.location, '/');
        if (answer.replayed && number)
                known = answer_known(a, IDEMPOTENCY_DONE, peer, strtoull(number + 1, &end, 10), resp);
        else if (known) {
                resp->status = answer.status;
                resp->json = json_incref(answer.body);
                resp->content_type = "application/problem+json";
        }
        forward_answer_release(&answer);
        return known;
}

/* The other side of it: GET /v1/operations of the other hamon, with a key and a body {"what"}. */
static int answer_key(const struct api_call *c, struct http_response *resp)
{
        const char *what = json_string_value(json_object_get(c->body, "what"));
        uint64_t ticket = 0;
        enum idempotency_verdict verdict = what ? idempotency_look(c->api->idempotency, c->idempotency_key, what, wall_ms(), &ticket) : IDEMPOTENCY_NEW;
        return answer_known(c->api, verdict, c->api->self, ticket, resp) ? 0 : answer_json(resp, json_pack("{s:[]}", "operations"));
}

static int not_now(const struct api *a, unsigned mirror, enum reason reason, const char *detail, struct http_response *resp)
{
        char title[SENTENCE_SIZE];
        sentence_render(reason_sentence(reason), a->config->mirror[mirror].name, "", 0, title, sizeof title);
        (void)http_response_problem(resp, 409, reason_code(reason), title, detail, reason_next(reason));
        return -EINVAL;
}

static int begin_verify(const struct api *a, const struct operation *wanted, const char *who, uint64_t *ret_ticket, struct http_response *resp)
{
        enum verify_wish wish = (enum verify_wish)wanted->wish;
        const char *why = "", *mirror = a->config->mirror[wanted->mirror].name;
        char sentence[SENTENCE_SIZE];
        uint64_t ticket;
        const struct snapshot *s = snapshot_get(a->snapshots);
        bool here = s && verify_place(s, wanted->mirror, &why) == VERIFY_HERE;
        snapshot_release(a->snapshots, s);
        if (wish == VERIFY_START && !here)
                return not_now(a, wanted->mirror, REASON_COMMAND_WRONG_STATE, *why ? why : "the mirror is active on the other node", resp);
        int r = operations_begin(a->operations, wanted, who, &ticket);
        if (r < 0)
                return r;
        r = verifier_order(a->verifier, wanted->mirror, wish, wanted->for_s, ticket);
        if (r < 0)
                operations_answer(a->operations, ticket, r, r == -EBUSY ? REASON_COMMAND_BUSY : REASON_COMMAND_WRONG_STATE, "");
        else if (wish != VERIFY_START)
                operations_answer(a->operations, ticket, 0, REASON_COMMAND_DONE, "");
        if (r < 0)
                return not_now(a, wanted->mirror, r == -EBUSY ? REASON_COMMAND_BUSY : REASON_COMMAND_WRONG_STATE,
                               r == -EBUSY ? "a verify is under way" : wish == VERIFY_START ? "its two legs were never in sync together yet" : "no verify is under way", resp);
        (void)snprintf(sentence, sizeof sentence, "'verify %s' of %s was asked for by %.100s (operation %" PRIu64 ")", verify_wish_word(wish), mirror, who, ticket);
        (void)api_event(a, "command", SEVERITY_INFO, sentence);
        *ret_ticket = ticket;
        return 0;
}

/* A service that could not start there would be down until a person moves it back. */
static int refuse_without_units(const struct api *a, uint8_t mirror, struct http_response *resp)
{
        char unit[CONFIG_UNIT_SIZE], detail[SENTENCE_SIZE];
        const uint8_t peer = (uint8_t)(1 - a->self);
        const struct snapshot *s = snapshot_get(a->snapshots);
        bool miss = s && s->mirror[mirror].role == ROLE_PRIMARY && units_there_miss(a, s, mirror, peer, unit, sizeof unit);
        snapshot_release(a->snapshots, s);
        if (!miss)
                return 0;
        (void)snprintf(detail, sizeof detail, "its unit %s is not installed on %s", unit, a->config->voters[peer].name); /* fits */
        return not_now(a, mirror, REASON_COMMAND_WRONG_STATE, detail, resp);
}

/* Answers, too; *ret_ticket stays 0 for what was refused. */
static int begin(const struct api *a, const struct operation *wanted, const char *who, uint64_t *ret_ticket, struct http_response *resp)
{
        if (!wanted->verify && wanted->type == COMMAND_SWITCHOVER && refuse_without_units(a, wanted->mirror, resp) < 0)
                return 0;
        int r = wanted->verify ? begin_verify(a, wanted, who, ret_ticket, resp) : operations_post(a->operations, wanted, who, ret_ticket);
        return r == 0 ? accepted(a, *ret_ticket, resp) : r == -EBUSY ? busy(resp, "too many commands are under way") : 0;
}

/* A worker's: the key is durable before the command is begun. */
static void post_kept(const struct api *a, struct api_work *w, struct http_response *resp)
{
        uint64_t ticket = 0;
        if (w->of_any_node && (is_again_there(a, w, resp) || revision_differs(w->if_match, w->target, where_revisions_are(w->wanted.mirror), resp))) {
                idempotency_note(a->idempotency, w->idempotency_key, 0);
                return;
        }
        int r = idempotency_keep(a->idempotency, w->idempotency_key);
        if (r < 0) {
                char detail[SENTENCE_SIZE];
                (void)snprintf(detail, sizeof detail, "the Idempotency-Key cannot be kept: %s; nothing was begun", strerrordesc_np(-r)); /* fits */
                (void)http_response_problem(resp, 503, "key-not-kept", "the key cannot be kept", detail, "look at the disk that holds hamon's state, or send it without a key");
        } else {
                (void)begin(a, &w->wanted, w->who, &ticket, resp);
        }
        idempotency_note(a->idempotency, w->idempotency_key, ticket);
}

static int post_by(struct api_call *c, const struct operation *wanted, bool of_any_node, struct http_response *resp)
{
        const struct api *a = c->api;
        uint64_t ticket = 0;
        if (a->self == WITNESS)
                return http_response_problem(resp, 409, "wrong-node", "the witness holds no data",
                                             "this is the witness: it votes, and has nothing to command", "run hamonctl on a node");
        if (call_is_early(c, resp) || (c->idempotency_key && is_again(c, true, resp)))
                return 0;
        bool ask_there = c->idempotency_key && of_any_node && c->if_match && c->entrance != ENTRANCE_PEER && c->snapshot->node[1 - a->self].alive;
        if (!ask_there && is_stale(c, wanted->mirror, resp)) { /* what was done there by the same request is answered, though it made this stale */
                if (c->idempotency_key)
                        idempotency_note(a->idempotency, c->idempotency_key, 0);
                return 0;
        }
        if (!c->idempotency_key)
                return begin(a, wanted, c->who, &ticket, resp);
        c->work.run = post_kept;
        c->work.wanted = *wanted;
        c->work.of_any_node = ask_there;
        if (ask_there) {
                char what[WHAT_SIZE];
                describe(c, what);
                call_revision(c, wanted->mirror, c->work.target);
                (void)snprintf(c->work.if_match, sizeof c->work.if_match, "%s", c->if_match);
                c->work.body = json_pack("{s:s}", "what", what);
        }
        (void)snprintf(c->work.who, sizeof c->work.who, "%s", c->who);
        (void)snprintf(c->work.idempotency_key, sizeof c->work.idempotency_key, "%s", c->idempotency_key); /* fits: is_again() */
        return HTTP_LATER;
}

static int post_wanted(struct api_call *c, const struct operation *wanted, struct http_response *resp)
{
        return post_by(c, wanted, false, resp);
}

static int post(struct api_call *c, enum command_type type, uint8_t mirror, bool consent, struct http_response *resp)
{
        return post_wanted(c, &(struct operation){.type = type, .mirror = mirror, .consent = consent}, resp);
}

/* Whichever node is asked: what only the primary can do is passed on to it. */
static bool is_for_the_peer(const struct api_call *c)
{
        const struct snapshot *s = c->snapshot;
        return s && c->entrance != ENTRANCE_PEER && s->self < NODES && s->mirror[c->mirror].role == ROLE_STANDBY &&
               s->mirror[c->mirror].record.primary == 1 - s->self && s->node[1 - s->self].alive;
}

/* What the primary does, whichever node is asked: the primary, or one that hands it on. */
static int post_anywhere(struct api_call *c, const struct operation *wanted, struct http_response *resp)
{
        if (!is_for_the_peer(c))
                return post_by(c, wanted, true, resp);
        if (c->idempotency_key && is_again(c, false, resp)) /* it was done here, when this one was the primary */
                return 0;
        return forward_later(c, (uint8_t)(1 - c->snapshot->self), c->path, resp);
}

int post_mirror_create(struct api_call *c, struct http_response *resp)
{
        struct operation wanted = {.type = COMMAND_CREATE, .mirror = c->mirror};
        struct json_take t = json_take_from(c->body);
        if (c->body && json_take_has(&t, "overwrite"))
                wanted.consent = json_take_bool(&t, "overwrite");
        if (c->body && json_take_has(&t, "leg_bytes"))
                wanted.leg_bytes = json_take_u64(&t, "leg_bytes");
        if (c->body && json_take_end(&t) < 0)
                return bad_body(resp);
        if (wanted.leg_bytes != 0 && wanted.leg_bytes < LEG_LEAST_BYTES) /* before the disk is written over for it */
                return http_response_problem(resp, 400, "bad-request", "a leg of that size is too small", "leg_bytes is at least 8388608 (8 MiB)", "leave it out for all that the disk has");
        return post_wanted(c, &wanted, resp);
}

int post_mirror_join(struct api_call *c, struct http_response *resp)
{
        bool overwrite;
        return take_body(c, "overwrite", &overwrite, NULL) < 0 ? bad_body(resp) : post(c, COMMAND_JOIN, c->mirror, overwrite, resp);
}

int post_mirror_switchover(struct api_call *c, struct http_response *resp)
{
        bool none;
        if (take_body(c, NULL, &none, NULL) < 0)
                return bad_body(resp);
        return post_anywhere(c, &(struct operation){.type = COMMAND_SWITCHOVER, .mirror = c->mirror}, resp);
}

int post_mirror_service_restart(struct api_call *c, struct http_response *resp)
{
        bool none;
        if (take_body(c, NULL, &none, NULL) < 0)
                return bad_body(resp);
        return post_anywhere(c, &(struct operation){.type = COMMAND_SERVICE_RESTART, .mirror = c->mirror}, resp);
}

/* Of this node alone: which part of it that is, its role says. */
int post_mirror_grow(struct api_call *c, struct http_response *resp)
{
        bool none;
        return take_body(c, NULL, &none, NULL) < 0 ? bad_body(resp) : post(c, COMMAND_GROW, c->mirror, false, resp);
}

/* One node's part of DELETE /v1/mirrors/NAME (mirror_remove.c): by itself it would leave a mirror that nobody starts. */
int post_mirror_remove_part(struct api_call *c, struct http_response *resp)
{
        bool confirm;
        if (!call_is_of_a_hamon(c))
                return http_response_problem(resp, 403, "not-permitted", "this is among hamons", "a part of a removal is taken for another hamon of the cluster only",
                                             "DELETE /v1/mirrors/NAME removes the mirror");
        if (take_body(c, "confirm", &confirm, NULL) < 0)
                return bad_body(resp);
        return post(c, COMMAND_REMOVE, c->mirror, confirm, resp);
}

/* {"action": "pause", "for_s": N} | {"action": "resume"} | {"action": "rate", "rate_kib": N or null} */
static int take_resync_order(const struct api_call *c, struct resync_order *ret)
{
        struct json_take t = json_take_from(c->body);
        const char *action = json_take_string(&t, "action");
        *ret = (struct resync_order){.wish = RESYNC_RESUME};
        if (strcmp(action, "pause") == 0) {
                ret->wish = RESYNC_PAUSE;
                if (json_take_has(&t, "for_s"))
                        ret->for_s = (uint32_t)json_take_int(&t, "for_s", 1, RESYNC_PAUSE_MOST_S);
        } else if (strcmp(action, "rate") == 0) {
                ret->wish = RESYNC_RATE;
                if (json_is_null(json_object_get(c->body, "rate_kib")))
                        (void)json_take_value(&t, "rate_kib");
                else
                        ret->rate_kib = (uint32_t)json_take_int(&t, "rate_kib", RESYNC_RATE_LEAST_KIB, RESYNC_RATE_MOST_KIB);
        } else if (strcmp(action, "resume") != 0) {
                return -EINVAL;
        }
        return json_take_end(&t);
}

int post_mirror_resync(struct api_call *c, struct http_response *resp)
{
        struct operation wanted = {.type = COMMAND_RESYNC, .mirror = c->mirror};
        if (!c->body || take_resync_order(c, &wanted.order) < 0)
                return bad_body(resp);
        return post_anywhere(c, &wanted, resp);
}

/* {"action": "start" | "resume" | "cancel"} | {"action": "pause", "for_s": N} */
int post_mirror_verify(struct api_call *c, struct http_response *resp)
{
        struct operation wanted = {.verify = true, .mirror = c->mirror};
        struct json_take t = json_take_from(c->body);
        int wish = verify_wish_by_word(json_take_string(&t, "action"));
        if (wish == VERIFY_PAUSE && json_take_has(&t, "for_s"))
                wanted.for_s = (uint32_t)json_take_int(&t, "for_s", 1, VERIFY_PAUSE_MOST_S);
        if (!c->body || json_take_end(&t) < 0 || wish < 0)
                return bad_body(resp);
        wanted.wish = (uint8_t)wish;
        return post_anywhere(c, &wanted, resp);
}

/* {"on": true, "for_s": N} | {"on": false}: it never lasts until somebody remembers it. */
int post_mirror_maintenance(struct api_call *c, struct http_response *resp)
{
        enum { LEAST_S = 60, MOST_S = 7 * 86400 };
        struct operation wanted = {.type = COMMAND_MAINTENANCE, .mirror = c->mirror};
        struct json_take t = json_take_from(c->body);
        bool on = json_take_bool(&t, "on");
        int64_t for_s = on ? json_take_int(&t, "for_s", LEAST_S, MOST_S) : 0;
        if (json_take_end(&t) < 0)
                return bad_body(resp);
        wanted.until_s = on ? (uint64_t)(time(NULL) + for_s) : 0;
        return post_anywhere(c, &wanted, resp); /* any node can have it decided; the primary's word meets no other on the way */
}

int post_mirror_start_alone(struct api_call *c, struct http_response *resp)
{
        bool confirm;
        if (take_body(c, "confirm", &confirm, NULL) < 0)
                return bad_body(resp);
        if (!confirm)
                return needs_consent(resp, "this node may lack acknowledged writes: starting it alone gives them up");
        return post(c, COMMAND_START_ALONE, c->mirror, true, resp);
}

int post_mirror_force_primary(struct api_call *c, struct http_response *resp)
{
        bool confirm;
        if (take_body(c, "confirm", &confirm, NULL) < 0)
                return bad_body(resp);
        if (!confirm)
                return needs_consent(resp, "this node's copy lacks acknowledged writes: making it the data gives them up for good");
        return post(c, COMMAND_FORCE_PRIMARY, c->mirror, true, resp);
}

int post_node_leave(struct api_call *c, struct http_response *resp)
{
        bool none;
        return take_body(c, NULL, &none, NULL) < 0 ? bad_body(resp) : post(c, COMMAND_LEAVE, MIRRORS_MAX, true, resp);
}

int post_witness_replace(struct api_call *c, struct http_response *resp)
{
        bool none;
        return take_body(c, NULL, &none, NULL) < 0 ? bad_body(resp) : post(c, COMMAND_REPLACE_WITNESS, MIRRORS_MAX, true, resp);
}

int post_node_test_fence(struct api_call *c, struct http_response *resp)
{
        bool confirm;
        if (take_body(c, "confirm", &confirm, NULL) < 0)
                return bad_body(resp);
        if (!confirm)
                return needs_consent(resp, "this node is rebooted at once, without stopping anything in order");
        return post(c, COMMAND_TEST_FENCE, MIRRORS_MAX, true, resp);
}

int post_node_confirm_dead(struct api_call *c, struct http_response *resp)
{
        const struct api *a = c->api;
        bool confirm;
        const char *node;
        if (take_body(c, "confirm", &confirm, &node) < 0)
                return bad_body(resp);
        if (a->self < NODES && config_voter_index(a->config, node) != 1 - a->self)
                return http_response_problem(resp, 404, "unknown-node", "no such node", "only the other node can be confirmed dead", NULL);
        if (!confirm)
                return needs_consent(resp, "if that node still runs, both would write: be sure that it is off");
        return post(c, COMMAND_CONFIRM_DEAD, MIRRORS_MAX, true, resp);
}
