/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libnbdd: handles, calls and commands. See nbdd.h; answers are decoded in answers.c. */
#include "nbdd/client/client_internal.h"

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
        free(n);
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
            {"unknown-export", ENOENT}, {"already-exported", EEXIST}, {"busy", EBUSY},           {"stale-epoch", ESTALE},
            {"not-for-this-kind", EPERM}, {"bad-argument", EINVAL},   {"not-a-device", ENODEV},  {"no-access", EACCES},
            {"full", ENOSPC},           {"shutting-down", ESHUTDOWN}, {"disk-error", EIO},
        };
        for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
                if (strcmp(code, table[i].code) == 0)
                        return table[i].error;
        return EPROTO;
}

int nbdd_request(struct nbdd *n, const char *method, const char *path, const json_t *body, unsigned timeout_ms, json_t **ret)
{
        unsigned status = 0;
        json_t *answer = NULL;
        char error[sizeof n->error];

        n->error[0] = '\0';
        int r = http_call(n->socket_path, method, path, body, timeout_ms, &status, &answer, error, sizeof error);
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

static void put_number(json_t *o, const char *key, uint64_t v)
{
        char text[24];
        (void)snprintf(text, sizeof text, "%" PRIu64, v);
        (void)json_object_set_new(o, key, json_string(text));
}

int nbdd_export_add(struct nbdd *n, const struct nbdd_export_options *options, unsigned timeout_ms)
{
        char id[EXPORT_ID_TEXT_SIZE];
        json_t *body, *device = json_string(options->device);

        if (!device)
                return nbdd_fail(n, -EINVAL, "the device's path is not UTF-8");
        export_id_format(options->id, id);
        body = json_pack("{s:o, s:s, s:s, s:b}", "device", device, "id", id, "kind", options->leg ? "leg" : "plain", "read_only",
                         options->read_only);
        if (!body)
                return nbdd_fail(n, -ENOMEM, "out of memory");
        put_number(body, "offset", options->offset_bytes);
        put_number(body, "size", options->size_bytes);
        if (options->leg_uuid)
                (void)json_object_set_new(body, "leg_uuid", json_string(options->leg_uuid));
        if (options->owner)
                (void)json_object_set_new(body, "owner", json_string(options->owner));
        int r = nbdd_request(n, "POST", "/v1/exports", body, timeout_ms, NULL);
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

int nbdd_leg_grant(struct nbdd *n, uint64_t id, uint64_t epoch, const char *session, const char *leg_uuid, unsigned timeout_ms)
{
        json_t *body = json_pack("{s:s}", "session", session);

        if (!body)
                return nbdd_fail(n, -EINVAL, "the session is not text");
        put_number(body, "epoch", epoch);
        if (leg_uuid)
                (void)json_object_set_new(body, "leg_uuid", json_string(leg_uuid));
        int r = export_command(n, "POST", id, "grant", body, timeout_ms);
        json_decref(body);
        return r;
}

int nbdd_leg_revoke(struct nbdd *n, uint64_t id, unsigned timeout_ms)
{
        return export_command(n, "POST", id, "revoke", NULL, timeout_ms);
}

int nbdd_limits_set(struct nbdd *n, unsigned timeout_ms, unsigned maxconnect)
{
        json_t *body = json_pack("{s:I}", "maxconnect", (json_int_t)maxconnect);
        int r = body ? nbdd_request(n, "PUT", "/v1/limits", body, timeout_ms, NULL) : nbdd_fail(n, -ENOMEM, "out of memory");
        json_decref(body);
        return r;
}
