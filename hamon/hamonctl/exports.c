/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exports and sessions of nbdd, on this node or by --node on another. */
#include "hamon/hamonctl/hamonctl.h"
#include "hamon/hamonctl/progress.h"

#include "net/http_client.h"
#include "net/problem.h"

#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 20000 /* a stop waits for the disk */ };

static const char *text_of(const json_t *j, const char *key)
{
        const char *text = json_string_value(json_object_get(j, key));
        return text ? text : "";
}

/* Takes `body`. `did`: what is so then, where nbdd answers with nothing. */
static int ask(const struct command_line *c, const char *method, const char *path, json_t *body, const char *did)
{
        char full[512], node[128], error[512];
        struct http_answer answer = {0};
        const char *headers[] = {"If-Match: *", NULL};
        if (c->node && http_encode(c->node, node, sizeof node) < 0)
                node[0] = '\0';
        (void)snprintf(full, sizeof full, "/v1/%s%s%s%s", c->node ? "nodes/" : "", c->node ? node : "", c->node ? "/" : "", path); /* fits */
        const struct http_call_options o = {.socket_path = c->socket, .method = method, .path = full, .body = body, .headers = headers, .timeout_ms = TIMEOUT_MS};
        progress_begin("nbdd is asked");
        int r = http_call_full(&o, &answer, error, sizeof error);
        progress_end();
        bool done = r == 0 && answer.status < 400;
        if (r < 0)
                fprintf(stderr, "hamonctl: %s\n", error);
        if (r == 0 && !done) {
                const char *said = problem_text(answer.json), *next = text_of(answer.json, "next");
                fprintf(stderr, "hamonctl: %s [%s]\n", said ? said : "hamon refused", text_of(answer.json, "code"));
                if (*next)
                        fprintf(stderr, "hamonctl: next: %s\n", next);
        }
        if (done && c->json && answer.json)
                out_json(answer.json);
        else if (done && answer.json)
                printf("%s is %s\n", text_of(answer.json, "id"), text_of(answer.json, "status"));
        else if (done)
                (void)out_done(c, NULL, "%s", did);
        http_answer_release(&answer);
        json_decref(body);
        return done ? EXIT_DONE : EXIT_REFUSED;
}

/* An id is decimal or 0x hexadecimal when it is given, hexadecimal when it is told. */
static bool is_same(const char *one, const char *other)
{
        char *end_one, *end_other;
        unsigned long long a = strtoull(one, &end_one, 0), b = strtoull(other, &end_other, 0);
        return strcmp(one, other) == 0 || (*one && *other && *end_one == '\0' && *end_other == '\0' && a == b);
}

/* The one of that name among `what` ("exports", "sessions") of the node that is meant, by its member `key`. The caller's; NULL: printed. */
static json_t *find(const struct command_line *c, const char *what, const char *key, const char *name)
{
        char path[64];
        json_t *answer, *found = NULL;
        const json_t *node, *one;
        size_t i, k;
        bool known = false;
        (void)snprintf(path, sizeof path, "/v1/%s%s", what, c->node ? "" : "?of=self"); /* fits */
        if (!call_get(c, path, &answer))
                return NULL;
        json_array_foreach(json_object_get(answer, "nodes"), i, node) {
                if (c->node && strcmp(text_of(node, "node"), c->node) != 0)
                        continue;
                known = true;
                json_array_foreach(json_object_get(node, what), k, one)
                        if (!found && is_same(text_of(one, key), name))
                                found = json_incref((json_t *)one);
                if (!found)
                        fprintf(stderr, "hamonctl: no such %s on %s: '%.40s'%s%s\nhamonctl: next: hamonctl %s\n", *what == 'e' ? "export" : "session", text_of(node, "node"), name,
                                *text_of(node, "error") ? ": " : "", text_of(node, "error"), what);
        }
        json_decref(answer);
        if (!known)
                fprintf(stderr, "hamonctl: no node '%.40s' in the configuration\n", c->node ? c->node : "");
        return found;
}

/* What a stop or a removal takes away, and whether it is meant. */
static bool is_meant(const struct command_line *c, const char *verb, const char *id, int *ret_status)
{
        char will[400];
        json_t *e = find(c, "exports", "id", id);
        *ret_status = EXIT_REFUSED;
        if (!e)
                return false;
        long long sessions = (long long)json_integer_value(json_object_get(e, "session_count"));
        if (strcmp(verb, "stop") == 0)
                (void)snprintf(will, sizeof will, "export %s (%.120s, %s) is served to nobody until it is started again; %lld session%s of it end%s", id, text_of(e, "device"), text_of(e, "status"),
                               sessions, sessions == 1 ? "" : "s", sessions == 1 ? "s" : "");
        else
                (void)snprintf(will, sizeof will, "export %s (%.120s, %s) is forgotten with all its settings; what is on the device stays", id, text_of(e, "device"), text_of(e, "status"));
        json_decref(e);
        return out_agreed(c, will, id, ret_status);
}

int verb_export(const struct command_line *c)
{
        static const char *const verbs[] = {"start", "stop", "clear", "remove", "add"};
        const char *verb = c->words[1];
        char id[64], path[160], did[96];
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
        if (c->dry_run && v != 1 && v != 3) {
                fprintf(stderr, "hamonctl: --dry-run is for export stop and remove, which take something away\n");
                return EXIT_USAGE;
        }
        if (v == 4)
                return ask(c, "POST", "exports", json_pack("{s:s, s:s}", "id", c->words[2], "device", c->words[3]), "");
        int status;
        if ((v == 1 || v == 3) && !is_meant(c, verb, c->words[2], &status))
                return status;
        (void)snprintf(path, sizeof path, "exports/%s%s%s", id, v == 3 ? "" : "/", v == 3 ? "" : verb); /* fits */
        (void)snprintf(did, sizeof did, "%.60s is removed", c->words[2]);
        return ask(c, v == 3 ? "DELETE" : "POST", path, NULL, did);
}

int verb_session_kick(const struct command_line *c, const char *number)
{
        char path[96], encoded[64], will[300], did[96];
        int status;
        if (http_encode(number, encoded, sizeof encoded) < 0)
                return EXIT_USAGE;
        json_t *s = find(c, "sessions", "number", number);
        if (!s)
                return EXIT_REFUSED;
        (void)snprintf(will, sizeof will, "session %.20s of %.80s with export %.40s ends at once; what it has not been answered it may lose, or send again", number, text_of(s, "address"),
                       *text_of(s, "export") ? text_of(s, "export") : "-");
        json_decref(s);
        if (!out_agreed(c, will, number, &status))
                return status;
        (void)snprintf(path, sizeof path, "sessions/%s", encoded); /* fits */
        (void)snprintf(did, sizeof did, "session %.20s is ended", number);
        return ask(c, "DELETE", path, NULL, did);
}
