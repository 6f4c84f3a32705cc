/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The admin command. See admin.h. */
#include "nbdd/admin.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "nbdd/client/nbdd.h"

#define QUERY_TIMEOUT_MS 10000u
#define DRAIN_TIMEOUT_MS 86400000u /* a stop returns when it is done: a day is "as long as it takes" */

static int failed(struct nbdd *n)
{
        (void)fprintf(stderr, "nbdd: %s\n", nbdd_error(n));
        return ADMIN_EXIT_REFUSED;
}

/* The export that -i or -d names, from the list; NULL when there is none. */
static const struct nbdd_export *find(const struct nbdd_export_list *list, const struct admin_options *o)
{
        for (size_t i = 0; i < list->count; i++) {
                const struct nbdd_export *x = &list->exports[i];
                if ((!o->has_id || x->id == o->id) && (!o->device || strcmp(x->device, o->device) == 0))
                        return x;
        }
        return NULL;
}

/* ---- list ---- */

struct widths {
        int device, id;
};

static void print_row(const struct widths *w, const char *device, const char *id, const char *status, const char *reason)
{
        if (*reason)
                (void)printf("%-*s  %-*s  %-9s  %s\n", w->device, device, w->id, id, status, reason);
        else
                (void)printf("%-*s  %-*s  %s\n", w->device, device, w->id, id, status);
}

static void print_table(const struct nbdd_export *const *rows, size_t count)
{
        struct widths w = {(int)strlen("Export_device"), 2};
        char id[EXPORT_ID_TEXT_SIZE];

        for (size_t i = 0; i < count; i++) {
                export_id_format(rows[i]->id, id);
                if ((int)strlen(rows[i]->device) > w.device)
                        w.device = (int)strlen(rows[i]->device);
                if ((int)strlen(id) > w.id)
                        w.id = (int)strlen(id);
        }
        print_row(&w, "Export_device", "ID", "Status", "Reason");
        for (size_t i = 0; i < count; i++) {
                export_id_format(rows[i]->id, id);
                print_row(&w, rows[i]->device, rows[i]->id ? id : "-", nbdd_status_text(rows[i]->status), rows[i]->reason);
        }
}

static int print_json(struct nbdd *n, const struct nbdd_export *one, const struct admin_options *o)
{
        char path[64] = "/v1/exports", id[EXPORT_ID_TEXT_SIZE], *text = NULL;
        bool named = o->has_id || o->device;

        if (named && !one) {
                json_t *undefined = json_pack("{s:s, s:s, s:s}", "device", o->device ? o->device : "", "status", "UNDEFINED", "reason",
                                              "not exported");
                if (o->has_id) {
                        export_id_format(o->id, id);
                        (void)json_object_set_new(undefined, "id", json_string(id));
                }
                json_t *root = json_pack("{s:[o]}", "exports", undefined);
                (void)json_dumpf(root, stdout, JSON_INDENT(2));
                (void)putchar('\n');
                json_decref(root);
                return ADMIN_EXIT_UNDEFINED;
        }
        if (named) {
                export_id_format(one->id, id);
                (void)snprintf(path, sizeof path, "/v1/exports/%s", id);
        }
        if (o->stats)
                (void)strcat(path, "?stats=true");
        if (nbdd_call(n, "GET", path, NULL, QUERY_TIMEOUT_MS, &text) < 0)
                return failed(n);
        if (named)
                (void)printf("{\"exports\": [%s]}\n", text);
        else
                (void)printf("%s\n", text);
        free(text);
        return 0;
}

static int list(struct nbdd *n, const struct admin_options *o)
{
        struct nbdd_export_list l;
        int exit_code = 0;

        if (nbdd_export_list(n, QUERY_TIMEOUT_MS, &l) < 0)
                return failed(n);
        bool named = o->has_id || o->device;
        const struct nbdd_export *one = named ? find(&l, o) : NULL;
        if (o->json) {
                exit_code = print_json(n, one, o);
        } else if (o->stats && (one || !named)) {
                exit_code = admin_print_stats(n, one ? one->id : 0);
        } else if (named) {
                struct nbdd_export nobody = {.id = o->has_id ? o->id : 0,
                                             .device = (char *)(o->device ? o->device : "-"),
                                             .reason = (char *)"not exported"};
                const struct nbdd_export *row = one ? one : &nobody;
                print_table(&row, 1);
                exit_code = one ? 0 : ADMIN_EXIT_UNDEFINED;
        } else {
                const struct nbdd_export **rows = calloc(l.count + 1, sizeof *rows);
                for (size_t i = 0; rows && i < l.count; i++)
                        rows[i] = &l.exports[i];
                if (rows)
                        print_table(rows, l.count);
                free(rows);
        }
        nbdd_export_list_release(&l);
        return exit_code;
}

/* ---- commands ---- */

static int define(struct nbdd *n, const struct admin_options *o)
{
        struct nbdd_export_options x = {.device = o->device,
                                        .id = o->id,
                                        .read_only = o->read_only,
                                        .offset_bytes = o->offset_bytes,
                                        .size_bytes = o->size_bytes,
                                        .writers = o->writers,
                                        .allow = o->allow,
                                        .aliases = o->aliases,
                                        .description = o->description,
                                        .hidden = o->hidden};

        return nbdd_export_add(n, &x, QUERY_TIMEOUT_MS) < 0 ? failed(n) : 0;
}

static int change(struct nbdd *n, const struct admin_options *o)
{
        struct nbdd_export_change x = {.writers = o->writers,
                                       .allow = o->allow,
                                       .aliases = o->aliases,
                                       .description = o->description,
                                       .device = o->device,
                                       .hidden = o->has_hidden ? &o->hidden : NULL,
                                       .read_only = o->has_read_only ? &o->read_only : NULL,
                                       .offset_bytes = o->has_offset ? &o->offset_bytes : NULL,
                                       .size_bytes = o->has_size ? &o->size_bytes : NULL};

        return nbdd_export_change(n, o->id, &x, QUERY_TIMEOUT_MS) < 0 ? failed(n) : 0;
}

/* ---- sessions ---- */

static int sessions(struct nbdd *n, const struct admin_options *o)
{
        struct nbdd_session *list = NULL;
        size_t count = 0;
        char *text = NULL, id[EXPORT_ID_TEXT_SIZE];

        if (o->json) {
                if (nbdd_call(n, "GET", o->stats ? "/v1/sessions?stats=true" : "/v1/sessions", NULL, QUERY_TIMEOUT_MS, &text) < 0)
                        return failed(n);
                (void)printf("%s\n", text);
                free(text);
                return 0;
        }
        if (nbdd_session_list(n, QUERY_TIMEOUT_MS, &list, &count) < 0)
                return failed(n);
        (void)printf("%-8s  %-24s  %-18s  %-9s  %-4s  %10s  %14s  %14s  %s\n", "Session", "Client", "Export", "State", "Mode", "Requests", "Read_bytes",
                     "Written_bytes", "TLS");
        for (size_t i = 0; i < count; i++) {
                export_id_format(list[i].export_id, id);
                (void)printf("%-8" PRIu64 "  %-24s  %-18s  %-9s  %-4s  %10" PRIu64 "  %14" PRIu64 "  %14" PRIu64 "  %s\n", list[i].number,
                             list[i].address, list[i].export_id ? id : "-", list[i].state, !list[i].export_id ? "-" : list[i].read_only ? "ro" : "rw",
                             list[i].requests, list[i].read_bytes, list[i].written_bytes,
                             *list[i].identity ? list[i].identity : list[i].tls ? "yes" : "-");
        }
        free(list);
        return 0;
}

static int kick(struct nbdd *n, const struct admin_options *o)
{
        return nbdd_session_kick(n, o->session, QUERY_TIMEOUT_MS) < 0 ? failed(n) : 0;
}

/* Commands work by id; -d is looked up. */
static int resolve(struct nbdd *n, const struct admin_options *o, uint64_t *ret_id)
{
        struct nbdd_export_list l;

        if (o->has_id && !o->device) {
                *ret_id = o->id;
                return 0;
        }
        if (nbdd_export_list(n, QUERY_TIMEOUT_MS, &l) < 0)
                return failed(n);
        const struct nbdd_export *x = find(&l, o);
        if (x)
                *ret_id = x->id;
        else if (o->has_id)
                (void)fprintf(stderr, "nbdd: \"%s\" is not exported with that id\n", o->device);
        else
                (void)fprintf(stderr, "nbdd: \"%s\" is not exported\n", o->device);
        nbdd_export_list_release(&l);
        return x ? 0 : ADMIN_EXIT_REFUSED;
}

static int command(struct nbdd *n, const struct admin_options *o)
{
        uint64_t id;
        int r = resolve(n, o, &id);

        if (r != 0)
                return r;
        switch (o->verb) {
        case ADMIN_REMOVE:
                r = nbdd_export_remove(n, id, QUERY_TIMEOUT_MS);
                break;
        case ADMIN_START:
                r = nbdd_export_start(n, id, DRAIN_TIMEOUT_MS);
                break;
        case ADMIN_REVOKE:
                r = nbdd_leg_revoke(n, id, DRAIN_TIMEOUT_MS);
                break;
        case ADMIN_STOP:
                r = nbdd_export_stop(n, id, DRAIN_TIMEOUT_MS);
                break;
        default:
                r = nbdd_export_clear(n, id, QUERY_TIMEOUT_MS);
                break;
        }
        return r < 0 ? failed(n) : 0;
}

static int configure(struct nbdd *n, const struct admin_options *o)
{
        unsigned maxconnect;

        if (o->has_maxconnect)
                return nbdd_limits_set(n, QUERY_TIMEOUT_MS, o->maxconnect) < 0 ? failed(n) : 0;
        if (nbdd_limits_get(n, QUERY_TIMEOUT_MS, &maxconnect) < 0)
                return failed(n);
        if (o->json)
                (void)printf("{\"maxconnect\": %u}\n", maxconnect);
        else
                (void)printf("maxconnect %u\n", maxconnect);
        return 0;
}

int admin_run(const struct admin_options *o)
{
        struct nbdd *n = NULL;
        int r = nbdd_open(o->socket, &n), exit_code;

        if (r < 0) {
                (void)fprintf(stderr, "nbdd: cannot use the control socket \"%s\": %s\n", o->socket, strerror(-r));
                return ADMIN_EXIT_REFUSED;
        }
        nbdd_set_force(n, o->force);
        switch (o->verb) {
        case ADMIN_LIST:
                exit_code = list(n, o);
                break;
        case ADMIN_DEFINE:
                exit_code = define(n, o);
                break;
        case ADMIN_CHANGE:
                exit_code = change(n, o);
                break;
        case ADMIN_RELOAD:
                exit_code = nbdd_reload(n, DRAIN_TIMEOUT_MS) < 0 ? failed(n) : 0;
                break;
        case ADMIN_SESSIONS:
                exit_code = sessions(n, o);
                break;
        case ADMIN_KICK:
                exit_code = kick(n, o);
                break;
        case ADMIN_CONFIGURE:
                exit_code = configure(n, o);
                break;
        default:
                exit_code = command(n, o);
                break;
        }
        nbdd_close(n);
        return exit_code;
}
