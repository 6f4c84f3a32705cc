/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GET /v1/cluster: what each machine sees, side by side, how old each view is, and where they disagree. A view that is too old takes no part
 * in the comparison, and `complete` is false: never a stale green. Also GET /v1/links, with the time that a connection takes.
 */
#include "hamon/api/call.h"
#include "hamon/api/config_json.h"
#include "hamon/api/differences.h"
#include "hamon/api/json_take.h"
#include "hamon/api/views.h"

#include <stdio.h>
#include <string.h>

enum { LAST_WORD_MS = 500 };

struct sight {
        const char *name;
        json_t *status; /* NULL: never seen */
        json_t *config; /* NULL: it is as ours, or not known yet */
        uint64_t age_ms;
        char error[256];
        bool self, fresh;
};

/* What a machine that fell silent said just before is its last word, not what it says: its successor is no second active node. */
static bool is_fresh(const struct api_call *c, uint8_t voter, uint64_t age_ms)
{
        const struct node_view *n = &c->snapshot->node[voter];
        if (age_ms >= VIEWS_FRESH_MS || voter == c->api->self || n->alive)
                return age_ms < VIEWS_FRESH_MS;
        return n->ever && age_ms + LAST_WORD_MS < n->silent_ms + (c->now_ms - c->snapshot->taken_ms);
}

static void look_around(const struct api_call *c, struct sight ret[VOTERS])
{
        const struct api *a = c->api;
        views_watch(a->views);
        for (uint8_t v = 0; v < VOTERS; v++) {
                struct views_answer seen = {0};
                ret[v] = (struct sight){.name = a->config->voters[v].name, .self = v == a->self};
                if (a->config->voters[v].links == 0)
                        continue;
                if (ret[v].self) {
                        seen.status = status_json(c->snapshot, c->now_ms);
                        seen.age_ms = c->now_ms - c->snapshot->taken_ms;
                } else {
                        views_get(a->views, v, &seen);
                        seen.age_ms += (uint64_t)json_integer_value(json_object_get(seen.status, "age_ms"));
                }
                ret[v].status = seen.status;
                ret[v].config = seen.config;
                ret[v].age_ms = seen.age_ms;
                ret[v].fresh = seen.status && is_fresh(c, v, seen.age_ms);
                memcpy(ret[v].error, seen.error, sizeof ret[v].error);
        }
}

static void look_away(struct sight sights[VOTERS])
{
        for (unsigned v = 0; v < VOTERS; v++) {
                json_decref(sights[v].status);
                json_decref(sights[v].config);
        }
}

/* What differs, line by line. `in_full` says more than what is compared; NULL: nothing more is known. */
static json_t *lines_of(const struct sight sights[VOTERS], const char *mirror, json_t *said, const char *whole, json_t *(*in_full)(const struct sight *s, const char *mirror))
{
        json_t *full = json_object();
        bool all = in_full != NULL;
        for (unsigned v = 0; v < VOTERS && all; v++) {
                if (!json_object_get(said, sights[v].name))
                        continue;
                json_t *answer = in_full(&sights[v], mirror);
                all = answer != NULL;
                json_object_set_new(full, sights[v].name, answer ? answer : json_null());
        }
        json_t *lines = differences(all ? full : said, whole);
        json_decref(full);
        return lines;
}

/* One question to each fresh sight; more than one answer is a disagreement. */
static void compare(json_t *list, const struct sight sights[VOTERS], const char *mirror, const char *about, const char *sentence,
                    json_t *(*say)(const struct sight *s, const char *mirror), json_t *(*in_full)(const struct sight *s, const char *mirror))
{
        json_t *said = json_object(), *first = NULL, *value;
        const char *who;
        bool differ = false;
        for (unsigned v = 0; v < VOTERS; v++) {
                json_t *answer = sights[v].fresh ? say(&sights[v], mirror) : NULL;
                if (answer)
                        json_object_set_new(said, sights[v].name, answer);
        }
        json_object_foreach(said, who, value)
        {
                differ = differ || (first && !json_equal(first, value));
                first = first ? first : value;
        }
        if (differ)
                json_array_append_new(list, json_pack("{s:s?, s:s, s:s, s:O, s:o}", "mirror", mirror, "about", about, "sentence", sentence, "said", said, "lines",
                                                      lines_of(sights, mirror, said, about, in_full)));
        json_decref(said);
}

static json_t *say_hash(const struct sight *s, const char *mirror)
{
        (void)mirror;
        return json_incref(json_object_get(json_object_get(s->status, "node"), "config_hash"));
}

/* NULL: one that differs was not asked for it yet. */
static json_t *say_config(const struct sight *s, const char *mirror)
{
        (void)mirror;
        return json_incref(s->config);
}

static json_t *say_version(const struct sight *s, const char *mirror)
{
        (void)mirror;
        return json_incref(json_object_get(json_object_get(s->status, "node"), "version"));
}

static json_t *say_record(const struct sight *s, const char *mirror)
{
        const json_t *record = json_object_get(status_mirror(s->status, mirror), "record");
        if (!record)
                return NULL;
        return json_pack("{s:O, s:O, s:O}", "epoch", json_object_get(record, "epoch"), "version", json_object_get(record, "version"), "primary",
                         json_object_get(record, "primary"));
}

/* With the words of the page, and which legs it has as in sync. */
static json_t *say_record_in_full(const struct sight *s, const char *mirror)
{
        const json_t *m = status_mirror(s->status, mirror), *record = json_object_get(m, "record"), *leg;
        json_t *in_sync = json_array();
        size_t i;
        json_array_foreach(json_object_get(m, "legs"), i, leg)
                if (json_is_true(json_object_get(leg, "in_sync")))
                        json_array_append(in_sync, json_object_get(leg, "node"));
        return json_pack("{s:O, s:O, s:O, s:o}", "epoch", json_object_get(record, "epoch"), "version of the record", json_object_get(record, "version"), "active node",
                         json_object_get(record, "primary"), "legs in sync", in_sync);
}

/* Who, to its own knowledge, is active: nodes that both say "I am" disagree. */
static json_t *say_active(const struct sight *s, const char *mirror)
{
        const char *role = json_string_value(json_object_get(status_mirror(s->status, mirror), "role"));
        return role && strcmp(role, "primary") == 0 ? json_string(s->name) : NULL;
}

static json_t *say_active_in_full(const struct sight *s, const char *mirror)
{
        return json_pack("{s:s, s:O}", "active node", s->name, "epoch", json_object_get(json_object_get(status_mirror(s->status, mirror), "record"), "epoch"));
}

static json_t *disagreements(const struct api *a, struct sight sights[VOTERS])
{
        json_t *list = json_array();
        for (unsigned v = 0; v < VOTERS; v++) /* those that run the same one */
                if (sights[v].fresh && !sights[v].config) {
                        const char *hash = json_string_value(json_object_get(json_object_get(sights[v].status, "node"), "config_hash"));
                        sights[v].config = hash && strcmp(hash, a->config_hash) == 0 ? config_json(a->config) : NULL;
                }
        compare(list, sights, NULL, "configuration", "the machines run with different configurations: hamonctl config apply with the one that is meant", say_hash, say_config);
        compare(list, sights, NULL, "version", "the machines run different versions of hamon", say_version, NULL);
        for (unsigned m = 0; m < a->config->mirrors; m++) {
                const char *mirror = a->config->mirror[m].name;
                compare(list, sights, mirror, "record", "the machines know different records: one has missed the latest, for a moment or because it is cut off",
                        say_record, say_record_in_full);
                compare(list, sights, mirror, "primary", "more than one node says that it is active: the older epoch is being deposed", say_active, say_active_in_full);
        }
        return list;
}

static json_t *view_json(const struct sight *s, unsigned voter)
{
        return json_pack("{s:s, s:s, s:b, s:b, s:o, s:o, s:O?}", "node", s->name, "kind", voter == WITNESS ? "witness" : "node", "self", (int)s->self,
                         "fresh", (int)s->fresh, "age_ms", s->status ? json_integer((json_int_t)s->age_ms) : json_null(), "error",
                         *s->error ? json_string(s->error) : json_null(), "status", s->status);
}

json_t *cluster_json(const struct api_call *c)
{
        const struct api *a = c->api;
        struct sight sights[VOTERS];
        json_t *views = json_array();
        bool complete = true;
        look_around(c, sights);
        for (unsigned v = 0; v < VOTERS; v++) {
                if (a->config->voters[v].links == 0)
                        continue;
                complete = complete && sights[v].fresh;
                json_array_append_new(views, view_json(&sights[v], v));
        }
        json_t *j = json_pack("{s:s, s:b, s:o, s:o}", "cluster", a->config->cluster, "complete", (int)complete, "disagreements", disagreements(a, sights),
                              "views", views);
        look_away(sights);
        return j;
}

int get_cluster(struct api_call *c, struct http_response *resp)
{
        return call_is_early(c, resp) ? 0 : answer_view(c, resp, cluster_json(c));
}

json_t *config_hashes(const struct api *a)
{
        json_t *hashes = json_object();
        for (uint8_t v = 0; v < VOTERS; v++) {
                struct views_answer seen = {0};
                if (a->config->voters[v].links == 0)
                        continue;
                if (v != a->self)
                        views_get_node(a->views, v, &seen);
                json_t *hash = v == a->self ? json_string(a->config_hash)
                               : seen.age_ms < VIEWS_FRESH_MS ? json_incref(json_object_get(json_object_get(seen.status, "node"), "config_hash")) : NULL;
                json_object_set_new(hashes, a->config->voters[v].name, hash ? hash : json_null());
                views_release(&seen);
        }
        return hashes;
}

json_t *config_differs(const struct api *a)
{
        json_t *list = json_array(), *hashes = config_hashes(a), *hash;
        const char *name;
        json_object_foreach(hashes, name, hash)
                if (json_is_string(hash) && strcmp(json_string_value(hash), a->config_hash) != 0)
                        json_array_append_new(list, json_string(name));
        json_decref(hashes);
        return list;
}

/* The address of the other side without its port: "10.0.0.1:4344", "[fe80::1]:4344". */
static bool is_link(const char *remote, const struct config_address *link)
{
        size_t n = strlen(link->text);
        return (strncmp(remote, link->text, n) == 0 && remote[n] == ':') || (*remote == '[' && strncmp(remote + 1, link->text, n) == 0 && remote[n + 1] == ']');
}

void add_rtt(const struct api *a, json_t *link, uint8_t voter)
{
        const char *remote = json_string_value(json_object_get(link, "remote"));
        struct views_answer seen;
        uint64_t rtt_us = 0;
        views_get(a->views, voter, &seen);
        for (unsigned i = 0; remote && i < a->config->voters[voter].links; i++)
                if (is_link(remote, &a->config->voters[voter].link[i]))
                        rtt_us = seen.rtt_us[i];
        views_release(&seen);
        json_object_set_new(link, "rtt_us", rtt_us ? json_integer((json_int_t)rtt_us) : json_null());
}
