/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A change of the configuration of all machines, seen to by the one that was asked. A worker's: it waits for the others.
 *
 *   look      each machine says what stands in its way; nothing changes
 *   prepare   each machine, this one first, keeps the next version beside its file, durably
 *   commit    this machine's file is replaced: from here on it is decided. Then the others', one after the other: each begins anew with it while
 *             the rest goes on, and this machine last
 *
 * A power cut before the commit leaves the old one everywhere: what waits elsewhere is thrown away when this machine says that nothing waits here. After
 * it the new one: whoever missed it takes it over from any machine that runs it (config_step_follow()). While this machine is silent in between, what
 * waits is shown as such, with what a person may do.
 */
#include "hamon/api/call.h"
#include "hamon/api/conceal.h"
#include "hamon/api/config_json.h"
#include "hamon/api/config_local.h"
#include "hamon/api/config_step.h"
#include "hamon/api/forward.h"
#include "hamon/api/json_take.h"
#include "hamon/api/threads.h"
#include "hamon/config_diff.h"
#include "hamon/config_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
        STEP_TIMEOUT_MS = 4000,
        BACK_TIMEOUT_MS = 15000, /* a machine begins anew in a fraction of a second; an emulated one in some */
        BACK_POLL_MS = 200,
        OTHER_START_TRIES = 10,
        BUSY_TRIES = 25,
        RENEW_AFTER_MS = 300,
        THROUGH_MS = 3000,
        CLOCKS_APART_MS = 2000, /* maintenance, certificates and events go by the clock */
};

struct change {
        const struct api *a;
        const char *text; /* as it was given */
        const json_t *without; /* names, or NULL */
        const char *past;      /* code of findings that are no obstacle, or NULL */
        bool accept;
        json_t *findings, *changes, *machines; /* machines: name -> what it said, or null */
        struct config *config;
        struct config_next next;
        char *own_text;
        unsigned through; /* the machine that passed the call on: its answer goes back over that one, which begins anew only then. VOTERS: none */
};

static uint64_t boot_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int64_t wall_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *name_of(const struct change *c, unsigned voter)
{
        return c->a->config->voters[voter].name;
}

static bool is_part(const struct change *c, unsigned voter)
{
        size_t i;
        const json_t *name;
        json_array_foreach(c->without, i, name)
                if (strcmp(json_string_value(name), name_of(c, voter)) == 0)
                        return false;
        return c->a->config->voters[voter].links > 0;
}

static unsigned count(const json_t *findings, const char *severity)
{
        unsigned n = 0;
        size_t i;
        const json_t *f;
        json_array_foreach(findings, i, f)
                n += strcmp(json_string_value(json_object_get(f, "severity")), severity) == 0;
        return n;
}

/* ---- to another machine ---- */

/* Takes `body`. 0 with its answer, whatever its status, or -errno and one sentence. */
static int ask(const struct change *c, unsigned voter, json_t *body, struct forward_answer *ret, char *error, size_t size)
{
        const struct forward_request r = {.to = (uint8_t)voter, .method = "POST", .target = "/v1/config/step", .body = body, .access = ACCESS_OPERATOR, .who = "hamon",
                                          .timeout_ms = STEP_TIMEOUT_MS};
        int e = body ? forward_call(c->a, &r, ret, error, size) : -ENOMEM;
        for (unsigned i = 0; e == -EBADMSG && i < OTHER_START_TRIES; i++) { /* it has just begun anew, and its heartbeats have not said so yet */
                const struct timespec pause = {.tv_nsec = BACK_POLL_MS * 1000000};
                (void)nanosleep(&pause, NULL);
                e = forward_call(c->a, &r, ret, error, size);
        }
        json_decref(body);
        return e;
}

static json_t *step(const struct change *c, const char *what, bool with_text)
{
        char *concealed = with_text ? conceal(c->a->config->key_file, c->next.text ? c->next.text : c->text) : NULL;
        json_t *j = with_text && !concealed ? NULL
                                            : json_pack("{s:s, s:o, s:s, s:s, s:s*}", "step", what, "version", json_of_u64(c->next.version), "hash", c->next.hash, "by",
                                                        name_of(c, c->a->self), "concealed", concealed);
        free(concealed);
        return j;
}

/* ---- looking ---- */

static void look_at(struct change *c, unsigned voter)
{
        char error[256] = "";
        struct forward_answer answer = {0};
        int64_t before = wall_ms();
        json_t *said = NULL;
        if (voter == c->a->self) {
                said = config_step_check(c->a, c->text);
        } else {
                int e = ask(c, voter, step(c, "check", true), &answer, error, sizeof error);
                if (e == 0 && answer.status == 200)
                        said = json_incref(answer.body);
                else
                        config_finding(c->findings, name_of(c, voter), "error", "unreachable", "bring it back, or go on without it (--without): it takes the new one over when it is back",
                                       "%s does not answer: %s", name_of(c, voter), e < 0 ? error : "its hamon is of another version");
        }
        int64_t after = wall_ms(), theirs = json_integer_value(json_object_get(json_object_get(said, "facts"), "wall_ms"));
        int64_t apart = theirs < before ? before - theirs : theirs > after ? theirs - after : 0;
        if (theirs && apart > CLOCKS_APART_MS)
                config_finding(c->findings, name_of(c, voter), "warning", "clock", "set the clocks (timedatectl, chrony)", "the clock of %s is %" PRId64 " s away from that of %s", name_of(c, voter),
                               apart / 1000, name_of(c, c->a->self));
        json_array_extend(c->findings, json_object_get(said, "findings"));
        json_object_set_new(c->machines, name_of(c, voter), said ? said : json_null());
        forward_answer_release(&answer);
}

static const json_t *fact_of(const struct change *c, unsigned voter, const char *fact)
{
        return json_object_get(json_object_get(json_object_get(c->machines, name_of(c, voter)), "facts"), fact);
}

/* Link i of one machine talks to link i of the other: a large packet that one side sends and the other drops is a link that looks well and is not. */
static void compare_mtu(struct change *c)
{
        const json_t *a = fact_of(c, 0, "mtu"), *b = fact_of(c, 1, "mtu");
        for (size_t i = 0; i < json_array_size(a) && i < json_array_size(b); i++) {
                json_int_t x = json_integer_value(json_array_get(a, i)), y = json_integer_value(json_array_get(b, i));
                if (x && y && x != y)
                        config_finding(c->findings, name_of(c, 1), "warning", "mtu", "set both to the same (ip link set dev ... mtu)", "link %zu has an MTU of %lld on %s and of %lld on %s", i + 1,
                                       (long long)x, name_of(c, 0), (long long)y, name_of(c, 1));
        }
}

static void compare_sizes(struct change *c)
{
        const json_t *a = fact_of(c, 0, "devices"), *b = fact_of(c, 1, "devices");
        const char *mirror;
        json_t *size;
        json_object_foreach((json_t *)a, mirror, size)
        {
                json_int_t x = json_integer_value(size), y = json_integer_value(json_object_get(b, mirror));
                if (y && x != y)
                        config_finding(c->findings, name_of(c, x < y ? 0 : 1), "info", "size", "", "the disks of mirror %s differ in size: it is as large as the smaller one, of %lld bytes", mirror,
                                       (long long)(x < y ? x : y));
        }
}

/* Of the configuration as a whole, and of its place among the versions. */
static void look_at_whole(struct change *c)
{
        const struct api *a = c->a;
        const char *self = name_of(c, a->self), *name, *primary = NULL;
        struct config_seen seen;
        json_t *said;
        config_keep_look(a->configs, &seen);
        uint64_t latest = seen.version > seen.next_version ? seen.version : seen.next_version, v;
        json_object_foreach(c->machines, name, said)
        {
                const char *hash = json_string_value(json_object_get(said, "hash")), *version = json_string_value(json_object_get(said, "version")),
                           *waits = json_string_value(json_object_get(said, "waits"));
                if (hash && strcmp(hash, a->config_hash) != 0)
                        config_finding(c->findings, name, "warning", "differs", "look at both: hamonctl config show", "%s runs another configuration than %s now; this one replaces both", name, self);
                if (waits && strcmp(name, self) != 0)
                        config_finding(c->findings, name, "warning", "waits", "", "version %s of the configuration waits on %s; this one replaces it", waits, name);
                latest = version && parse_u64(version, &v) && v > latest ? v : latest;
                latest = waits && parse_u64(waits, &v) && v > latest ? v : latest;
        }
        c->next.version = latest + 1;
        if (c->config->version != 0 && c->config->version != seen.version)
                config_finding(c->findings, self, "error", "stale", "hamonctl config show, make the change there again", "it was made from version %" PRIu64 ", and version %" PRIu64 " runs now",
                               c->config->version, seen.version);
        size_t i;
        const json_t *change;
        json_array_foreach(c->changes, i, change)
                if (strcmp(json_string_value(json_object_get(change, "effect")), "impossible") == 0)
                        config_finding(c->findings, self, "error", "impossible", "leave that as it is", "%s", json_string_value(json_object_get(change, "what")));
        const struct snapshot *s = snapshot_get(a->snapshots);
        for (unsigned m = 0; s && m < a->config->mirrors; m++)
                if (s->mirror[m].record.primary == a->self)
                        primary = a->config->mirror[m].name;
        snapshot_release(a->snapshots, s);
        if (primary && config_shortens_lease(a->config, c->config))
                config_finding(c->findings, self, "error", "order", "ask for it on the other node or the witness, when all mirrors are active on one node",
                               "a shorter lease has to count on the node where %s is active first, and this one begins anew last", primary);
}

/* What whoever asked sees to before he applies it. */
static void pass_over(json_t *findings, const char *code)
{
        for (size_t i = json_array_size(findings); code && i > 0; i--)
                if (strcmp(json_string_value(json_object_get(json_array_get(findings, i - 1), "code")), code) == 0)
                        (void)json_array_remove(findings, i - 1);
}

/* False: it cannot be applied; `findings` say why. */
static bool look(struct change *c)
{
        c->config = calloc(1, sizeof *c->config);
        if (!c->config || !config_step_read(c->text, name_of(c, c->a->self), c->findings, c->config, c->next.hash))
                return false;
        config_local_changes(c->a->config, c->config, c->changes);
        for (unsigned v = 0; v < VOTERS; v++)
                if (is_part(c, v))
                        look_at(c, v);
        compare_mtu(c);
        compare_sizes(c);
        look_at_whole(c);
        pass_over(c->findings, c->past);
        return count(c->findings, "error") == 0;
}

/* ---- changing ---- */

static void give_up(struct change *c)
{
        struct forward_answer answer;
        char error[256];
        for (unsigned v = 0; v < VOTERS; v++) {
                if (v == c->a->self || !is_part(c, v) || json_is_null(json_object_get(c->machines, name_of(c, v))))
                        continue;
                if (ask(c, v, step(c, "discard", false), &answer, error, sizeof error) == 0) /* else it learns it from us: nothing waits here */
                        forward_answer_release(&answer);
        }
        (void)config_keep_discard(c->a->configs);
}

static bool prepare(struct change *c)
{
        int r = config_step_prepare(c->a, &c->next, true);
        if (r < 0)
                config_finding(c->findings, name_of(c, c->a->self), "error", "file", "look at the disk that holds it", "'%.150s' cannot be kept: %s", config_keep_path(c->a->configs), strerrordesc_np(-r));
        for (unsigned v = 0; r == 0 && v < VOTERS; v++) {
                char error[256] = "";
                struct forward_answer answer = {0};
                if (v == c->a->self || !is_part(c, v))
                        continue;
                json_t *body = step(c, "prepare", true);
                json_object_set_new(body, "displace", json_boolean(c->accept));
                r = ask(c, v, body, &answer, error, sizeof error);
                if (r == 0 && answer.status != 200) {
                        const char *detail = json_string_value(json_object_get(answer.body, "detail"));
                        (void)snprintf(error, sizeof error, "%s", detail ? detail : "it refuses");
                        r = -EPROTO;
                }
                if (r < 0)
                        config_finding(c->findings, name_of(c, v), "error", "not-kept", "correct that, and apply it again", "%s cannot keep it: %s", name_of(c, v), error);
                forward_answer_release(&answer);
        }
        if (r < 0)
                give_up(c);
        return r == 0;
}

/* What GET /v1/node says there: true, and the two when it answered. */
static bool look_at_node(const struct change *c, unsigned voter, uint64_t *ret_start, char ret_hash[CONFIG_HASH_SIZE])
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
static const char *commit_at(struct change *c, unsigned voter)
{
        struct forward_answer answer = {0};
        char error[256], hash[CONFIG_HASH_SIZE];
        uint64_t before = 0, start = 0;
        (void)look_at_node(c, voter, &before, hash); /* one that does not answer now is heard of below, or not */
        int e = ask(c, voter, step(c, "commit", false), &answer, error, sizeof error);
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
static void order_of(const struct change *c, unsigned ret[VOTERS])
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

static bool is_in_place(const struct change *c)
{
        char *text = NULL;
        bool same = config_store_read(config_keep_path(c->a->configs), &text) == 0 && strcmp(text, c->next.text) == 0;
        free(text);
        return same;
}

static json_t *commit(struct change *c)
{
        unsigned order[VOTERS];
        json_t *states = json_object();
        int r = config_keep_commit(c->a->configs, c->next.version, c->next.hash);
        if (r < 0) /* a disk that failed once, perhaps when the file was replaced already */
                r = config_keep_commit(c->a->configs, c->next.version, c->next.hash);
        if (r < 0 && is_in_place(c)) {
                /* It is what hamon reads next. Should a power cut bring the old one back, the others run this one by then, and it is taken over from them. */
                config_finding(c->findings, name_of(c, c->a->self), "warning", "file", "look at the disk that holds it", "'%.150s' is replaced, and not known to be durable: %s",
                               config_keep_path(c->a->configs), strerrordesc_np(-r));
        } else if (r < 0) {
                config_finding(c->findings, name_of(c, c->a->self), "error", "file", "look at the disk that holds it", "'%.150s' cannot be replaced: %s", config_keep_path(c->a->configs),
                               strerrordesc_np(-r));
                give_up(c);
                json_decref(states);
                return NULL;
        }
        order_of(c, order);
        for (unsigned i = 0; i < VOTERS; i++) {
                unsigned v = order[i];
                if (c->a->config->voters[v].links > 0 && v != c->a->self && v != c->through)
                        json_object_set_new(states, name_of(c, v), json_string(is_part(c, v) ? commit_at(c, v) : "left-out"));
        }
        if (c->through < VOTERS)
                json_object_set_new(states, name_of(c, c->through), json_string(is_part(c, c->through) ? commit_at(c, c->through) : "left-out"));
        json_object_set_new(states, name_of(c, c->a->self), json_string("begins-anew"));
        config_keep_renew(c->a->configs, boot_ms() + RENEW_AFTER_MS + (c->through < VOTERS ? THROUGH_MS : 0)); /* not both at once */
        return states;
}

/* ---- answers ---- */

static json_t *verdict(const struct change *c, bool good)
{
        return json_pack("{s:b, s:b, s:o, s:s, s:O, s:O}", "good", (int)good, "needs_consent", (int)(good && count(c->findings, "warning") > 0), "version",
                         json_of_u64(c->next.version), "hash", c->next.hash, "changes", c->changes, "findings", c->findings);
}

static void refuse(const struct change *c, unsigned status, const char *code, const char *title, const char *next, struct http_response *resp)
{
        const json_t *first = NULL, *f;
        size_t i;
        json_array_foreach(c->findings, i, f)
                if (!first || (strcmp(json_string_value(json_object_get(f, "severity")), "error") == 0 &&
                               strcmp(json_string_value(json_object_get(first, "severity")), "error") != 0))
                        first = f;
        const char *what = json_string_value(json_object_get(first, "what"));
        (void)http_response_problem(resp, status, code, title, what ? what : "out of memory", next);
        json_object_set(resp->json, "findings", c->findings);
        json_object_set(resp->json, "changes", c->changes);
}

static void apply(struct change *c, const char *who, struct http_response *resp)
{
        char sentence[SENTENCE_SIZE];
        bool good = look(c);
        if (!good) {
                refuse(c, 422, "config-refused", "this configuration cannot be applied", "correct it: findings tell what, where and how", resp);
                return;
        }
        if (count(c->findings, "warning") > 0 && !c->accept) {
                refuse(c, 409, "needs-consent", "there are warnings", "send \"accept_warnings\": true when they are meant", resp);
                return;
        }
        c->next.text = c->own_text = config_text_with_version(c->text, c->next.version);
        (void)snprintf(c->next.by, sizeof c->next.by, "%s", name_of(c, c->a->self));
        json_t *states = c->own_text && prepare(c) ? commit(c) : NULL;
        if (!states) {
                refuse(c, 507, "config-not-kept", "the configuration was not changed", "nothing is changed anywhere; correct that, and apply it again", resp);
                return;
        }
        (void)snprintf(sentence, sizeof sentence, "version %" PRIu64 " of the configuration (%s) was applied by %s", c->next.version, c->next.hash, who);
        (void)api_event(c->a, "config-applied", SEVERITY_INFO, sentence);
        resp->json = json_pack("{s:o, s:s, s:o, s:O, s:O}", "version", json_of_u64(c->next.version), "hash", c->next.hash, "machines", states, "changes", c->changes, "findings",
                               c->findings);
}

/* "uid 0, pid 7, through node-b" */
static unsigned passed_on_by(const struct api *a, const char *who)
{
        const char *through = NULL;
        for (const char *p = who; (p = strstr(p, ", through ")); p++)
                through = p + strlen(", through ");
        int voter = through ? config_voter_index(a->config, through) : -ENOENT;
        return voter < 0 ? VOTERS : (unsigned)voter;
}

void config_apply_work(const struct api *a, struct api_work *w, struct http_response *resp)
{
        bool change = strcmp(w->method, "POST") != 0;
        struct change c = {.a = a, .text = json_string_value(json_object_get(w->body, "text")), .without = json_object_get(w->body, "without"), .past = json_string_value(json_object_get(w->body, "past")),
                           .accept = json_is_true(json_object_get(w->body, "accept_warnings")), .through = passed_on_by(a, w->who), .findings = json_array(), .changes = json_array(), .machines = json_object()};
        bool begun = config_keep_begin(a->configs);
        for (unsigned i = 0; !begun && i < BUSY_TRIES; i++) { /* the look at the others, each second, takes its moment, too */
                const struct timespec pause = {.tv_nsec = BACK_POLL_MS * 1000000};
                (void)nanosleep(&pause, NULL);
                begun = config_keep_begin(a->configs);
        }
        if (!begun) {
                http_response_header(resp, "Retry-After", "5");
                (void)http_response_problem(resp, 409, "busy", "another change is under way", "this machine is just changing the configuration", "try again in some seconds");
        } else {
                if (change)
                        apply(&c, w->who, resp);
                else
                        resp->json = verdict(&c, look(&c));
                config_keep_end(a->configs);
        }
        json_decref(c.findings);
        json_decref(c.changes);
        json_decref(c.machines);
        free(c.config);
        free(c.own_text);
}

bool config_take_manner(const struct api *a, struct json_take *t)
{
        const json_t *without = json_take_has(t, "without") ? json_take_value(t, "without") : NULL, *name;
        size_t i;
        if (json_take_has(t, "accept_warnings"))
                (void)json_take_bool(t, "accept_warnings");
        if (without && !json_is_array(without))
                return false;
        json_array_foreach(without, i, name) {
                int voter = json_is_string(name) ? config_voter_index(a->config, json_string_value(name)) : -ENOENT;
                if (voter < 0 || voter == a->self)
                        return false;
        }
        return true;
}

static bool is_fit(const struct api_call *c)
{
        struct json_take t = json_take_from(c->body);
        const char *text = json_take_string(&t, "text");
        return config_take_manner(c->api, &t) && json_take_end(&t) == 0 && *text;
}

static int later(struct api_call *c, json_t *body, struct http_response *resp)
{
        (void)resp;
        c->work.run = config_apply_work;
        c->work.body = body;
        (void)snprintf(c->work.method, sizeof c->work.method, "%s", c->method);
        (void)snprintf(c->work.who, sizeof c->work.who, "%s", c->who);
        return HTTP_LATER;
}

static int bad_body(struct http_response *resp)
{
        return http_response_problem(resp, 400, "bad-request", "the body is not a configuration",
                                     "a member of the body is missing, unknown, or of another type, or 'without' names no other machine", "see /v1/openapi.yaml");
}

void config_etag(const struct api *a, char ret[ETAG_SIZE])
{
        struct config_seen seen;
        config_keep_look(a->configs, &seen);
        (void)snprintf(ret, ETAG_SIZE, "%" PRIu64 "-%s", seen.version, a->config_hash); /* fits */
}

int post_config_check(struct api_call *c, struct http_response *resp)
{
        return is_fit(c) ? later(c, json_incref((json_t *)c->body), resp) : bad_body(resp);
}

int put_config(struct api_call *c, struct http_response *resp)
{
        char revision[ETAG_SIZE];
        if (!is_fit(c))
                return bad_body(resp);
        config_etag(c->api, revision);
        if (revision_is_stale(c, revision, "send If-Match with the ETag of GET /v1/config", resp))
                return 0;
        return later(c, json_incref((json_t *)c->body), resp);
}
