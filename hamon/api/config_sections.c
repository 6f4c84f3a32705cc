/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One mirror or one service of the configuration, as JSON: written into the file's text at its place, and then a change like any other (config_apply.c).
 * The shape is that of GET /v1/config, so that what was read can be sent back changed.
 */
#include "hamon/api/call.h"
#include "hamon/api/config_keep.h"
#include "hamon/api/json_take.h"
#include "hamon/config_remove.h"
#include "hamon/config_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 4096 };

struct lines {
        char text[BODY_MAX];
        size_t used;
        bool bad; /* too long, or a value that cannot stand on one line of the file */
};

static void add(struct lines *l, const char *key, const char *value)
{
        bool fits = value && *value && !strpbrk(value, "\r\n") && !strstr(value, " #") && !strstr(value, " ;") && !strstr(value, "\t#") && !strstr(value, "\t;") &&
                    value[strspn(value, "#; \t")] == *value;
        int n = fits ? snprintf(l->text + l->used, sizeof l->text - l->used, "%s = %s\n", key, value) : -1;
        if (n < 0 || (size_t)n >= sizeof l->text - l->used)
                l->bad = true;
        else
                l->used += (size_t)n;
}

/* null and "" are the same as not there. */
static void add_text(struct lines *l, struct json_take *t, const char *from, const char *key)
{
        if (!json_take_has(t, from))
                return;
        const json_t *v = json_take_value(t, from);
        if (json_is_null(v) || (json_is_string(v) && !*json_string_value(v)))
                return;
        add(l, key, json_string_value(v));
}

static void add_list(struct lines *l, struct json_take *t, const char *from, const char *key)
{
        size_t i;
        const json_t *v, *list = json_take_has(t, from) ? json_take_value(t, from) : NULL;
        l->bad = l->bad || (list && !json_is_array(list));
        json_array_foreach(list, i, v)
                add(l, key, json_string_value(v));
}

static void add_ms(struct lines *l, struct json_take *t, const char *from, const char *key)
{
        char text[32];
        if (!json_take_has(t, from))
                return;
        (void)snprintf(text, sizeof text, "%" PRId64 "ms", json_take_int(t, from, 0, INT32_MAX)); /* fits */
        add(l, key, text);
}

static void add_number(struct lines *l, struct json_take *t, const char *from, const char *key)
{
        char text[32];
        (void)snprintf(text, sizeof text, "%" PRId64, json_take_int(t, from, 0, INT32_MAX)); /* fits */
        add(l, key, text);
}

/* A member that is an object, or null. */
static bool enter(struct json_take *t, const char *key, struct json_take *ret)
{
        const json_t *v = json_take_has(t, key) ? json_take_value(t, key) : NULL;
        if (!v || json_is_null(v))
                return false;
        *ret = json_take_from(v);
        return true;
}

static void care_lines(struct lines *l, struct json_take *t)
{
        struct json_take in;
        if (enter(t, "health", &in)) {
                add_text(l, &in, "command", "health");
                add_ms(l, &in, "interval_ms", "health-interval");
                add_ms(l, &in, "timeout_ms", "health-timeout");
                if (json_take_has(&in, "retries"))
                        add_number(l, &in, "retries", "health-retries");
                l->bad = l->bad || json_take_end(&in) < 0;
        }
        if (enter(t, "restart", &in)) {
                add_number(l, &in, "restarts", "restart");
                add_ms(l, &in, "window_ms", "restart-window");
                add_text(l, &in, "then", "on-failure");
                l->bad = l->bad || json_take_end(&in) < 0;
        }
        if (enter(t, "hooks", &in)) {
                size_t before = l->used;
                add_text(l, &in, "pre_promote", "pre-promote");
                add_text(l, &in, "post_demote", "post-demote");
                add_text(l, &in, "before_resync_target", "before-resync-target");
                if (l->used > before)
                        add_ms(l, &in, "timeout_ms", "hook-timeout");
                else if (json_take_has(&in, "timeout_ms"))
                        (void)json_take_value(&in, "timeout_ms"); /* of no hook */
                l->bad = l->bad || json_take_end(&in) < 0;
        }
}

static void service_lines(struct lines *l, struct json_take *t)
{
        add_list(l, t, "needs", "needs");
        add_text(l, t, "mount", "mount");
        add_text(l, t, "type", "type");
        add_text(l, t, "options", "options");
        add_list(l, t, "addresses", "address");
        add_text(l, t, "interface", "interface");
        add_list(l, t, "units", "unit");
        if (json_take_has(t, "duplicate_check") && !json_take_bool(t, "duplicate_check"))
                add(l, "duplicate-check", "no");
        if (json_take_has(t, "stop_timeout_ms")) {
                char ms[32];
                int64_t v = json_take_int(t, "stop_timeout_ms", 1000, 3600000);
                (void)snprintf(ms, sizeof ms, "%" PRId64 "ms", v); /* fits */
                if (v != CONFIG_STOP_TIMEOUT_MS)
                        add(l, "stop-timeout", ms);
        }
        if (json_take_has(t, "fsck") && json_take_bool(t, "fsck"))
                add(l, "fsck", "yes");
        if (json_take_has(t, "on_read_only")) {
                const char *what = json_take_string(t, "on_read_only");
                if (strcmp(what, "restart") != 0)
                        add(l, "on-read-only", what);
        }
        care_lines(l, t);
        if (l->used == 0)
                l->bad = true; /* a section without a line is none */
}

/* The id that it has, that was given, or one that nobody has. */
static void mirror_lines(const struct api *a, struct lines *l, struct json_take *t, const char *name)
{
        const json_t *devices = json_take_value(t, "devices");
        json_t *device;
        const char *node;
        char id[EXPORT_ID_TEXT_SIZE], line[CONFIG_PATH_SIZE + CONFIG_NAME_SIZE];
        uint64_t highest = 0xd0;
        int was = config_mirror_index(a->config, name);
        for (unsigned m = 0; m < a->config->mirrors; m++)
                highest = a->config->mirror[m].id > highest ? a->config->mirror[m].id : highest;
        export_id_format(was >= 0 ? a->config->mirror[was].id : highest + 1, id);
        if (json_take_has(t, "id"))
                add_text(l, t, "id", "id");
        else
                add(l, "id", id);
        const char *label = json_take_has(t, "label") ? json_take_string(t, "label") : was >= 0 ? a->config->mirror[was].label : name;
        if (strcmp(label, name) != 0)
                add(l, "label", label);
        if (json_take_has(t, "number"))
                add_number(l, t, "number", "number");
        else if (was >= 0) {
                char number[8];
                (void)snprintf(number, sizeof number, "%u", a->config->mirror[was].number); /* fits */
                add(l, "number", number);
        }
        if (json_take_has(t, "verify"))
                add_text(l, t, "verify", "verify");
        else if (was >= 0)
                add(l, "verify", verify_schedule_word(a->config->mirror[was].verify));
        if (json_take_has(t, "discard"))
                add_text(l, t, "discard", "discard");
        else if (was >= 0 && a->config->mirror[was].discard == DISCARD_ZEROES)
                add(l, "discard", "zeroes");
        l->bad = l->bad || !json_is_object(devices);
        for (unsigned n = 0; was >= 0 && n < NODES; n++) /* a node that is not named keeps its device */
                if (!json_object_get(devices, a->config->voters[n].name) &&
                    snprintf(line, sizeof line, "%s:%s", a->config->voters[n].name, a->config->mirror[was].device[n]) < (int)sizeof line)
                        add(l, "device", line);
        json_object_foreach((json_t *)devices, node, device)
        {
                if (!json_is_string(device) || snprintf(line, sizeof line, "%s:%s", node, json_string_value(device)) >= (int)sizeof line)
                        l->bad = true;
                else
                        add(l, "device", line);
        }
}

static void bad_body(struct http_response *resp)
{
        (void)http_response_problem(resp, 400, "bad-request", "the body is not what this takes",
                                    "a member is missing, unknown, of another type, or cannot stand on a line of the configuration", "see /v1/openapi.yaml");
}

/* w->target: the section; w->node: its name. */
static void run(const struct api *a, struct api_work *w, struct http_response *resp)
{
        struct lines *l = calloc(1, sizeof *l);
        struct json_take t = json_take_from(w->body);
        bool remove = strcmp(w->method, "DELETE") == 0, accept = w->body && json_take_has(&t, "accept_warnings") && json_take_bool(&t, "accept_warnings");
        char *old = NULL, *text = NULL;
        if (l && !remove) {
                if (strcmp(w->target, "service") == 0)
                        service_lines(l, &t);
                else
                        mirror_lines(a, l, &t, w->node);
        }
        if (!l || l->bad || (w->body && json_take_end(&t) < 0) || (!remove && !w->body)) {
                bad_body(resp);
        } else if (config_store_read(config_keep_path(a->configs), &old) < 0) {
                (void)http_response_problem(resp, 500, "config-unreadable", "the configuration cannot be read", config_keep_path(a->configs), "look at that file");
        } else {
                text = remove && strcmp(w->target, "mirror") == 0 ? config_text_without_mirror(old, a->config, w->node)
                                                                  : config_text_with_section(old, w->target, w->node, remove ? NULL : l->text);
                json_t *body = json_pack("{s:s, s:b}", "text", text ? text : "", "accept_warnings", (int)accept);
                struct api_work change = *w;
                change.body = body;
                (void)strcpy(change.method, "PUT");
                config_apply_work(a, &change, resp);
                json_decref(body);
        }
        free(l);
        free(old);
        free(text);
}

static int change_section(struct api_call *c, const char *section, struct http_response *resp)
{
        char revision[ETAG_SIZE];
        const char *name = c->part[3];
        bool remove = strcmp(c->method, "DELETE") == 0, service = strcmp(section, "service") == 0;
        int at = config_mirror_index(c->api->config, name);
        if (strlen(name) >= sizeof c->work.node || name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")])
                return http_response_problem(resp, 400, "bad-request", "not a name", "a name has up to 31 letters, digits, '_', '-' and '.'", NULL);
        if ((at < 0 && (remove || service)) || (remove && service && !c->api->config->mirror[at].service.present))
                return http_response_problem(resp, 404, remove && at >= 0 ? "unknown-service" : "unknown-mirror", "no such section", "the configuration has no such mirror or service",
                                             "GET /v1/config");
        config_etag(c->api, revision);
        if (revision_is_stale(c, revision, "send If-Match with the ETag of GET /v1/config", resp))
                return 0;
        c->work.run = run;
        c->work.body = json_incref((json_t *)c->body);
        (void)snprintf(c->work.method, sizeof c->work.method, "%s", c->method);
        (void)snprintf(c->work.who, sizeof c->work.who, "%s", c->who);
        (void)snprintf(c->work.target, sizeof c->work.target, "%s", section);
        (void)snprintf(c->work.node, sizeof c->work.node, "%s", name);
        return HTTP_LATER;
}

int put_config_mirror(struct api_call *c, struct http_response *resp)
{
        return change_section(c, "mirror", resp);
}

int delete_config_mirror(struct api_call *c, struct http_response *resp)
{
        return change_section(c, "mirror", resp);
}

int put_config_service(struct api_call *c, struct http_response *resp)
{
        return change_section(c, "service", resp);
}

int delete_config_service(struct api_call *c, struct http_response *resp)
{
        return change_section(c, "service", resp);
}
