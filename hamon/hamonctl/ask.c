/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/hamonctl/hamonctl.h"
#include "hamon/hamonctl/progress.h"

#include <string.h>
#include <unistd.h>

bool ask_typed(const char *question, const char *word)
{
        char line[256];
        progress_end();
        if (!isatty(STDIN_FILENO)) {
                fprintf(stderr, "hamonctl: %s; this needs consent: type it on a terminal, or give --yes\n", question);
                return false;
        }
        fprintf(stderr, "%s.\nType '%s' to go on: ", question, word);
        if (!fgets(line, sizeof line, stdin))
                line[0] = '\0';
        line[strcspn(line, "\r\n")] = '\0';
        if (strcmp(line, word) == 0)
                return true;
        fprintf(stderr, "hamonctl: nothing was changed\n");
        return false;
}
