/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* [timers], and what only the whole file can tell. */
#include "hamon/config_internal.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct timer {
        const char *key;
        size_t offset;
        uint64_t min_ms, max_ms;
};

static const struct timer timers[] = {
    {"heartbeat", offsetof(struct timers, heartbeat_ms), 10, 60000},
    {"suspect", offsetof(struct timers, suspect_ms), 20, 600000},
    {"dead", offsetof(struct timers, dead_ms), 50, 600000},
    {"lease", offsetof(struct timers, lease_ms), 100, 600000},
    {"address", offsetof(struct timers, address_ms), 1000, 600000},
    {"address-renew", offsetof(struct timers, address_renew_ms), 20, 600000},
    {"leg-timeout", offsetof(struct timers, leg_timeout_ms), 500, 600000},
    {"swap-retry", offsetof(struct timers, swap_retry_ms), 20, 60000},
    {"join-backoff", offsetof(struct timers, join_backoff_ms), 100, 3600000},
    {"join-backoff-max", offsetof(struct timers, join_backoff_max_ms), 100, 86400000},
    {"effect-timeout", offsetof(struct timers, effect_timeout_ms), 1000, 3600000},
    {"boot-grace", offsetof(struct timers, boot_grace_ms), 0, 600000},
};

static uint32_t *timer_at(struct timers *t, const struct timer *row)
{
        return (uint32_t *)((char *)t + row->offset);
}

void config_read_timers(struct config_reading *r, struct config *c)
{
        c->timers = c->relaxed ? timers_relaxed() : timers_normal();
        for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++) {
                const struct ini_entry *e = ini_get(r->ini, "timers", "", timers[i].key, 0);
                uint64_t v;

                if (e && ini_duration_ms(r->ini, e, r->errors, timers[i].min_ms, timers[i].max_ms, &v) == 0)
                        *timer_at(&c->timers, &timers[i]) = (uint32_t)v;
        }
}

/* Reports at the first of the two keys that is written in the file. */
static void timer_error(const struct config_reading *r, const char *key, const char *other, const char *text)
{
        const struct ini_entry *e = ini_get(r->ini, "timers", "", key, 0);

        if (!e)
                e = ini_get(r->ini, "timers", "", other, 0);
        if (e)
                ini_error(r->ini, e, r->errors, "%s", text);
        else
                config_error_at(r, "timers", "", text);
}

static void must_exceed(const struct config_reading *r, const char *key, uint64_t value_ms, const char *other,
                        uint64_t least_ms, const char *why)
{
        char text[256];

        if (value_ms > least_ms)
                return;
        snprintf(text, sizeof text, "%s = %llums is impossible beside %s: it must be above %llums, %s", key,
                 (unsigned long long)value_ms, other, (unsigned long long)least_ms, why);
        timer_error(r, key, other, text);
}

static void check_timers(const struct config_reading *r, const struct timers *t)
{
        must_exceed(r, "suspect", t->suspect_ms, "heartbeat", 2ull * t->heartbeat_ms,
                    "or one lost heartbeat raises suspicion");
        must_exceed(r, "dead", t->dead_ms, "suspect", t->suspect_ms, "as a node is suspected before it is dead");
        must_exceed(r, "lease", t->lease_ms, "dead", t->dead_ms, "or a live primary is preempted by a slow voter");
        must_exceed(r, "lease", t->lease_ms, "address", t->address_ms + t->address_ms / 4ull,
                    "as the service address may go up to a quarter late");
        must_exceed(r, "address", t->address_ms, "address-renew", 2ull * t->address_renew_ms,
                    "or one lost renewal drops the address");
        must_exceed(r, "join-backoff-max", t->join_backoff_max_ms, "join-backoff", t->join_backoff_ms - 1ull,
                    "its first value");
        if (t->address_ms % 1000 != 0)
                timer_error(r, "address", "address",
                            "address is the kernel's lifetime of an address: write whole seconds, 1s or 2s");
}

/* Reports when an earlier voter or link has the same address. */
static void check_addresses(const struct config_reading *r, const struct config *c)
{
        const struct ini_entry *e, *f;

        for (size_t i = 0; (e = ini_at(r->ini, i)); i++) {
                if (strcmp(e->key, "address") != 0 || strcmp(e->section, "timers") == 0)
                        continue;
                size_t length = strcspn(e->value, "/");
                for (size_t j = 0; j < i && (f = ini_at(r->ini, j)); j++)
                        if (strcmp(f->key, "address") == 0 && strcmp(f->section, "timers") != 0 &&
                            strcspn(f->value, "/") == length && strncmp(e->value, f->value, length) == 0) {
                                ini_error(r->ini, e, r->errors, "address \"%.*s\" is used already in line %u",
                                          (int)length, e->value, f->line);
                                break;
                        }
        }
        for (unsigned v = 0; v < VOTERS; v++)
                for (unsigned w = 0; w < v; w++)
                        if (c->voters[v].name[0] && strcmp(c->voters[v].name, c->voters[w].name) == 0)
                                config_error_at(r, v == WITNESS ? "witness" : "node", c->voters[v].name,
                                                "the witness is named like a node: it is a third machine");
}

static void check_mirrors(const struct config_reading *r, const struct config *c)
{
        char text[CONFIG_PATH_SIZE + 160];

        for (unsigned m = 0; m < c->mirrors; m++) {
                const struct config_mirror *a = &c->mirror[m];
                const struct ini_entry *id = ini_get(r->ini, "mirror", a->name, "id", 0);

                for (unsigned k = 0; k < m; k++) {
                        const struct config_mirror *b = &c->mirror[k];

                        if (id && a->id && a->id == b->id)
                                ini_error(r->ini, id, r->errors, "id \"%s\" is that of mirror \"%s\" already",
                                          id->value, b->name);
                        else if (id && a->id && config_mirror_tag(a->id) == config_mirror_tag(b->id))
                                ini_error(r->ini, id, r->errors, "id \"%s\" looks like that of mirror \"%s\" in messages: choose another",
                                          id->value, b->name);
                        for (unsigned n = 0; n < NODES; n++) {
                                if (!a->device[n][0] || strcmp(a->device[n], b->device[n]) != 0)
                                        continue;
                                snprintf(text, sizeof text,
                                         "device \"%s\" of node \"%s\" belongs to mirror \"%s\" already", a->device[n],
                                         c->voters[n].name, b->name);
                                config_error_at(r, "mirror", a->name, text);
                        }
                        if (a->service.has_mount && b->service.has_mount &&
                            strcmp(a->service.mount, b->service.mount) == 0)
                                ini_error(r->ini, ini_get(r->ini, "service", a->name, "mount", 0), r->errors,
                                          "mount \"%s\" is that of service \"%s\" already", a->service.mount, b->name);
                }
        }
}

void config_check(struct config_reading *r, const struct config *c)
{
        check_timers(r, &c->timers);
        check_addresses(r, c);
        check_mirrors(r, c);
}
