/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/problem.h"

#include <stdio.h>

#define PROBLEM_TEXT_MAX 1024

/* Details quote what a client sent, and that may be any bytes. */
static json_t *text_new(const char *text)
{
        char ascii[PROBLEM_TEXT_MAX];
        size_t n = 0;
        json_t *j = json_string(text);

        if (j)
                return j;
        for (; text[n] && n + 1 < sizeof ascii; n++)
                ascii[n] = (unsigned char)text[n] < 0x20 || (unsigned char)text[n] >= 0x7f ? '?' : text[n];
        ascii[n] = '\0';
        return json_string(ascii);
}

json_t *problem_new(unsigned status, const char *code, const char *title, const char *detail, const char *next)
{
        char type[128];

        snprintf(type, sizeof type, "urn:nbdd:problem:%s", code);
        json_t *p = json_object();
        int r = json_object_set_new(p, "type", json_string(type));
        r |= json_object_set_new(p, "title", text_new(title));
        r |= json_object_set_new(p, "status", json_integer(status));
        r |= json_object_set_new(p, "code", json_string(code));
        if (detail)
                r |= json_object_set_new(p, "detail", text_new(detail));
        if (next)
                r |= json_object_set_new(p, "next", text_new(next));
        if (r != 0) {
                json_decref(p);
                return NULL;
        }
        return p;
}

const char *problem_text(const json_t *problem)
{
        const char *detail = json_string_value(json_object_get(problem, "detail"));

        return detail ? detail : json_string_value(json_object_get(problem, "title"));
}

const char *problem_code(const json_t *problem)
{
        const char *code = json_string_value(json_object_get(problem, "code"));

        return code ? code : "";
}
