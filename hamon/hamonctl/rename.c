/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hamonctl mirror rename: hamon does it (hamon/api/mirror_rename.c), as a change of the configuration of all machines. */
#include "hamon/hamonctl/hamonctl.h"

#include "net/http_client.h"

#include <string.h>

int verb_rename(const struct command_line *c, const char *mirror, const char *name)
{
        char path[160], encoded[100];
        if (http_encode(mirror, encoded, sizeof encoded) < 0) {
                fprintf(stderr, "hamonctl: '%.40s...' is too long for the name of a mirror\n", mirror);
                return EXIT_USAGE;
        }
        (void)snprintf(path, sizeof path, "/v1/mirrors/%s/rename", encoded); /* fits */
        json_t *body = json_pack("{s:s, s:b}", "name", name, "accept_warnings", (int)(c->yes && !c->dry_run));
        if (c->without)
                json_object_set_new(body, "without", config_names(c->without));
        if (!c->dry_run)
                return config_change(c, "POST", path, "/v1/config", body);
        json_object_set_new(body, "check", json_true());
        return config_rehearse(c, path, body);
}
