/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control API's errors, and bodies that are checked member by member. See control_internal.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nbdd/control_internal.h"
#include "nbdd/engine.h"
#include "net/http_server.h"

/* ---- errors ---- */

static const struct {
        int error;
        unsigned status;
        const char *code, *title;
} problems[] = {
    {ENOENT, 404, "unknown-export", "no such export, session or device"},
    {EEXIST, 409, "already-exported", "the id or the device is already exported"},
    {EBUSY, 409, "busy", "the export's state forbids it, or the device is in use"},
    {EUSERS, 409, "owned", "the export belongs to somebody who would be surprised"},
    {ESTALE, 409, "stale-epoch", "a higher epoch was here before"},
    {EPERM, 409, "not-for-this-kind", "the command is not for this kind of export"},
    {EINVAL, 400, "bad-argument", "an argument is wrong"},
    {ENAMETOOLONG, 400, "bad-argument", "an argument is wrong"},
    {ERANGE, 400, "bad-argument", "an argument is wrong"},
    {ENODEV, 400, "not-a-device", "neither a block device nor a regular file"},
    {EACCES, 403, "no-access", "nbdd may not open the device"},
    {EROFS, 403, "no-access", "nbdd may not open the device"},
    {ENOSPC, 507, "full", "the table or the disk that keeps it is full"},
    {ESHUTDOWN, 503, "shutting-down", "nbdd is shutting down"},
    {EIO, 500, "disk-error", "a disk or its state file failed"},
};

int control_problem(struct http_response *resp, int error, const char *reason)
{
        for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++)
                if (problems[i].error == -error)
                        return http_response_problem(resp, problems[i].status, problems[i].code, problems[i].title, reason, NULL);
        return http_response_problem(resp, 500, "system-error", "the system refused", reason, NULL);
}

int control_bad(struct http_response *resp, const char *reason)
{
        return control_problem(resp, -EINVAL, reason);
}

/* ---- bodies: every member known and of its type ---- */

static const char *type_text(json_type type)
{
        return type == JSON_STRING ? "a string" : type == JSON_INTEGER ? "a whole number" : "true or false";
}

bool control_members(const json_t *body, const struct member *members, char *reason)
{
        const char *key;
        json_t *value;

        if (!json_is_object(body)) {
                (void)snprintf(reason, ENGINE_REASON_SIZE, "a JSON object is expected");
                return false;
        }
        json_object_foreach((json_t *)body, key, value) {
                const struct member *m = members;
                while (m->key && strcmp(m->key, key) != 0)
                        m++;
                bool fits = m->key && (json_typeof(value) == m->type || (m->type == JSON_TRUE && json_is_boolean(value)));
                if (!fits) {
                        if (m->key)
                                (void)snprintf(reason, ENGINE_REASON_SIZE, "\"%s\" must be %s", m->key, type_text(m->type));
                        else
                                (void)snprintf(reason, ENGINE_REASON_SIZE, "unknown member \"%.60s\"", key);
                        return false;
                }
        }
        for (const struct member *m = members; m->key; m++) {
                if (m->required && !json_object_get(body, m->key)) {
                        (void)snprintf(reason, ENGINE_REASON_SIZE, "\"%s\" is missing", m->key);
                        return false;
                }
        }
        return true;
}

bool control_number(const json_t *body, const char *key, uint64_t *ret, char *reason)
{
        const char *text = json_string_value(json_object_get(body, key));
        char *end;

        if (!text)
                return true;
        errno = 0;
        unsigned long long v = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno) {
                (void)snprintf(reason, ENGINE_REASON_SIZE, "\"%s\" must be a decimal number, as a string", key);
                return false;
        }
        *ret = v;
        return true;
}

bool control_uuid(const json_t *body, const char *key, struct uuid *ret, char *reason)
{
        const char *text = json_string_value(json_object_get(body, key));

        if (text && *text && uuid_parse(text, ret) < 0) {
                (void)snprintf(reason, ENGINE_REASON_SIZE, "\"%s\" must be a UUID", key);
                return false;
        }
        return true;
}
