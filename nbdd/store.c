/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The export table and the grants as JSON in state files. See store.h. */
#include "nbdd/store.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/statefile.h"

void stored_table_release(struct stored_table *t)
{
        for (size_t i = 0; i < t->count; i++) {
                free(t->exports[i].device);
                free(t->exports[i].owner);
                free(t->exports[i].failed);
                free(t->exports[i].noted);
                settings_release(&t->exports[i].settings);
        }
        free(t->exports);
        *t = (struct stored_table){0};
}

void stored_grants_release(struct stored_grants *g)
{
        free(g->grants);
        *g = (struct stored_grants){0};
}

/* 64-bit numbers travel as strings: JSON numbers are doubles to many readers. */
static json_t *number_text(uint64_t v)
{
        char text[24];
        (void)snprintf(text, sizeof text, "%" PRIu64, v);
        return json_string(text);
}

static json_t *id_text(uint64_t id)
{
        char text[EXPORT_ID_TEXT_SIZE];
        export_id_format(id, text);
        return json_string(text);
}

static json_t *uuid_text(const struct uuid *u)
{
        char text[UUID_TEXT_SIZE] = "";
        if (!uuid_is_null(u))
                uuid_format(u, text);
        return json_string(text);
}

static json_t *encode_limits(const struct limits *l)
{
        json_t *o = json_object();

        for (unsigned i = 0; i < LIMIT_COUNT; i++)
                (void)json_object_set_new(o, limit_rows[i].name, json_integer((json_int_t)l->value[i]));
        return o;
}

static json_t *encode_export(const struct stored_export *x)
{
        const struct export_settings *s = &x->settings;

        return json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:s, s:b, s:s, s:s, s:s}", "id",
                         id_text(x->id), "kind", x->kind == EXPORT_LEG ? "leg" : "plain", "device", x->device, "owner", x->owner, "failed",
                         x->failed, "noted", x->noted, "read_only", x->read_only, "started", x->started, "declared", x->declared, "offset",
                         number_text(x->offset_bytes), "size", number_text(x->size_bytes), "epoch_seen", number_text(x->epoch_seen),
                         "leg_uuid", uuid_text(&x->leg_uuid), "writers", writer_policy_text(s->writers), "hidden", s->hidden,
                         "description", s->description, "aliases", s->aliases, "allow", s->allow);
}

char *store_encode_table(const struct stored_table *t)
{
        json_t *exports = json_array();

        for (size_t i = 0; i < t->count; i++) {
                if (json_array_append_new(exports, encode_export(&t->exports[i])) < 0) {
                        json_decref(exports);
                        return NULL;
                }
        }
        json_t *root = json_pack("{s:o, s:o}", "exports", exports, "limits", encode_limits(&t->limits));
        char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
        json_decref(root);
        return text;
}

char *store_encode_grants(const struct stored_grants *g)
{
        json_t *grants = json_array();

        for (size_t i = 0; i < g->count; i++) {
                const struct stored_grant *x = &g->grants[i];
                json_t *o = json_pack("{s:o, s:o, s:o, s:o, s:s}", "id", id_text(x->id), "epoch", number_text(x->epoch), "session",
                                      uuid_text(&x->session), "boot_id", uuid_text(&x->boot_id), "attachment", x->attachment);
                if ((x->trim && json_object_set_new(o, "trim", json_true()) < 0) || json_array_append_new(grants, o) < 0) {
                        json_decref(grants);
                        return NULL;
                }
        }
        json_t *root = json_pack("{s:o}", "grants", grants);
        char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
        json_decref(root);
        return text;
}

/* ---- decoding: every member must be there and have its type ---- */

static int get_number(const json_t *o, const char *key, uint64_t *ret)
{
        const char *text = json_string_value(json_object_get(o, key));
        char *end;
        if (!text || *text < '0' || *text > '9')
                return -EBADMSG;
        errno = 0;
        unsigned long long v = strtoull(text, &end, 10);
        if (*end || errno)
                return -EBADMSG;
        *ret = v;
        return 0;
}

static int get_id(const json_t *o, const char *key, uint64_t *ret)
{
        char ignored[128];
        const char *text = json_string_value(json_object_get(o, key));
        return text && export_id_parse(text, ret, ignored, sizeof ignored) == 0 ? 0 : -EBADMSG;
}

static int get_uuid(const json_t *o, const char *key, struct uuid *ret)
{
        const char *text = json_string_value(json_object_get(o, key));
        if (!text)
                return -EBADMSG;
        *ret = (struct uuid){0};
        return *text == '\0' || uuid_parse(text, ret) == 0 ? 0 : -EBADMSG;
}

static int get_text(const json_t *o, const char *key, char **ret)
{
        const char *text = json_string_value(json_object_get(o, key));
        if (!text || strlen(text) > STORE_TEXT_MAX)
                return -EBADMSG;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

static int get_bool(const json_t *o, const char *key, bool *ret)
{
        const json_t *v = json_object_get(o, key);
        if (!json_is_boolean(v))
                return -EBADMSG;
        *ret = json_is_true(v);
        return 0;
}

/* Version 1 had no settings: the defaults. But of a version that has one, it must be there whole. */
static int decode_settings(const json_t *o, struct stored_export *x)
{
        static const char *const keys[] = {"writers", "description", "aliases", "allow"};
        char ignored[256];
        int r = settings_init(&x->settings);

        x->noted = NULL;
        if (r == 0 && !json_object_get(o, "writers"))
                return (x->noted = strdup("")) ? 0 : -ENOMEM;
        for (size_t i = 0; r == 0 && i < sizeof keys / sizeof keys[0]; i++) {
                const char *value = json_string_value(json_object_get(o, keys[i]));
                r = value ? settings_set(&x->settings, keys[i], value, ignored, sizeof ignored) : -EBADMSG;
                if (r == -EINVAL)
                        r = -EBADMSG;
        }
        if (r < 0 || (r = get_bool(o, "hidden", &x->settings.hidden)) < 0 || (r = get_bool(o, "declared", &x->declared)) < 0)
                return r;
        return get_text(o, "noted", &x->noted);
}

static int decode_limits(const json_t *root, struct limits *ret)
{
        const json_t *limits = json_object_get(root, "limits"), *maxconnect = json_object_get(root, "maxconnect");

        limits_init(ret);
        if (!limits && !maxconnect)
                return -EBADMSG;
        for (unsigned i = 0; i < LIMIT_COUNT; i++) {
                const json_t *v = limits ? json_object_get(limits, limit_rows[i].name) : i == LIMIT_MAXCONNECT ? maxconnect : NULL;
                if (!v)
                        continue; /* of an older version: the default */
                if (!json_is_integer(v) || json_integer_value(v) < limit_rows[i].minimum || json_integer_value(v) > limit_rows[i].maximum)
                        return -EBADMSG;
                ret->value[i] = (uint32_t)json_integer_value(v);
        }
        return 0;
}

static int decode_export(const json_t *o, struct stored_export *x)
{
        const char *kind = json_string_value(json_object_get(o, "kind"));
        int r;

        if (!kind || (strcmp(kind, "leg") != 0 && strcmp(kind, "plain") != 0))
                return -EBADMSG;
        x->kind = kind[0] == 'l' ? EXPORT_LEG : EXPORT_PLAIN;
        if ((r = get_id(o, "id", &x->id)) < 0 || (r = get_text(o, "device", &x->device)) < 0 ||
            (r = get_text(o, "owner", &x->owner)) < 0 || (r = get_text(o, "failed", &x->failed)) < 0 ||
            (r = get_bool(o, "read_only", &x->read_only)) < 0 || (r = get_bool(o, "started", &x->started)) < 0 ||
            (r = get_number(o, "offset", &x->offset_bytes)) < 0 || (r = get_number(o, "size", &x->size_bytes)) < 0 ||
            (r = get_number(o, "epoch_seen", &x->epoch_seen)) < 0 || (r = get_uuid(o, "leg_uuid", &x->leg_uuid)) < 0)
                return r;
        return decode_settings(o, x);
}

static int decode_grant(const json_t *o, struct stored_grant *x)
{
        const char *attachment = json_string_value(json_object_get(o, "attachment"));
        int r;

        if (!attachment || strlen(attachment) >= sizeof x->attachment)
                return -EBADMSG;
        (void)strcpy(x->attachment, attachment);
        if ((r = get_id(o, "id", &x->id)) < 0 || (r = get_number(o, "epoch", &x->epoch)) < 0 ||
            (r = get_uuid(o, "session", &x->session)) < 0 || (r = get_uuid(o, "boot_id", &x->boot_id)) < 0 ||
            (json_object_get(o, "trim") && (r = get_bool(o, "trim", &x->trim)) < 0))
                return r;
        return x->epoch == 0 || uuid_is_null(&x->session) || uuid_is_null(&x->boot_id) ? -EBADMSG : 0;
}

static json_t *parse(const char *text, size_t size_bytes, char *reason, size_t reason_size)
{
        json_error_t error;
        json_t *root = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, &error);
        if (!root)
                (void)snprintf(reason, reason_size, "not JSON: line %d: %s", error.line, error.text);
        return root;
}

int store_decode_table(const char *text, size_t size_bytes, struct stored_table *ret, char *reason, size_t reason_size)
{
        struct stored_table t = {0};
        json_t *root = parse(text, size_bytes, reason, reason_size);
        const json_t *exports = json_object_get(root, "exports");
        int r = -EBADMSG;

        if (!root)
                return -EBADMSG;
        if (!json_is_array(exports) || decode_limits(root, &t.limits) < 0) {
                (void)snprintf(reason, reason_size, "\"exports\" or \"limits\" is missing or out of range");
                goto out;
        }
        t.exports = calloc(json_array_size(exports) + 1, sizeof *t.exports);
        if (!t.exports) {
                r = -ENOMEM;
                goto out;
        }
        for (size_t i = 0; i < json_array_size(exports); i++) {
                t.count++;
                r = decode_export(json_array_get(exports, i), &t.exports[i]);
                for (size_t k = 0; r == 0 && k < i; k++)
                        if (t.exports[k].id == t.exports[i].id)
                                r = -EBADMSG;
                if (r < 0) {
                        (void)snprintf(reason, reason_size, "export number %zu is malformed or there twice", i + 1);
                        goto out;
                }
        }
        *ret = t;
        t = (struct stored_table){0};
        r = 0;
out:
        stored_table_release(&t);
        json_decref(root);
        return r;
}

int store_decode_grants(const char *text, size_t size_bytes, struct stored_grants *ret, char *reason, size_t reason_size)
{
        struct stored_grants g = {0};
        json_t *root = parse(text, size_bytes, reason, reason_size);
        const json_t *grants = json_object_get(root, "grants");
        int r = -EBADMSG;

        if (!root)
                return -EBADMSG;
        if (!json_is_array(grants)) {
                (void)snprintf(reason, reason_size, "\"grants\" is missing");
                goto out;
        }
        g.grants = calloc(json_array_size(grants) + 1, sizeof *g.grants);
        if (!g.grants) {
                r = -ENOMEM;
                goto out;
        }
        for (size_t i = 0; i < json_array_size(grants); i++) {
                r = decode_grant(json_array_get(grants, i), &g.grants[g.count++]);
                if (r < 0) {
                        (void)snprintf(reason, reason_size, "grant number %zu is malformed", i + 1);
                        goto out;
                }
        }
        *ret = g;
        g = (struct stored_grants){0};
        r = 0;
out:
        stored_grants_release(&g);
        json_decref(root);
        return r;
}

/* ---- files ---- */

static int read_file(const char *path, const char *owner, unsigned max_version, char **ret_text, size_t *ret_bytes, char *reason, size_t reason_size)
{
        unsigned version;
        int r = statefile_read(path, owner, max_version, &version, ret_text, ret_bytes);
        if (r < 0 && r != -ENOENT)
                statefile_explain(path, r, reason, reason_size);
        return r;
}

int store_read_table(const char *path, struct stored_table *ret, char *reason, size_t reason_size)
{
        char *text = NULL, why[192];
        size_t bytes;
        int r = read_file(path, STORE_OWNER_EXPORTS, STORE_TABLE_VERSION, &text, &bytes, reason, reason_size);

        if (r == -ENOENT) {
                *ret = (struct stored_table){0};
                limits_init(&ret->limits);
                return 0;
        }
        if (r == 0 && (r = store_decode_table(text, bytes, ret, why, sizeof why)) < 0)
                (void)snprintf(reason, reason_size, "\"%s\": %s", path, why);
        free(text);
        return r;
}

int store_read_grants(const char *path, struct stored_grants *ret, char *reason, size_t reason_size)
{
        char *text = NULL, why[192];
        size_t bytes;
        int r = read_file(path, STORE_OWNER_GRANTS, STORE_GRANTS_VERSION, &text, &bytes, reason, reason_size);

        if (r == -ENOENT) {
                *ret = (struct stored_grants){0};
                return 0;
        }
        if (r == 0 && (r = store_decode_grants(text, bytes, ret, why, sizeof why)) < 0)
                (void)snprintf(reason, reason_size, "\"%s\": %s", path, why);
        free(text);
        return r;
}

int store_write_text(const char *path, const char *text)
{
        return statefile_write(path, STORE_OWNER_EXPORTS, STORE_TABLE_VERSION, text, strlen(text));
}

int store_write_table(const char *path, const struct stored_table *t)
{
        char *text = store_encode_table(t);
        int r = text ? store_write_text(path, text) : -ENOMEM;
        free(text);
        return r;
}

int store_write_grants(const char *path, const struct stored_grants *g)
{
        char *text = store_encode_grants(g);
        int r = text ? statefile_write(path, STORE_OWNER_GRANTS, STORE_GRANTS_VERSION, text, strlen(text)) : -ENOMEM;
        free(text);
        return r;
}
