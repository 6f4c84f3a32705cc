/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading nbdd.conf. See config.h. */
#include "nbdd/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "base/ini.h"
#include "nbdd/listen_word.h"
#include "nbdd/store.h"

#define REASON_SIZE 256

static const struct ini_schema schema[] = {
        {"server", "listen", false, true},
        {"server", "maxconnect", false, false},
        {"server", "connections-per-address", false, false},
        {"server", "memory-mib", false, false},
        {"server", "connection-memory-mib", false, false},
        {"server", "handshake-timeout-ms", false, false},
        {"server", "payload-timeout-ms", false, false},
        {"server", "spin-us", false, false},
        {"server", "coalesce-us", false, false},
        {"server", "list", false, false},
        {"server", "tls", false, false},
        {"server", "tls-psk", false, false},
        {"server", "tls-ca", false, false},
        {"server", "tls-cert", false, false},
        {"server", "tls-key", false, false},
        {"server", "tls-records", false, false},
        {"export", "device", true, false},
        {"export", "offset", true, false},
        {"export", "size", true, false},
        {"export", "read-only", true, false},
        {"export", "start", true, false},
        {"export", "writers", true, false},
        {"export", "allow", true, false},
        {"export", "aliases", true, false},
        {"export", "description", true, false},
        {"export", "hidden", true, false},
        {NULL, NULL, false, false},
};

struct reading {
        const struct ini *ini;
        struct ini_errors *errors;
        struct config *config;
};

__attribute__((format(printf, 3, 4))) static void report(const char *place, struct ini_errors *errors, const char *format, ...)
{
        char text[REASON_SIZE * 2], line[REASON_SIZE * 3];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        (void)snprintf(line, sizeof line, "%s: %s", place, text);
        errors->count++;
        errors->report(errors->userdata, line);
}

static void place_of(const struct config *c, unsigned line, char *ret, size_t size)
{
        (void)snprintf(ret, size, "%s:%u", c->path, line);
}

/* ---- [server] ---- */

static void read_limit(struct reading *r, enum limit limit)
{
        const struct limit_row *row = &limit_rows[limit];
        char key[64];
        uint64_t value = 0;
        bool yes = false;

        (void)snprintf(key, sizeof key, "%s", row->name);
        for (char *c = key; *c; c++)
                if (*c == '_')
                        *c = '-';
        const struct ini_entry *e = ini_get(r->ini, "server", "", key, 0);
        if (!e)
                return;
        int bad = limit == LIMIT_LIST ? ini_bool(r->ini, e, r->errors, &yes)
                                      : ini_u64(r->ini, e, r->errors, row->minimum, row->maximum, &value);
        r->config->limits.value[limit] = limit == LIMIT_LIST ? yes : (uint32_t)value;
        r->config->limit_lines[limit] = bad ? 0 : e->line;
}

static int read_tls(struct reading *r)
{
        static const char *const keys[CONFIG_TLS_COUNT] = {[CONFIG_TLS] = "tls",           [CONFIG_TLS_PSK] = "tls-psk",
                                                           [CONFIG_TLS_CA] = "tls-ca",     [CONFIG_TLS_CERT] = "tls-cert",
                                                           [CONFIG_TLS_KEY] = "tls-key", [CONFIG_TLS_RECORDS] = "tls-records"};

        for (unsigned i = 0; i < CONFIG_TLS_COUNT; i++) {
                const struct ini_entry *e = ini_get(r->ini, "server", "", keys[i], 0);
                enum session_tls mode;
                if (e && !*e->value)
                        ini_error(r->ini, e, r->errors, "%s is empty", keys[i]);
                else if (e && i == CONFIG_TLS && !listen_word_mode(e->value, &mode))
                        ini_error(r->ini, e, r->errors, "tls = \"%s\" must be off, offer or require", e->value);
                else if (e && i == CONFIG_TLS_RECORDS && strcmp(e->value, "kernel") != 0 && strcmp(e->value, "user") != 0)
                        ini_error(r->ini, e, r->errors, "tls-records = \"%s\" must be kernel or user", e->value);
                else if (e && !(r->config->tls[i] = strdup(e->value)))
                        return -ENOMEM;
        }
        return 0;
}

static int read_server(struct reading *r)
{
        const struct ini_entry *e;

        for (unsigned i = 0; i < LIMIT_COUNT; i++)
                read_limit(r, (enum limit)i);
        for (size_t i = 0; (e = ini_get(r->ini, "server", "", "listen", i)); i++) {
                if (i == CONFIG_LISTEN_MAX) {
                        ini_error(r->ini, e, r->errors, "more than %u listeners", CONFIG_LISTEN_MAX);
                        return 0;
                }
                char reason[REASON_SIZE], address[LISTEN_WORD_SIZE];
                int tls;
                if (listen_word_parse(e->value, address, &tls, reason, sizeof reason) < 0)
                        ini_error(r->ini, e, r->errors, "%s", reason);
                struct config_listen *l = &r->config->listen[r->config->listen_count];
                *l = (struct config_listen){.address = strdup(e->value), .line = e->line};
                if (!l->address)
                        return -ENOMEM;
                r->config->listen_count++;
        }
        return read_tls(r);
}

/* ---- [export ID] ---- */

static void read_bool(struct reading *r, const char *name, const char *key, bool *ret)
{
        const struct ini_entry *e = ini_get(r->ini, "export", name, key, 0);
        if (e)
                (void)ini_bool(r->ini, e, r->errors, ret);
}

static void read_size(struct reading *r, const char *name, const char *key, uint64_t *ret)
{
        const struct ini_entry *e = ini_get(r->ini, "export", name, key, 0);
        if (e)
                (void)ini_size_bytes(r->ini, e, r->errors, 0, INT64_MAX, ret);
}

/* The line that complaints about the whole section name: of its first entry, or without one of its header. */
static const struct ini_entry *first_entry(const struct ini *ini, const char *name)
{
        const struct ini_entry *e;
        for (size_t i = 0; (e = ini_at(ini, i)); i++)
                if (strcmp(e->section, "export") == 0 && strcmp(e->section_name, name) == 0)
                        return e;
        return NULL;
}

static int read_export(struct reading *r, const char *name, struct config_export *x)
{
        static const char *const texts[] = {"writers", "allow", "aliases", "description"};
        const struct ini_entry *e = first_entry(r->ini, name), *device = ini_get(r->ini, "export", name, "device", 0);
        char reason[REASON_SIZE], place[REASON_SIZE];

        *x = (struct config_export){.start = true, .line = e ? e->line : ini_section_line(r->ini, "export", name)};
        place_of(r->config, x->line, place, sizeof place);
        if (settings_init(&x->settings) < 0 || !(x->device = strdup(device ? device->value : "")))
                return -ENOMEM;
        if (export_id_parse(name, &x->id, reason, sizeof reason) < 0)
                report(place, r->errors, "[export %s]: %s", name, reason);
        if (!device)
                report(place, r->errors, "[export %s] needs a device", name);
        else if (x->device[0] != '/')
                ini_error(r->ini, device, r->errors, "the device \"%s\" must be an absolute path", x->device);
        read_bool(r, name, "read-only", &x->read_only);
        read_bool(r, name, "start", &x->start);
        read_bool(r, name, "hidden", &x->settings.hidden);
        read_size(r, name, "offset", &x->offset_bytes);
        read_size(r, name, "size", &x->size_bytes);
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
                const struct ini_entry *t = ini_get(r->ini, "export", name, texts[i], 0);
                if (t && settings_set(&x->settings, texts[i], t->value, reason, sizeof reason) < 0)
                        ini_error(r->ini, t, r->errors, "%s", reason);
        }
        return 0;
}

static const char *common_alias(const struct export_settings *a, const struct export_settings *b, size_t *ret_bytes)
{
        const char *alias;

        for (size_t i = 0; settings_alias(a, i, &alias, ret_bytes); i++)
                if (settings_has_alias(b, alias, *ret_bytes))
                        return alias;
        return NULL;
}

/* What two exports may not have in common. `elsewhere`: where the other one is. */
static void compare(const struct config *c, const struct config_export *x, uint64_t id, const char *device, uint64_t offset_bytes,
                    uint64_t size_bytes, const struct export_settings *settings, const char *elsewhere, struct ini_errors *errors)
{
        char place[REASON_SIZE], text[EXPORT_ID_TEXT_SIZE];
        size_t n = 0;
        const char *alias = common_alias(&x->settings, settings, &n);

        place_of(c, x->line, place, sizeof place);
        export_id_format(x->id, text);
        if (x->id == id)
                report(place, errors, "export %s is declared here and also defined in %s: remove one of them", text, elsewhere);
        else if (strcmp(x->device, device) == 0 && slices_overlap(x->offset_bytes, x->size_bytes, offset_bytes, size_bytes))
                report(place, errors, "\"%s\" is exported here and also, the same part of it, in %s", device, elsewhere);
        else if (alias)
                report(place, errors, "the alias \"%.*s\" is declared here and also used in %s", (int)n, alias, elsewhere);
}

static int read_exports(struct reading *r)
{
        struct config *c = r->config;
        const char *name;
        size_t count = 0;

        while (ini_section_name(r->ini, "export", count))
                count++;
        c->exports = calloc(count + 1, sizeof *c->exports);
        if (!c->exports)
                return -ENOMEM;
        for (size_t i = 0; (name = ini_section_name(r->ini, "export", i)); i++) {
                struct config_export *x = &c->exports[c->export_count++];
                if (read_export(r, name, x) < 0)
                        return -ENOMEM;
                for (size_t k = 0; x->device[0] && k < i; k++) {
                        const struct config_export *y = &c->exports[k];
                        char elsewhere[REASON_SIZE];
                        place_of(c, y->line, elsewhere, sizeof elsewhere);
                        compare(c, x, y->id, y->device, y->offset_bytes, y->size_bytes, &y->settings, elsewhere, r->errors);
                }
        }
        return 0;
}

int config_load(const char *path, bool may_miss, struct ini_errors *errors, struct config *ret)
{
        struct config c = {.path = strdup(path)};
        struct reading r = {.errors = errors, .config = &c};
        struct ini *ini = NULL;
        unsigned before = errors->count;
        int error = c.path ? 0 : -ENOMEM;

        limits_init(&c.limits);
        if (error == 0 && !(may_miss && access(path, F_OK) < 0 && errno == ENOENT)) {
                ini = ini_load(path, schema, errors);
                r.ini = ini;
                error = ini ? read_server(&r) : -EINVAL;
                if (error == 0)
                        error = read_exports(&r);
        }
        ini_free(ini);
        if (error == 0 && errors->count != before)
                error = -EINVAL;
        if (error < 0)
                config_release(&c);
        else
                *ret = c;
        return error;
}

void config_release(struct config *c)
{
        for (size_t i = 0; i < c->export_count; i++) {
                free(c->exports[i].device);
                settings_release(&c->exports[i].settings);
        }
        for (size_t i = 0; i < c->listen_count; i++)
                free(c->listen[i].address);
        for (unsigned i = 0; i < CONFIG_TLS_COUNT; i++)
                free(c->tls[i]);
        free(c->exports);
        free(c->path);
        *c = (struct config){0};
}

const struct config_export *config_find(const struct config *c, uint64_t id)
{
        for (size_t i = 0; i < c->export_count; i++)
                if (c->exports[i].id == id)
                        return &c->exports[i];
        return NULL;
}

void config_conflicts(const struct config *c, const struct stored_table *table, const char *table_path, struct ini_errors *errors)
{
        for (size_t i = 0; i < c->export_count; i++) {
                for (size_t k = 0; k < table->count; k++) {
                        const struct stored_export *s = &table->exports[k];
                        char elsewhere[REASON_SIZE * 2], text[EXPORT_ID_TEXT_SIZE];
                        if (s->declared)
                                continue;
                        export_id_format(s->id, text);
                        (void)snprintf(elsewhere, sizeof elsewhere, "%s (by command, as %s%s%s%s)", table_path, text, *s->owner ? ", of mirror \"" : "",
                                       s->owner, *s->owner ? "\"" : "");
                        compare(c, &c->exports[i], s->id, s->device, s->offset_bytes, s->size_bytes, &s->settings, elsewhere, errors);
                }
        }
}
