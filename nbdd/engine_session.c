/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The workers' side of the engine: who is let in, and the fence.
 *
 * The fence in one paragraph. Sessions of an export are on its list in the order of arrival and leave it only in engine_session_close(), which a
 * worker calls when no request of theirs is at the disk and none can be submitted. A session that names an epoch and a session id ends
 * all others, and is `waiting` until it is the first on the list (and its epoch is durable); only then is its handshake answered. So its
 * first write is submitted after the last write of everyone before it has finished, however late those bytes were read from a socket.
 * The writer policy `fence` makes every session such a one. Under `refuse` and `readonly` there is one writer; the next one waits in the
 * same way for a writer that has hung up but whose last requests are still at the disk.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "nbdd/address_table.h"
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

/* Whether it has to wait for those before it: for all of them, or, when it fences nobody, for the writer under a policy of one writer. */
static bool must_wait(const struct export *x, const struct engine_session *s)
{
        if (s->fences)
                return s->export_link.prev != &x->sessions || s->epoch > x->epoch_durable;
        if (s->read_only || x->kind != EXPORT_PLAIN || x->settings.writers == WRITERS_SHARED)
                return false;
#ifdef MUTANT_writer_not_waited_for
        return false;
#endif
        list_each(other, &x->sessions, struct engine_session, export_link) {
                if (other == s)
                        break;
                if (!other->read_only)
                        return true;
        }
        return false;
}

void engine_advance(struct export *x)
{
        list_each(s, &x->sessions, struct engine_session, export_link) {
                if (!s->waiting || s->ending || must_wait(x, s))
                        continue;
                s->waiting = false;
                worker_post(s->worker, &(struct worker_message){.type = WORKER_ATTACHED, .session = s->number});
        }
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

void engine_session_secured(struct engine *e, struct engine_session *s, const char *cn, const char *psk)
{
        (void)pthread_mutex_lock(&e->lock); /* who lists the sessions reads it */
        s->client.tls = true;
        (void)snprintf(s->client.cn, sizeof s->client.cn, "%s", cn);
        (void)snprintf(s->client.psk, sizeof s->client.psk, "%s", psk);
        (void)pthread_mutex_unlock(&e->lock);
}

/* How a session comes in. */
struct entry {
        bool fences, read_only;
};

/* The description of an export may be longer than what this copies: it is cut. */
static void describe(const struct export *x, const struct entry *entry, struct nbd_export_info *ret)
{
        struct target *t = x->target;
        uint16_t flags = NBD_TFLAG_HAS_FLAGS | NBD_TFLAG_SEND_FLUSH | NBD_TFLAG_SEND_FUA;

        if (x->kind == EXPORT_PLAIN)
                target_follow_size(t); /* a leg keeps the size that it was granted with */
        if (entry->read_only) {
                flags |= NBD_TFLAG_READ_ONLY;
        } else {
                flags |= NBD_TFLAG_SEND_WRITE_ZEROES;
                if (x->kind == EXPORT_PLAIN || x->trims) /* discarded blocks may read differently on two legs: only where it was granted */
                        flags |= NBD_TFLAG_SEND_TRIM;
                /* A leg answers no errors. A block device drops what is cached of the range before it says that it cannot. */
                if (x->kind == EXPORT_PLAIN && !t->block_device)
                        flags |= NBD_TFLAG_SEND_FAST_ZERO;
        }
        if (!t->direct) /* O_DIRECT goes past the cache */
                flags |= NBD_TFLAG_SEND_CACHE;
        if (t->rotational)
                flags |= NBD_TFLAG_ROTATIONAL;
        /*
         * One descriptor serves all: a flush covers every connection's writes. But only where each connection of a client would be let in
         * with the same rights: a second one that fences would end the first, and with one writer it would be refused or read-only.
         */
        if (x->kind == EXPORT_PLAIN && !entry->fences && (t->read_only || x->settings.writers == WRITERS_SHARED))
                flags |= NBD_TFLAG_CAN_MULTI_CONN;
        *ret = (struct nbd_export_info){
            .size_bytes = atomic_load(&t->size_bytes),
            .transmission_flags = flags,
            .has_export = true,
            .has_block_size = true,
            .block_minimum_bytes = t->block_bytes,
            .block_preferred_bytes = t->block_bytes > PREFERRED_BLOCK_BYTES ? t->block_bytes : PREFERRED_BLOCK_BYTES,
            .block_maximum_bytes = NBD_PAYLOAD_MAX,
        };
        export_id_format(x->id, ret->name);
        (void)snprintf(ret->description, sizeof ret->description, "%s", x->settings.description);
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

/* An alias becomes the id that it stands for, before the parameters are looked at. */
static int parse_name(struct engine *e, const char *text, size_t text_bytes, struct export_name *ret, char *reason)
{
        char whole[EXPORT_NAME_MAX + EXPORT_ID_TEXT_SIZE];
        const char *mark = memchr(text, '?', text_bytes);
        size_t n = mark ? (size_t)(mark - text) : text_bytes;
        const struct export *x = text_bytes <= EXPORT_NAME_MAX ? engine_find_alias(e, text, n) : NULL;

        if (!x)
                return export_name_parse(text, text_bytes, ret, reason, ENGINE_REASON_SIZE);
        export_id_format(x->id, whole);
        size_t at = strlen(whole);
        memcpy(whole + at, text + n, text_bytes - n);
        return export_name_parse(whole, at + text_bytes - n, ret, reason, ENGINE_REASON_SIZE);
}

/* The export that a name leads to, if its bearer may come in now; NULL and the refusal if not. Under lock; changes nothing. */
static struct export *admit(struct engine *e, const struct client_identity *client, const char *text, size_t text_bytes,
                            struct export_name *ret_name, struct engine_refusal *ret_refusal)
{
        char reason[ENGINE_REASON_SIZE];

        if (e->refusing)
                return refuse(ret_refusal, NBD_REP_ERR_SHUTDOWN, "nbdd is shutting down");
        if (parse_name(e, text, text_bytes, ret_name, reason) < 0)
                return refuse(ret_refusal, NBD_REP_ERR_UNKNOWN, "%s", reason);
        struct export *x = engine_find(e, ret_name->id);
        const struct rule *rule = rule_find(COMMAND_ATTACH, x ? x->kind : EXPORT_PLAIN, export_status(x));
        if (rule->verdict == RULE_REFUSE)
                return refuse(ret_refusal, rule->error == ENOENT ? NBD_REP_ERR_UNKNOWN : NBD_REP_ERR_POLICY, "%s", rule->sentence);
        assert(x); /* an attach to what is not there is refused */
        if (!client->tls && allow_needs_tls(&x->allow))
                return refuse(ret_refusal, NBD_REP_ERR_TLS_REQD, "the export is for clients with TLS: STARTTLS first");
        if (!allow_passes(&x->allow, client))
                return refuse(ret_refusal, NBD_REP_ERR_POLICY, "the export's allow list does not have this client");
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

/* The writer policy's word on a session that may come in. NULL and the refusal, or the export. */
static struct export *enter(struct export *x, const struct export_name *name, struct entry *ret, struct engine_refusal *ret_refusal)
{
        enum writer_policy policy = x->kind == EXPORT_PLAIN && !x->read_only ? x->settings.writers : WRITERS_SHARED;

        *ret = (struct entry){.fences = name->has_session || policy == WRITERS_FENCE, .read_only = x->read_only};
        if (ret->fences || policy == WRITERS_SHARED)
                return x;
        list_each(s, &x->sessions, struct engine_session, export_link) {
                if (s->read_only || s->ending || atomic_load(&s->hung_up))
                        continue;
                if (policy == WRITERS_REFUSE)
                        return refuse(ret_refusal, NBD_REP_ERR_POLICY, "the export has a writer, %.90s, and its policy is to refuse a second",
                                      s->address);
                ret->read_only = true;
                break;
        }
        return x;
}

enum engine_attach_result engine_session_attach(struct engine *e, struct engine_session *s, const char *text, size_t text_bytes,
                                                struct nbd_export_info *ret_info, struct target **ret_target,
                                                struct engine_refusal *ret_refusal)
{
        struct export_name name = {0};
        struct entry entry = {0};
        enum engine_attach_result result = ENGINE_REFUSED;

        (void)pthread_mutex_lock(&e->lock);
        struct export *x = s->ending ? refuse(ret_refusal, NBD_REP_ERR_SHUTDOWN, "the session was ended")
                                     : admit(e, &s->client, text, text_bytes, &name, ret_refusal);
        if (x)
                x = enter(x, &name, &entry, ret_refusal);
        if (!x)
                goto out;
        s->export = x;
        s->is_leg = x->kind == EXPORT_LEG;
        s->has_session = name.has_session;
        s->fences = entry.fences;
        s->read_only = entry.read_only;
        s->epoch = name.epoch;
        s->session = name.session;
        list_append(&x->sessions, &s->export_link);
        x->session_count++;
#ifdef MUTANT_session_not_fenced
        s->fences = false;
#endif
        if (s->fences && s->export_link.prev != &x->sessions) {
                engine_end_sessions(x, s, "a newer session took its place");
                x->fences++;
        }
        if (s->fences && s->has_session) {
                x->session = name.session;
                if (name.epoch > x->epoch_seen)
                        x->epoch_seen = name.epoch;
                if (name.epoch > x->epoch_durable) {
                        e->save_wanted = true;
                        (void)pthread_cond_broadcast(&e->changed);
                }
        }
        s->waiting = must_wait(x, s);
        result = s->waiting ? ENGINE_ATTACH_LATER : ENGINE_ATTACHED;
        if (result == ENGINE_ATTACHED) {
                describe(x, &entry, ret_info);
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
                describe(s->export, &(struct entry){.fences = s->fences, .read_only = s->read_only}, ret_info);
                *ret_target = s->export->target;
        }
        (void)pthread_mutex_unlock(&e->lock);
        return ok;
}

int engine_session_describe(struct engine *e, const struct engine_session *s, const char *text, size_t text_bytes, struct nbd_export_info *ret_info,
                            struct engine_refusal *ret_refusal)
{
        struct export_name name = {0};
        struct entry entry;

        (void)pthread_mutex_lock(&e->lock);
        struct export *x = admit(e, &s->client, text, text_bytes, &name, ret_refusal);
        if (x && (x = enter(x, &name, &entry, ret_refusal)))
                describe(x, &entry, ret_info);
        (void)pthread_mutex_unlock(&e->lock);
        return x ? 0 : -EPERM;
}

struct engine_listed *engine_session_list(struct engine *e, const struct engine_session *s, size_t *ret_count)
{
        size_t n = 0;

        if (!engine_limit(e, LIMIT_LIST))
                return NULL;
        (void)pthread_mutex_lock(&e->lock);
        struct engine_listed *listed = calloc(e->export_count + 1, sizeof *listed);
        list_each(x, &e->exports, struct export, link) {
                if (!listed || x->kind != EXPORT_PLAIN || !x->target || !x->accepting || x->settings.hidden ||
                    !allow_passes(&x->allow, &s->client))
                        continue;
                export_id_format(x->id, listed[n].name);
                (void)snprintf(listed[n].description, sizeof listed[n].description, "%s", x->settings.description);
                n++;
        }
        (void)pthread_mutex_unlock(&e->lock);
        *ret_count = n;
        return listed;
}

bool engine_session_failed(struct engine *e, struct engine_session *s, int error, bool is_sync, const char *what)
{
        char text[ENGINE_REASON_SIZE], id[EXPORT_ID_TEXT_SIZE];
        bool first = false, noted = false;

        (void)pthread_mutex_lock(&e->lock);
        struct export *x = s->export;
        bool is_leg = x->kind == EXPORT_LEG;
        bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG; /* the disk does what it should */
        (void)snprintf(text, sizeof text, "%s error on \"%s\": %s", what, x->device, strerror(error));
        export_id_format(x->id, id);
        x->disk_errors += !is_full;
        if (!is_leg && !is_sync && !is_full && !x->noted && (x->noted = strdup(text))) {
                noted = true;
                e->save_wanted = true;
                (void)pthread_cond_broadcast(&e->changed);
        }
        if (is_leg || is_sync) {
                first = !x->failed;
                export_latch(x, text);
                e->save_wanted = true;
                if (is_leg) {
                        x->accepting = false;
                        engine_end_sessions(x, NULL, "the leg's disk failed: it holds");
                }
                (void)pthread_cond_broadcast(&e->changed);
        }
        (void)pthread_mutex_unlock(&e->lock);
        if (first)
                log_error("export %s failed: %s; it stays so until a person looks (nbdd --clear-error)", id, text);
        if (noted)
                log_error("export %s: %s; it is shown until a person has looked (nbdd --clear-error)", id, text);
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
                stats_add(&x->gone, &s->stats);
                s->export = NULL;
                engine_advance(x);
        }
        e->connections--;
        address_table_remove(e->addresses, &s->client.address);
        (void)pthread_cond_broadcast(&e->changed);
        (void)pthread_mutex_unlock(&e->lock);
}
