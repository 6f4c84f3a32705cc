/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libnbdd: handles, calls and commands. See nbdd.h; answers are decoded in answers.c. */
#include "nbdd/client/client_internal.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/id.h"
#include "net/http_client.h"
#include "net/problem.h"

int nbdd_open(const char *socket_path, struct nbdd **ret)
{
        struct nbdd *n = calloc(1, sizeof *n);

        if (!socket_path)
                socket_path = NBDD_DEFAULT_SOCKET;
        if (!n || !(n->socket_path = strdup(socket_path))) {
                free(n);
                return -ENOMEM;
        }
        if (strlen(socket_path) >= sizeof ((struct sockaddr_un *)NULL)->sun_path) {
                nbdd_close(n);
                return -ENAMETOOLONG;
        }
        *ret = n;
        return 0;
}

void nbdd_close(struct nbdd *n)
{
        if (!n)
                return;
        free(n->socket_path);
        free(n->owner);
        free(n);
}

int nbdd_set_owner(struct nbdd *n, const char *owner)
{
        char *copy = owner ? strdup(owner) : NULL;

        if (owner && !copy)
                return -ENOMEM;
        free(n->owner);
        n->owner = copy;
        return 0;
}

void nbdd_set_force(struct nbdd *n, bool force)
{
        n->force = force;
}

const char *nbdd_error(const struct nbdd *n)
{
        return n->error;
}

int nbdd_fail(struct nbdd *n, int error, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        (void)vsnprintf(n->error, sizeof n->error, format, args);
        va_end(args);
        return error;
}

/* The server's problem codes as errno (control.c has the other direction). */
static int errno_of(const char *code)
{
        static const struct {
                const char *code;
                int error;
        } table[] = {
            {"owned", EUSERS}, {"bad-configuration", EINVAL}, {"unknown-export", ENOENT}, {"already-exported", EEXIST}, {"busy", EBUSY},           {"stale-epoch", ESTALE},
            {"not-for-this-kind", EPERM}, {"bad-argument", EINVAL},   {"not-a-device", ENODEV},  {"no-access", EACCES},
            {"full", ENOSPC},           {"shutting-down", ESHUTDOWN}, {"disk-error", EIO},
        };
        for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
                if (strcmp(code, table[i].code) == 0)
                        return table[i].error;
        return EPROTO;
}

/* Who acts travels in the query of what changes something. malloc'ed. */
static char *path_with_query(const struct nbdd *n, const char *method, const char *path)
{
        char *all = NULL;

        if (strcmp(method, "GET") == 0 || strchr(path, '?') || !(n->force || n->owner))
                return strdup(path);
        size_t size = strlen(path) + 3 * (n->owner ? strlen(n->owner) : 0) + 32;
        all = malloc(size);
        if (!all)
                return NULL;
        int at = snprintf(all, size, n->force ? "%s?force=true%s" : "%s?%s", path, n->owner ? n->force ? "&owner=" : "owner=" : "");
        for (const unsigned char *c = (const unsigned char *)(n->owner ? n->owner : ""); *c; c++)
                at += snprintf(all + at, size - (size_t)at, isalnum(*c) || *c == '-' || *c == '_' || *c == '.' ? "%c" : "%%%02X", *c);
        return all;
}

int nbdd_request(struct nbdd *n, const char *method, const char *path, const json_t *body, unsigned timeout_ms, json_t **ret)
{
        unsigned status = 0;
        json_t *answer = NULL;
        char error[sizeof n->error];

        n->error[0] = '\0';
        char *whole = path_with_query(n, method, path);
        if (!whole)
                return nbdd_fail(n, -ENOMEM, "out of memory");
        int r = http_call(n->socket_path, method, whole, body, timeout_ms, &status, &answer, error, sizeof error);
        free(whole);
        if (r == -ENOENT || r == -ECONNREFUSED)
                return nbdd_fail(n, r, "no nbdd answers on \"%s\": is it running? (nbdd --serve)", n->socket_path);
        if (r < 0)
                return nbdd_fail(n, r, "%s", error);
        if (status >= 400) {
                const char *text = problem_text(answer);
                r = nbdd_fail(n, -errno_of(problem_code(answer)), "%s", text ? text : "nbdd refused without saying why");
                json_decref(answer);
                return r;
        }
        if (ret)
                *ret = answer;
        else
                json_decref(answer);
        return 0;
}

int nbdd_call(struct nbdd *n, const char *method, const char *path, const char *body, unsigned timeout_ms, char **ret_json)
{
        json_t *in = NULL, *out = NULL;

        if (body && !(in = json_loads(body, JSON_REJECT_DUPLICATES, NULL)))
                return nbdd_fail(n, -EINVAL, "the body is not JSON");
        int r = nbdd_request(n, method, path, in, timeout_ms, &out);
        json_decref(in);
        if (r < 0)
                return r;
        char *text = out ? json_dumps(out, JSON_INDENT(2)) : strdup("{}");
        json_decref(out);
        if (!text)
                return nbdd_fail(n, -ENOMEM, "out of memory");
        *ret_json = text;
        return 0;
}

static int export_command(struct nbdd *n, const char *method, uint64_t id, const char *verb, const json_t *body, unsigned timeout_ms)
{
        char path[64], text[EXPORT_ID_TEXT_SIZE];

        export_id_format(id, text);
        (void)snprintf(path, sizeof path, "/v1/exports/%s%s%s", text, verb ? "/" : "", verb ? verb : "");
        return nbdd_request(n, method, path, body, timeout_ms, NULL);
}

/* Members of a body. What cannot be put in must not be left out: a server that is not told of an allow list lets everybody in. */

static int put(struct nbdd *n, json_t *o, const char *key, json_t *value)
{
        return json_object_set_new(o, key, value) < 0 ? nbdd_fail(n, -ENOMEM, "out of memory") : 0;
}

static int put_number(struct nbdd *n, json_t *o, const char *key, const uint64_t *v)
{
        char text[24];

        if (!v)
                return 0;
        (void)snprintf(text, sizeof text, "%" PRIu64, *v);
        return put(n, o, key, json_string(text));
}

static int put_bool(struct nbdd *n, json_t *o, const char *key, const bool *v)
{
        return v ? put(n, o, key, json_boolean(*v)) : 0;
}

struct text_member {
        const char *key, *text; /* NULL: not given */
};

static int put_texts(struct nbdd *n, json_t *o, const struct text_member *members, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                json_t *value = members[i].text ? json_string(members[i].text) : NULL;
                if (members[i].text && !value)
                        return nbdd_fail(n, -EINVAL, "%s: the text is not UTF-8", members[i].key);
                int r = value ? put(n, o, members[i].key, value) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

int nbdd_export_change(struct nbdd *n, uint64_t id, const struct nbdd_export_change *change, unsigned timeout_ms)
{
        json_t *body = json_object();

        if (!body)
                return nbdd_fail(n, -ENOMEM, "out of memory");
        const struct text_member texts[] = {{"writers", change->writers},
                                            {"allow", change->allow},
                                            {"aliases", change->aliases},
                                            {"description", change->description},
                                            {"device", change->device}};
        int r = put_texts(n, body, texts, sizeof texts / sizeof texts[0]);

        if (r == 0)
                r = put_bool(n, body, "hidden", change->hidden);
        if (r == 0)
                r = put_bool(n, body, "read_only", change->read_only);
        if (r == 0)
                r = put_number(n, body, "offset", change->offset_bytes);
        if (r == 0)
                r = put_number(n, body, "size", change->size_bytes);
        if (r == 0)
                r = export_command(n, "PATCH", id, NULL, body, timeout_ms);
        json_decref(body);
        return r;
}

int nbdd_export_add(struct nbdd *n, const struct nbdd_export_options *options, unsigned timeout_ms)
{
        char id[EXPORT_ID_TEXT_SIZE];
        json_t *body = json_object();

        if (!body)
                return nbdd_fail(n, -ENOMEM, "out of memory");
        export_id_format(options->id, id);
        const struct text_member texts[] = {{"device", options->device},
                                            {"id", id},
                                            {"kind", options->leg ? "leg" : "plain"},
                                            {"leg_uuid", options->leg_uuid},
                                            {"owner", options->owner},
                                            {"writers", options->writers},
                                            {"allow", options->allow},
                                            {"aliases", options->aliases},
                                            {"description", options->description}};
        int r = put_texts(n, body, texts, sizeof texts / sizeof texts[0]);

        if (r == 0)
                r = put_bool(n, body, "read_only", &options->read_only);
        if (r == 0)
                r = put_bool(n, body, "hidden", &options->hidden);
        if (r == 0)
                r = put_number(n, body, "offset", &options->offset_bytes);
        if (r == 0)
                r = put_number(n, body, "size", &options->size_bytes);
        if (r == 0)
                r = nbdd_request(n, "POST", "/v1/exports", body, timeout_ms, NULL);
        json_decref(body);
        return r;
}

int nbdd_export_remove(struct nbdd *n, uint64_t id, unsigned timeout_ms)
{
        return export_command(n, "DELETE", id, NULL, NULL, timeout_ms);
}

int nbdd_export_start(struct nbdd *n, uint64_t id, unsigned timeout_ms)
{
        return export_command(n, "POST", id, "start", NULL, timeout_ms);
}

int nbdd_export_stop(struct nbdd *n, uint64_t id, unsigned timeout_ms)
{
        return export_command(n, "POST", id, "stop", NULL, timeout_ms);
}

int nbdd_export_clear(struct nbdd *n, uint64_t id, unsigned timeout_ms)
{
        return export_command(n, "POST", id, "clear", NULL, timeout_ms);
}

static int leg_grant(struct nbdd *n, uint64_t id, uint64_t epoch, const char *session, const char *leg_uuid, bool trim, unsigned timeout_ms)
{
        const struct text_member texts[] = {{"session", session}, {"leg_uuid", leg_uuid}};
        json_t *body = json_object();

        if (!body)
                return nbdd_fail(n, -ENOMEM, "out of memory");
        int r = put_texts(n, body, texts, sizeof texts / sizeof texts[0]);
        if (r == 0)
                r = put_number(n, body, "epoch", &epoch);
        if (r == 0 && trim && json_object_set_new(body, "trim", json_true()) < 0)
                r = nbdd_fail(n, -ENOMEM, "out of memory");
        if (r == 0)
                r = export_command(n, "POST", id, "grant", body, timeout_ms);
        json_decref(body);
        return r;
}

int nbdd_leg_grant(struct nbdd *n, uint64_t id, uint64_t epoch, const char *session, const char *leg_uuid, unsigned timeout_ms)
{
        return leg_grant(n, id, epoch, session, leg_uuid, false, timeout_ms);
}

int nbdd_leg_grant_with_trim(struct nbdd *n, uint64_t id, uint64_t epoch, const char *session, const char *leg_uuid, unsigned timeout_ms)
{
        return leg_grant(n, id, epoch, session, leg_uuid, true, timeout_ms);
}

int nbdd_leg_revoke(struct nbdd *n, uint64_t id, unsigned timeout_ms)
{
        return export_command(n, "POST", id, "revoke", NULL, timeout_ms);
}

int nbdd_reload(struct nbdd *n, unsigned timeout_ms)
{
        return nbdd_request(n, "POST", "/v1/reload", NULL, timeout_ms, NULL);
}

int nbdd_session_kick(struct nbdd *n, uint64_t number, unsigned timeout_ms)
{
        char path[64];

        (void)snprintf(path, sizeof path, "/v1/sessions/%" PRIu64, number);
        return nbdd_request(n, "DELETE", path, NULL, timeout_ms, NULL);
}

int nbdd_limit_set(struct nbdd *n, const char *name, unsigned value, unsigned timeout_ms)
{
        json_t *body = json_pack("{s:I}", name, (json_int_t)value);
        int r = body ? nbdd_request(n, "PUT", "/v1/limits", body, timeout_ms, NULL) : nbdd_fail(n, -ENOMEM, "out of memory");
        json_decref(body);
        return r;
}

int nbdd_limits_set(struct nbdd *n, unsigned timeout_ms, unsigned maxconnect)
{
        return nbdd_limit_set(n, "maxconnect", maxconnect, timeout_ms);
}
