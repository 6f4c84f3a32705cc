/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Strict reading of one JSON object: every member is taken once, by name and type; the first mismatch sticks, and a member that nobody
 * took is a mismatch, too. A decoder is written straight through and asks json_take_end() once.
 *
 * 64-bit numbers are strings in decimal. Pure. Any thread.
 */
#ifndef HAMON_API_JSON_TAKE_H
#define HAMON_API_JSON_TAKE_H

#include "base/id.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_take {
        const json_t *object;
        size_t taken;
        bool bad;
};

/* NULL or a value that is not an object: bad. */
struct json_take json_take_from(const json_t *value);

bool json_take_has(const struct json_take *t, const char *key);
const json_t *json_take_value(struct json_take *t, const char *key); /* NULL: bad */
const char *json_take_string(struct json_take *t, const char *key);  /* "" when bad */
bool json_take_bool(struct json_take *t, const char *key);
uint64_t json_take_u64(struct json_take *t, const char *key);
int64_t json_take_int(struct json_take *t, const char *key, int64_t min, int64_t max);
struct uuid json_take_uuid(struct json_take *t, const char *key);

/* 0, or -EPROTO when anything was missing, of another type, out of range, or not taken. */
int json_take_end(const struct json_take *t);

/* The other direction: values for json_object_set_new(). NULL when out of memory. */
json_t *json_of_u64(uint64_t v);
json_t *json_of_uuid(const struct uuid *u);

#endif
