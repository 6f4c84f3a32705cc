/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration that this hamon runs with, as JSON and as a hash: what it means, not how it is written, so that comments and order of keys
 * make no difference between nodes. It has no secrets: the key's path is there, the key is not. And the table of reasons. Pure. Any thread.
 */
#include "hamon/api/config_json.h"

#include "hamon/api/call.h"
#include "hamon/api/config_keep.h"
#include "hamon/api/json_take.h"
#include "hamon/api/notify_send.h"
#include "hamon/api/words.h"
#include "hamon/api/why.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *text_or_null(const char *text)
{
        return *text ? json_string(text) : json_null();
}

static json_t *addresses_json(const struct config_address *at, unsigned count, bool with_prefix)
{
        json_t *list = json_array();
        for (unsigned i = 0; i < count; i++) {
                char text[CONFIG_ADDRESS_SIZE + 5];
                (void)snprintf(text, sizeof text, with_prefix ? "%s/%u" : "%s", at[i].text, at[i].prefix_length); /* fits */
                json_array_append_new(list, json_string(text));
        }
        return list;
}

static json_t *voters_json(const struct config *c)
{
        json_t *list = json_array();
        for (unsigned v = 0; v < VOTERS; v++)
                if (c->voters[v].links > 0)
                        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", c->voters[v].name, "kind", v == WITNESS ? "witness" : "node",
                                                              "addresses", addresses_json(c->voters[v].link, c->voters[v].links, false)));
        return list;
}

static json_t *service_json(const struct config *c, const struct config_service *s)
{
        if (!s->present)
                return json_null();
        json_t *needs = json_array();
        for (unsigned m = 0; m < c->mirrors; m++)
                if (s->needs & UINT32_C(1) << m)
                        json_array_append_new(needs, json_string(c->mirror[m].name));
        json_t *units = json_array();
        for (unsigned i = 0; i < s->units; i++)
                json_array_append_new(units, json_string(s->unit[i]));
        const struct config_health *h = &s->health;
        const struct service_policy *p = &s->policy;
        json_t *health = !*h->command ? json_null()
                                      : json_pack("{s:s, s:I, s:I, s:I}", "command", h->command, "interval_ms", (json_int_t)h->interval_ms, "timeout_ms",
                                                  (json_int_t)h->timeout_ms, "retries", (json_int_t)h->retries);
        json_t *restart = !p->limited ? json_null()
                                      : json_pack("{s:I, s:I, s:s}", "restarts", (json_int_t)p->restarts, "window_ms", (json_int_t)p->window_ms, "then",
                                                  p->may_move ? "move" : "stay");
        json_t *hooks = json_pack("{s:o, s:o, s:o, s:I}", "pre_promote", text_or_null(s->hooks.pre_promote), "post_demote", text_or_null(s->hooks.post_demote),
                                  "before_resync_target", text_or_null(s->hooks.before_resync_target), "timeout_ms", (json_int_t)s->hooks.timeout_ms);
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:s, s:I, s:o, s:o, s:o}", "needs", needs, "mount", text_or_null(s->mount), "type", text_or_null(s->has_mount ? s->type : ""),
                         "options", text_or_null(s->options), "interface", text_or_null(s->interface), "addresses",
                         addresses_json(s->address, s->addresses, true), "units", units, "duplicate_check", (int)s->duplicate_check, "fsck", (int)s->fsck, "on_read_only",
                         s->may_turn_read_only ? "ignore" : "restart", "stop_timeout_ms",
                         (json_int_t)s->stop_timeout_ms, "health", health, "restart", restart, "hooks", hooks);
}

static json_t *mirrors_json(const struct config *c)
{
        json_t *list = json_array();
        for (unsigned m = 0; m < c->mirrors; m++) {
                const struct config_mirror *mirror = &c->mirror[m];
                char id[EXPORT_ID_TEXT_SIZE];
                export_id_format(mirror->id, id);
                json_t *devices = json_object();
                for (unsigned n = 0; n < NODES; n++)
                        json_object_set_new(devices, c->voters[n].name, json_string(mirror->device[n]));
                json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i, s:o, s:s, s:s, s:o}", "name", mirror->name, "label", mirror->label, "id", id, "number", (int)mirror->number, "devices", devices, "discard",
                                                      mirror->discard == DISCARD_ZEROES ? "zeroes" : "no", "verify",
                                                      verify_schedule_word(mirror->verify), "service", service_json(c, &mirror->service)));
        }
        return list;
}

static json_t *timers_json(const struct timers *t)
{
        return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "heartbeat_ms", (json_int_t)t->heartbeat_ms, "suspect_ms",
                         (json_int_t)t->suspect_ms, "dead_ms", (json_int_t)t->dead_ms, "lease_ms", (json_int_t)t->lease_ms, "address_ms",
                         (json_int_t)t->address_ms, "address_renew_ms", (json_int_t)t->address_renew_ms, "leg_timeout_ms",
                         (json_int_t)t->leg_timeout_ms, "swap_retry_ms", (json_int_t)t->swap_retry_ms, "join_backoff_ms",
                         (json_int_t)t->join_backoff_ms, "join_backoff_max_ms", (json_int_t)t->join_backoff_max_ms, "effect_timeout_ms",
                         (json_int_t)t->effect_timeout_ms, "boot_grace_ms", (json_int_t)t->boot_grace_ms);
}

static json_t *api_json(const struct config_api *a)
{
        json_t *listen = json_array(), *hosts = json_array();
        for (unsigned i = 0; i < a->listens; i++) {
                char text[CONFIG_ADDRESS_SIZE + 9];
                (void)snprintf(text, sizeof text, a->listen[i].address.family == AF_INET6 ? "[%s]:%u" : "%s:%u", a->listen[i].address.text,
                               a->listen[i].port); /* fits */
                json_array_append_new(listen, json_string(text));
        }
        for (unsigned i = 0; i < a->hosts; i++)
                json_array_append_new(hosts, json_string(a->host[i]));
        return json_pack("{s:o, s:s, s:s, s:b, s:o}", "listen", listen, "certificate", a->certificate, "key", a->key, "changes", (int)a->changes, "hosts",
                         hosts);
}

/* Of the webhook, whose path may be a secret: where it goes, and a hash by which two nodes' files can be told apart. */
static json_t *notify_json(const struct config_notify *n)
{
        char hash[17] = "", origin[CONFIG_URL_SIZE];
        uint8_t digest[32];
        notify_origin(n->webhook, origin);
        if (*n->webhook && gnutls_hash_fast(GNUTLS_DIG_SHA256, n->webhook, strlen(n->webhook), digest) == 0)
                for (unsigned i = 0; i < 8; i++)
                        (void)snprintf(hash + 2 * i, 3, "%02x", digest[i]); /* fits */
        return json_pack("{s:o, s:o, s:o, s:o, s:s, s:I}", "exec", text_or_null(n->exec), "webhook", text_or_null(origin), "webhook_hash",
                         text_or_null(hash), "webhook_ca", text_or_null(n->webhook_ca), "severity", severity_word(n->severity), "repeat_ms",
                         (json_int_t)n->repeat_ms);
}

json_t *config_json(const struct config *c)
{
        return json_pack("{s:s, s:s, s:i, s:i, s:s, s:o, s:o, s:o, s:o, s:o}", "cluster", c->cluster, "key_file", c->key_file, "port", (int)c->port,
                         "leg_port", (int)c->leg_port, "profile", c->relaxed ? "relaxed" : "normal", "timers", timers_json(&c->timers), "voters",
                         voters_json(c), "mirrors", mirrors_json(c), "api", api_json(&c->api), "notify", notify_json(&c->notify));
}

int config_hash(const struct config *c, char ret[CONFIG_HASH_SIZE])
{
        json_t *j = config_json(c), *mirror;
        size_t m;
        json_array_foreach(json_object_get(j, "mirrors"), m, mirror)
                if (c->mirror[m].number == m) /* a release that knows no numbers runs the same configuration */
                        json_object_del(mirror, "number");
        char *text = j ? json_dumps(j, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
        uint8_t hash[32];
        int r = text && gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), hash) == 0 ? 0 : -ENOMEM;
        for (unsigned i = 0; r == 0 && i < 8; i++)
                (void)snprintf(ret + 2 * i, 3, "%02x", hash[i]); /* fits */
        free(text);
        json_decref(j);
        return r;
}

int get_reasons(struct api_call *c, struct http_response *resp)
{
        json_t *list = json_array();
        (void)c;
        for (unsigned r = 0; r < REASON_END; r++)
                json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "code", reason_code(r), "severity", severity_word(reason_severity(r)),
                                                      "sentence", reason_sentence(r), "next", reason_next(r), "why", reason_why(r)));
        return answer_json(resp, json_pack("{s:o}", "reasons", list));
}

int get_config(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp))
                return 0;
        char revision[ETAG_SIZE];
        struct config_seen seen;
        config_keep_look(c->api->configs, &seen);
        config_etag(c->api, revision);
        http_response_header(resp, "ETag", "\"%s\"", revision);
        json_t *waits = seen.next_version ? json_pack("{s:o, s:s, s:s}", "version", json_of_u64(seen.next_version), "hash", seen.next_hash, "by", seen.next_by) : json_null();
        return answer_view(c, resp, json_pack("{s:o, s:s, s:o, s:o, s:o}", "version", json_of_u64(seen.version), "hash", c->api->config_hash, "waits", waits, "hashes",
                                              config_hashes(c->api), "config", config_json(c->api->config)));
}
