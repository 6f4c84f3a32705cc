/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/control_codec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/id.h"

static const char *const state_names[] = {
    [NBDC_CONNECTING] = "CONNECTING",
    [NBDC_ATTACHED] = "ATTACHED",
    [NBDC_RECONNECTING] = "RECONNECTING",
    [NBDC_DETACHING] = "DETACHING",
};

static const char *const policy_names[] = {[NBDC_REQUIRED] = "required", [NBDC_OPTIONAL] = "optional"};

const char *nbdc_state_name(enum nbdc_state state)
{
        return state_names[state];
}

const char *nbdc_policy_name(enum nbdc_policy policy)
{
        return policy_names[policy];
}

static int name_index(const char *const *names, size_t count, const char *name)
{
        for (size_t i = 0; name && i < count; i++)
                if (strcmp(names[i], name) == 0)
                        return (int)i;
        return -1;
}

/* Digits only, no sign, no blank, no overflow. */
static int parse_u64(const char *text, uint64_t *ret)
{
        uint64_t v = 0;
        if (!text || !*text)
                return -EINVAL;
        for (; *text; text++) {
                if (*text < '0' || *text > '9' || __builtin_mul_overflow(v, 10u, &v) ||
                    __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
                        return -EINVAL;
        }
        *ret = v;
        return 0;
}

static int dump(json_t *object, char *ret, size_t size)
{
        if (!object)
                return -ENOMEM;
        size_t n = json_dumpb(object, ret, size - 1, JSON_COMPACT | JSON_SORT_KEYS);
        json_decref(object);
        if (n == 0 || n >= size)
                return -ENOBUFS;
        ret[n] = '\0';
        return (int)n;
}

static json_t *u64_text(uint64_t v)
{
        char text[24];
        snprintf(text, sizeof text, "%" PRIu64, v);
        return json_string(text);
}

/* What a peer or a kernel wrote may hold any byte; JSON takes UTF-8 only. */
static json_t *safe_text(const char *text)
{
        json_t *s = json_string(text);
        if (s)
                return s;
        char ascii[NBDC_ERROR_SIZE];
        size_t n = 0;
        for (; text[n] && n < sizeof ascii - 1; n++)
                ascii[n] = (text[n] & 0x80) ? '?' : text[n];
        ascii[n] = '\0';
        return json_string(ascii);
}

static json_t *status_to_json(const struct nbdc_status *s)
{
        char id[EXPORT_ID_TEXT_SIZE];
        export_id_format(s->id, id);
        json_t *o =
            json_pack("{s:s, s:s, s:b, s:b, s:o, s:i, s:s, s:s, s:b, s:I, s:I, s:o, s:I, s:I, s:I, s:i}", "device",
                      s->device, "state", nbdc_state_name(s->state), "connected", s->connected, "refused", s->refused,
                      "host", safe_text(s->host), "port", (int)s->port, "id", id, "policy", nbdc_policy_name(s->policy),
                      "read_only", s->read_only, "size_bytes", (json_int_t)s->size_bytes, "reconnects",
                      (json_int_t)s->reconnects, "last_error", safe_text(s->last_error), "disconnected_ms",
                      (json_int_t)s->disconnected_ms, "oldest_request_ms", (json_int_t)s->oldest_request_ms,
                      "request_timeout_ms", (json_int_t)s->request_timeout_ms, "pid", s->pid);
        if (!o)
                return NULL;
        int rc = json_object_set_new(o, "epoch", s->has_epoch ? u64_text(s->epoch) : json_null());
        rc |= json_object_set_new(o, "address", s->address[0] ? json_string(s->address) : json_null());
        rc |= json_object_set_new(o, "tls", json_boolean(s->tls));
        rc |= json_object_set_new(o, "session", s->session[0] ? json_string(s->session) : json_null());
        if (rc != 0) {
                json_decref(o);
                return NULL;
        }
        return o;
}

int control_status_encode(const struct nbdc_status *status, char *ret, size_t size)
{
        return dump(status_to_json(status), ret, size);
}

int control_request_encode(const struct control_request *request, char *ret, size_t size)
{
        switch (request->op) {
        case CONTROL_STATUS:
                return dump(json_pack("{s:s}", "op", "status"), ret, size);
        case CONTROL_POLICY:
                return dump(json_pack("{s:s, s:s}", "op", "policy", "value", nbdc_policy_name(request->policy)), ret,
                            size);
        case CONTROL_DETACH:
                if (!request->has_decided_version)
                        return dump(json_pack("{s:s}", "op", "detach"), ret, size);
                return dump(
                    json_pack("{s:s, s:o}", "op", "detach", "decided_version", u64_text(request->decided_version)), ret,
                    size);
        case CONTROL_TIMEOUT:
                return dump(json_pack("{s:s, s:I}", "op", "timeout", "ms", (json_int_t)request->timeout_ms), ret, size);
        }
        return -EINVAL;
}

int control_answer_encode(const struct control_answer *answer, char *ret, size_t size)
{
        if (!answer->ok)
                return dump(json_pack("{s:b, s:b, s:o}", "ok", 0, "refused", answer->refused, "error",
                                      safe_text(answer->error)),
                            ret, size);
        if (!answer->has_status)
                return dump(json_pack("{s:b}", "ok", 1), ret, size);
        return dump(json_pack("{s:b, s:o}", "ok", 1, "status", status_to_json(&answer->status)), ret, size);
}

static json_t *load(const char *text, size_t size_bytes, char *reason, size_t reason_size)
{
        json_error_t error;
        if (size_bytes > CONTROL_MESSAGE_MAX) {
                snprintf(reason, reason_size, "a message is at most %u bytes", CONTROL_MESSAGE_MAX);
                return NULL;
        }
        json_t *o = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, &error);
        if (o && json_is_object(o))
                return o;
        snprintf(reason, reason_size, "not one JSON object%s%s", o ? "" : ": ", o ? "" : error.text);
        json_decref(o);
        return NULL;
}

/* 0, or -EBADMSG with the reason: what `op` needs is there, of the right type, and nothing else is. */
static int request_from_json(json_t *o, struct control_request *r, char *reason, size_t reason_size)
{
        static const struct {
                const char *op, *key;
                enum control_op id;
        } ops[] = {
            {"status", NULL, CONTROL_STATUS},
            {"policy", "value", CONTROL_POLICY},
            {"detach", "decided_version", CONTROL_DETACH},
            {"timeout", "ms", CONTROL_TIMEOUT},
        };
        const char *op = json_string_value(json_object_get(o, "op"));
        const char *wanted = NULL;
        bool known = false;
        for (size_t i = 0; op && i < sizeof ops / sizeof *ops; i++)
                if (strcmp(ops[i].op, op) == 0) {
                        r->op = ops[i].id;
                        wanted = ops[i].key;
                        known = true;
                }
        if (!known) {
                snprintf(reason, reason_size, "unknown \"op\": expected status, policy, detach or timeout");
                return -EBADMSG;
        }
        const char *key;
        json_t *value;
        json_object_foreach(o, key, value)
        {
                if (strcmp(key, "op") != 0 && (!wanted || strcmp(key, wanted) != 0)) {
                        snprintf(reason, reason_size, "unknown key \"%.40s\" for op \"%s\"", key, op);
                        return -EBADMSG;
                }
        }
        value = wanted ? json_object_get(o, wanted) : NULL;
        if (r->op == CONTROL_POLICY) {
                int i = name_index(policy_names, 2, json_string_value(value));
                if (i < 0) {
                        snprintf(reason, reason_size, "\"value\" must be \"required\" or \"optional\"");
                        return -EBADMSG;
                }
                r->policy = (enum nbdc_policy)i;
        }
        if (r->op == CONTROL_DETACH && value) {
                if (parse_u64(json_string_value(value), &r->decided_version) < 0) {
                        snprintf(reason, reason_size, "\"decided_version\" must be a decimal number in a string");
                        return -EBADMSG;
                }
                r->has_decided_version = true;
        }
        if (r->op == CONTROL_TIMEOUT) {
                json_int_t ms = json_is_integer(value) ? json_integer_value(value) : -1;
                if (ms < CONTROL_TIMEOUT_MIN_MS || ms > CONTROL_TIMEOUT_MAX_MS) {
                        snprintf(reason, reason_size, "\"ms\" must be %u to %u", CONTROL_TIMEOUT_MIN_MS,
                                 CONTROL_TIMEOUT_MAX_MS);
                        return -EBADMSG;
                }
                r->timeout_ms = (uint64_t)ms;
        }
        return 0;
}

int control_request_decode(const char *text, size_t size_bytes, struct control_request *ret, char *reason,
                           size_t reason_size)
{
        struct control_request r = {0};
        json_t *o = load(text, size_bytes, reason, reason_size);
        if (!o)
                return -EBADMSG;
        int rc = request_from_json(o, &r, reason, reason_size);
        json_decref(o);
        if (rc == 0)
                *ret = r;
        return rc;
}

static bool get_text(json_t *o, const char *key, char *ret, size_t size)
{
        const char *s = json_string_value(json_object_get(o, key));
        if (!s || strlen(s) >= size)
                return false;
        memcpy(ret, s, strlen(s) + 1);
        return true;
}

static bool get_count(json_t *o, const char *key, int64_t max, int64_t *ret)
{
        json_t *v = json_object_get(o, key);
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
                return false;
        *ret = json_integer_value(v);
        return true;
}

static bool get_bool(json_t *o, const char *key, bool *ret)
{
        json_t *v = json_object_get(o, key);
        *ret = json_is_true(v);
        return json_is_boolean(v);
}

static bool status_from_json(json_t *o, struct nbdc_status *s)
{
        char id[EXPORT_ID_TEXT_SIZE], reason[NBDC_ERROR_SIZE];
        int64_t port = 0, size = 0, reconnects = 0, timeout = 0, pid = 0;
        int state = name_index(state_names, sizeof state_names / sizeof *state_names,
                               json_string_value(json_object_get(o, "state")));
        int policy = name_index(policy_names, 2, json_string_value(json_object_get(o, "policy")));
        if (state < 0 || policy < 0 || !get_text(o, "device", s->device, sizeof s->device) ||
            !get_text(o, "host", s->host, sizeof s->host) ||
            !get_text(o, "last_error", s->last_error, sizeof s->last_error) || !get_text(o, "id", id, sizeof id) ||
            export_id_parse(id, &s->id, reason, sizeof reason) < 0 || !get_bool(o, "connected", &s->connected) ||
            !get_bool(o, "refused", &s->refused) || !get_bool(o, "read_only", &s->read_only) ||
            !get_count(o, "port", UINT16_MAX, &port) || !get_count(o, "size_bytes", INT64_MAX, &size) ||
            !get_count(o, "reconnects", INT64_MAX, &reconnects) ||
            !get_count(o, "disconnected_ms", INT64_MAX, &s->disconnected_ms) ||
            !get_count(o, "oldest_request_ms", INT64_MAX, &s->oldest_request_ms) ||
            !get_count(o, "request_timeout_ms", INT64_MAX, &timeout) || !get_count(o, "pid", INT32_MAX, &pid))
                return false;
        s->tls = json_is_true(json_object_get(o, "tls"));
        s->state = (enum nbdc_state)state;
        s->policy = (enum nbdc_policy)policy;
        s->port = (uint16_t)port;
        s->size_bytes = (uint64_t)size;
        s->reconnects = (uint64_t)reconnects;
        s->request_timeout_ms = (uint64_t)timeout;
        s->pid = (int)pid;
        json_t *epoch = json_object_get(o, "epoch");
        s->has_epoch = json_is_string(epoch);
        if (s->has_epoch && parse_u64(json_string_value(epoch), &s->epoch) < 0)
                return false;
        json_t *address = json_object_get(o, "address"); /* not from an nbdc that runs since before it was told */
        if (json_is_string(address) && !get_text(o, "address", s->address, sizeof s->address))
                return false;
        return json_is_null(json_object_get(o, "session")) || get_text(o, "session", s->session, sizeof s->session);
}

int control_answer_decode(const char *text, size_t size_bytes, struct control_answer *ret, char *reason,
                          size_t reason_size)
{
        struct control_answer a = {0};
        json_t *o = load(text, size_bytes, reason, reason_size);
        if (!o)
                return -EBADMSG;
        json_t *status = json_object_get(o, "status");
        a.has_status = status != NULL;
        bool good = get_bool(o, "ok", &a.ok);
        if (good && !a.ok)
                good = get_bool(o, "refused", &a.refused) && get_text(o, "error", a.error, sizeof a.error);
        if (good && a.has_status)
                good = status_from_json(status, &a.status);
        json_decref(o);
        if (!good) {
                snprintf(reason, reason_size, "the answer is not one that this version understands");
                return -EBADMSG;
        }
        *ret = a;
        return 0;
}
