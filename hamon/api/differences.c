/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/differences.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { WHAT_SIZE = 256, TEXT_SIZE = 256, DEPTH_MAX = 6 };

static void put_text(const json_t *value, char *ret, size_t size)
{
        const json_t *one;
        size_t i, used;
        *ret = '\0';
        if (json_is_string(value))
                (void)snprintf(ret, size, "%s", json_string_value(value)); /* a longer one is cut, here and below */
        else if (json_is_integer(value))
                (void)snprintf(ret, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else if (json_is_boolean(value))
                (void)snprintf(ret, size, "%s", json_is_true(value) ? "yes" : "no");
        json_array_foreach(value, i, one)
        {
                used = strlen(ret);
                (void)snprintf(ret + used, size - used, "%s", i ? ", " : "");
                used = strlen(ret);
                put_text(one, ret + used, size - used);
        }
}

static const char *name_of(const json_t *value)
{
        return json_string_value(json_object_get(value, "name"));
}

/* [{"name": "data", ...}] as {"data": ...}; else the value itself. A new reference. */
static json_t *by_name(const json_t *value)
{
        json_t *named = json_object();
        const json_t *one;
        size_t i;
        json_array_foreach(value, i, one)
        {
                json_t *rest = name_of(one) ? json_copy((json_t *)one) : NULL; /* jansson's copies take no const */
                if (!rest) {
                        json_decref(named);
                        return json_incref((json_t *)value);
                }
                (void)json_object_del(rest, "name");
                json_object_set_new(named, name_of(one), rest);
        }
        if (json_array_size(value) > 0)
                return named;
        json_decref(named);
        return json_incref((json_t *)value);
}

/* "mirrors" "data" "devices" "node-b" -> "mirror data: devices node-b" */
static void put_what(const char *path, const char *key, bool names_follow, bool is_name, char ret[WHAT_SIZE])
{
        size_t n = strlen(key);
        int cut = (int)(names_follow && n > 1 && key[n - 1] == 's' ? n - 1 : n);
        (void)snprintf(ret, WHAT_SIZE, "%s%s%.*s%s", path, *path && path[strlen(path) - 1] != ' ' ? " " : "", cut, key, is_name ? ": " : "");
        for (char *c = ret; *c; c++)
                if (*c == '_')
                        *c = ' ';
}

static void walk(json_t *list, const json_t *said, const char *path, bool names, unsigned depth);

static json_t *texts(const json_t *said)
{
        json_t *row = json_object();
        const json_t *value;
        const char *who;
        json_object_foreach((json_t *)said, who, value)
        {
                char text[TEXT_SIZE];
                put_text(value, text, sizeof text);
                json_object_set_new(row, who, json_string(json_is_object(value) ? "there" : *text ? text : "none"));
        }
        return row;
}

/* Those that do not have it are told apart from those that have null. */
static void walk_member(json_t *list, const json_t *said, const char *path, const char *key, bool names, unsigned depth)
{
        json_t *inner = json_object(), *first = NULL, *value;
        const char *who;
        bool missing = false, objects = true, arrays = false, differ = false;
        char what[WHAT_SIZE];
        json_object_foreach((json_t *)said, who, value)
        {
                const json_t *member = json_object_get(value, key);
                if (!member) {
                        missing = true;
                        continue;
                }
                json_t *plain = by_name(member);
                arrays = arrays || (json_is_array(member) && json_is_object(plain));
                objects = objects && json_is_object(plain);
                differ = differ || (first && !json_equal(first, plain));
                first = first ? first : plain;
                json_object_set_new(inner, who, plain);
        }
        put_what(path, key, arrays, names, what);
        if (objects && !missing && differ && depth < DEPTH_MAX) {
                walk(list, inner, what, arrays, depth + 1);
        } else if ((differ || missing) && json_array_size(list) < DIFFERENCES_MAX) {
                json_t *row = texts(inner);
                json_object_foreach((json_t *)said, who, value)
                        if (!json_object_get(row, who))
                                json_object_set_new(row, who, json_null());
                size_t n = strlen(what);
                while (n > 0 && (what[n - 1] == ' ' || what[n - 1] == ':'))
                        what[--n] = '\0';
                json_array_append_new(list, json_pack("{s:s, s:o}", "what", what, "said", row));
        }
        json_decref(inner);
}

static void walk(json_t *list, const json_t *said, const char *path, bool names, unsigned depth)
{
        json_t *keys = json_object(), *value, *member;
        const char *who, *key;
        json_object_foreach((json_t *)said, who, value)
                json_object_foreach(value, key, member)
                        json_object_set_new(keys, key, json_null());
        json_object_foreach(keys, key, member)
                walk_member(list, said, path, key, names, depth);
        json_decref(keys);
}

json_t *differences(const json_t *said, const char *whole)
{
        json_t *list = json_array(), *value;
        const char *who;
        bool objects = true;
        json_object_foreach((json_t *)said, who, value)
                objects = objects && json_is_object(value);
        if (objects)
                walk(list, said, "", false, 0);
        else
                json_array_append_new(list, json_pack("{s:s, s:o}", "what", whole, "said", texts(said)));
        return list;
}
