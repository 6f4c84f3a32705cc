/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/config_change.h"

#include "hamon/api/config_json.h"
#include "hamon/api/config_local.h"
#include "hamon/api/config_step.h"
#include "hamon/config_diff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
        BACK_TIMEOUT_MS = 15000, /* a machine begins anew in a fraction of a second; an emulated one in some */
        BACK_POLL_MS = 200,
        RENEW_AFTER_MS = 300,
        THROUGH_MS = 3000,
};

static uint64_t boot_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void give_up(struct config_change *c)
{
        struct forward_answer answer;
        char error[256];
        for (unsigned v = 0; v < VOTERS; v++) {
                if (v == c->a->self || !change_is_part(c, v) || json_is_null(json_object_get(c->machines, change_name_of(c, v))))
                        continue;
                if (change_ask(c, v, change_step(c, "discard", false), &answer, error, sizeof error) == 0) /* else it learns it from us: nothing waits here */
                        forward_answer_release(&answer);
        }
        (void)config_keep_discard(c->a->configs);
}

bool change_prepare(struct config_change *c)
{
        int r = config_step_prepare(c->a, &c->next, true);
        if (r < 0)
                config_finding(c->findings, change_name_of(c, c->a->self), "error", "file", "look at the disk that holds it", "'%.150s' cannot be kept: %s", config_keep_path(c->a->configs), strerrordesc_np(-r));
        for (unsigned v = 0; r == 0 && v < VOTERS; v++) {
                char error[256] = "";
                struct forward_answer answer = {0};
                if (v == c->a->self || !change_is_part(c, v))
                        continue;
                json_t *body = change_step(c, "prepare", true);
                json_object_set_new(body, "displace", json_boolean(c->accept));
                r = change_ask(c, v, body, &answer, error, sizeof error);
                if (r == 0 && answer.status != 200) {
                        const char *detail = json_string_value(json_object_get(answer.body, "detail"));
                        (void)snprintf(error, sizeof error, "%s", detail ? detail : "it refuses");
                        r = -EPROTO;
                }
                if (r < 0)
                        config_finding(c->findings, change_name_of(c, v), "error", "not-kept", "correct that, and apply it again", "%s cannot keep it: %s", change_name_of(c, v), error);
                forward_answer_release(&answer);
        }
        if (r < 0)
                give_up(c);
        return r == 0;
}

/* What GET /v1/node says there: true, and the two when it answered. */
static bool look_at_node(const struct config_change *c, unsigned voter, uint64_t *ret_start, char ret_hash[CONFIG_HASH_SIZE])
{
        struct forward_answer answer = {0};
        char error[256];
        const struct forward_request r = {.to = (uint8_t)voter, .method = "GET", .target = "/v1/node", .access = ACCESS_VIEWER, .who = "hamon", .timeout_ms = 1000};
        bool answers = forward_call(c->a, &r, &answer, error, sizeof error) == 0 && answer.status == 200;
        const char *hash = answers ? json_string_value(json_object_get(answer.body, "config_hash")) : NULL;
        const char *start = answers ? json_string_value(json_object_get(answer.body, "start")) : NULL;
        answers = hash && start && parse_u64(start, ret_start);
        (void)snprintf(ret_hash, CONFIG_HASH_SIZE, "%s", answers ? hash : "");
        forward_answer_release(&answer);
        return answers;
}

/* Until it has begun anew, and with the new one. The hash alone would not tell: another comment, or a version that replaces a difference, has the same. */
static const char *commit_at(struct config_change *c, unsigned voter)
{
        struct forward_answer answer = {0};
        char error[256], hash[CONFIG_HASH_SIZE];
        uint64_t before = 0, start = 0;
        (void)look_at_node(c, voter, &before, hash); /* one that does not answer now is heard of below, or not */
        int e = change_ask(c, voter, change_step(c, "commit", false), &answer, error, sizeof error);
        bool done = e == 0 && answer.status == 200;
        forward_answer_release(&answer);
        if (done && voter == c->through)
                return "begins-anew";
        for (uint64_t begin = boot_ms(); done && boot_ms() - begin < BACK_TIMEOUT_MS;) {
                const struct timespec pause = {.tv_nsec = BACK_POLL_MS * 1000000};
                (void)nanosleep(&pause, NULL);
                if (look_at_node(c, voter, &start, hash) && start != before && strcmp(hash, c->next.hash) == 0)
                        return "in-force";
        }
        return "waits"; /* it takes it over when it sees a machine that runs it */
}

/* A voter that counts a longer lease than the primary is on the safe side: the primary begins anew first when it gets shorter, last otherwise. */
static void order_of(const struct config_change *c, unsigned ret[VOTERS])
{
        bool first = config_shortens_lease(c->a->config, c->config);
        const struct snapshot *s = snapshot_get(c->a->snapshots);
        unsigned n = 0;
        for (unsigned pass = 0; pass < 2; pass++)
                for (unsigned v = 0; v < VOTERS; v++) {
                        bool active = false;
                        for (unsigned m = 0; s && m < c->a->config->mirrors; m++)
                                active = active || s->mirror[m].record.primary == v;
                        if (active == (first == (pass == 0)))
                                ret[n++] = v;
                }
        snapshot_release(c->a->snapshots, s);
}

static bool is_in_place(const struct config_change *c)
{
        char *text = NULL;
        bool same = config_store_read(config_keep_path(c->a->configs), &text) == 0 && strcmp(text, c->next.text) == 0;
        free(text);
        return same;
}

json_t *change_commit(struct config_change *c)
{
        unsigned order[VOTERS];
        json_t *states = json_object();
        int r = config_keep_commit(c->a->configs, c->next.version, c->next.hash);
        if (r < 0) /* a disk that failed once, perhaps when the file was replaced already */
                r = config_keep_commit(c->a->configs, c->next.version, c->next.hash);
        if (r < 0 && is_in_place(c)) {
                /* It is what hamon reads next. Should a power cut bring the old one back, the others run this one by then, and it is taken over from them. */
                config_finding(c->findings, change_name_of(c, c->a->self), "warning", "file", "look at the disk that holds it", "'%.150s' is replaced, and not known to be durable: %s",
                               config_keep_path(c->a->configs), strerrordesc_np(-r));
        } else if (r < 0) {
                config_finding(c->findings, change_name_of(c, c->a->self), "error", "file", "look at the disk that holds it", "'%.150s' cannot be replaced: %s", config_keep_path(c->a->configs),
                               strerrordesc_np(-r));
                give_up(c);
                json_decref(states);
                return NULL;
        }
        order_of(c, order);
        for (unsigned i = 0; i < VOTERS; i++) {
                unsigned v = order[i];
                if (c->a->config->voters[v].links > 0 && v != c->a->self && v != c->through)
                        json_object_set_new(states, change_name_of(c, v), json_string(change_is_part(c, v) ? commit_at(c, v) : "left-out"));
        }
        if (c->through < VOTERS)
                json_object_set_new(states, change_name_of(c, c->through), json_string(change_is_part(c, c->through) ? commit_at(c, c->through) : "left-out"));
        json_object_set_new(states, change_name_of(c, c->a->self), json_string("begins-anew"));
        config_keep_renew(c->a->configs, boot_ms() + RENEW_AFTER_MS + (c->through < VOTERS ? THROUGH_MS : 0)); /* not both at once */
        return states;
}
