/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libnbdd: answers as structs. See nbdd.h. Members that an older server does not send read as zero. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "nbdd/client/client_internal.h"

static const char *const status_texts[] = {"UNDEFINED", "DEFINED", "AVAILABLE", "RUNNING"};

const char *nbdd_status_text(enum nbdd_status s)
{
        return status_texts[s];
}

static uint64_t get_number(const json_t *o, const char *key)
{
        const json_t *v = json_object_get(o, key);
        if (json_is_integer(v))
                return (uint64_t)json_integer_value(v);
        const char *text = json_string_value(v);
        return text ? strtoull(text, NULL, 10) : 0;
}

static char *get_text(const json_t *o, const char *key)
{
        const char *text = json_string_value(json_object_get(o, key));
        return strdup(text ? text : "");
}

static void get_uuid(const json_t *o, const char *key, char ret[NBDD_UUID_SIZE])
{
        const char *text = json_string_value(json_object_get(o, key));
        (void)snprintf(ret, NBDD_UUID_SIZE, "%s", text ? text : "");
}

static int decode_export(struct nbdd *n, const json_t *o, struct nbdd_export *ret)
{
        const char *id = json_string_value(json_object_get(o, "id")), *status = json_string_value(json_object_get(o, "status"));
        const char *kind = json_string_value(json_object_get(o, "kind"));
        char ignored[64];
        unsigned s = 0;

        *ret = (struct nbdd_export){0};
        while (status && s < 4 && strcmp(status, status_texts[s]) != 0)
                s++;
        if (!id || !status || s == 4 || export_id_parse(id, &ret->id, ignored, sizeof ignored) < 0)
                return nbdd_fail(n, -EPROTO, "nbdd answered an export that this program does not understand");
        ret->status = (enum nbdd_status)s;
        ret->leg = kind && strcmp(kind, "leg") == 0;
        ret->device = get_text(o, "device");
        ret->reason = get_text(o, "reason");
        ret->owner = get_text(o, "owner");
        ret->failed = json_is_true(json_object_get(o, "failed"));
        ret->read_only = json_is_true(json_object_get(o, "read_only"));
        ret->hidden = json_is_true(json_object_get(o, "hidden"));
        ret->declared = json_is_true(json_object_get(o, "declared"));
        ret->noted = get_text(o, "noted");
        ret->writers = get_text(o, "writers");
        ret->description = get_text(o, "description");
        ret->aliases = get_text(o, "aliases");
        ret->allow = get_text(o, "allow");
        ret->offset_bytes = get_number(o, "offset");
        ret->size_bytes = get_number(o, "size_bytes");
        ret->epoch = get_number(o, "epoch");
        get_uuid(o, "session", ret->session);
        get_uuid(o, "leg_uuid", ret->leg_uuid);
        ret->session_count = (unsigned)get_number(o, "session_count");
        ret->inflight = get_number(o, "inflight");
        ret->oldest_request_ms = get_number(o, "oldest_request_ms");
        ret->read_bytes = get_number(o, "read_bytes");
        ret->written_bytes = get_number(o, "written_bytes");
        if (!ret->device || !ret->reason || !ret->owner || !ret->noted || !ret->writers || !ret->description || !ret->aliases ||
            !ret->allow) {
                nbdd_export_release(ret);
                return nbdd_fail(n, -ENOMEM, "out of memory");
        }
        return 0;
}

void nbdd_export_release(struct nbdd_export *e)
{
        free(e->device);
        free(e->reason);
        free(e->owner);
        free(e->noted);
        free(e->writers);
        free(e->description);
        free(e->aliases);
        free(e->allow);
        *e = (struct nbdd_export){0};
}

void nbdd_export_list_release(struct nbdd_export_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                nbdd_export_release(&list->exports[i]);
        free(list->exports);
        *list = (struct nbdd_export_list){0};
}

int nbdd_export_list(struct nbdd *n, unsigned timeout_ms, struct nbdd_export_list *ret)
{
        struct nbdd_export_list list = {0};
        json_t *answer = NULL;
        int r = nbdd_request(n, "GET", "/v1/exports", NULL, timeout_ms, &answer);

        if (r < 0)
                return r;
        const json_t *exports = json_object_get(answer, "exports");
        list.exports = calloc(json_array_size(exports) + 1, sizeof *list.exports);
        if (!list.exports)
                r = nbdd_fail(n, -ENOMEM, "out of memory");
        for (size_t i = 0; r == 0 && i < json_array_size(exports); i++) {
                r = decode_export(n, json_array_get(exports, i), &list.exports[i]);
                list.count += r == 0;
        }
        json_decref(answer);
        if (r < 0)
                nbdd_export_list_release(&list);
        else
                *ret = list;
        return r;
}

int nbdd_export_get(struct nbdd *n, uint64_t id, unsigned timeout_ms, struct nbdd_export *ret)
{
        char path[64], text[EXPORT_ID_TEXT_SIZE];
        json_t *answer = NULL;

        export_id_format(id, text);
        (void)snprintf(path, sizeof path, "/v1/exports/%s", text);
        int r = nbdd_request(n, "GET", path, NULL, timeout_ms, &answer);
        if (r == 0)
                r = decode_export(n, answer, ret);
        json_decref(answer);
        return r;
}

int nbdd_health(struct nbdd *n, unsigned timeout_ms, struct nbdd_health *ret)
{
        json_t *answer = NULL;
        int r = nbdd_request(n, "GET", "/v1/health", NULL, timeout_ms, &answer);

        if (r < 0)
                return r;
        const char *version = json_string_value(json_object_get(answer, "version"));
        *ret = (struct nbdd_health){
            .uptime_ms = get_number(answer, "uptime_ms"),
            .exports = (unsigned)get_number(answer, "exports"),
            .sessions = (unsigned)get_number(answer, "sessions"),
            .inflight = get_number(answer, "inflight"),
            .oldest_request_ms = get_number(answer, "oldest_request_ms"),
        };
        (void)snprintf(ret->version, sizeof ret->version, "%s", version ? version : "");
        json_decref(answer);
        return 0;
}

static void decode_session(const json_t *o, struct nbdd_session *ret)
{
        const char *address = json_string_value(json_object_get(o, "address")), *state = json_string_value(json_object_get(o, "state"));
        const char *id = json_string_value(json_object_get(o, "export"));
        const char *psk = json_string_value(json_object_get(o, "psk")), *cn = json_string_value(json_object_get(o, "cn"));
        char ignored[64];

        *ret = (struct nbdd_session){
            .number = get_number(o, "number"),
            .read_only = json_is_true(json_object_get(o, "read_only")),
            .tls = json_is_true(json_object_get(o, "tls")),
            .age_ms = get_number(o, "age_ms"),
            .requests = get_number(o, "requests"),
            .read_bytes = get_number(o, "read_bytes"),
            .written_bytes = get_number(o, "written_bytes"),
            .inflight = get_number(o, "inflight"),
            .oldest_request_ms = get_number(o, "oldest_request_ms"),
        };
        if (!id || export_id_parse(id, &ret->export_id, ignored, sizeof ignored) < 0)
                ret->export_id = 0;
        (void)snprintf(ret->address, sizeof ret->address, "%s", address ? address : "");
        (void)snprintf(ret->state, sizeof ret->state, "%s", state ? state : "");
        if (psk && *psk)
                (void)snprintf(ret->identity, sizeof ret->identity, "psk=%s", psk);
        else if (cn && *cn)
                (void)snprintf(ret->identity, sizeof ret->identity, "cn=%s", cn);
}

int nbdd_session_list(struct nbdd *n, unsigned timeout_ms, struct nbdd_session **ret, size_t *ret_count)
{
        json_t *answer = NULL;
        int r = nbdd_request(n, "GET", "/v1/sessions", NULL, timeout_ms, &answer);

        if (r < 0)
                return r;
        const json_t *list = json_object_get(answer, "sessions");
        struct nbdd_session *sessions = calloc(json_array_size(list) + 1, sizeof *sessions);
        for (size_t i = 0; sessions && i < json_array_size(list); i++)
                decode_session(json_array_get(list, i), &sessions[i]);
        if (sessions) {
                *ret = sessions;
                *ret_count = json_array_size(list);
        } else {
                r = nbdd_fail(n, -ENOMEM, "out of memory");
        }
        json_decref(answer);
        return r;
}

static void decode_stats(const json_t *o, struct nbdd_stats *ret)
{
        static const char *const kinds[NBDD_KINDS] = {"read", "write", "flush", "other"};

        *ret = (struct nbdd_stats){
            .inflight = get_number(o, "inflight"),
            .oldest_request_ms = get_number(o, "oldest_request_ms"),
            .fences = get_number(o, "fences"),
            .disk_errors = get_number(o, "disk_errors"),
        };
        for (unsigned i = 0; i < NBDD_KINDS; i++) {
                const json_t *of_kind = json_object_get(json_object_get(o, "stats"), kinds[i]);
                const json_t *latency = json_object_get(of_kind, "latency_us");
                struct nbdd_stats_of_kind *k = &ret->kinds[i];
                k->operations = get_number(of_kind, "operations");
                k->errors = get_number(of_kind, "errors");
                k->bytes = get_number(of_kind, "bytes");
                for (size_t b = 0; b < json_array_size(latency); b++) { /* a newer server may have more */
                        const char *text = json_string_value(json_array_get(latency, b));
                        k->latency[b < NBDD_LATENCY_BUCKETS ? b : NBDD_LATENCY_BUCKETS - 1] += text ? strtoull(text, NULL, 10) : 0;
                }
        }
}

int nbdd_export_stats(struct nbdd *n, uint64_t id, unsigned timeout_ms, struct nbdd_stats *ret)
{
        char path[64], text[EXPORT_ID_TEXT_SIZE];
        json_t *answer = NULL;

        export_id_format(id, text);
        (void)snprintf(path, sizeof path, "/v1/exports/%s?stats=true", text);
        int r = nbdd_request(n, "GET", path, NULL, timeout_ms, &answer);
        if (r == 0)
                decode_stats(answer, ret);
        json_decref(answer);
        return r;
}

int nbdd_session_stats(struct nbdd *n, uint64_t number, unsigned timeout_ms, struct nbdd_stats *ret)
{
        json_t *answer = NULL;
        int r = nbdd_request(n, "GET", "/v1/sessions?stats=true", NULL, timeout_ms, &answer);

        if (r < 0)
                return r;
        const json_t *list = json_object_get(answer, "sessions");
        r = nbdd_fail(n, -ENOENT, "no such session: %" PRIu64, number);
        for (size_t i = 0; r < 0 && i < json_array_size(list); i++) {
                const json_t *o = json_array_get(list, i);
                if (get_number(o, "number") != number)
                        continue;
                decode_stats(o, ret);
                n->error[0] = '\0';
                r = 0;
        }
        json_decref(answer);
        return r;
}

int nbdd_limit_get(struct nbdd *n, const char *name, unsigned timeout_ms, unsigned *ret)
{
        json_t *answer = NULL;
        int r = nbdd_request(n, "GET", "/v1/limits", NULL, timeout_ms, &answer);

        if (r == 0 && !json_object_get(answer, name))
                r = nbdd_fail(n, -EINVAL, "no such limit: \"%s\"", name);
        if (r == 0)
                *ret = (unsigned)get_number(answer, name);
        json_decref(answer);
        return r;
}

int nbdd_limits_get(struct nbdd *n, unsigned timeout_ms, unsigned *ret_maxconnect)
{
        return nbdd_limit_get(n, "maxconnect", timeout_ms, ret_maxconnect);
}
