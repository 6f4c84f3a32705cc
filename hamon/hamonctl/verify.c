/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `hamonctl mirror verify`: begins and steers the comparison of both legs. It may take hours: only --timeout makes the command wait for it. */
#include "hamon/hamonctl/hamonctl.h"

#include "base/text.h"
#include "hamon/verify/run.h"
#include "net/http_client.h"

#include <string.h>

int verb_verify(const struct command_line *c)
{
        const char *action = c->words[2], *mirror = c->words[3];
        int wish = verify_wish_by_word(action);
        char encoded[100], path[160];
        if (wish < 0) {
                fprintf(stderr, "hamonctl: a verify can be started (start), paused (pause), resumed (resume) and cancelled (cancel), not: %s\n",
                        text_printable(action, encoded, sizeof encoded));
                return EXIT_USAGE;
        }
        if ((c->for_s && wish != VERIFY_PAUSE) || (c->dry_run && wish != VERIFY_START)) {
                fprintf(stderr, "hamonctl: %s\n", c->for_s ? "--for is for a pause" : "--dry-run is for start");
                return EXIT_USAGE;
        }
        if (http_encode(mirror, encoded, sizeof encoded) < 0) {
                fprintf(stderr, "hamonctl: '%.40s...' is too long for the name of a mirror\n", mirror);
                return EXIT_USAGE;
        }
        if (c->dry_run)
                return rehearse(c, "verify", mirror);
        (void)snprintf(path, sizeof path, "/v1/mirrors/%s/verify", encoded); /* fits */
        json_t *body = json_pack("{s:s}", "action", action);
        if (c->for_s)
                json_object_set_new(body, "for_s", json_integer((json_int_t)c->for_s));
        if (wish == VERIFY_START && !c->timeout_given)
                return call_begin(c, path, body, "the verify has begun: hamonctl status shows how far it is and what it finds");
        return call_command(c, path, body, NULL);
}
