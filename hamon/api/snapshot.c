/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/snapshot.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum { READERS_MAX = 16 }; /* HTTP threads, hub, workers: each holds one at a time; more is a leak */

/* Old snapshots live until their readers are done; `at[0]` is the latest. */
struct snapshot_box {
        pthread_mutex_t lock;
        struct {
                struct snapshot *snapshot;
                unsigned readers;
        } at[READERS_MAX];
};

uint32_t snapshot_request_us(const struct snapshot *s, unsigned mirror, unsigned node)
{
        const struct observation *o = &s->mirror[mirror].observed;
        if (!s->act_ready || !o->array_running)
                return 0;
        return node == s->self ? o->own_request_us : o->attached ? o->leg_request_us : 0;
}

struct snapshot_box *snapshot_box_new(void)
{
        struct snapshot_box *b = calloc(1, sizeof *b);
        if (b)
                pthread_mutex_init(&b->lock, NULL);
        return b;
}

void snapshot_box_free(struct snapshot_box *b)
{
        if (!b)
                return;
        for (unsigned i = 0; i < READERS_MAX; i++)
                free(b->at[i].snapshot);
        pthread_mutex_destroy(&b->lock);
        free(b);
}

void snapshot_publish(struct snapshot_box *b, struct snapshot *s)
{
        pthread_mutex_lock(&b->lock);
        if (b->at[0].readers > 0) {
                unsigned i = 1;
                while (i < READERS_MAX && b->at[i].snapshot)
                        i++;
                assert(i < READERS_MAX);
                b->at[i] = b->at[0];
        } else {
                free(b->at[0].snapshot);
        }
        b->at[0].snapshot = s;
        b->at[0].readers = 0;
        pthread_mutex_unlock(&b->lock);
}

const struct snapshot *snapshot_get(struct snapshot_box *b)
{
        pthread_mutex_lock(&b->lock);
        struct snapshot *s = b->at[0].snapshot;
        if (s)
                b->at[0].readers++;
        pthread_mutex_unlock(&b->lock);
        return s;
}

void snapshot_release(struct snapshot_box *b, const struct snapshot *s)
{
        if (!s)
                return;
        pthread_mutex_lock(&b->lock);
        unsigned i = 0;
        while (i < READERS_MAX && b->at[i].snapshot != s)
                i++;
        assert(i < READERS_MAX && b->at[i].readers > 0);
        if (--b->at[i].readers == 0 && i > 0) {
                free(b->at[i].snapshot);
                b->at[i].snapshot = NULL;
        }
        pthread_mutex_unlock(&b->lock);
}
