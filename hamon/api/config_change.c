/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/config_change.h"

#include "hamon/api/conceal.h"
#include "hamon/api/json_take.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
        STEP_TIMEOUT_MS = 4000,
};

bool change_is_part(const struct config_change *c, unsigned voter)
{
        size_t i;
        const json_t *name;
        json_array_foreach(c->without, i, name)
                if (strcmp(json_string_value(name), change_name_of(c, voter)) == 0)
                        return false;
        return c->a->config->voters[voter].links > 0;
}

unsigned change_count(const json_t *findings, const char *severity)
{
        unsigned n = 0;
        size_t i;
        const json_t *f;
        json_array_foreach(findings, i, f)
                n += strcmp(json_string_value(json_object_get(f, "severity")), severity) == 0;
        return n;
}

int change_ask(const struct config_change *c, unsigned voter, json_t *body, struct forward_answer *ret, char *error, size_t size)
{
        const struct forward_request r = {.to = (uint8_t)voter, .method = "POST", .target = "/v1/config/step", .body = body, .access = ACCESS_OPERATOR, .who = "hamon",
                                          .timeout_ms = STEP_TIMEOUT_MS};
        int e = body ? forward_call(c->a, &r, ret, error, size) : -ENOMEM;
        json_decref(body);
        return e;
}

json_t *change_step(const struct config_change *c, const char *what, bool with_text)
{
        char *concealed = with_text ? conceal(c->a->config->key_file, c->next.text ? c->next.text : c->text) : NULL;
        json_t *j = with_text && !concealed ? NULL
                                            : json_pack("{s:s, s:o, s:s, s:s, s:s*}", "step", what, "version", json_of_u64(c->next.version), "hash", c->next.hash, "by",
                                                        change_name_of(c, c->a->self), "concealed", concealed);
        free(concealed);
        return j;
}
