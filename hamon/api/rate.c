/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/rate.h"

#include <pthread.h>
#include <stdlib.h>

struct place {
        uint64_t at_ms;      /* when it was counted last; 0: never */
        uint64_t level_milli; /* thousandths of a request */
};

struct rate {
        pthread_mutex_t lock;
        uint64_t seed;
        struct place at[RATE_PLACES];
};

struct rate *rate_new(uint64_t seed)
{
        struct rate *r = calloc(1, sizeof *r);
        if (!r)
                return NULL;
        pthread_mutex_init(&r->lock, NULL);
        r->seed = seed;
        return r;
}

void rate_free(struct rate *r)
{
        if (!r)
                return;
        pthread_mutex_destroy(&r->lock);
        free(r);
}

/* FNV-1a with a secret beginning. */
static unsigned place_of(const struct rate *r, const char *address)
{
        uint64_t h = 14695981039346656037u ^ r->seed;
        for (; *address; address++)
                h = (h ^ (uint8_t)*address) * 1099511628211u;
        return (unsigned)((h ^ h >> 32) % RATE_PLACES);
}

bool rate_take(struct rate *r, const char *address, unsigned cost, uint64_t now_ms)
{
        const uint64_t full = (uint64_t)RATE_BURST * 1000, wanted = (uint64_t)cost * 1000;
        pthread_mutex_lock(&r->lock);
        struct place *p = &r->at[place_of(r, address)];
        uint64_t passed_ms = p->at_ms && now_ms > p->at_ms ? now_ms - p->at_ms : 0;
        if (p->at_ms == 0 || passed_ms >= full / RATE_PER_S)
                p->level_milli = full;
        else
                p->level_milli += passed_ms * RATE_PER_S;
        if (p->level_milli > full)
                p->level_milli = full;
        p->at_ms = now_ms;
        bool good = p->level_milli >= wanted;
        p->level_milli = good ? p->level_milli - wanted : cost > 1 ? 0 : p->level_milli;
        pthread_mutex_unlock(&r->lock);
        return good;
}
