/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/config_keep.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct config_keep {
        char path[PATH_MAX];
        pthread_mutex_t disk; /* held while the disk is waited for */
        pthread_mutex_t lock; /* guards what follows; for an instant only */
        struct config_seen seen;
        bool applies;
        unsigned holds;
        uint64_t renew_ms; /* 0: not */
};

static void note_next(struct config_keep *k, const struct config_next *n, uint64_t now_ms)
{
        pthread_mutex_lock(&k->lock);
        k->seen.next_version = n ? n->version : 0;
        (void)snprintf(k->seen.next_hash, sizeof k->seen.next_hash, "%s", n ? n->hash : "");
        (void)snprintf(k->seen.next_by, sizeof k->seen.next_by, "%s", n ? n->by : "");
        k->seen.next_since_ms = n ? now_ms : 0;
        pthread_mutex_unlock(&k->lock);
}

/* What waits is over when it runs by now, when something later runs, or when we ourselves were to decide it and have not. */
static void look_back(struct config_keep *k, const char *hash, const char *self)
{
        struct config_next n;
        int r = config_store_next(k->path, &n);
        if (r == -ENOENT)
                return;
        if (r < 0) {
                k->seen.error = r;
                return;
        }
        bool over = n.version <= k->seen.version || strcmp(n.hash, hash) == 0 || strcmp(n.by, self) == 0;
        if (over)
                r = config_store_discard(k->path);
        else
                note_next(k, &n, 0);
        if (r < 0)
                k->seen.error = r;
        config_next_release(&n);
}

struct config_keep *config_keep_new(const char *path, uint64_t version, const char *hash, const char *self)
{
        struct config_keep *k = calloc(1, sizeof *k);
        if (!k)
                return NULL;
        (void)snprintf(k->path, sizeof k->path, "%s", path); /* it was read: it fits */
        pthread_mutex_init(&k->disk, NULL);
        pthread_mutex_init(&k->lock, NULL);
        k->seen.version = version;
        look_back(k, hash, self);
        return k;
}

void config_keep_free(struct config_keep *k)
{
        if (!k)
                return;
        pthread_mutex_destroy(&k->disk);
        pthread_mutex_destroy(&k->lock);
        free(k);
}

const char *config_keep_path(const struct config_keep *k)
{
        return k->path;
}

void config_keep_look(struct config_keep *k, struct config_seen *ret)
{
        pthread_mutex_lock(&k->lock);
        *ret = k->seen;
        pthread_mutex_unlock(&k->lock);
}

int config_keep_prepare(struct config_keep *k, const struct config_next *next, bool displace, uint64_t now_ms)
{
        struct config_seen seen;
        pthread_mutex_lock(&k->disk);
        config_keep_look(k, &seen);
        bool another = seen.next_version != 0 && strcmp(seen.next_by, next->by) != 0;
        int r = another && !displace ? -EBUSY : config_store_prepare(k->path, next);
        if (r == 0)
                note_next(k, next, now_ms);
        pthread_mutex_unlock(&k->disk);
        return r;
}

int config_keep_commit(struct config_keep *k, uint64_t version, const char *hash)
{
        struct config_seen seen;
        pthread_mutex_lock(&k->disk);
        config_keep_look(k, &seen);
        int r = seen.next_version == version && strcmp(seen.next_hash, hash) == 0 ? config_store_commit(k->path) : -ENOENT;
        if (r == 0) {
                note_next(k, NULL, 0);
                pthread_mutex_lock(&k->lock);
                k->seen.version = version; /* it is the file; hamon begins anew with it in a moment */
                pthread_mutex_unlock(&k->lock);
        }
        pthread_mutex_unlock(&k->disk);
        return r;
}

int config_keep_discard(struct config_keep *k)
{
        pthread_mutex_lock(&k->disk);
        int r = config_store_discard(k->path);
        if (r == 0)
                note_next(k, NULL, 0);
        pthread_mutex_unlock(&k->disk);
        return r;
}

void config_keep_renew(struct config_keep *k, uint64_t at_ms)
{
        pthread_mutex_lock(&k->lock);
        k->renew_ms = at_ms;
        pthread_mutex_unlock(&k->lock);
}

void config_keep_hold(struct config_keep *k)
{
        pthread_mutex_lock(&k->lock);
        k->holds++;
        pthread_mutex_unlock(&k->lock);
}

void config_keep_let_go(struct config_keep *k, uint64_t renew_after_ms)
{
        pthread_mutex_lock(&k->lock);
        k->holds--;
        if (k->renew_ms != 0 && k->renew_ms < renew_after_ms)
                k->renew_ms = renew_after_ms;
        pthread_mutex_unlock(&k->lock);
}

bool config_keep_due(struct config_keep *k, uint64_t now_ms)
{
        pthread_mutex_lock(&k->lock);
        bool due = k->renew_ms != 0 && now_ms >= k->renew_ms && !k->applies && k->holds == 0;
        pthread_mutex_unlock(&k->lock);
        return due;
}

bool config_keep_begin(struct config_keep *k)
{
        pthread_mutex_lock(&k->lock);
        bool free_now = !k->applies && k->renew_ms == 0;
        k->applies = k->applies || free_now;
        pthread_mutex_unlock(&k->lock);
        return free_now;
}

void config_keep_end(struct config_keep *k)
{
        pthread_mutex_lock(&k->lock);
        k->applies = false;
        pthread_mutex_unlock(&k->lock);
}
