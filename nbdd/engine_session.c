/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The workers' side of the engine: who is let in, and the fence.
 *
 * The fence in one paragraph. Sessions of an export are on its list in the order of arrival and leave it only in engine_session_close(), which a
 * worker calls when no request of theirs is at the disk and none can be submitted. A session that names an epoch and a session id ends
 * all others, and is `waiting` until it is the first on the list (and its epoch is durable); only then is its handshake answered. So its
 * first write is submitted after the last write of everyone before it has finished, however late those bytes were read from a socket.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "nbdd/engine_internal.h"
#include "nbdd/worker.h"

#define PREFERRED_BLOCK_BYTES 4096u

enum export_status export_status(const struct export *x)
{
        if (!x)
                return EXPORT_UNDEFINED;
        if (!x->target)
                return EXPORT_DEFINED;
        return x->session_count ? EXPORT_RUNNING : EXPORT_AVAILABLE;
}

void engine_end_session(struct engine_session *s, const char *why)
{
        if (s->ending)
                return;
        s->ending = true;
        struct worker_message m = {.type = WORKER_END, .session = s->number};
        (void)snprintf(m.text, sizeof m.text, "%s", why);
        worker_post(s->worker, &m);
}

void engine_end_sessions(struct export *x, const struct engine_session *but, const char *why)
{
        list_each(s, &x->sessions, struct engine_session, export_link)
                if (s != but)
                        engine_end_session(s, why);
}

void engine_advance(struct export *x)
{
        struct engine_session *s = list_first(&x->sessions, struct engine_session, export_link);

        if (!s || !s->waiting || s->ending || s->epoch > x->epoch_durable)
                return;
        s->waiting = false;
        worker_post(s->worker, &(struct worker_message){.type = WORKER_ATTACHED, .session = s->number});
}

void export_latch(struct export *x, const char *text)
{
        if (!x->failed)
                x->failed = strdup(text);
}

void engine_session_open(struct engine *e, struct engine_session *s)
{
        list_init(&s->export_link);
        (void)pthread_mutex_lock(&e->lock);
        list_append(&e->sessions, &s->all_link);
        if (e->refusing) /* accepted before the shutdown began, opened after it told everyone */
                engine_end_session(s, "nbdd shuts down");
        (void)pthread_mutex_unlock(&e->lock);
}

static void describe(const struct export *x, bool has_session, struct nbd_export_info *ret)
{
        const struct target *t = x->target;
        uint16_t flags = NBD_TFLAG_HAS_FLAGS | NBD_TFLAG_SEND_FLUSH | NBD_TFLAG_SEND_FUA;

        if (t->read_only) {
                flags |= NBD_TFLAG_READ_ONLY;
        } else {
                flags |= NBD_TFLAG_SEND_WRITE_ZEROES;
                if (x->kind == EXPORT_PLAIN)
                        flags |= NBD_TFLAG_SEND_TRIM; /* discarded blocks may read differently on two legs */
                /* A leg answers no errors. A block device drops what is cached of the range before it says that it cannot. */
                if (x->kind == EXPORT_PLAIN && !t->block_device)
                        flags |= NBD_TFLAG_SEND_FAST_ZERO;
        }
        if (!t->direct) /* O_DIRECT goes past the cache */
                flags |= NBD_TFLAG_SEND_CACHE;
        if (t->rotational)
                flags |= NBD_TFLAG_ROTATIONAL;
        /* One descriptor serves all: a flush covers every connection's writes. But a second fenced session would end the first. */
        if (x->kind == EXPORT_PLAIN && !has_session)
                flags |= NBD_TFLAG_CAN_MULTI_CONN;
        *ret = (struct nbd_export_info){
            .size_bytes = t->size_bytes,
            .transmission_flags = flags,
            .has_export = true,
            .has_block_size = true,
            .block_minimum_bytes = t->block_bytes,
            .block_preferred_bytes = t->block_bytes > PREFERRED_BLOCK_BYTES ? t->block_bytes : PREFERRED_BLOCK_BYTES,
            .block_maximum_bytes = NBD_PAYLOAD_MAX,
        };
}

__attribute__((format(printf, 3, 4))) static struct export *refuse(struct engine_refusal *ret, uint32_t rep_error,
                                                                   const char *format, ...)
{
        va_list args;
        ret->rep_error = rep_error;
        va_start(args, format);
        (void)vsnprintf(ret->text, sizeof ret->text, format, args);
        va_end(args);
        return NULL;
}

/* The export that a name leads to, if its bearer may come in now; NULL and the refusal if not. Under lock; changes nothing. */
static struct export *admit(struct engine *e, const char *text, size_t text_bytes, struct export_name *ret_name,
                            struct engine_refusal *ret_refusal)
{
        char reason[ENGINE_REASON_SIZE];

        if (e->refusing)
                return refuse(ret_refusal, NBD_REP_ERR_SHUTDOWN, "nbdd is shutting down");
        if (export_name_parse(text, text_bytes, ret_name, reason, sizeof reason) < 0)
                return refuse(ret_refusal, NBD_REP_ERR_UNKNOWN, "%s", reason);
        struct export *x = engine_find(e, ret_name->id);
        const struct rule *rule = rule_find(COMMAND_ATTACH, x ? x->kind : EXPORT_PLAIN, export_status(x));
        if (rule->verdict == RULE_REFUSE)
                return refuse(ret_refusal, rule->error == ENOENT ? NBD_REP_ERR_UNKNOWN : NBD_REP_ERR_POLICY, "%s", rule->sentence);
        assert(x); /* an attach to what is not there is refused */
        if (x->failed)
                return refuse(ret_refusal, NBD_REP_ERR_POLICY, "the export is failed: %.180s", x->failed);
        if (!x->accepting)
                return refuse(ret_refusal, NBD_REP_ERR_POLICY, "the export is being closed");
        if (x->kind == EXPORT_LEG) {
                if (!ret_name->has_session)
                        return refuse(ret_refusal, NBD_REP_ERR_POLICY, "the export is a leg: its name needs the epoch and session of a grant");
#ifndef MUTANT_grant_not_matched
                if (ret_name->epoch != x->epoch || !uuid_equal(&ret_name->session, &x->session))
                        return refuse(ret_refusal, NBD_REP_ERR_POLICY, "the leg is granted to another session (epoch %" PRIu64 ")", x->epoch);
#endif
        } else if (ret_name->has_session && ret_name->epoch < x->epoch_seen) {
                return refuse(ret_refusal, NBD_REP_ERR_POLICY, "epoch %" PRIu64 " is stale: epoch %" PRIu64 " was here", ret_name->epoch,
                              x->epoch_seen);
        }
        return x;
}

enum engine_attach_result engine_session_attach(struct engine *e, struct engine_session *s, const char *text, size_t text_bytes,
                                                struct nbd_export_info *ret_info, struct target **ret_target,
                                                struct engine_refusal *ret_refusal)
{
        struct export_name name = {0};
        enum engine_attach_result result = ENGINE_REFUSED;

        (void)pthread_mutex_lock(&e->lock);
        struct export *x = s->ending ? refuse(ret_refusal, NBD_REP_ERR_SHUTDOWN, "the session was ended")
                                     : admit(e, text, text_bytes, &name, ret_refusal);
        if (!x)
                goto out;
        s->export = x;
        s->is_leg = x->kind == EXPORT_LEG;
        s->has_session = name.has_session;
        s->epoch = name.epoch;
        s->session = name.session;
        list_append(&x->sessions, &s->export_link);
        x->session_count++;
        result = ENGINE_ATTACHED;
#ifdef MUTANT_session_not_fenced
        s->has_session = false;
#endif
        if (s->has_session) {
                engine_end_sessions(x, s, "a newer session took its place");
                x->session = name.session;
                if (name.epoch > x->epoch_seen)
                        x->epoch_seen = name.epoch;
                s->waiting = s->export_link.prev != &x->sessions || name.epoch > x->epoch_durable;
                if (name.epoch > x->epoch_durable) {
                        e->save_wanted = true;
                        (void)pthread_cond_broadcast(&e->changed);
                }
                if (s->waiting)
                        result = ENGINE_ATTACH_LATER;
        }
        if (result == ENGINE_ATTACHED) {
                describe(x, s->has_session, ret_info);
                *ret_target = x->target;
        }
out:
        (void)pthread_mutex_unlock(&e->lock);
        return result;
}

bool engine_session_take(struct engine *e, struct engine_session *s, struct nbd_export_info *ret_info, struct target **ret_target)
{
        (void)pthread_mutex_lock(&e->lock);
        bool ok = s->export && !s->ending && !s->waiting;
        if (ok) {
                describe(s->export, s->has_session, ret_info);
                *ret_target = s->export->target;
        }
        (void)pthread_mutex_unlock(&e->lock);
        return ok;
}

int engine_session_describe(struct engine *e, const char *text, size_t text_bytes, struct nbd_export_info *ret_info,
                            struct engine_refusal *ret_refusal)
{
        struct export_name name = {0};

        (void)pthread_mutex_lock(&e->lock);
        const struct export *x = admit(e, text, text_bytes, &name, ret_refusal);
        if (x)
                describe(x, name.has_session, ret_info);
        (void)pthread_mutex_unlock(&e->lock);
        return x ? 0 : -EPERM;
}

uint64_t *engine_session_list(struct engine *e, size_t *ret_count)
{
        size_t n = 0;

        (void)pthread_mutex_lock(&e->lock);
        uint64_t *ids = calloc(e->export_count + 1, sizeof *ids);
        if (ids) {
                list_each(x, &e->exports, struct export, link)
                        if (x->kind == EXPORT_PLAIN && x->target && x->accepting)
                                ids[n++] = x->id;
        }
        (void)pthread_mutex_unlock(&e->lock);
        *ret_count = n;
        return ids;
}

bool engine_session_failed(struct engine *e, struct engine_session *s, int error, bool is_sync, const char *what)
{
        char text[ENGINE_REASON_SIZE], id[EXPORT_ID_TEXT_SIZE];
        bool first = false;

        (void)pthread_mutex_lock(&e->lock);
        struct export *x = s->export;
        bool is_leg = x->kind == EXPORT_LEG;
        if (is_leg || is_sync) {
                first = !x->failed;
                (void)snprintf(text, sizeof text, "%s error on \"%s\": %s", what, x->device, strerror(error));
                export_latch(x, text);
                export_id_format(x->id, id);
                e->save_wanted = true;
                if (is_leg) {
                        x->accepting = false;
                        engine_end_sessions(x, NULL, "the leg's disk failed: it holds");
                }
                (void)pthread_cond_broadcast(&e->changed);
        }
        (void)pthread_mutex_unlock(&e->lock);
        if (first)
                log_error("export %s failed: %s; it stays so until a person looks (nbdd --clear)", id, text);
        return is_leg;
}

void engine_session_close(struct engine *e, struct engine_session *s)
{
        (void)pthread_mutex_lock(&e->lock);
        list_remove(&s->all_link);
        struct export *x = s->export;
        if (x) {
                list_remove(&s->export_link);
                x->session_count--;
                x->read_bytes += atomic_load(&s->read_bytes);
                x->written_bytes += atomic_load(&s->written_bytes);
                s->export = NULL;
                engine_advance(x);
        }
        e->connections--;
        (void)pthread_cond_broadcast(&e->changed);
        (void)pthread_mutex_unlock(&e->lock);
}
