/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing an export that is there: everything is checked, then durable, then visible, in one step.
 *
 * Settings change while it is in use; sessions that the new allow list does not have are ended, the others do not notice. A new writer policy
 * holds for sessions that come after it. What concerns the device (which, which part, read-only) needs a stopped export.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nbdd/engine_internal.h"

void changeable_release(struct changeable *c)
{
        settings_release(&c->settings);
        allow_release(&c->allow);
        free(c->device);
        free(c->place);
}

void changeable_swap(struct export *x, struct changeable *c)
{
        struct changeable before = {.settings = x->settings,
                                    .allow = x->allow,
                                    .device = x->device,
                                    .place = x->place,
                                    .read_only = x->read_only,
                                    .offset_bytes = x->offset_bytes,
                                    .size_bytes = x->size_bytes};
        x->settings = c->settings;
        x->allow = c->allow;
        x->device = c->device;
        x->place = c->place;
        x->read_only = c->read_only;
        x->offset_bytes = c->offset_bytes;
        x->size_bytes = c->size_bytes;
        *c = before;
}

static int changed_settings(const struct export *x, const struct engine_change *change, struct changeable *c, char *reason)
{
        const struct {
                const char *key, *value;
        } texts[] = {{"writers", change->writers},
                     {"description", change->description},
                     {"aliases", change->aliases},
                     {"allow", change->allow}};
        int r = settings_copy(&x->settings, &c->settings);

        if (r < 0)
                return engine_say(reason, r, "out of memory");
        for (size_t i = 0; r == 0 && i < sizeof texts / sizeof texts[0]; i++)
                if (texts[i].value)
                        r = settings_set(&c->settings, texts[i].key, texts[i].value, reason, ENGINE_REASON_SIZE);
        if (change->has_hidden)
                c->settings.hidden = change->hidden;
        if (r == 0 && x->kind == EXPORT_LEG && c->settings.writers != WRITERS_SHARED)
                r = engine_say(reason, -EINVAL, "writers: a leg has the one session of its grant");
        return r < 0 ? r : allow_parse(c->settings.allow, &c->allow, reason, ENGINE_REASON_SIZE);
}

static int changed_device(struct engine *e, const struct export *x, const struct engine_change *change, struct changeable *c, char *reason)
{
        c->device = strdup(change->device ? change->device : x->device);
        c->read_only = change->has_read_only ? change->read_only : x->read_only;
        c->offset_bytes = change->has_offset ? change->offset_bytes : x->offset_bytes;
        c->size_bytes = change->has_size ? change->size_bytes : x->size_bytes;
        if (!c->device)
                return engine_say(reason, -ENOMEM, "out of memory");
        bool same = strcmp(c->device, x->device) == 0 && c->read_only == x->read_only && c->offset_bytes == x->offset_bytes &&
                    c->size_bytes == x->size_bytes;
        if (same)
                return 0;
        if (x->kind == EXPORT_LEG)
                return engine_say(reason, -EPERM, "a leg is its device: remove the export and define another");
        if (x->target || x->started)
                return engine_say(reason, -EBUSY, "stop the export first: device, offset, size and read_only are of an opened device");
        (void)pthread_mutex_unlock(&e->lock); /* it asks a file system; the export is ours */
        int r = engine_check_device(c->device, reason);
        (void)pthread_mutex_lock(&e->lock);
        return r;
}

/* Like check_free() of a new one: the new slice may not overlap with another export's. */
static int check_others(struct engine *e, const struct export *x, const struct changeable *c, char *reason)
{
        char id[EXPORT_ID_TEXT_SIZE];

        list_each(other, &e->exports, struct export, link) {
                export_id_format(other->id, id);
                if (other != x && strcmp(other->device, c->device) == 0 &&
                    slices_overlap(other->offset_bytes, other->size_bytes, c->offset_bytes, c->size_bytes))
                        return engine_say(reason, -EEXIST, "\"%.160s\" is already exported as %s", c->device, id);
        }
        return engine_check_aliases(e, x, &c->settings, reason);
}

void engine_end_disallowed(struct export *x)
{
        list_each(s, &x->sessions, struct engine_session, export_link)
                if (!allow_passes(&x->allow, &s->client))
                        engine_end_session(s, "the export's allow list does not have this client any more");
}

int engine_change(struct engine *e, uint64_t id, const struct engine_change *change, char reason[ENGINE_REASON_SIZE])
{
        struct export *x = NULL;
        struct changeable c = {0};
        bool nothing = false;
        int r = engine_take(e, id, COMMAND_CHANGE, &x, &nothing, reason);

        if (r == 0)
                r = engine_check_undeclared(x, reason);
        if (r == 0)
                r = changed_settings(x, change, &c, reason);
        if (r == 0)
                r = changed_device(e, x, change, &c, reason);
        if (r == 0)
                r = check_others(e, x, &c, reason);
        if (r == 0) {
                changeable_swap(x, &c);
                r = engine_save_under_lock(e, reason);
                if (r < 0)
                        changeable_swap(x, &c);
                else
                        engine_end_disallowed(x);
        }
        changeable_release(&c);
        return engine_give(e, x, r);
}
