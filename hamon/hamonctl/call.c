/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/hamonctl/hamonctl.h"
#include "hamon/hamonctl/progress.h"

#include "hamon/core/reasons.h"
#include "net/http_client.h"
#include "net/problem.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { OPERATION_POLL_MS = 200, STALE_TRIES = 4 };

static void print_unreachable(int r, const char *error)
{
        progress_end();
        fprintf(stderr, "hamonctl: %s\n", error);
        if (r == -EACCES)
                fprintf(stderr, "hamonctl: be root or a member of the group of that socket\n");
        else if (r == -ENOENT || r == -ECONNREFUSED)
                fprintf(stderr, "hamonctl: is hamon running here? systemctl status hamon hamon-witness\n");
}

static void print_problem(const json_t *problem, unsigned status)
{
        const char *text = problem_text(problem), *code = problem_code(problem);
        const char *next = json_string_value(json_object_get(problem, "next"));
        progress_end();
        if (!text)
                fprintf(stderr, "hamonctl: hamon answered with status %u\n", status);
        else
                fprintf(stderr, "hamonctl: %s%s%s%s\n", text, *code ? " [" : "", code, *code ? "]" : "");
        if (next && *next)
                fprintf(stderr, "hamonctl: next: %s\n", next);
}

bool call_get(const struct command_line *c, const char *path, json_t **ret)
{
        char error[512];
        unsigned status;
        json_t *j = NULL;
        int r = http_call(c->socket, "GET", path, NULL, 0, &status, &j, error, sizeof error);
        if (r < 0) {
                print_unreachable(r, error);
                return false;
        }
        if (status >= 400 || !json_is_object(j)) {
                print_problem(j, status);
                json_decref(j);
                return false;
        }
        *ret = j;
        return true;
}

static uint64_t now_s(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec;
}

/* Which step of hamon-act it is at, and where there is an amount, how much of it is done, how fast, until when. */
static void show(const json_t *operation)
{
        const json_t *progress = json_object_get(operation, "progress"), *percent = json_object_get(progress, "verify_percent");
        const char *mirror = json_string_value(json_object_get(operation, "mirror")), *step = json_string_value(json_object_get(progress, "step"));
        progress_begin("%s%s%s", json_string_value(json_object_get(operation, "command")), mirror ? " of " : "", mirror ? mirror : "");
        if (!json_is_number(percent))
                percent = json_object_get(progress, "resync_percent");
        if (json_is_number(percent))
                progress_amount(step ? step : "", json_number_value(percent), (uint64_t)json_integer_value(json_object_get(progress, "rate_kib")),
                                (uint64_t)json_integer_value(json_object_get(progress, "eta_s")));
        else
                progress_at(step ? step : "");
}

/* The operation as it was at its end, or when the patience ended ("running"). NULL: printed. */
static json_t *wait_for(const struct command_line *c, const char *path)
{
        for (uint64_t begin = now_s();;) {
                json_t *j;
                if (!call_get(c, path, &j))
                        return NULL;
                const char *state = json_string_value(json_object_get(j, "state"));
                if (!state || strcmp(state, "running") != 0 || now_s() - begin >= c->timeout_s)
                        return j;
                show(j);
                json_decref(j);
                const struct timespec pause = {.tv_nsec = OPERATION_POLL_MS * 1000000};
                (void)nanosleep(&pause, NULL);
        }
}

/* What a command is for: said when hamon refuses it as "wrong-state" (the conditions are in hamon/core/command.c). */
static const char *needed(const char *command)
{
        static const char *const table[][2] = {
                {"create", "create is for a mirror that was never created"},
                {"join", "join is for a standby whose leg is not in sync, never for the primary"},
                {"switchover", "switchover is for the primary, with both legs in sync and the other node ready"},
                {"maintenance", "somebody else's word came at the same moment"},
                {"resync", "resync is for the primary, and pause while the other leg is not in sync"},
                {"service-restart", "service restart is for a mirror that is active and has a service which is not being started or stopped just now"},
                {"test-fence", "each mirror must be active on one of the nodes, and none be on its way"},
                {"force-primary", "force-primary is for a standby whose leg is not in sync, while the other node is not active"},
                {"start-alone", "start-alone is for a standby"},
                {"grow", "a mirror is grown while both legs are in sync, on the standby first"},
                {"remove", "a removal begins where the mirror is active, and waits for what is under way"},
                {"confirm-dead", "confirm-dead is for a cluster without a witness, about a node that is silent"},
        };
        for (size_t i = 0; command && i < sizeof table / sizeof table[0]; i++)
                if (strcmp(command, table[i][0]) == 0)
                        return table[i][1];
        return NULL;
}

static int conclude(const struct command_line *c, const json_t *operation, const char *number, char ret_code[32])
{
        const json_t *reason = json_object_get(operation, "reason");
        const char *state = json_string_value(json_object_get(operation, "state"));
        const char *code = json_string_value(json_object_get(reason, "code"));
        const char *sentence = json_string_value(json_object_get(reason, "sentence"));
        const char *next = json_string_value(json_object_get(reason, "next"));
        const char *error = json_string_value(json_object_get(operation, "error"));
        const char *detail = json_string_value(json_object_get(operation, "detail"));
        progress_end();
        bool asked_for_consent = ret_code && code && strcmp(code, reason_code(REASON_COMMAND_CONSENT)) == 0;
        if (c->json && !asked_for_consent)
                out_json(operation);
        if (state && strcmp(state, "done") == 0) {
                if (!c->json && !c->quiet)
                        printf("%s\n", sentence ? sentence : "done");
                return EXIT_DONE;
        }
        if (state && strcmp(state, "running") == 0) {
                fprintf(stderr, "hamonctl: not finished yet, it goes on: hamonctl status, hamonctl events (operation %s)\n", number);
                return EXIT_REFUSED;
        }
        if (ret_code && code)
                (void)snprintf(ret_code, 32, "%s", code);
        if (asked_for_consent)
                return EXIT_REFUSED; /* the caller asks, or says how to give it */
        const char *need = code && strcmp(code, reason_code(REASON_COMMAND_WRONG_STATE)) == 0
                               ? needed(json_string_value(json_object_get(operation, "command")))
                               : NULL;
        if (need)
                error = need; /* says more than "Invalid argument" */
        fprintf(stderr, "hamonctl: %s [%s]%s%s%s\n", sentence ? sentence : "refused", code ? code : "failed", error ? " (" : "",
                error ? error : "", error ? ")" : "");
        if (detail && *detail)
                fprintf(stderr, "hamonctl: detail: %s\n", detail);
        if (next && *next)
                fprintf(stderr, "hamonctl: next: %s\n", next);
        return EXIT_REFUSED;
}

/* The ETag of `of` as a header. */
static bool get_revision(const struct command_line *c, const char *of, char ret_header[HTTP_KEPT_SIZE + 16])
{
        char error[512];
        struct http_answer answer;
        const struct http_call_options o = {.socket_path = c->socket, .method = "GET", .path = of};
        int r = http_call_full(&o, &answer, error, sizeof error);
        bool good = r == 0 && answer.status < 400;
        if (r < 0)
                print_unreachable(r, error);
        else if (!good)
                print_problem(answer.json, answer.status);
        else
                (void)snprintf(ret_header, HTTP_KEPT_SIZE + 16, "If-Match: %s", answer.etag); /* fits */
        http_answer_release(&answer);
        return good;
}

bool call_change(const struct command_line *c, const char *method, const char *path, const char *of, const json_t *body, struct http_answer *ret)
{
        char error[512], header[HTTP_KEPT_SIZE + 16];
        const char *headers[] = {header, NULL};
        *ret = (struct http_answer){0};
        /* The revision may move between the two calls; a person's command means the state of this second, whatever its number. */
        for (unsigned i = 0; i < STALE_TRIES && (i == 0 || ret->status == 412); i++) {
                http_answer_release(ret);
                if (!get_revision(c, of, header))
                        return false;
                const struct http_call_options o = {.socket_path = c->socket, .method = method, .path = path, .body = body, .headers = headers};
                int r = http_call_full(&o, ret, error, sizeof error);
                if (r < 0) {
                        print_unreachable(r, error);
                        return false;
                }
        }
        if (ret->status < 400)
                return true;
        print_problem(ret->json, ret->status);
        http_answer_release(ret);
        return false;
}

/* Takes over `body`. */
static bool post(const struct command_line *c, const char *path, json_t *body, struct http_answer *ret)
{
        char of[320] = "/v1/node";
        if (strstr(path, "/mirrors/")) /* here, or below /v1/nodes/NAME */
                (void)snprintf(of, sizeof of, "%.*s", (int)(strrchr(path, '/') - path), path); /* fits: names are short */
        bool done = call_change(c, "POST", path, of, body, ret);
        json_decref(body);
        return done;
}

int call_begin(const struct command_line *c, const char *path, json_t *body, const char *begun)
{
        struct http_answer answer;
        if (!post(c, path, body, &answer))
                return EXIT_REFUSED;
        if (c->json) {
                out_json(answer.json);
        } else {
                printf("%s\n", begun);
        }
        http_answer_release(&answer);
        return EXIT_DONE;
}

/* The mirror may be in another state in a second. */
static bool may_pass(const char *code)
{
        return strcmp(code, reason_code(REASON_COMMAND_BUSY)) == 0 || strcmp(code, reason_code(REASON_COMMAND_WRONG_STATE)) == 0;
}

/* `hush` (may be NULL): which refusals are not printed but told by *ret_hushed. Takes over `body`. */
static int command(const struct command_line *c, const char *path, json_t *body, bool (*hush)(const char *code), bool *ret_hushed, char ret_code[32])
{
        struct http_answer answer;
        int exit_status = EXIT_REFUSED;
        *ret_hushed = false;
        if (!post(c, path, body, &answer))
                return EXIT_REFUSED;
        const char *number = json_string_value(json_object_get(answer.json, "operation"));
        json_t *operation = number ? wait_for(c, answer.location) : NULL;
        const char *code = json_string_value(json_object_get(json_object_get(operation, "reason"), "code"));
        *ret_hushed = hush && code && hush(code);
        if (operation && !*ret_hushed)
                exit_status = conclude(c, operation, number, ret_code);
        json_decref(operation);
        http_answer_release(&answer);
        return exit_status;
}

int call_command(const struct command_line *c, const char *path, json_t *body, char ret_code[32])
{
        bool passes;
        return command(c, path, body, NULL, &passes, ret_code);
}

int call_command_patiently(const struct command_line *c, const char *path, unsigned patience_s)
{
        for (uint64_t begin = now_s();;) {
                bool passes = now_s() - begin < patience_s;
                int r = command(c, path, NULL, passes ? may_pass : NULL, &passes, NULL);
                if (!passes)
                        return r;
                const struct timespec pause = {.tv_sec = 1};
                (void)nanosleep(&pause, NULL);
        }
}
