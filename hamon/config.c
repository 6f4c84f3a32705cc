/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/config_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ini_schema schema[] = {
    {"cluster", "name", false, false},
    {"cluster", "version", false, false},
    {"cluster", "key-file", false, false},
    {"cluster", "port", false, false},
    {"cluster", "leg-port", false, false},
    {"cluster", "leg-key-file", false, false},
    {"cluster", "profile", false, false},
    {"timers", "heartbeat", false, false},
    {"timers", "suspect", false, false},
    {"timers", "dead", false, false},
    {"timers", "lease", false, false},
    {"timers", "address", false, false},
    {"timers", "address-renew", false, false},
    {"timers", "leg-timeout", false, false},
    {"timers", "swap-retry", false, false},
    {"timers", "join-backoff", false, false},
    {"timers", "join-backoff-max", false, false},
    {"timers", "effect-timeout", false, false},
    {"timers", "boot-grace", false, false},
    {"node", "address", true, true},
    {"node", "watchdog", true, false},
    {"witness", "address", true, true},
    {"mirror", "id", true, false},
    {"mirror", "device", true, true},
    {"mirror", "number", true, false},
    {"mirror", "verify", true, false},
    {"mirror", "discard", true, false},
    {"mirror", "label", true, false},
    {"service", "mount", true, false},
    {"service", "needs", true, true},
    {"service", "type", true, false},
    {"service", "options", true, false},
    {"service", "address", true, true},
    {"service", "interface", true, false},
    {"service", "unit", true, true},
    {"service", "fsck", true, false},
    {"service", "on-read-only", true, false},
    {"service", "stop-timeout", true, false},
    {"service", "duplicate-check", true, false},
    {"service", "health", true, false},
    {"service", "health-interval", true, false},
    {"service", "health-timeout", true, false},
    {"service", "health-retries", true, false},
    {"service", "restart", true, false},
    {"service", "restart-window", true, false},
    {"service", "on-failure", true, false},
    {"service", "pre-promote", true, false},
    {"service", "post-demote", true, false},
    {"service", "before-resync-target", true, false},
    {"service", "hook-timeout", true, false},
    {"api", "listen", false, true},
    {"api", "certificate", false, false},
    {"api", "key", false, false},
    {"api", "changes", false, false},
    {"api", "host", false, true},
    {"notify", "exec", false, false},
    {"notify", "webhook", false, false},
    {"notify", "webhook-ca", false, false},
    {"notify", "severity", false, false},
    {"notify", "repeat", false, false},
    {NULL, NULL, false, false},
};

void config_error_at(const struct config_reading *r, const char *section, const char *name, const char *text)
{
        const struct ini_entry nowhere = {.line = 1, .column = 1}, *e;

        for (size_t i = 0; (e = ini_at(r->ini, i)); i++)
                if (strcmp(e->section, section) == 0 && strcmp(e->section_name, name) == 0)
                        break;
        ini_error(r->ini, e ? e : &nowhere, r->errors, "%s", text);
}

static void error_at(const struct config_reading *r, const char *section, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void error_at(const struct config_reading *r, const char *section, const char *name, const char *format, ...)
{
        char text[256];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        config_error_at(r, section, name, text);
}

static bool copy_text(const struct config_reading *r, const struct ini_entry *e, char *to, size_t size)
{
        if (!*e->value) {
                ini_error(r->ini, e, r->errors, "%s is empty", e->key);
                return false;
        }
        if (strlen(e->value) >= size) {
                ini_error(r->ini, e, r->errors, "%s is longer than %zu characters", e->key, size - 1);
                return false;
        }
        memcpy(to, e->value, strlen(e->value) + 1);
        return true;
}

/* Names become parts of file names, device names and md set names. */
bool config_name_is_valid(const char *name)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

        return *name && strlen(name) < CONFIG_NAME_SIZE && name[strspn(name, letters)] == '\0' && *name != '.' &&
               *name != '-';
}

static void read_name(const struct config_reading *r, const char *section, const char *name, char *to)
{
        if (config_name_is_valid(name))
                memcpy(to, name, strlen(name) + 1);
        else
                error_at(r, section, name,
                         "[%s %s]: a name has up to %d letters, digits, \"_\", \"-\" and \".\" and begins with a "
                         "letter or digit",
                         section, name, CONFIG_NAME_SIZE - 1);
}

static void read_cluster(struct config_reading *r, struct config *c)
{
        const struct ini_entry *e;
        uint64_t v;

        snprintf(c->key_file, sizeof c->key_file, "%s", CONFIG_KEY_FILE);
        c->port = CONFIG_PORT;
        c->leg_port = CONFIG_LEG_PORT;
        e = ini_get(r->ini, "cluster", "", "name", 0);
        if (!e)
                error_at(r, "cluster", "", "section \"cluster\" has no name: write name = NAME below [cluster]");
        else if (!config_name_is_valid(e->value))
                ini_error(r->ini, e, r->errors,
                          "\"%s\" is not a cluster name: up to %d letters, digits, \"_\", \"-\" and \".\"", e->value,
                          CONFIG_NAME_SIZE - 1);
        else
                (void)copy_text(r, e, c->cluster, sizeof c->cluster);
        e = ini_get(r->ini, "cluster", "", "version", 0);
        if (e)
                (void)ini_u64(r->ini, e, r->errors, 0, INT64_MAX - 1, &c->version);
        e = ini_get(r->ini, "cluster", "", "key-file", 0);
        if (e && *e->value != '/')
                ini_error(r->ini, e, r->errors, "key-file \"%s\" is not an absolute path", e->value);
        else if (e)
                (void)copy_text(r, e, c->key_file, sizeof c->key_file);
        e = ini_get(r->ini, "cluster", "", "leg-key-file", 0);
        if (e && (*e->value != '/' || strpbrk(e->value, " \t\"'\\$%"))) /* it becomes a word of a unit's command line */
                ini_error(r->ini, e, r->errors, "leg-key-file \"%s\" is not an absolute path without blanks and quotes", e->value);
        else if (e)
                (void)copy_text(r, e, c->leg_key_file, sizeof c->leg_key_file);
        e = ini_get(r->ini, "cluster", "", "port", 0);
        if (e && ini_u64(r->ini, e, r->errors, 1, 65535, &v) == 0)
                c->port = (uint16_t)v;
        e = ini_get(r->ini, "cluster", "", "leg-port", 0);
        if (e && ini_u64(r->ini, e, r->errors, 1, 65535, &v) == 0)
                c->leg_port = (uint16_t)v;
        e = ini_get(r->ini, "cluster", "", "profile", 0);
        if (e) {
                static const char *const profiles[] = {"normal", "relaxed", NULL};
                const char *nearest = text_nearest(e->value, profiles);

                c->relaxed = strcmp(e->value, "relaxed") == 0;
                if (!c->relaxed && strcmp(e->value, "normal") != 0)
                        ini_error(r->ini, e, r->errors, "unknown profile \"%s\"%s%s%s", e->value,
                                  nearest ? ", did you mean \"" : "", nearest ? nearest : ": write normal or relaxed",
                                  nearest ? "\"?" : "");
        }
}

static void read_voter(struct config_reading *r, const char *section, const char *name, struct config_voter *v)
{
        const struct ini_entry *e;

        read_name(r, section, name, v->name);
        for (size_t i = 0; (e = ini_get(r->ini, section, name, "address", i)); i++) {
                if (i == CONFIG_LINKS_MAX) {
                        ini_error(r->ini, e, r->errors, "more than %d addresses", CONFIG_LINKS_MAX);
                        break;
                }
                if (config_read_address(r, e, false, &v->link[v->links]))
                        v->links++;
        }
        if (!ini_get(r->ini, section, name, "address", 0))
                error_at(r, section, name, "[%s %s] has no address: write address = IP for each link", section, name);
        e = ini_get(r->ini, section, name, "watchdog", 0);
        if (e && strncmp(e->value, "/dev/", 5) != 0)
                ini_error(r->ini, e, r->errors, "watchdog \"%s\" is not a device: write watchdog = /dev/watchdog", e->value);
        else if (e)
                (void)copy_text(r, e, v->watchdog, sizeof v->watchdog);
}

static void read_voters(struct config_reading *r, struct config *c)
{
        const char *name;
        size_t nodes = 0;

        while ((name = ini_section_name(r->ini, "node", nodes))) {
                if (nodes < NODES)
                        read_voter(r, "node", name, &c->voters[nodes]);
                else
                        error_at(r, "node", name, "[node %s] is one too many: a cluster has two nodes and a witness",
                                 name);
                nodes++;
        }
        if (nodes < NODES)
                error_at(r, "node", nodes ? c->voters[0].name : "", "%s [node NAME] section: a cluster has two",
                         nodes == 0 ? "there is no" : "there is only one");
        name = ini_section_name(r->ini, "witness", 0);
        if (name) {
                c->has_witness = true;
                read_voter(r, "witness", name, &c->voters[WITNESS]);
        }
        name = ini_section_name(r->ini, "witness", 1);
        if (name)
                error_at(r, "witness", name, "[witness %s] is one too many: a cluster has one witness", name);
}

/* "NODE:/dev/PATH" */
static void read_device(struct config_reading *r, const struct ini_entry *e, const struct config *c,
                        struct config_mirror *m)
{
        const char *colon = strchr(e->value, ':');
        char node[CONFIG_NAME_SIZE] = "";

        if (!colon || (size_t)(colon - e->value) >= sizeof node || strncmp(colon + 1, "/", 1) != 0) {
                ini_error(r->ini, e, r->errors, "device \"%s\" is not NODE:/dev/PATH", e->value);
                return;
        }
        memcpy(node, e->value, (size_t)(colon - e->value));
        for (unsigned i = 0; i < NODES; i++) {
                if (strcmp(node, c->voters[i].name) != 0)
                        continue;
                if (m->device[i][0])
                        ini_error(r->ini, e, r->errors, "node \"%s\" has a device for mirror \"%s\" already", node,
                                  m->name);
                else if (strlen(colon + 1) >= sizeof m->device[i])
                        ini_error(r->ini, e, r->errors, "device path is longer than %zu characters",
                                  sizeof m->device[i] - 1);
                else
                        memcpy(m->device[i], colon + 1, strlen(colon + 1) + 1);
                return;
        }
        const char *const known[] = {c->voters[0].name, c->voters[1].name, NULL};
        const char *nearest = text_nearest(node, known);
        if (nearest && *nearest)
                ini_error(r->ini, e, r->errors, "unknown node \"%s\", did you mean \"%s\"?", node, nearest);
        else
                ini_error(r->ini, e, r->errors, "unknown node \"%s\": there is no [node %s] section", node, node);
}

/* Devices keep their numbers while mirrors before them come and go: where the file names none, it is the lowest that is free, in the order of the file. */
static void read_numbers(struct config_reading *r, struct config *c)
{
        bool taken[MIRRORS_MAX] = {false}, given[MIRRORS_MAX] = {false};
        unsigned next = 0;

        for (unsigned m = 0; m < c->mirrors; m++) {
                const struct ini_entry *e = ini_get(r->ini, "mirror", c->mirror[m].name, "number", 0);
                uint64_t v;

                if (!e || ini_u64(r->ini, e, r->errors, 0, MIRRORS_MAX - 1, &v) < 0)
                        continue;
                if (taken[v])
                        ini_error(r->ini, e, r->errors, "number %u is that of another mirror already: leave the line out of a new mirror, and it gets a free one", (unsigned)v);
                taken[v] = given[m] = true;
                c->mirror[m].number = (uint8_t)v;
        }
        for (unsigned m = 0; m < c->mirrors; m++) {
                if (given[m])
                        continue;
                while (taken[next])
                        next++; /* as many numbers as mirrors: one is free */
                taken[next] = true;
                c->mirror[m].number = (uint8_t)next;
        }
}

/* A mirror that was renamed keeps what its disks call it. */
static void read_label(struct config_reading *r, const struct config *c, struct config_mirror *m)
{
        const struct ini_entry *e = ini_get(r->ini, "mirror", m->name, "label", 0);
        const char *label = e ? e->value : m->name;

        if (!config_name_is_valid(label) || strlen(label) > CONFIG_MIRROR_NAME_MAX) {
                if (e)
                        ini_error(r->ini, e, r->errors, "label \"%s\" is no mirror's name: leave the line as hamonctl mirror rename wrote it", label);
                return; /* a name that is none is told elsewhere */
        }
        memcpy(m->label, label, strlen(label) + 1);
        for (const struct config_mirror *other = c->mirror; other < m; other++) {
                if (strcmp(other->label, label) != 0)
                        continue;
                const struct config_mirror *old = strcmp(other->name, label) != 0 ? other : m;
                error_at(r, "mirror", m->name, "the disks of mirror \"%s\" are labelled \"%s\", as it was called once: no other mirror can have that name or label", old->name, label);
        }
}

static void read_mirrors(struct config_reading *r, struct config *c)
{
        const struct ini_entry *e;
        const char *name;

        for (size_t i = 0; (name = ini_section_name(r->ini, "mirror", i)); i++) {
                if (i == MIRRORS_MAX) {
                        error_at(r, "mirror", name, "[mirror %s] is one too many: up to %d mirrors", name, MIRRORS_MAX);
                        break;
                }
                struct config_mirror *m = &c->mirror[c->mirrors++];
                char reason[160];

                read_name(r, "mirror", name, m->name);
                if (strlen(name) > CONFIG_MIRROR_NAME_MAX)
                        error_at(r, "mirror", name,
                                 "[mirror %s]: a mirror's name has up to %d characters, as md keeps it", name,
                                 CONFIG_MIRROR_NAME_MAX);
                read_label(r, c, m);
                e = ini_get(r->ini, "mirror", name, "id", 0);
                if (!e)
                        error_at(r, "mirror", name,
                                 "[mirror %s] has no id: write id = 0xNUMBER, the export id of its legs", name);
                else if (export_id_parse(e->value, &m->id, reason, sizeof reason) < 0)
                        ini_error(r->ini, e, r->errors, "%s", reason);
                m->verify = VERIFY_MONTHLY;
                e = ini_get(r->ini, "mirror", name, "verify", 0);
                int schedule = e ? verify_schedule_by_word(e->value) : (int)m->verify;
                if (schedule < 0)
                        ini_error(r->ini, e, r->errors, "unknown verify \"%s\": write off, daily, weekly or monthly", e->value);
                else
                        m->verify = (enum verify_schedule)schedule;
                e = ini_get(r->ini, "mirror", name, "discard", 0);
                m->discard = e && strcmp(e->value, "zeroes") == 0 ? DISCARD_ZEROES : DISCARD_NO;
                if (e && m->discard == DISCARD_NO && strcmp(e->value, "no") != 0)
                        ini_error(r->ini, e, r->errors, "unknown discard \"%s\": write no, or zeroes where the disks of both nodes read zeroes after a discard", e->value);
                for (size_t d = 0; (e = ini_get(r->ini, "mirror", name, "device", d)); d++)
                        read_device(r, e, c, m);
                for (unsigned n = 0; n < NODES; n++) {
                        bool mentioned = m->device[n][0];
                        for (size_t d = 0; (e = ini_get(r->ini, "mirror", name, "device", d)); d++)
                                if (strncmp(e->value, c->voters[n].name, strcspn(e->value, ":")) == 0)
                                        mentioned = true;
                        if (!mentioned && c->voters[n].name[0])
                                error_at(r, "mirror", name,
                                         "[mirror %s] has no device on node \"%s\": write device = %s:/dev/PATH", name,
                                         c->voters[n].name, c->voters[n].name);
                }
        }
}

/* Takes over `ini`, which may be NULL. */
static int read_all(struct ini *ini, struct ini_errors *errors, unsigned errors_before, struct config *ret)
{
        struct config_reading r = {.ini = ini, .errors = errors};
        struct config *c = ini ? calloc(1, sizeof *c) : NULL;

        if (!c) {
                ini_free(ini);
                return errors->count == errors_before ? -ENOMEM : -EINVAL;
        }
        read_cluster(&r, c);
        config_read_timers(&r, c);
        read_voters(&r, c);
        read_mirrors(&r, c);
        read_numbers(&r, c);
        config_read_services(&r, c);
        config_read_api(&r, c);
        config_read_notify(&r, c);
        config_check(&r, c);
        bool good = errors->count == errors_before;
        if (good)
                *ret = *c;
        ini_free(ini);
        free(c);
        return good ? 0 : -EINVAL;
}

int config_parse(const char *path, const char *text, struct ini_errors *errors, struct config *ret)
{
        unsigned before = errors->count;

        return read_all(ini_parse(path, text, schema, errors), errors, before, ret);
}

int config_load(const char *path, struct ini_errors *errors, struct config *ret)
{
        unsigned before = errors->count;

        return read_all(ini_load(path, schema, errors), errors, before, ret);
}

int config_voter_index(const struct config *c, const char *name)
{
        for (int i = 0; i < VOTERS; i++)
                if (c->voters[i].name[0] && strcmp(c->voters[i].name, name) == 0)
                        return i;
        return -ENOENT;
}

int config_mirror_index(const struct config *c, const char *name)
{
        for (unsigned i = 0; i < c->mirrors; i++)
                if (strcmp(c->mirror[i].name, name) == 0)
                        return (int)i;
        return -ENOENT;
}

int config_mirror_by_label(const struct config *c, const char *label)
{
        for (unsigned i = 0; i < c->mirrors; i++)
                if (strcmp(c->mirror[i].label, label) == 0)
                        return (int)i;
        return -ENOENT;
}

uint32_t config_group(const struct config *c, unsigned mirror)
{
        uint32_t group = UINT32_C(1) << mirror, before;

        do {
                before = group;
                for (unsigned m = 0; m < c->mirrors; m++) {
                        if (c->mirror[m].service.needs & group)
                                group |= UINT32_C(1) << m;
                        if (group & UINT32_C(1) << m)
                                group |= c->mirror[m].service.needs;
                }
        } while (group != before);
        return group;
}

/* FNV-1a over the id's bytes. */
uint32_t config_mirror_tag(uint64_t export_id)
{
        uint32_t h = 2166136261u;
        for (unsigned i = 0; i < 8; i++)
                h = (h ^ (uint32_t)(export_id >> (56 - 8 * i) & 0xff)) * 16777619u;
        return h;
}
