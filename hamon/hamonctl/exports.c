/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exports and sessions of nbdd, on this node or by --node on another. */
#include "hamon/hamonctl/hamonctl.h"

#include "net/http_client.h"
#include "net/problem.h"

#include <string.h>

enum { TIMEOUT_MS = 20000 /* a stop waits for the disk */ };

static const char *text_of(const json_t *j, const char *key)
{
        const char *text = json_string_value(json_object_get(j, key));
        return text ? text : "";
}

/* Takes `body`. */
static int ask(const struct command_line *c, const char *method, const char *path, json_t *body)
{
        char full[512], node[128], error[512];
        struct http_answer answer = {0};
        const char *headers[] = {"If-Match: *", NULL};
        if (c->node && http_encode(c->node, node, sizeof node) < 0)
                node[0] = '\0';
        (void)snprintf(full, sizeof full, "/v1/%s%s%s%s", c->node ? "nodes/" : "", c->node ? node : "", c->node ? "/" : "", path); /* fits */
        const struct http_call_options o = {.socket_path = c->socket, .method = method, .path = full, .body = body, .headers = headers, .timeout_ms = TIMEOUT_MS};
        int r = http_call_full(&o, &answer, error, sizeof error);
        bool done = r == 0 && answer.status < 400;
        if (r < 0)
                fprintf(stderr, "hamonctl: %s\n", error);
        if (r == 0 && !done) {
                const char *said = problem_text(answer.json), *next = text_of(answer.json, "next");
                fprintf(stderr, "hamonctl: %s [%s]\n", said ? said : "hamon refused", text_of(answer.json, "code"));
                if (*next)
                        fprintf(stderr, "hamonctl: next: %s\n", next);
        }
        if (done && c->json && answer.json) {
                (void)json_dumpf(answer.json, stdout, JSON_INDENT(2));
                fputc('\n', stdout);
        } else if (done && answer.json) {
                printf("%s is %s\n", text_of(answer.json, "id"), text_of(answer.json, "status"));
        } else if (done) {
                printf("done\n");
        }
        http_answer_release(&answer);
        json_decref(body);
        return done ? EXIT_DONE : EXIT_REFUSED;
}

int verb_export(const struct command_line *c)
{
        static const char *const verbs[] = {"start", "stop", "clear", "remove", "add"};
        const char *verb = c->words[1];
        char id[64], path[160];
        unsigned v = 0;
        while (v < 5 && strcmp(verb, verbs[v]) != 0)
                v++;
        if (v == 5) {
                fprintf(stderr, "hamonctl: an export can be started (start), stopped (stop), cleared (clear), removed (remove) and added (add); see hamonctl --help\n");
                return EXIT_USAGE;
        }
        if ((v == 4) != (c->count == 4)) {
                fprintf(stderr, "hamonctl: export %s takes an ID%s\n", verb, v == 4 ? " and a DEVICE" : "");
                return EXIT_USAGE;
        }
        if (http_encode(c->words[2], id, sizeof id) < 0) {
                fprintf(stderr, "hamonctl: that is no id of an export\n");
                return EXIT_USAGE;
        }
        if (v == 4)
                return ask(c, "POST", "exports", json_pack("{s:s, s:s}", "id", c->words[2], "device", c->words[3]));
        (void)snprintf(path, sizeof path, "exports/%s%s%s", id, v == 3 ? "" : "/", v == 3 ? "" : verb); /* fits */
        return ask(c, v == 3 ? "DELETE" : "POST", path, NULL);
}

int verb_session_kick(const struct command_line *c, const char *number)
{
        char path[96], encoded[64];
        if (http_encode(number, encoded, sizeof encoded) < 0)
                return EXIT_USAGE;
        (void)snprintf(path, sizeof path, "sessions/%s", encoded); /* fits */
        return ask(c, "DELETE", path, NULL);
}
