/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/service_json.h"

#include "base/text.h"

static json_t *text_or_null(const char *text)
{
        return *text ? json_string(text) : json_null();
}

static json_t *unit_json(const char *unit, const struct unit_seen *seen)
{
        return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "unit", unit, "active", text_or_null(seen->active), "result", text_or_null(seen->result), "ended",
                         text_or_null(seen->ended), "status", *seen->ended ? json_integer(seen->status) : json_null(), "load",
                         text_or_null(seen->load));
}

static json_t *health_json(const struct config_health *c, const struct health_seen *h)
{
        char detail[sizeof h->detail];

        if (!*c->command)
                return json_null();
        return json_pack("{s:s, s:b, s:I, s:I, s:b, s:o, s:o}", "command", c->command, "checked", (int)h->checked, "failures", (json_int_t)h->failures,
                         "allowed", (json_int_t)c->retries, "unhealthy", (int)h->unhealthy, "status", h->checked ? json_integer(h->status) : json_null(),
                         "detail", text_or_null(text_printable(h->detail, detail, sizeof detail)));
}

json_t *service_json(const struct snapshot *s, unsigned mirror)
{
        static const struct service_seen nothing;
        const struct config_service *c = &s->config->mirror[mirror].service;
        const struct service_seen *seen = s->act_ready ? &s->service[mirror] : &nothing;

        if (!c->present)
                return json_null();
        json_t *units = json_array();
        for (unsigned i = 0; i < c->units; i++)
                json_array_append_new(units, unit_json(c->unit[i], &seen->unit[i]));
        return json_pack("{s:o, s:o, s:o, s:o}", "mounted", c->has_mount && s->act_ready ? json_boolean(seen->mounted) : json_null(), "turned_read_only",
                         c->has_mount && s->act_ready ? json_boolean(seen->turned_read_only) : json_null(), "units", units, "health",
                         health_json(&c->health, &seen->health));
}
