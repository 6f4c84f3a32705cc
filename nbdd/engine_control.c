/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands on exports. Each runs in its caller's thread, one at a time for each export (`busy`), and asks the table of rules first.
 *
 * Orders that matter. Grant: refuse what must be refused, revoke the older one, open the device (exclusive, flushed, nothing cached), make the
 * epoch and then the grant durable, accept. Revoke: make the grant's absence durable, then drain, flush, close. Stop: drain, flush,
 * close, then make it durable.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "nbdd/engine_internal.h"
#include "nbdd/worker.h"

int engine_say(char *reason, int error, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        (void)vsnprintf(reason, ENGINE_REASON_SIZE, format, args);
        va_end(args);
        return error;
}

/* The lock is held on return, whatever it is. RULE_DO: *ret is ours (busy). */
int engine_take(struct engine *e, uint64_t id, enum export_command command, struct export **ret, bool *ret_nothing, char *reason)
{
        struct timespec until;
        struct export *x = NULL;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += ENGINE_BUSY_WAIT_MS / 1000;
        (void)pthread_mutex_lock(&e->lock);
        bool late = false;
        while (!e->refusing && (x = engine_find(e, id)) && x->busy) { /* found anew each time: it may be removed meanwhile */
                if (late)
                        return engine_say(reason, -EBUSY, "another command on the export is not done: %.200s",
                                   x->reason[0] ? x->reason : "it waits for the device");
                late = pthread_cond_timedwait(&e->changed, &e->lock, &until) == ETIMEDOUT;
        }
        if (e->refusing)
                return engine_say(reason, -ESHUTDOWN, "nbdd is shutting down");
        const struct rule *rule = rule_find(command, x ? x->kind : EXPORT_PLAIN, export_status(x));
        if (rule->verdict == RULE_REFUSE && !x) {
                char text[EXPORT_ID_TEXT_SIZE];
                export_id_format(id, text);
                return engine_say(reason, -rule->error, "%s: %s", rule->sentence, text);
        }
        if (rule->verdict == RULE_REFUSE)
                return engine_say(reason, -rule->error, "%s", rule->sentence);
        assert(x); /* every command is refused to what is not there */
        x->busy = true;
        *ret_nothing = rule->verdict == RULE_NOTHING;
        *ret = x;
        return 0;
}

/* Ends what engine_take() began. */
int engine_give(struct engine *e, struct export *x, int result)
{
        if (x)
                x->busy = false;
        (void)pthread_cond_broadcast(&e->changed);
        (void)pthread_mutex_unlock(&e->lock);
        return result;
}

int engine_save_under_lock(struct engine *e, char *reason)
{
        (void)pthread_mutex_unlock(&e->lock);
        int r = engine_save_table(e);
        (void)pthread_mutex_lock(&e->lock);
        return r < 0 ? engine_say(reason, r, "cannot write the export table: %s", strerror(-r)) : 0;
}

static int save_grants(struct engine *e, char *reason)
{
        (void)pthread_mutex_unlock(&e->lock);
        int r = engine_save_grants(e);
        (void)pthread_mutex_lock(&e->lock);
        return r < 0 ? engine_say(reason, r, "cannot write the grants: %s", strerror(-r)) : 0;
}

static int save_revocation(struct engine *e, char *reason)
{
        (void)pthread_mutex_unlock(&e->lock);
        int r = engine_save_grants(e);
        if (r < 0 && engine_forget_grants(e) == 0)
                r = 0;
        (void)pthread_mutex_lock(&e->lock);
        return r < 0 ? engine_say(reason, r, "cannot take the grant back durably: %s", strerror(-r)) : 0;
}

/* ---- define and remove ---- */

int engine_check_device(const char *device, char *reason)
{
        struct stat st;

        if (device[0] != '/')
                return engine_say(reason, -EINVAL, "the device \"%.160s\" must be an absolute path", device);
        if (strlen(device) > 1000)
                return engine_say(reason, -ENAMETOOLONG, "the device's path is too long");
        if (stat(device, &st) < 0) {
                int r = -errno;
                return engine_say(reason, r, "\"%.160s\": %s", device, strerror(-r));
        }
        if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
                return engine_say(reason, -ENODEV, "\"%.160s\" is neither a block device nor a regular file", device);
        return 0;
}

struct export *engine_find_alias(struct engine *e, const char *name, size_t name_bytes)
{
        list_each(x, &e->exports, struct export, link)
                if (settings_has_alias(&x->settings, name, name_bytes))
                        return x;
        return NULL;
}

int engine_check_aliases(struct engine *e, const struct export *x, const struct export_settings *s, char *reason)
{
        char id[EXPORT_ID_TEXT_SIZE];
        const char *alias;
        size_t n;

        for (size_t i = 0; settings_alias(s, i, &alias, &n); i++) {
                const struct export *other = engine_find_alias(e, alias, n);
                if (other && other != x) {
                        export_id_format(other->id, id);
                        return engine_say(reason, -EEXIST, "aliases: \"%.*s\" is already one of %s", (int)n, alias, id);
                }
        }
        return 0;
}

static int check_free(struct engine *e, const struct engine_add *add, char *reason)
{
        char id[EXPORT_ID_TEXT_SIZE];

        if (e->refusing)
                return engine_say(reason, -ESHUTDOWN, "nbdd is shutting down");
        if (e->configuring)
                return engine_say(reason, -EBUSY, "the configuration file is being taken over: try again");
        if (e->export_count >= ENGINE_EXPORTS_MAX)
                return engine_say(reason, -ENOSPC, "there are %u exports already, the most that the table holds", e->export_count);
        list_each(x, &e->exports, struct export, link) {
                export_id_format(x->id, id);
                if (x->id == add->id) {
                        const struct rule *rule = rule_find(COMMAND_DEFINE, add->kind, export_status(x));
                        return engine_say(reason, -rule->error, "%s: %s exports \"%.120s\"%s%.80s", rule->sentence, id, x->device,
                                          x->place ? ", declared in " : "", x->place ? x->place : "");
                }
                if (strcmp(x->device, add->device) == 0 && slices_overlap(x->offset_bytes, x->size_bytes, add->offset_bytes, add->size_bytes))
                        return engine_say(reason, -EEXIST, "\"%.160s\" is already exported as %s%s", add->device, id,
                                          x->offset_bytes || x->size_bytes || add->offset_bytes || add->size_bytes ? ": the slices overlap"
                                                                                                                   : "");
        }
        return 0;
}

int engine_add(struct engine *e, const struct engine_add *add, char reason[ENGINE_REASON_SIZE])
{
        int r = engine_check_device(add->device, reason);
        struct export *x = r < 0 ? NULL : calloc(1, sizeof *x);

        if (r < 0)
                return r;
        if (!x || !(x->device = strdup(add->device)) || !(x->owner = strdup(add->owner ? add->owner : "")) ||
            (add->settings ? settings_copy(add->settings, &x->settings) : settings_init(&x->settings)) < 0 ||
            allow_parse(x->settings.allow, &x->allow, reason, ENGINE_REASON_SIZE) < 0) {
                export_free(x);
                return engine_say(reason, -ENOMEM, "out of memory");
        }
        list_init(&x->sessions);
        x->id = add->id;
        x->kind = add->kind;
        x->read_only = add->read_only;
        x->offset_bytes = add->offset_bytes;
        x->size_bytes = add->size_bytes;
        x->leg_uuid = add->leg_uuid;
        x->busy = true;
        (void)pthread_mutex_lock(&e->lock);
        if ((r = check_free(e, add, reason)) < 0 || (r = engine_check_aliases(e, x, &x->settings, reason)) < 0) {
                (void)pthread_mutex_unlock(&e->lock);
                export_free(x);
                return r;
        }
        list_append(&e->exports, &x->link);
        e->export_count++;
        r = engine_save_under_lock(e, reason);
        if (r < 0) {
                list_remove(&x->link);
                e->export_count--;
                export_free(x);
                x = NULL;
        }
        return engine_give(e, x, r);
}

int engine_check_undeclared(const struct export *x, char *reason)
{
        if (!x->place)
                return 0;
        return engine_say(reason, -EPERM, "the export is declared in %.150s: change it there, then nbdd --reload", x->place);
}

int engine_remove(struct engine *e, uint64_t id, char reason[ENGINE_REASON_SIZE])
{
        struct export *x = NULL;
        bool nothing;
        int r = engine_take(e, id, COMMAND_REMOVE, &x, &nothing, reason);

        if (r == 0 && x->granted)
                r = engine_say(reason, -EBUSY, "the leg is granted; it must be revoked first");
        if (r == 0)
                r = engine_check_undeclared(x, reason);
        if (r < 0)
                return engine_give(e, x, r);
        struct list *after = x->link.prev;
        list_remove(&x->link);
        e->export_count--;
        r = engine_save_under_lock(e, reason);
        if (r < 0) { /* still in the file: still there */
                list_append(after, &x->link);
                e->export_count++;
                return engine_give(e, x, r);
        }
        export_free(x);
        return engine_give(e, NULL, 0);
}

/* ---- plain exports ---- */

int engine_export_start(struct engine *e, uint64_t id, char reason[ENGINE_REASON_SIZE])
{
        struct export *x = NULL;
        bool nothing = false;
        int r = engine_take(e, id, COMMAND_START, &x, &nothing, reason);

        if (r < 0 || nothing)
                return engine_give(e, x, r);
        if (x->failed)
                return engine_give(e, x, engine_say(reason, -EIO, "the export is failed: %.160s; clear it when the disk was looked at", x->failed));
        if ((r = engine_open_target(e, x, reason)) < 0)
                return engine_give(e, x, r);
        bool before = x->started;
        x->started = true;
        if ((r = engine_save_under_lock(e, reason)) < 0) {
                x->started = before;
                engine_close_target(e, x);
                return engine_give(e, x, r);
        }
        x->accepting = true;
        x->reason[0] = '\0';
        return engine_give(e, x, 0);
}

int engine_export_stop(struct engine *e, uint64_t id, char reason[ENGINE_REASON_SIZE])
{
        struct export *x = NULL;
        bool nothing = false;
        int r = engine_take(e, id, COMMAND_STOP, &x, &nothing, reason), saved;

        if (r < 0)
                return engine_give(e, x, r);
        if (nothing && !x->started)
                return engine_give(e, x, 0);
        x->started = false;
        if (!nothing)
                r = engine_drain_and_close(e, x, "the export is stopped", reason);
        x->reason[0] = '\0';
        saved = engine_save_under_lock(e, r < 0 ? (char[ENGINE_REASON_SIZE]){0} : reason);
        return engine_give(e, x, r < 0 ? r : saved);
}

/* ---- legs ---- */

/* The export is ours. Durably without grant first, so that a restart in the middle of the drain lets nobody in. */
static int revoke(struct engine *e, struct export *x, char *reason)
{
        int r;

        if (x->granted) {
                x->granted = false;
                x->accepting = false;
                if ((r = save_revocation(e, reason)) < 0) {
                        x->granted = true;
                        x->accepting = x->target && !x->failed;
                        return r;
                }
        }
        x->expected_attachment[0] = '\0';
        r = x->target ? engine_drain_and_close(e, x, "the leg is revoked", reason) : 0;
        x->epoch = 0;
        x->session = (struct uuid){0};
        x->reason[0] = '\0';
        return r;
}

/* It is opened afresh before it is trusted again. A leg that has failed freezes nobody any more: it is revoked by the same word. */
int engine_clear(struct engine *e, uint64_t id, char reason[ENGINE_REASON_SIZE])
{
        struct export *x = NULL;
        bool nothing = false;
        int r = engine_take(e, id, COMMAND_CLEAR, &x, &nothing, reason);

        if (r < 0 || !(x->failed || x->noted))
                return engine_give(e, x, r);
        if (x->failed && x->kind == EXPORT_LEG) {
                r = revoke(e, x, reason);
                if (r < 0 && (x->target || x->granted))
                        return engine_give(e, x, r);
                reason[0] = '\0'; /* that its last flush failed belongs to the error which is forgotten here */
        }
        if (x->failed && x->target)
                return engine_give(e, x, engine_say(reason, -EBUSY, "stop the export first, so that it is opened afresh"));
        char *failed = x->failed, *noted = x->noted;
        x->failed = x->noted = NULL;
        r = engine_save_under_lock(e, reason);
        if (r < 0 && !x->failed && !x->noted) {
                x->failed = failed;
                x->noted = noted;
        } else {
                free(failed);
                free(noted);
        }
        return engine_give(e, x, r);
}

int engine_revoke(struct engine *e, uint64_t id, char reason[ENGINE_REASON_SIZE])
{
        struct export *x = NULL;
        bool nothing = false;
        int r = engine_take(e, id, COMMAND_REVOKE, &x, &nothing, reason);

        if (r == 0) { /* also without an open device: a grant from before our start may wait for it */
                r = revoke(e, x, reason);
                if (r == -EIO)
                        e->save_wanted = true; /* the latch */
        }
        return engine_give(e, x, r);
}

static int check_grant(const struct export *x, uint64_t epoch, const struct uuid *leg_uuid, char *reason)
{
        if (x->failed)
                return engine_say(reason, -EIO, "the leg is failed: %.160s; clear it when the disk was looked at", x->failed);
        if (!uuid_is_null(leg_uuid) && !uuid_is_null(&x->leg_uuid) && !uuid_equal(leg_uuid, &x->leg_uuid))
                return engine_say(reason, -EINVAL, "the export holds another leg than the grant names");
        if (epoch < x->epoch_seen)
                return engine_say(reason, -ESTALE, "epoch %" PRIu64 " is stale: epoch %" PRIu64 " was granted before", epoch, x->epoch_seen);
        return 0;
}

int engine_grant(struct engine *e, uint64_t id, uint64_t epoch, const struct uuid *session, const struct uuid *leg_uuid, bool trim,
                 char reason[ENGINE_REASON_SIZE])
{
        struct export *x = NULL;
        bool nothing = false;
        int r = engine_take(e, id, COMMAND_GRANT, &x, &nothing, reason);

        if (r < 0 || (r = check_grant(x, epoch, leg_uuid, reason)) < 0)
                return engine_give(e, x, r);
        if (x->granted && x->target && x->accepting && x->epoch == epoch && uuid_equal(&x->session, session))
                return engine_give(e, x, 0);
        if ((r = revoke(e, x, reason)) < 0 || (r = engine_open_target(e, x, reason)) < 0)
                return engine_give(e, x, r);

        x->epoch_seen = epoch;
        r = engine_save_under_lock(e, reason);
        if (r == 0) {
                x->epoch = epoch;
                x->session = *session;
                x->trims = trim;
                x->granted = true;
                if ((r = save_grants(e, reason)) < 0)
                        x->granted = false;
        }
        if (r < 0) {
                x->epoch = 0;
                engine_close_target(e, x);
                return engine_give(e, x, r);
        }
        x->accepting = true;
        x->reason[0] = '\0';
        return engine_give(e, x, 0);
}

/* ---- sessions and limits ---- */

bool engine_is_failed(struct engine *e, uint64_t id)
{
        (void)pthread_mutex_lock(&e->lock);
        const struct export *x = engine_find(e, id);
        bool failed = x && x->failed;
        (void)pthread_mutex_unlock(&e->lock);
        return failed;
}

bool engine_is_leg(struct engine *e, uint64_t id)
{
        (void)pthread_mutex_lock(&e->lock);
        const struct export *x = engine_find(e, id);
        bool leg = x && x->kind == EXPORT_LEG;
        (void)pthread_mutex_unlock(&e->lock);
        return leg;
}

int engine_check_owner(struct engine *e, uint64_t id, uint64_t session, const char *who, const char *effect, char reason[ENGINE_REASON_SIZE])
{
        char text[EXPORT_ID_TEXT_SIZE];
        int r = 0;

        (void)pthread_mutex_lock(&e->lock);
        const struct export *x = id ? engine_find(e, id) : NULL;
        if (session)
                list_each(s, &e->sessions, struct engine_session, all_link)
                        if (s->number == session)
                                x = s->export;
#ifdef MUTANT_owner_ignored
        x = NULL;
#endif
        if (x && x->owner[0] && strcmp(x->owner, who) != 0) {
                export_id_format(x->id, text);
                r = engine_say(reason, -EUSERS, "%s belongs to hamon's mirror \"%.40s\": %s; use hamonctl, or --force", text, x->owner, effect);
        }
        (void)pthread_mutex_unlock(&e->lock);
        return r;
}


int engine_kick(struct engine *e, uint64_t number, char reason[ENGINE_REASON_SIZE])
{
        int r = engine_say(reason, -ENOENT, "no such session: %" PRIu64, number);

        (void)pthread_mutex_lock(&e->lock);
        list_each(s, &e->sessions, struct engine_session, all_link) {
                if (s->number == number) {
                        engine_end_session(s, "ended by command");
                        r = 0;
                }
        }
        (void)pthread_mutex_unlock(&e->lock);
        return r;
}

int engine_set_limits(struct engine *e, const struct limits *limits, char reason[ENGINE_REASON_SIZE])
{
        uint32_t before[LIMIT_COUNT];

        for (unsigned i = 0; i < LIMIT_COUNT; i++)
                if (limits->value[i] < limit_rows[i].minimum || limits->value[i] > limit_rows[i].maximum)
                        return engine_say(reason, -EINVAL, "%s must be from %u to %u", limit_rows[i].name, limit_rows[i].minimum,
                                          limit_rows[i].maximum);
        (void)pthread_mutex_lock(&e->lock);
        for (unsigned i = 0; i < LIMIT_COUNT; i++) {
                if (e->limit_places[i] && limits->value[i] != e->limits[i]) {
                        int bad = engine_say(reason, -EPERM, "%s is set in %.150s: change it there, then nbdd --reload", limit_rows[i].name,
                                             e->limit_places[i]);
                        (void)pthread_mutex_unlock(&e->lock);
                        return bad;
                }
        }
        for (unsigned i = 0; i < LIMIT_COUNT; i++)
                before[i] = atomic_exchange(&e->limits[i], limits->value[i]);
        int r = engine_save_under_lock(e, reason);
        for (unsigned i = 0; r < 0 && i < LIMIT_COUNT; i++)
                atomic_store(&e->limits[i], before[i]);
        (void)pthread_mutex_unlock(&e->lock);
        return r;
}

uint32_t engine_limit(struct engine *e, enum limit limit)
{
        return atomic_load_explicit(&e->limits[limit], memory_order_relaxed);
}

static void visit_export(const struct export *x, const struct engine_visitor *visitor, uint64_t now)
{
        if (x->target && x->kind == EXPORT_PLAIN)
                target_follow_size(x->target); /* INFO and this are to agree */
        struct engine_export_view v = {
            .export = x,
            .status = export_status(x),
            .reason = x->failed ? x->failed : x->noted ? x->noted : x->reason,
            .session_count = x->session_count,
            .stats = x->gone,
        };
        list_each(s, &x->sessions, struct engine_session, export_link) {
                uint64_t oldest_ns = atomic_load(&s->oldest_ns);
                uint64_t age_ms = oldest_ns && now > oldest_ns ? (now - oldest_ns) / 1000000 : 0;
                v.inflight += atomic_load(&s->inflight);
                if (age_ms > v.oldest_request_ms)
                        v.oldest_request_ms = age_ms;
                stats_add(&v.stats, &s->stats);
        }
        visitor->export(visitor->userdata, &v);
}

void engine_visit(struct engine *e, uint64_t id, const struct engine_visitor *visitor)
{
        uint64_t now = monotonic_ns();

        (void)pthread_mutex_lock(&e->lock);
        list_each(x, &e->exports, struct export, link) {
                if (id && x->id != id)
                        continue;
                if (visitor->export)
                        visit_export(x, visitor, now);
                if (visitor->session)
                        list_each(s, &x->sessions, struct engine_session, export_link)
                                visitor->session(visitor->userdata, x, s, now);
        }
        if (visitor->session && !id)
                list_each(s, &e->sessions, struct engine_session, all_link)
                        if (!s->export)
                                visitor->session(visitor->userdata, NULL, s, now);
        (void)pthread_mutex_unlock(&e->lock);
}
