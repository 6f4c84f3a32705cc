/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/json_text.h"

#include <stdbool.h>
#include <stdio.h>

/* Brackets outside of strings. In a text that is no JSON a string may be taken to end elsewhere than jansson sees it end, but jansson goes no further then. */
static bool is_too_deep(const char *text, size_t size_bytes, int *ret_line)
{
        unsigned depth = 0;
        bool in_string = false;

        *ret_line = 1;
        for (size_t i = 0; i < size_bytes; i++) {
                char c = text[i];
                if (in_string && c == '\\')
                        i++;
                else if (c == '"')
                        in_string = !in_string;
                else if (c == '\n')
                        ++*ret_line;
                else if (!in_string && (c == '[' || c == '{') && ++depth > JSON_TEXT_DEPTH_MAX)
                        return true;
                else if (!in_string && (c == ']' || c == '}') && depth > 0)
                        depth--;
        }
        return false;
}

json_t *json_text_load(const char *text, size_t size_bytes, size_t flags, json_error_t *error)
{
        int line;

        if (!is_too_deep(text, size_bytes, &line))
                return json_loadb(text, size_bytes, flags, error);
        if (error) {
                *error = (json_error_t){.line = line, .column = -1, .position = -1};
                (void)snprintf(error->text, sizeof error->text, "nested deeper than %d levels", JSON_TEXT_DEPTH_MAX); /* fits */
        }
        return NULL;
}
