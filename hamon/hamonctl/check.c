/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `hamonctl check`: GET /v1/status as one line for monitoring: the most urgent reason decides. */
#include "hamon/hamonctl/answer.h"
#include "hamon/hamonctl/hamonctl.h"

#include <string.h>

enum { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN, LOOP_STUCK_MS = 10000 };

static int level_of(const json_t *reason)
{
        const char *severity = answer_text(reason, "severity");
        if (strcmp(severity, "critical") == 0)
                return CHECK_CRITICAL;
        if (strcmp(severity, "warning") == 0)
                return CHECK_WARNING;
        return strcmp(severity, "ok") == 0 || strcmp(severity, "info") == 0 ? CHECK_OK : CHECK_UNKNOWN;
}

/* A mirror that nobody can use is critical, whatever the cause is called. */
static int level_of_mirror(const json_t *mirror)
{
        if (json_is_object(json_object_get(mirror, "maintenance")))
                return CHECK_OK; /* somebody is at work there, and for how long is shown */
        const char *health = answer_text(mirror, "health");
        int level = level_of(json_object_get(mirror, "reason"));
        return level == CHECK_WARNING && (strcmp(health, "down") == 0 || strcmp(health, "frozen") == 0) ? CHECK_CRITICAL : level;
}

int check_text(const json_t *status, FILE *to)
{
        static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
        size_t i;
        const json_t *item, *worst = NULL;
        int level = CHECK_OK;
        if (json_integer_value(json_object_get(status, "age_ms")) > LOOP_STUCK_MS) {
                fprintf(to, "HAMON UNKNOWN - hamon's loop does not turn\n");
                return CHECK_UNKNOWN;
        }
        json_array_foreach(json_object_get(status, "mirrors"), i, item)
        {
                const json_t *reason = json_object_get(item, "reason");
                if (!worst || level_of_mirror(item) > level) {
                        worst = reason;
                        level = level_of_mirror(item);
                }
        }
        json_array_foreach(json_object_get(status, "reasons"), i, item)
                if (!worst || level_of(item) > level) {
                        worst = item;
                        level = level_of(item);
                }
        json_array_foreach(json_object_get(json_object_get(status, "packets"), "refused"), i, item)
                if (level < CHECK_WARNING && json_integer_value(json_object_get(item, "last_ms_ago")) < REFUSED_SHOWN_MS) {
                        worst = item;
                        level = CHECK_WARNING;
                }
        fprintf(to, "HAMON %s - %s", words[level], worst ? answer_text(worst, "sentence") : "no mirror is configured");
        json_array_foreach(json_object_get(status, "mirrors"), i, item)
                if (json_is_object(json_object_get(item, "maintenance")))
                        fprintf(to, "; %s is in maintenance for %lld min", answer_text(item, "name"),
                                (long long)json_integer_value(json_object_get(json_object_get(item, "maintenance"), "left_s")) / 60);
        fputc('\n', to);
        return level;
}
