/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking over nbdd.conf, at the start and by reload, as one step.
 *
 * Order: compare and complain (nothing is touched); take every export that is affected (`busy`); open the devices of new ones; swap all of it in
 * memory; one durable write of the table; and only then let clients see it: new exports accept, changed ones end whom they must, removed ones are
 * drained. What fails before the write is undone, and nobody has noticed.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ini.h"
#include "base/log.h"
#include "nbdd/config.h"
#include "nbdd/engine_internal.h"

enum step_kind { STEP_ADD, STEP_CHANGE, STEP_REOPEN, STEP_REMOVE };

struct step {
        enum step_kind kind;
        struct export *x;     /* ADD: not yet on the list */
        struct changeable c;  /* CHANGE, REOPEN: what is to be; after the swap what was */
        struct target *opened;
        bool given_back; /* no longer busy: it may be somebody else's by now, or gone */
        const struct config_export *from; /* NULL: REMOVE */
};

struct plan {
        struct engine *e;
        const struct config *config;
        struct ini_errors *errors;
        struct step *steps;
        size_t count;
};

__attribute__((format(printf, 3, 4))) static void report(const struct plan *p, const struct config_export *x, const char *format, ...)
{
        char text[ENGINE_REASON_SIZE], line[ENGINE_REASON_SIZE * 3];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        (void)snprintf(line, sizeof line, "%s:%u: %s", p->config->path, x->line, text);
        p->errors->count++;
        p->errors->report(p->errors->userdata, line);
}

/* ---- planning: under lock, changes nothing ---- */

static int make_changeable(const struct config *config, const struct config_export *from, struct changeable *ret)
{
        char ignored[ENGINE_REASON_SIZE];

        *ret = (struct changeable){.device = strdup(from->device),
                                   .read_only = from->read_only,
                                   .offset_bytes = from->offset_bytes,
                                   .size_bytes = from->size_bytes};
        bool ok = ret->device && asprintf(&ret->place, "%s:%u", config->path, from->line) >= 0;
        if (!ok || settings_copy(&from->settings, &ret->settings) < 0 ||
            allow_parse(ret->settings.allow, &ret->allow, ignored, sizeof ignored) < 0) {
                changeable_release(ret);
                return -ENOMEM;
        }
        return 0;
}

static bool same_device(const struct export *x, const struct config_export *from)
{
#ifdef MUTANT_reload_reopens_all
        return false;
#endif
        return strcmp(x->device, from->device) == 0 && x->read_only == from->read_only && x->offset_bytes == from->offset_bytes &&
               x->size_bytes == from->size_bytes;
}

static int plan_one(struct plan *p, struct export *x, const struct config_export *from)
{
        struct step *s = &p->steps[p->count];

        *s = (struct step){.x = x, .from = from};
        if (!from) {
                s->kind = STEP_REMOVE;
        } else {
                if (make_changeable(p->config, from, &s->c) < 0)
                        return -ENOMEM;
                s->kind = x ? same_device(x, from) ? STEP_CHANGE : STEP_REOPEN : STEP_ADD;
        }
        if (s->kind == STEP_ADD) {
                if (!(s->x = calloc(1, sizeof *s->x)) || !(s->x->owner = strdup(""))) {
                        export_free(s->x);
                        changeable_release(&s->c);
                        return -ENOMEM;
                }
                list_init(&s->x->sessions);
                list_init(&s->x->link);
                s->x->id = from->id;
                s->x->declared = true;
                s->x->started = from->start;
                changeable_swap(s->x, &s->c);
        }
        s->x->busy = true;
        p->count++;
        return 0;
}

static int plan_all(struct plan *p)
{
        struct engine *e = p->e;
        struct stored_table table;
        unsigned before = p->errors->count;
        int r = engine_view_table(e, &table);

        if (r < 0)
                return r;
        config_conflicts(p->config, &table, e->table_path, p->errors);
        free(table.exports);
        if (p->errors->count != before)
                return -EINVAL;
        p->steps = calloc(e->export_count + p->config->export_count + 1, sizeof *p->steps);
        if (!p->steps)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < p->config->export_count; i++)
                r = plan_one(p, engine_find(e, p->config->exports[i].id), &p->config->exports[i]);
        list_each(x, &e->exports, struct export, link)
                if (r == 0 && x->declared && !config_find(p->config, x->id))
                        r = plan_one(p, x, NULL);
        size_t coming = 0;
        for (size_t i = 0; i < p->count; i++)
                coming += p->steps[i].kind == STEP_ADD;
        if (r == 0 && coming + e->export_count > ENGINE_EXPORTS_MAX) {
                report(p, p->config->exports, "more exports than the table holds (%u)", ENGINE_EXPORTS_MAX);
                r = -EINVAL;
        }
        return r;
}

/* ---- opening: nobody sees what is opened yet ---- */

/* Its device is let go by this very step: it can be opened only after that. */
static bool device_is_leaving(const struct plan *p, const char *device)
{
        for (size_t i = 0; i < p->count; i++) {
                const struct step *s = &p->steps[i];
                if ((s->kind == STEP_REMOVE || s->kind == STEP_REOPEN) && s->x->target && strcmp(s->x->device, device) == 0)
                        return true;
        }
        return false;
}

static void open_one(struct plan *p, struct step *s)
{
        const struct config_export *from = s->from;
        char reason[ENGINE_REASON_SIZE];
        struct target_options o = {
            .path = from->device, .read_only = from->read_only, .offset_bytes = from->offset_bytes, .size_bytes = from->size_bytes};
        bool wanted = s->x->started && !s->x->failed;
        int r = 0;

        if (s->kind == STEP_REOPEN && s->x->target && strcmp(s->x->device, from->device) == 0)
                r = target_check_slice(s->x->target, from->offset_bytes, from->size_bytes, reason, sizeof reason);
        else if (wanted && !device_is_leaving(p, from->device))
                r = target_open(&o, &s->opened, reason, sizeof reason);
        else
                r = engine_check_device(from->device, reason);
        if (r < 0)
                report(p, from, "%s", reason);
}

static int open_all(struct plan *p)
{
        unsigned before = p->errors->count;

        (void)pthread_mutex_unlock(&p->e->lock);
        for (size_t i = 0; i < p->count; i++)
                if (p->steps[i].kind == STEP_ADD || p->steps[i].kind == STEP_REOPEN)
                        open_one(p, &p->steps[i]);
        (void)pthread_mutex_lock(&p->e->lock);
        return p->errors->count == before ? 0 : -EINVAL;
}

/* ---- the swap, and back ---- */

/* Both ways: done twice it is undone. */
static void swap_all(struct plan *p, bool forward)
{
        for (size_t i = 0; i < p->count; i++) {
                struct step *s = &p->steps[i];
                switch (s->kind) {
                case STEP_ADD:
                        if (forward)
                                list_append(&p->e->exports, &s->x->link);
                        else
                                list_remove(&s->x->link);
                        p->e->export_count += forward ? 1u : -1u;
                        break;
                case STEP_CHANGE:
                case STEP_REOPEN:
                        changeable_swap(s->x, &s->c);
                        break;
                case STEP_REMOVE:
                        s->x->leaving = forward;
                        break;
                }
        }
}

static void set_limits(struct plan *p, uint32_t before[LIMIT_COUNT])
{
        for (unsigned i = 0; i < LIMIT_COUNT; i++) {
                before[i] = p->e->limits[i];
                if (p->config->limit_lines[i])
                        atomic_store(&p->e->limits[i], p->config->limits.value[i]);
        }
}

static void set_limit_places(struct plan *p)
{
        for (unsigned i = 0; i < LIMIT_COUNT; i++) {
                free(p->e->limit_places[i]);
                p->e->limit_places[i] = NULL;
                if (p->config->limit_lines[i] && asprintf(&p->e->limit_places[i], "%s:%u", p->config->path, p->config->limit_lines[i]) < 0)
                        p->e->limit_places[i] = NULL; /* a command may then change it until the next reload: no harm */
        }
}

static int make_durable(struct plan *p)
{
        uint32_t before[LIMIT_COUNT];
        char reason[ENGINE_REASON_SIZE];

        swap_all(p, true);
        set_limits(p, before);
        int r = engine_save_under_lock(p->e, reason);
#ifdef MUTANT_reload_not_undone
        return r;
#endif
        if (r < 0) {
                swap_all(p, false);
                for (unsigned i = 0; i < LIMIT_COUNT; i++)
                        atomic_store(&p->e->limits[i], before[i]);
                if (p->config->export_count)
                        report(p, p->config->exports, "%s", reason);
                else
                        log_error("%s", reason);
        }
        return r;
}

/* ---- afterwards ---- */

static void take_target(struct step *s)
{
        s->x->target = s->opened;
        s->opened = NULL;
        s->x->accepting = s->x->target != NULL; /* if not: the keeper opens it */
        s->x->retry_ns = 0;
}

static void finish_one(struct plan *p, struct step *s)
{
        struct engine *e = p->e;
        struct export *x = s->x;
        char reason[ENGINE_REASON_SIZE];

        switch (s->kind) {
        case STEP_ADD:
                take_target(s);
                s->given_back = x->target || !x->started;
                break;
        case STEP_CHANGE:
                engine_end_disallowed(x);
                s->given_back = true;
                break;
        case STEP_REOPEN:
                if (x->target && engine_drain_and_close(e, x, "the export was changed in the configuration file", reason) < 0)
                        log_error("%s", reason);
                take_target(s);
                break;
        case STEP_REMOVE:
                if (x->target && engine_drain_and_close(e, x, "the export was taken out of the configuration file", reason) < 0)
                        log_error("%s", reason);
                list_remove(&x->link);
                e->export_count--;
                export_free(x);
                s->x = NULL;
                break;
        }
        if (s->x && s->given_back)
                x->busy = false;
}

/* What could not be opened before the drains: its device was still in use by what left. If it fails, the keeper tries on. */
static void open_late(struct plan *p, struct step *s)
{
        struct export *x = s->x;
        char reason[ENGINE_REASON_SIZE];

        if (!x || s->given_back || x->target || !x->started || x->failed)
                return;
        int r = engine_open_target(p->e, x, reason);
        x->accepting = r == 0;
        (void)snprintf(x->reason, sizeof x->reason, "%s", r < 0 ? reason : "");
        if (r < 0)
                log_warning("%s: %s", x->place, reason);
}

static void release(struct plan *p, bool done)
{
        for (size_t i = 0; i < p->count; i++) {
                struct step *s = &p->steps[i];
                if (s->x && !s->given_back)
                        s->x->busy = false;
                target_close(s->opened);
                if (s->kind == STEP_ADD && !done)
                        export_free(s->x);
                changeable_release(&s->c);
        }
        free(p->steps);
}

/* Until no command is under way on an export that is declared, and no other configuration is being taken over. */
static void wait_for_turn(struct engine *e)
{
        for (;;) {
                bool busy = e->configuring;
                list_each(x, &e->exports, struct export, link)
                        busy |= x->declared && x->busy;
                if (!busy || e->refusing)
                        return;
                (void)pthread_cond_wait(&e->changed, &e->lock);
        }
}

int engine_configure(struct engine *e, const struct config *config, bool starting, struct ini_errors *errors)
{
        struct plan p = {.e = e, .config = config, .errors = errors};

        (void)pthread_mutex_lock(&e->lock);
        wait_for_turn(e);
        if (e->refusing) {
                (void)pthread_mutex_unlock(&e->lock);
                return -ESHUTDOWN;
        }
        e->configuring = true;
        int r = plan_all(&p);
        if (r == 0 && !starting)
                r = open_all(&p);
        if (r == 0)
                r = make_durable(&p);
        if (r == 0) {
                set_limit_places(&p);
                /* Who is not drained first: new and changed exports do not wait for the last requests of those that leave. */
                for (int drains = 0; drains < 2; drains++)
                        for (size_t i = 0; i < p.count; i++)
                                if (p.steps[i].x && (p.steps[i].kind >= STEP_REOPEN) == drains)
                                        finish_one(&p, &p.steps[i]);
                for (size_t i = 0; i < p.count && !starting; i++)
                        open_late(&p, &p.steps[i]);
        }
        release(&p, r == 0);
        e->configuring = false;
        (void)pthread_cond_broadcast(&e->changed);
        (void)pthread_mutex_unlock(&e->lock);
        return r;
}
