/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hamonctl test fence NODE, test failover NAME: has the other node rebooted as if it had been deposed, and says when each thing that must follow has
 * come true, as this node sees it. From the node that stays, because that one goes on.
 */
#include "hamon/hamonctl/answer.h"
#include "hamon/hamonctl/hamonctl.h"

#include "net/http_client.h"

#include <string.h>
#include <time.h>

enum { POLL_MS = 100, ROUND_S = 600 /* a machine's firmware takes minutes */ };

/* What has to come true, in this order; each is looked for from the beginning on. */
enum milestone { SILENT, TAKEN, SERVED, BACK, REDUNDANT, MILESTONES };

struct watch {
        const char *node, *self;
        char boot[64];
        bool json;
        bool had; /* a mirror was active there: it has to be taken over */
        double at_s[MILESTONES]; /* 0: not yet */
};

static double now_s(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const json_t *node_of(const json_t *status, const char *name)
{
        const json_t *node;
        size_t i;
        json_array_foreach(json_object_get(status, "nodes"), i, node)
                if (strcmp(answer_text(node, "name"), name) == 0)
                        return node;
        return NULL;
}

/* Is each mirror active on one of the two, served, and in sync on both? */
static void look_at_mirrors(const json_t *status, bool *ret_here, bool *ret_up, bool *ret_redundant)
{
        const json_t *mirror, *leg;
        size_t i, k;
        *ret_here = *ret_up = *ret_redundant = true;
        json_array_foreach(json_object_get(status, "mirrors"), i, mirror)
        {
                const char *service = answer_text(json_object_get(mirror, "states"), "service");
                if (strcmp(answer_text(json_object_get(mirror, "record"), "version"), "0") == 0)
                        continue;
                *ret_here = *ret_here && strcmp(answer_text(mirror, "role"), "primary") == 0;
                *ret_up = *ret_up && (strcmp(service, "up") == 0 || strcmp(service, "none") == 0);
                json_array_foreach(json_object_get(mirror, "legs"), k, leg)
                        *ret_redundant = *ret_redundant && json_is_true(json_object_get(leg, "in_sync"));
        }
}

static void tell(const struct watch *w, double at_s, const char *what, const char *said)
{
        if (w->json) {
                out_json_line(json_pack("{s:f, s:s, s:s}", "at_s", at_s, "what", what, "said", said));
                return;
        }
        printf("%7.1f s  %s\n", at_s, said);
        fflush(stdout);
}

static void reach(struct watch *w, enum milestone m, bool is_so, double since_s)
{
        static const char *const words[MILESTONES] = {
                [SILENT] = "%s is silent",
                [TAKEN] = "%s has all mirrors",
                [SERVED] = "%s serves them",
                [BACK] = "%s is back, with a new boot",
                [REDUNDANT] = "both nodes have everything again",
        };
        static const char *const names[MILESTONES] = {[SILENT] = "silent", [TAKEN] = "taken", [SERVED] = "served", [BACK] = "back", [REDUNDANT] = "redundant"};
        char said[200];
        if (!is_so || w->at_s[m] > 0)
                return;
        w->at_s[m] = now_s() - since_s;
        (void)snprintf(said, sizeof said, words[m], m == SILENT || m == BACK ? w->node : w->self); /* fits */
        tell(w, w->at_s[m], names[m], said);
}

static void look(struct watch *w, const json_t *status, double since_s)
{
        const json_t *node = node_of(status, w->node);
        bool here, up, redundant, alive = json_is_true(json_object_get(node, "alive")), other_boot = strcmp(answer_text(node, "boot"), w->boot) != 0;
        look_at_mirrors(status, &here, &up, &redundant);
        reach(w, SILENT, !alive || other_boot, since_s);
        if (w->had) {
                reach(w, TAKEN, here, since_s);
                reach(w, SERVED, here && up && w->at_s[TAKEN] > 0, since_s);
        }
        reach(w, BACK, alive && other_boot, since_s);
        reach(w, REDUNDANT, redundant && w->at_s[BACK] > 0 && (!w->had || w->at_s[SERVED] > 0), since_s);
}

/* The command's end is that node's: it answers only when it refuses. True: it was refused, and that was printed. */
static bool is_refused(const struct command_line *c, const char *path)
{
        char error[512];
        unsigned status;
        json_t *j = NULL;
        int r = http_call(c->socket, "GET", path, NULL, 0, &status, &j, error, sizeof error);
        bool refused = r == 0 && status < 400 && strcmp(answer_text(j, "state"), "failed") == 0;
        if (refused)
                fprintf(stderr, "hamonctl: %s [%s]\nhamonctl: nothing was changed\n", answer_text(json_object_get(j, "reason"), "sentence"),
                        answer_text(json_object_get(j, "reason"), "code"));
        json_decref(j);
        return refused;
}

static int follow(const struct command_line *c, struct watch *w, const char *operation)
{
        double since_s = now_s(), patience_s = c->timeout_given ? (double)c->timeout_s : ROUND_S;
        const struct timespec pause = {.tv_nsec = POLL_MS * 1000000};
        char said[200];
        (void)snprintf(said, sizeof said, "%.100s was told to reboot as after a deposition", w->node);
        tell(w, 0, "told", said);
        while (w->at_s[REDUNDANT] <= 0 && now_s() - since_s < patience_s) {
                json_t *status;
                if (w->at_s[SILENT] <= 0 && is_refused(c, operation))
                        return EXIT_REFUSED;
                if (call_get(c, "/v1/status", &status)) {
                        look(w, status, since_s);
                        json_decref(status);
                }
                (void)nanosleep(&pause, NULL);
        }
        if (w->at_s[REDUNDANT] > 0)
                return EXIT_DONE;
        fprintf(stderr, "hamonctl: after %.0f s %s; see hamonctl status\n", patience_s,
                w->at_s[SILENT] <= 0 ? "that node still runs: the fence does NOT work" : w->had && w->at_s[SERVED] <= 0 ? "nobody has taken over"
                                                                                  : w->at_s[BACK] <= 0                  ? "that node is not back"
                                                                                                                        : "it is not redundant");
        return EXIT_REFUSED;
}

static int begin(const struct command_line *c, const json_t *status, const char *node)
{
        const json_t *there = node_of(status, node), *mirror;
        struct watch w = {.json = c->json, .node = node, .self = answer_text(json_object_get(status, "node"), "name")};
        char path[200], of[200], operation[300], question[300], name[100];
        struct http_answer answer;
        size_t i;
        if (!there || json_is_true(json_object_get(there, "witness"))) {
                fprintf(stderr, "hamonctl: no node '%.64s' in the configuration\n", node);
                return EXIT_REFUSED;
        }
        if (json_is_true(json_object_get(there, "self"))) {
                fprintf(stderr, "hamonctl: '%.64s' is this node, which would be rebooted: run this on the other one, which looks on\n", node);
                return EXIT_REFUSED;
        }
        (void)snprintf(w.boot, sizeof w.boot, "%s", answer_text(there, "boot"));
        json_array_foreach(json_object_get(status, "mirrors"), i, mirror)
                w.had = w.had || strcmp(answer_text(json_object_get(mirror, "record"), "primary"), node) == 0;
        (void)snprintf(question, sizeof question, "'%.64s' will reboot at once, as by a power cut%s", node,
                       w.had ? "; what is active there pauses until this node has taken it over" : "");
        int r;
        if (!out_agreed(c, question, node, &r))
                return r;
        if (http_encode(node, name, sizeof name) < 0)
                return EXIT_USAGE;
        (void)snprintf(path, sizeof path, "/v1/nodes/%s/node/test-fence", name); /* these fit: a name is short */
        (void)snprintf(of, sizeof of, "/v1/nodes/%s/node", name);
        json_t *body = json_pack("{s:b}", "confirm", 1);
        bool told = call_change(c, "POST", path, of, body, &answer);
        json_decref(body);
        if (!told)
                return EXIT_REFUSED;
        (void)snprintf(operation, sizeof operation, "/v1/nodes/%s/operations/%s", name, answer_text(answer.json, "operation"));
        http_answer_release(&answer);
        return follow(c, &w, operation);
}

int verb_test_fence(const struct command_line *c, const char *node)
{
        json_t *status;
        if (!call_get(c, "/v1/status", &status))
                return EXIT_REFUSED;
        int r = begin(c, status, node);
        json_decref(status);
        return r;
}

int verb_test_failover(const struct command_line *c, const char *mirror)
{
        json_t *status;
        const json_t *m;
        const char *primary = NULL;
        size_t i;
        if (!call_get(c, "/v1/status", &status))
                return EXIT_REFUSED;
        json_array_foreach(json_object_get(status, "mirrors"), i, m)
                if (strcmp(answer_text(m, "name"), mirror) == 0)
                        primary = answer_text(json_object_get(m, "record"), "primary");
        int r = EXIT_REFUSED;
        if (!primary)
                fprintf(stderr, "hamonctl: no mirror '%.64s' in the configuration\n", mirror);
        else if (!*primary)
                fprintf(stderr, "hamonctl: mirror '%.64s' was never created\n", mirror);
        else
                r = begin(c, status, primary);
        json_decref(status);
        return r;
}
