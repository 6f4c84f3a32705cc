/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A monitor in forty lines: what nbdd exports and how it is; exit 1 when something has failed. cc nbdd-list.c $(pkg-config --cflags --libs libnbdd) */
#include <inttypes.h>
#include <nbdd.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
        struct nbdd *n = NULL;
        struct nbdd_export_list list;
        int bad = 0;

        int r = nbdd_open(argc > 1 ? argv[1] : NULL, &n);
        if (r < 0) {
                fprintf(stderr, "nbdd-list: %s\n", strerror(-r));
                return 2;
        }
        if (nbdd_export_list(n, 5000, &list) < 0) {
                fprintf(stderr, "nbdd-list: %s\n", nbdd_error(n));
                nbdd_close(n);
                return 2;
        }
        for (size_t i = 0; i < list.count; i++) {
                const struct nbdd_export *x = &list.exports[i];
                printf("0x%" PRIx64 " %s %s, %u sessions, oldest request %" PRIu64 " ms%s%s\n", x->id, x->device, nbdd_status_text(x->status),
                       x->session_count, x->oldest_request_ms, *x->reason ? ": " : "", x->reason);
                bad |= x->failed || *x->noted;
        }
        nbdd_export_list_release(&list);
        nbdd_close(n);
        return bad;
}
