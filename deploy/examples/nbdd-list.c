/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A monitor in sixty lines: what nbdd exports, who uses it and how it is; exit 1 when something has failed. cc nbdd-list.c $(pkg-config --cflags --libs libnbdd) */
#include <inttypes.h>
#include <nbdd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 5000

static void print_work(const struct nbdd_stats *s)
{
        printf("%" PRIu64 " reads, %" PRIu64 " writes, %" PRIu64 " flushes, oldest request %" PRIu64 " ms", s->kinds[NBDD_READ].operations,
               s->kinds[NBDD_WRITE].operations, s->kinds[NBDD_FLUSH].operations, s->oldest_request_ms);
}

static int print_all(struct nbdd *n)
{
        struct nbdd_export_list list;
        struct nbdd_session *sessions;
        struct nbdd_stats stats;
        size_t count;
        int bad = 0;

        if (nbdd_export_list(n, TIMEOUT_MS, &list) < 0)
                return -1;
        for (size_t i = 0; i < list.count; i++) {
                const struct nbdd_export *x = &list.exports[i];
                printf("0x%" PRIx64 " %s %s, %u sessions%s%s\n", x->id, x->device, nbdd_status_text(x->status), x->session_count,
                       *x->reason ? ": " : "", x->reason);
                if (nbdd_export_stats(n, x->id, TIMEOUT_MS, &stats) == 0) { /* else it was removed meanwhile */
                        printf("  ");
                        print_work(&stats);
                        printf(", %" PRIu64 " disk errors\n", stats.disk_errors);
                }
                bad |= x->failed || *x->noted;
        }
        nbdd_export_list_release(&list);
        if (nbdd_session_list(n, TIMEOUT_MS, &sessions, &count) < 0)
                return -1;
        for (size_t i = 0; i < count; i++) {
                if (nbdd_session_stats(n, sessions[i].number, TIMEOUT_MS, &stats) < 0)
                        continue;
                printf("session %" PRIu64 " of %s%s%s: ", sessions[i].number, sessions[i].address, *sessions[i].identity ? ", " : "",
                       sessions[i].identity);
                print_work(&stats);
                printf("\n");
        }
        free(sessions);
        return bad;
}

int main(int argc, char **argv)
{
        struct nbdd *n = NULL;

        int r = nbdd_open(argc > 1 ? argv[1] : NULL, &n);
        if (r < 0) {
                fprintf(stderr, "nbdd-list: %s\n", strerror(-r));
                return 2;
        }
        r = print_all(n);
        if (r < 0)
                fprintf(stderr, "nbdd-list: %s\n", nbdd_error(n));
        nbdd_close(n);
        return r < 0 ? 2 : r;
}
