/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/hamonctl/answer.h"

#include <stdlib.h>

const char *answer_text(const json_t *object, const char *key)
{
        const char *s = json_string_value(json_object_get(object, key));
        return s ? s : "";
}

int64_t answer_integer(const json_t *object, const char *key)
{
        return json_integer_value(json_object_get(object, key));
}

uint64_t answer_number(const json_t *object, const char *key)
{
        return strtoull(answer_text(object, key), NULL, 10);
}

double answer_gib(uint64_t bytes)
{
        return (double)bytes / (1 << 30);
}
