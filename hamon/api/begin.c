/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/begin.h"
#include "hamon/api/forward.h"
#include "hamon/api/idempotency.h"
#include "hamon/api/json_take.h"
#include "hamon/api/sentence.h"
#include "hamon/api/threads.h"
#include "hamon/api/units_there.h"
#include "hamon/api/verifier.h"
#include "hamon/api/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

int begin_answer_key(const struct api_call *c, struct http_response *resp)
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
static int begin_now(const struct api *a, const struct operation *wanted, const char *who, uint64_t *ret_ticket, struct http_response *resp)
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
                (void)begin_now(a, &w->wanted, w->who, &ticket, resp);
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
                return begin_now(a, wanted, c->who, &ticket, resp);
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

int begin_wanted(struct api_call *c, const struct operation *wanted, struct http_response *resp)
{
        return post_by(c, wanted, false, resp);
}

int begin_command(struct api_call *c, enum command_type type, uint8_t mirror, bool consent, struct http_response *resp)
{
        return begin_wanted(c, &(struct operation){.type = type, .mirror = mirror, .consent = consent}, resp);
}

/* Whichever node is asked: what only the primary can do is passed on to it. */
static bool is_for_the_peer(const struct api_call *c)
{
        const struct snapshot *s = c->snapshot;
        return s && c->entrance != ENTRANCE_PEER && s->self < NODES && s->mirror[c->mirror].role == ROLE_STANDBY &&
               s->mirror[c->mirror].record.primary == 1 - s->self && s->node[1 - s->self].alive;
}

int begin_anywhere(struct api_call *c, const struct operation *wanted, struct http_response *resp)
{
        if (!is_for_the_peer(c))
                return post_by(c, wanted, true, resp);
        if (c->idempotency_key && is_again(c, false, resp)) /* it was done here, when this one was the primary */
                return 0;
        return forward_later(c, (uint8_t)(1 - c->snapshot->self), c->path, resp);
}
