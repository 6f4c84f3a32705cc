/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GET /v1/operations and below: what was begun, and how far it is. Runs in an HTTP thread.
 */
#include "hamon/api/begin.h"
#include "hamon/api/idempotency.h"
#include "hamon/api/json_take.h"
#include "hamon/api/sentence.h"
#include "hamon/api/threads.h"
#include "hamon/api/verifier.h"
#include "hamon/api/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

int get_operations(struct api_call *c, struct http_response *resp)
{
        if (c->entrance == ENTRANCE_PEER && c->idempotency_key && c->body)
                return begin_answer_key(c, resp);
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
