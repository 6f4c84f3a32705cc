/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/address_held.h"

#include <pthread.h>
#include <string.h>

static const uint32_t again_ms[] = {1000, 3000, 7000, 15000};
enum { AGAIN_TIMES = sizeof again_ms / sizeof *again_ms, HELD_MAX = MIRRORS_MAX * CONFIG_ADDRESSES_MAX };

static struct held {
        const struct config_service *service; /* NULL: free */
        unsigned i;
        uint64_t added_ms, end_ms;
        unsigned announced;
} held[HELD_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct held *find(const struct config_address *a)
{
        for (struct held *h = held; h < held + HELD_MAX; h++) {
                const struct config_address *b = h->service ? &h->service->address[h->i] : NULL;
                if (b && b->family == a->family && memcmp(b->bytes, a->bytes, sizeof a->bytes) == 0)
                        return h;
        }
        return NULL;
}

static struct held *find_free(void)
{
        for (struct held *h = held; h < held + HELD_MAX; h++)
                if (!h->service)
                        return h;
        return NULL;
}

void address_held_until(const struct config_service *s, unsigned i, uint64_t now_ms, uint64_t end_ms, bool added)
{
        pthread_mutex_lock(&lock);
        struct held *h = find(&s->address[i]);
        bool known = h != NULL;

        if (!known)
                h = find_free();
        if (h && (added || !known)) /* one that is there without us was announced by the hamon-act before this one */
                *h = (struct held){.service = s, .i = i, .added_ms = now_ms, .announced = added ? 0 : AGAIN_TIMES};
        if (h)
                h->end_ms = end_ms;
        pthread_mutex_unlock(&lock);
}

bool address_held_is_due(const struct config_address *a, uint64_t now_ms)
{
        pthread_mutex_lock(&lock);
        struct held *h = find(a);
        bool due = h && h->announced < AGAIN_TIMES && now_ms - h->added_ms >= again_ms[h->announced];

        if (due)
                h->announced++;
        pthread_mutex_unlock(&lock);
        return due;
}

void address_held_forget(const struct config_address *a)
{
        pthread_mutex_lock(&lock);
        struct held *h = find(a);

        if (h)
                h->service = NULL;
        pthread_mutex_unlock(&lock);
}

bool address_held_take_ended(uint64_t now_ms, const struct config_service **ret_service, unsigned *ret_i)
{
        bool ended = false;

        pthread_mutex_lock(&lock);
        for (struct held *h = held; h < held + HELD_MAX && !ended; h++)
                if (h->service && now_ms >= h->end_ms + ADDRESS_GRACE_MS) {
                        ended = true;
                        *ret_service = h->service;
                        *ret_i = h->i;
                        h->service = NULL;
                }
        pthread_mutex_unlock(&lock);
        return ended;
}

uint64_t address_held_next_ms(void)
{
        uint64_t next = 0;

        pthread_mutex_lock(&lock);
        for (const struct held *h = held; h < held + HELD_MAX; h++)
                if (h->service && (next == 0 || h->end_ms + ADDRESS_GRACE_MS < next))
                        next = h->end_ms + ADDRESS_GRACE_MS;
        pthread_mutex_unlock(&lock);
        return next;
}
