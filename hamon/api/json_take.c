/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/json_take.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct json_take json_take_from(const json_t *value)
{
        return (struct json_take){.object = value, .bad = !json_is_object(value)};
}

bool json_take_has(const struct json_take *t, const char *key)
{
        return !t->bad && json_object_get(t->object, key) != NULL;
}

const json_t *json_take_value(struct json_take *t, const char *key)
{
        const json_t *v = t->bad ? NULL : json_object_get(t->object, key);
        if (!v)
                t->bad = true;
        else
                t->taken++;
        return v;
}

const char *json_take_string(struct json_take *t, const char *key)
{
        const char *s = json_string_value(json_take_value(t, key));
        if (!s)
                t->bad = true;
        return s ? s : "";
}

bool json_take_bool(struct json_take *t, const char *key)
{
        const json_t *v = json_take_value(t, key);
        if (!json_is_boolean(v))
                t->bad = true;
        return json_is_true(v);
}

uint64_t json_take_u64(struct json_take *t, const char *key)
{
        const char *s = json_take_string(t, key);
        char *end = NULL;
        errno = 0;
        uint64_t v = strtoull(s, &end, 10);
        if (*s < '0' || *s > '9' || errno != 0 || *end != '\0') {
                t->bad = true;
                return 0;
        }
        return v;
}

int64_t json_take_int(struct json_take *t, const char *key, int64_t min, int64_t max)
{
        const json_t *v = json_take_value(t, key);
        int64_t n = json_integer_value(v);
        if (!json_is_integer(v) || n < min || n > max) {
                t->bad = true;
                return min;
        }
        return n;
}

struct uuid json_take_uuid(struct json_take *t, const char *key)
{
        struct uuid u = {0};
        if (uuid_parse(json_take_string(t, key), &u) < 0)
                t->bad = true;
        return u;
}

int json_take_end(const struct json_take *t)
{
        return t->bad || t->taken != json_object_size(t->object) ? -EPROTO : 0;
}

json_t *json_of_u64(uint64_t v)
{
        char text[24];
        (void)snprintf(text, sizeof text, "%" PRIu64, v); /* fits */
        return json_string(text);
}

json_t *json_of_uuid(const struct uuid *u)
{
        char text[UUID_TEXT_SIZE];
        uuid_format(u, text);
        return json_string(text);
}
