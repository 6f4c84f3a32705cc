/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hamonctl service: what runs on a mirror. */
#include "hamon/hamonctl/hamonctl.h"

#include <string.h>

int verb_service_restart(const struct command_line *c, const char *mirror)
{
        char path[160];
        if (!mirror_path(path, mirror, "service-restart"))
                return EXIT_USAGE;
        return call_command(c, path, NULL, NULL);
}
