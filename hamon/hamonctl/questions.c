/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands that ask and change nothing: explain, simulate, exports, sessions, and what a change would do (--dry-run). */
#include "hamon/hamonctl/answer.h"
#include "hamon/hamonctl/hamonctl.h"

#include "net/http_client.h"

#include <string.h>

/* PATH or PATH?KEY=VALUE, encoded. False: too long, printed. */
static bool query(char *ret, size_t size, const char *path, const char *key, const char *value)
{
        char encoded[128] = "";
        if (value && http_encode(value, encoded, sizeof encoded) < 0) {
                fprintf(stderr, "hamonctl: '%.40s...' is too long for a name\n", value);
                return false;
        }
        (void)snprintf(ret, size, value ? "%s%c%s=%s" : "%s", path, strchr(path, '?') ? '&' : '?', key, encoded); /* fits */
        return true;
}

static int finish(const struct command_line *c, json_t *answer)
{
        if (c->json)
                out_json(answer);
        json_decref(answer);
        return EXIT_DONE;
}

int verb_explain(const struct command_line *c, const char *mirror)
{
        char path[256];
        json_t *answer, *one;
        size_t i;
        if (!query(path, sizeof path, "/v1/explain", "mirror", mirror))
                return EXIT_USAGE;
        if (!call_get(c, path, &answer))
                return EXIT_REFUSED;
        json_array_foreach(json_object_get(answer, "explain"), i, one)
                if (!c->json) {
                        fputs(i > 0 ? "\n" : "", stdout);
                        explain_text(one, stdout);
                }
        return finish(c, answer);
}

int verb_simulate(const struct command_line *c, const char *part)
{
        char path[256], full[512];
        json_t *answer;
        if (!query(path, sizeof path, "/v1/simulate", "fail", part) || !query(full, sizeof full, path, "mirror", c->mirror))
                return EXIT_USAGE;
        if (!call_get(c, full, &answer))
                return EXIT_REFUSED;
        if (!c->json)
                simulate_text(answer, stdout);
        return finish(c, answer);
}

static void export_row(const json_t *e)
{
        long long sessions = (long long)json_integer_value(json_object_get(e, "session_count"));
        printf("  %-18s %-9s %-5s %lld session%s  %s%s%s%s\n", answer_text(e, "id"), answer_text(e, "status"), answer_text(e, "kind"), sessions, sessions == 1 ? " " : "s",
               answer_text(e, "device"), *answer_text(e, "reason") ? "  (" : "", answer_text(e, "reason"), *answer_text(e, "reason") ? ")" : "");
}

static void session_row(const json_t *s)
{
        printf("  %-18s %-9s %s%s%s\n", *answer_text(s, "export") ? answer_text(s, "export") : "-", answer_text(s, "state"), answer_text(s, "address"),
               json_is_true(json_object_get(s, "read_only")) ? ", read-only" : "", json_is_true(json_object_get(s, "tls")) ? ", TLS" : "");
}

/* "exports" or "sessions" of nbdd on both nodes; EXIT_REFUSED when a node's could not be had. */
int verb_nbdd(const struct command_line *c, const char *what)
{
        char path[64];
        json_t *answer, *node, *row;
        size_t i, k;
        bool whole = true;
        (void)snprintf(path, sizeof path, "/v1/%s", what); /* fits */
        if (!call_get(c, path, &answer))
                return EXIT_REFUSED;
        json_array_foreach(json_object_get(answer, "nodes"), i, node)
        {
                const json_t *rows = json_object_get(node, what);
                whole = whole && json_is_array(rows);
                if (c->json)
                        continue;
                printf("%s:%s\n", answer_text(node, "node"), json_is_array(rows) && json_array_size(rows) == 0 ? " none" : "");
                if (!json_is_array(rows))
                        fprintf(stderr, "hamonctl: %s: not known: %s\n", answer_text(node, "node"), answer_text(node, "error"));
                json_array_foreach(rows, k, row)
                        *what == 'e' ? export_row(row) : session_row(row);
        }
        (void)finish(c, answer);
        return whole ? EXIT_DONE : EXIT_REFUSED;
}

int rehearse(const struct command_line *c, const char *command, const char *mirror)
{
        char path[128], full[300];
        json_t *answer, *one;
        size_t i;
        (void)snprintf(path, sizeof path, "/v1/preflight/%s", command); /* fits: ours */
        if (!query(full, sizeof full, path, "mirror", mirror))
                return EXIT_USAGE;
        if (!call_get(c, full, &answer))
                return EXIT_REFUSED;
        bool ready = json_is_true(json_object_get(answer, "ready"));
        json_array_foreach(json_object_get(answer, "preflight"), i, one)
                if (!c->json)
                        (void)preflight_text(command, one, stdout);
        (void)finish(c, answer);
        return ready ? EXIT_DONE : EXIT_REFUSED;
}

/* The preflight of a command; NULL: the command itself says what is wrong. */
static json_t *ask_preflight(const struct command_line *c, const char *command, const char *mirror)
{
        char path[128], full[300], error[512];
        unsigned status;
        json_t *answer = NULL;
        (void)snprintf(path, sizeof path, "/v1/preflight/%s", command); /* fits: ours */
        if (!query(full, sizeof full, path, "mirror", mirror))
                return NULL;
        if (http_call(c->socket, "GET", full, NULL, 0, &status, &answer, error, sizeof error) < 0 || status >= 400) {
                json_decref(answer);
                return NULL;
        }
        return answer;
}

/* Nothing when nothing stands in the way. */
static void put_obstacles(const json_t *answer, const char *head)
{
        const json_t *one;
        size_t i;
        if (json_is_true(json_object_get(answer, "ready")))
                return;
        fprintf(stderr, "hamonctl: %s:\n", head);
        json_array_foreach(json_object_get(answer, "preflight"), i, one)
                obstacles_text(one, stderr);
}

void announce(const struct command_line *c, const char *command, const char *mirror)
{
        json_t *answer = ask_preflight(c, command, mirror), *one;
        size_t i;
        if (!answer)
                return;
        fprintf(stderr, json_is_true(json_object_get(answer, "ready")) ? "hamonctl: this will\n" : "hamonctl: this would\n");
        json_array_foreach(json_object_get(answer, "preflight"), i, one)
                will_text(one, stderr);
        put_obstacles(answer, "as things are it will be refused");
        json_decref(answer);
}

void say_obstacles(const struct command_line *c, const char *command, const char *mirror)
{
        json_t *answer = ask_preflight(c, command, mirror);
        if (!answer)
                return;
        put_obstacles(answer, "what stands in the way");
        json_decref(answer);
}
