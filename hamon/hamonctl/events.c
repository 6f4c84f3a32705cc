/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `hamonctl events`: what happened, all of it or what one asks for, once or as it comes. */
#include "hamon/hamonctl/hamonctl.h"

#include "net/http_client.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FOLLOW_MS = 500, SINCE_DIGITS_MAX = 9 };

void event_text(const json_t *event, FILE *to)
{
        int64_t wall_ms = (int64_t)(json_number_value(json_object_get(event, "time")) * 1000 + 0.5);
        time_t seconds = (time_t)(wall_ms / 1000);
        struct tm local;
        char clock[32];
        const char *severity = json_string_value(json_object_get(event, "severity"));
        localtime_r(&seconds, &local);
        (void)strftime(clock, sizeof clock, "%F %T", &local); /* fits */
        fprintf(to, "%s.%03d  ", clock, (int)(wall_ms % 1000));
        colour_begin(to, severity && strcmp(severity, "ok") != 0 ? severity : "");
        fprintf(to, "%-18s ", json_string_value(json_object_get(event, "reason")));
        colour_end(to);
        fprintf(to, "%s\n", json_string_value(json_object_get(event, "sentence")));
}

static double wall_s(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* "90s", "10m", "2h", "3d": so long ago, as a time. Or the number of an event, or LOG:NUMBER, which the API understands. False: neither. */
static bool parse_since(const char *text, double *ret_after, char *ret_number, size_t size)
{
        static const struct {
                char letter;
                unsigned seconds;
        } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
        size_t digits = strspn(text, "0123456789");
        *ret_after = 0;
        if (digits > 0 && digits <= SINCE_DIGITS_MAX && text[digits] && !text[digits + 1])
                for (size_t i = 0; i < sizeof units / sizeof *units; i++)
                        if (text[digits] == units[i].letter) {
                                *ret_after = wall_s() - (double)strtoul(text, NULL, 10) * units[i].seconds;
                                return true;
                        }
        const char *colon = strchr(text, ':'), *number = colon ? colon + 1 : text;
        if (!isdigit((unsigned char)*number) || number[strspn(number, "0123456789")] || strlen(text) >= size || (colon && strspn(text, "0123456789abcdef") != (size_t)(colon - text)))
                return false;
        (void)strcpy(ret_number, text);
        return true;
}

/* Drops what is older than `after`. */
static void drop_older(json_t *events, double after)
{
        while (json_array_size(events) > 0 && json_number_value(json_object_get(json_array_get(events, 0), "time")) < after)
                (void)json_array_remove(events, 0);
}

static void show(const struct command_line *c, const json_t *answer)
{
        const json_t *event;
        size_t i;
        if (c->json && !c->follow) {
                out_json(answer);
                return;
        }
        json_array_foreach(json_object_get(answer, "events"), i, event)
                if (c->json)
                        out_json_line(json_incref((json_t *)event));
                else
                        event_text(event, stdout);
}

int verb_events(const struct command_line *c)
{
        char path[512], since[64] = "0", severity[64] = "", mirror[128] = "";
        bool ever = false;
        double after = 0;
        if (c->since && !parse_since(c->since, &after, since, sizeof since)) {
                fprintf(stderr, "hamonctl: --since is a time such as 90s, 10m, 2h or 3d, or the number of an event, not '%.40s'\n", c->since);
                return EXIT_USAGE;
        }
        if ((c->severity && http_encode(c->severity, severity, sizeof severity) < 0) || (c->mirror && http_encode(c->mirror, mirror, sizeof mirror) < 0)) {
                fprintf(stderr, "hamonctl: no severity and no mirror has so long a name\n");
                return EXIT_USAGE;
        }
        for (;;) {
                json_t *answer;
                (void)snprintf(path, sizeof path, "/v1/events?since=%s%s%s%s%s", since, c->severity ? "&severity=" : "", severity, c->mirror ? "&mirror=" : "",
                               mirror); /* fits */
                bool got = call_get(c, path, &answer);
                if (!got && (!c->follow || !ever))
                        return EXIT_REFUSED;
                if (got) {
                        ever = true;
                        drop_older(json_object_get(answer, "events"), after);
                        show(c, answer);
                        (void)snprintf(since, sizeof since, "%s:%s", json_string_value(json_object_get(answer, "log")),
                                       json_string_value(json_object_get(answer, "last"))); /* fits */
                        json_decref(answer);
                }
                if (fflush(stdout) == EOF || !c->follow)
                        return EXIT_DONE;
                const struct timespec pause = {.tv_nsec = FOLLOW_MS * 1000000};
                (void)nanosleep(&pause, NULL);
        }
}
