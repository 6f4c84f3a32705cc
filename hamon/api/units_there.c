/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/units_there.h"

#include "base/text.h"
#include "hamon/api/snapshot.h"
#include "hamon/api/views.h"

#include <string.h>

static bool is_missing(const char *load)
{
        return *load && strcmp(load, "loaded") != 0;
}

static bool miss_here(const struct snapshot *s, unsigned mirror, char *ret_unit, size_t size)
{
        const struct config_service *c = &s->config->mirror[mirror].service;

        for (unsigned i = 0; s->act_ready && i < c->units; i++)
                if (is_missing(s->service[mirror].unit[i].load)) {
                        (void)text_printable(c->unit[i], ret_unit, size);
                        return true;
                }
        return false;
}

/* `status`: of the other node. */
static bool miss_there(const json_t *status, const char *mirror, char *ret_unit, size_t size)
{
        const json_t *unit, *units = json_object_get(json_object_get(status_mirror(status, mirror), "service"), "units");
        size_t i;

        json_array_foreach(units, i, unit)
        {
                const char *load = json_string_value(json_object_get(unit, "load")), *name = json_string_value(json_object_get(unit, "unit"));
                if (!load || !name || !is_missing(load))
                        continue;
                (void)text_printable(name, ret_unit, size);
                return true;
        }
        return false;
}

bool units_there_miss(const struct api *a, const struct snapshot *s, unsigned mirror, uint8_t node, char *ret_unit, size_t size)
{
        const uint32_t group = config_group(s->config, mirror) | UINT32_C(1) << mirror;
        struct views_answer seen = {.status = NULL};
        bool found = false;

        if (node != s->self)
                views_get(a->views, node, &seen);
        bool fresh = seen.status && seen.age_ms < VIEWS_FRESH_MS;
        for (unsigned m = 0; !found && m < s->config->mirrors; m++)
                if (group & UINT32_C(1) << m)
                        found = node == s->self ? miss_here(s, m, ret_unit, size) : fresh && miss_there(seen.status, s->config->mirror[m].name, ret_unit, size);
        if (node != s->self)
                views_release(&seen);
        return found;
}
