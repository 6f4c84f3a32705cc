/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What hamon-act tells nbdd about a leg, for the benchmark that has no hamon: registers DEVICE as leg ID and grants it, or takes the grant
 * back and forgets the leg. One thread; blocks for as long as nbdd does.
 *
 *   leg-grant ID DEVICE EPOCH SESSION      leg-grant ID
 */
#include "nbdd/client/nbdd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CALL_MS 30000u

int main(int argc, char **argv)
{
        struct nbdd *n;

        if (argc != 2 && argc != 5) {
                fprintf(stderr, "usage: leg-grant ID [DEVICE EPOCH SESSION]\n");
                return 2;
        }
        int r = nbdd_open(NULL, &n);
        if (r < 0) {
                fprintf(stderr, "leg-grant: cannot use nbdd's control socket: error %d\n", -r);
                return 1;
        }
        uint64_t id = strtoull(argv[1], NULL, 0);
        if (argc == 2) {
                r = nbdd_leg_revoke(n, id, CALL_MS);
                if (r == 0)
                        r = nbdd_export_remove(n, id, CALL_MS);
        } else {
                struct nbdd_export_options o = {.device = argv[2], .id = id, .leg = true};

                r = nbdd_export_add(n, &o, CALL_MS);
                if (r == 0 || r == -EEXIST) /* it is there already, then the grant is for it */
                        r = nbdd_leg_grant(n, id, strtoull(argv[3], NULL, 0), argv[4], NULL, CALL_MS);
        }
        if (r < 0)
                fprintf(stderr, "leg-grant: %s: error %d: %s\n", argv[1], -r, nbdd_error(n));
        nbdd_close(n);
        return r < 0;
}
