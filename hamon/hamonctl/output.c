/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a command prints on stdout: its result, for a person or as JSON. The schemas of what is not the API's are in docs/openapi.yaml, too. */
#include "hamon/hamonctl/hamonctl.h"
#include "hamon/hamonctl/progress.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void out_json(const json_t *j)
{
        progress_end();
        (void)json_dumpf(j, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
        fflush(stdout);
}

void out_json_line(json_t *j)
{
        progress_end();
        (void)json_dumpf(j, stdout, JSON_COMPACT);
        fputc('\n', stdout);
        fflush(stdout);
        json_decref(j);
}

int out_done(const struct command_line *c, json_t *more, const char *format, ...)
{
        char said[1024];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(said, sizeof said, format, args); /* fits */
        va_end(args);
        progress_end();
        if (c->json) {
                json_t *j = json_pack("{s:b, s:s}", "done", 1, "said", said);
                if (more)
                        json_object_update(j, more);
                out_json(j);
                json_decref(j);
        } else {
                printf("%s\n", said);
        }
        json_decref(more);
        return EXIT_DONE;
}

int out_rehearsal(const struct command_line *c, bool ready, const char *said)
{
        if (!c->json) {
                fputs(said, stdout);
                return ready ? EXIT_DONE : EXIT_REFUSED;
        }
        json_t *lines = json_array();
        for (const char *p = said; *p; p += strcspn(p, "\n"), p += *p == '\n')
                json_array_append_new(lines, json_stringn(p, strcspn(p, "\n")));
        json_t *j = json_pack("{s:b, s:o}", "ready", (int)ready, "said", lines);
        out_json(j);
        json_decref(j);
        return ready ? EXIT_DONE : EXIT_REFUSED;
}

bool out_agreed(const struct command_line *c, const char *will, const char *word, int *ret_status)
{
        char line[700];
        if (c->dry_run) {
                (void)snprintf(line, sizeof line, "it would be so: %.600s\n", will);
                *ret_status = out_rehearsal(c, true, line);
                return false;
        }
        *ret_status = EXIT_REFUSED;
        if (c->yes)
                fprintf(stderr, "hamonctl: %s\n", will);
        return c->yes || ask_typed(will, word);
}
