/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/owed_text.h"

#include "hamon/api/call.h"
#include "hamon/api/views.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static bool is_owed(const json_t *status, const char *mirror, uint64_t *ret_bytes)
{
        size_t i;
        const json_t *m;
        json_array_foreach(json_object_get(status, "mirrors"), i, m)
        {
                const char *name = json_string_value(json_object_get(m, "name")), *owed = json_string_value(json_object_get(m, "owed_bytes"));
                if (name && strcmp(name, mirror) == 0)
                        return owed && parse_u64(owed, ret_bytes);
        }
        return false;
}

void owed_text(const struct api *a, const char *mirror, uint8_t node, int64_t wall_ms, char ret[OWED_TEXT_SIZE])
{
        static const char *const units[] = {"MiB", "GiB", "TiB"};
        struct views_answer seen;
        uint64_t bytes;
        char clock[32];
        struct tm utc;

        views_get(a->views, node, &seen);
        bool known = is_owed(seen.status, mirror, &bytes);
        views_release(&seen);
        time_t then = (time_t)(wall_ms / 1000 - (int64_t)(seen.age_ms / 1000));
        if (!known || !gmtime_r(&then, &utc) || strftime(clock, sizeof clock, "%Y-%m-%d %H:%M:%S UTC", &utc) == 0) {
                (void)strcpy(ret, "unknown");
                return;
        }
        double size = (double)bytes / (1 << 20);
        unsigned u = 0;
        for (; size >= 1024 && u + 1 < sizeof units / sizeof *units; u++)
                size /= 1024;
        (void)snprintf(ret, OWED_TEXT_SIZE, "up to %.1f %s when %s was last asked, at %s, and what came after that", size, units[u], a->config->voters[node].name, clock); /* fits */
}
