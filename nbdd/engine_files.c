/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine's two files: the export table and the grants (store.h). Everything here blocks on the disk and is called without the lock. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/statefile.h"
#include "nbdd/engine_internal.h"

/* ---- writing ---- */

/* Under lock: what the table file is to say. Strings are the exports' own: only valid under lock. */
int engine_view_table(struct engine *e, struct stored_table *ret)
{
        struct stored_table t = {.exports = calloc(e->export_count + 1, sizeof *t.exports)};

        if (!t.exports)
                return -ENOMEM;
        for (unsigned i = 0; i < LIMIT_COUNT; i++)
                t.limits.value[i] = e->limits[i];
        list_each(x, &e->exports, struct export, link) {
                if (x->leaving)
                        continue;
                t.exports[t.count++] = (struct stored_export){
                    .id = x->id,
                    .kind = x->kind,
                    .device = x->device,
                    .owner = x->owner,
                    .failed = x->failed ? x->failed : (char *)"",
                    .noted = x->noted ? x->noted : (char *)"",
                    .declared = x->declared,
                    .settings = x->settings,
                    .read_only = x->read_only,
                    .started = x->started,
                    .offset_bytes = x->offset_bytes,
                    .size_bytes = x->size_bytes,
                    .epoch_seen = x->epoch_seen,
                    .leg_uuid = x->leg_uuid,
                };
        }
        *ret = t;
        return 0;
}

static char *encode_table(struct engine *e)
{
        struct stored_table t;

        if (engine_view_table(e, &t) < 0)
                return NULL;
        char *text = store_encode_table(&t);
        free(t.exports);
        return text;
}

int engine_save_table(struct engine *e)
{
        (void)pthread_mutex_lock(&e->store_lock);
        (void)pthread_mutex_lock(&e->lock);
        char *text = encode_table(e);
        list_each(x, &e->exports, struct export, link)
                x->epoch_saving = x->epoch_seen;
        (void)pthread_mutex_unlock(&e->lock);

        int r = text ? store_write_text(e->table_path, text) : -ENOMEM;
        free(text);

        (void)pthread_mutex_lock(&e->lock);
        if (r == 0)
                list_each(y, &e->exports, struct export, link)
                        y->epoch_durable = y->epoch_saving;
        (void)pthread_mutex_unlock(&e->lock);
        (void)pthread_mutex_unlock(&e->store_lock);
        return r;
}

int engine_save_grants(struct engine *e)
{
        (void)pthread_mutex_lock(&e->store_lock);
        (void)pthread_mutex_lock(&e->lock);
        struct stored_grants g = {.grants = calloc(e->export_count + 1, sizeof *g.grants)};
        list_each(x, &e->exports, struct export, link) {
                if (!x->granted || x->failed || !g.grants) /* a restart that has forgotten the failure must not go on either */
                        continue;
                struct stored_grant *one = &g.grants[g.count++];
                *one = (struct stored_grant){.id = x->id, .epoch = x->epoch, .session = x->session, .boot_id = e->boot_id, .trim = x->trims};
                (void)snprintf(one->attachment, sizeof one->attachment, "%s",
                               x->target ? x->target->attachment : x->expected_attachment);
        }
        (void)pthread_mutex_unlock(&e->lock);

        int r = g.grants ? store_write_grants(e->grants_path, &g) : -ENOMEM;
        stored_grants_release(&g);
        (void)pthread_mutex_unlock(&e->store_lock);
        return r;
}

int engine_forget_grants(struct engine *e)
{
        (void)pthread_mutex_lock(&e->store_lock);
        int r = statefile_remove(e->grants_path);
        (void)pthread_mutex_unlock(&e->store_lock);
        return r;
}

/* ---- reading, before there are threads ---- */

int engine_load_exports(struct engine *e, char *reason, size_t reason_size)
{
        struct stored_table t;
        int r = store_read_table(e->table_path, &t, reason, reason_size);

        if (r < 0)
                return r;
        for (unsigned i = 0; i < LIMIT_COUNT; i++)
                e->limits[i] = t.limits.value[i];
        for (size_t i = 0; i < t.count; i++) {
                struct stored_export *from = &t.exports[i];
                struct export *x = calloc(1, sizeof *x);
                if (!x || allow_parse(from->settings.allow, &x->allow, reason, reason_size) < 0) {
                        export_free(x);
                        r = -ENOMEM;
                        break;
                }
                list_init(&x->sessions);
                x->id = from->id;
                x->kind = from->kind;
                x->device = from->device;
                x->owner = from->owner;
                x->failed = from->failed[0] ? strdup(from->failed) : NULL;
                x->noted = from->noted[0] ? strdup(from->noted) : NULL;
                x->declared = from->declared;
                x->settings = from->settings;
                from->settings = (struct export_settings){0};
                x->read_only = from->read_only;
                x->started = from->started;
                x->offset_bytes = from->offset_bytes;
                x->size_bytes = from->size_bytes;
                x->epoch_seen = x->epoch_durable = from->epoch_seen;
                x->leg_uuid = from->leg_uuid;
                from->device = from->owner = NULL;
                list_append(&e->exports, &x->link);
                e->export_count++;
        }
        stored_table_release(&t);
        return r;
}

/* Only grants of this boot may go on: of another boot, what had completed may have been forgotten in a cache. */
int engine_load_grants(struct engine *e, char *reason, size_t reason_size)
{
        struct stored_grants g;
        bool dropped = false;
        int r = store_read_grants(e->grants_path, &g, reason, reason_size);

        if (r < 0)
                return r;
        for (size_t i = 0; i < g.count; i++) {
                const struct stored_grant *from = &g.grants[i];
                struct export *x = engine_find(e, from->id);
                if (!x || x->kind != EXPORT_LEG || !uuid_equal(&from->boot_id, &e->boot_id)) {
                        char id[EXPORT_ID_TEXT_SIZE];
                        export_id_format(from->id, id);
                        log_notice("the grant of export %s (epoch %" PRIu64 ") is from before a reboot: void", id, from->epoch);
                        dropped = true;
                        continue;
                }
                x->granted = true;
                x->trims = from->trim;
                x->epoch = from->epoch;
                x->session = from->session;
                (void)snprintf(x->expected_attachment, sizeof x->expected_attachment, "%s", from->attachment);
        }
        stored_grants_release(&g);
        if (dropped && (r = engine_save_grants(e)) < 0)
                (void)snprintf(reason, reason_size, "cannot write \"%s\": %s", e->grants_path, strerror(-r));
        return r;
}
