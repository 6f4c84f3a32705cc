/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hamonctl mirror remove: one mirror goes while the others run on. hamon does it (hamon/api/mirror_remove.c); this says before what it will do, and after it what
 * stays where.
 */
#include "hamon/hamonctl/hamonctl.h"

#include "net/http_client.h"

#include <string.h>

int verb_remove(const struct command_line *c, const char *mirror)
{
        const char *command = c->with_service ? "remove-with-service" : "remove";
        char path[160], encoded[100], question[512];
        if (http_encode(mirror, encoded, sizeof encoded) < 0) {
                fprintf(stderr, "hamonctl: '%.40s...' is too long for the name of a mirror\n", mirror);
                return EXIT_USAGE;
        }
        (void)snprintf(path, sizeof path, "/v1/mirrors/%s", encoded); /* fits */
        if (c->dry_run)
                return rehearse(c, command, mirror);
        (void)snprintf(question, sizeof question, "mirror '%.64s' is stopped for good and forgotten by all machines; what is on its disks stays, as two copies that nobody keeps alike any more",
                       mirror);
        announce(c, command, mirror);
        if (!c->yes && !ask_typed(question, mirror))
                return EXIT_REFUSED;
        json_t *body = json_pack("{s:b, s:b, s:b}", "confirm", 1, "with_service", (int)c->with_service, "accept_warnings", (int)c->yes);
        if (c->without)
                json_object_set_new(body, "without", config_names(c->without));
        int r = config_change(c, "DELETE", path, path, body);
        if (r == EXIT_DONE && !c->json)
                printf("%s is removed; its disks keep what is on them: hamon-rescue reads it, wipefs or a new mirror destroys it\n", mirror);
        return r;
}
