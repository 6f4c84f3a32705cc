/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/idempotency.h"

#include <gnutls/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_BYTES = 32 };

struct entry {
        bool used;
        uint8_t key[HASH_BYTES], what[HASH_BYTES];
        uint64_t at_ms, ticket; /* 0: under way */
};

struct idempotency {
        pthread_mutex_t lock;
        struct entry at[IDEMPOTENCY_MAX];
};

struct idempotency *idempotency_new(void)
{
        struct idempotency *i = calloc(1, sizeof *i);
        if (i)
                pthread_mutex_init(&i->lock, NULL);
        return i;
}

void idempotency_free(struct idempotency *i)
{
        if (!i)
                return;
        pthread_mutex_destroy(&i->lock);
        free(i);
}

/* False: the library failed, and nothing can be told apart. */
static bool hash(const char *text, uint8_t ret[HASH_BYTES])
{
        return gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), ret) == 0;
}

static struct entry *find(struct idempotency *i, const uint8_t key[HASH_BYTES])
{
        for (unsigned n = 0; n < IDEMPOTENCY_MAX; n++)
                if (i->at[n].used && memcmp(i->at[n].key, key, HASH_BYTES) == 0)
                        return &i->at[n];
        return NULL;
}

static struct entry *find_room(struct idempotency *i, uint64_t now_ms)
{
        for (unsigned n = 0; n < IDEMPOTENCY_MAX; n++)
                if (!i->at[n].used || (i->at[n].ticket != 0 && now_ms - i->at[n].at_ms >= IDEMPOTENCY_KEEP_MS))
                        return &i->at[n];
        return NULL;
}

enum idempotency_verdict idempotency_begin(struct idempotency *i, const char *key, const char *what, uint64_t now_ms, uint64_t *ret_ticket)
{
        struct entry e = {.used = true, .at_ms = now_ms};
        enum idempotency_verdict verdict = IDEMPOTENCY_NEW;
        if (!hash(key, e.key) || !hash(what, e.what))
                return IDEMPOTENCY_FULL;
        pthread_mutex_lock(&i->lock);
        struct entry *known = find(i, e.key);
        if (known && known->ticket != 0 && now_ms - known->at_ms >= IDEMPOTENCY_KEEP_MS) {
                known->used = false;
                known = NULL;
        }
        if (known && memcmp(known->what, e.what, HASH_BYTES) != 0) {
                verdict = IDEMPOTENCY_REUSED;
        } else if (known) {
                verdict = known->ticket ? IDEMPOTENCY_DONE : IDEMPOTENCY_UNDER_WAY;
                *ret_ticket = known->ticket;
        } else {
                struct entry *room = find_room(i, now_ms);
                if (room)
                        *room = e;
                else
                        verdict = IDEMPOTENCY_FULL;
        }
        pthread_mutex_unlock(&i->lock);
        return verdict;
}

void idempotency_note(struct idempotency *i, const char *key, uint64_t ticket)
{
        uint8_t h[HASH_BYTES];
        if (!hash(key, h))
                return;
        pthread_mutex_lock(&i->lock);
        struct entry *e = find(i, h);
        if (e) {
                e->ticket = ticket;
                e->used = ticket != 0;
        }
        pthread_mutex_unlock(&i->lock);
}
