/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/hamonctl/hamonctl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* https://no-color.org: any value but an empty one. */
static bool is_wanted(FILE *to)
{
        const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
        return to == stdout && isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

void colour_begin(FILE *to, const char *severity)
{
        const char *code = strcmp(severity, "critical") == 0 ? "\033[1;31m" : strcmp(severity, "warning") == 0 ? "\033[33m" : strcmp(severity, "ok") == 0 ? "\033[32m" : "";
        if (is_wanted(to))
                fputs(code, to);
}

void colour_end(FILE *to)
{
        if (is_wanted(to))
                fputs("\033[0m", to);
}
