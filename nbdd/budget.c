/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The memory budget. See budget.h. One for the process, as memory is. */
#include "nbdd/budget.h"

#include <pthread.h>

#include "nbdd/engine.h"
#include "nbdd/worker.h"

/* Taken once for each chunk, not for each request. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t reserved;
static struct worker *workers[BUDGET_WORKERS_MAX];
static bool waiting[BUDGET_WORKERS_MAX];

void budget_join(struct worker *w)
{
        (void)pthread_mutex_lock(&lock);
        workers[w->index] = w;
        waiting[w->index] = false;
        (void)pthread_mutex_unlock(&lock);
}

/* Under lock. */
static void tell_waiting(void)
{
        for (unsigned i = 0; i < BUDGET_WORKERS_MAX; i++) {
                if (waiting[i] && workers[i])
                        worker_post(workers[i], &(struct worker_message){.type = WORKER_MEMORY});
                waiting[i] = false;
        }
}

void budget_leave(struct worker *w)
{
        (void)pthread_mutex_lock(&lock);
        workers[w->index] = NULL;
        reserved -= w->budget.reserved_bytes;
        w->budget = (struct budget_share){0};
        tell_waiting();
        (void)pthread_mutex_unlock(&lock);
}

bool budget_take(struct worker *w, size_t bytes)
{
        struct budget_share *b = &w->budget;

        if (b->used_bytes + bytes > b->reserved_bytes) {
                uint64_t more = b->used_bytes + bytes - b->reserved_bytes;
                more = (more + BUDGET_CHUNK_BYTES - 1) / BUDGET_CHUNK_BYTES * BUDGET_CHUNK_BYTES;
                uint64_t limit = (uint64_t)engine_limit(w->engine, LIMIT_MEMORY_MIB) << 20;
                (void)pthread_mutex_lock(&lock);
                bool fits = reserved + more <= limit;
#ifdef MUTANT_memory_without_limit
                fits = true;
#endif
                if (fits) {
                        reserved += more;
                        b->reserved_bytes += more;
                } else {
                        waiting[w->index] = true; /* under the same lock as the look: no give-back is missed */
                        b->waits = true;
                }
                (void)pthread_mutex_unlock(&lock);
                if (!fits)
                        return false;
        }
        b->used_bytes += bytes;
        return true;
}

bool budget_give(struct worker *w, size_t bytes)
{
        struct budget_share *b = &w->budget;
        bool waits = b->waits;

        b->used_bytes -= bytes;
        b->waits = false;
        if (b->reserved_bytes - b->used_bytes >= 2 * BUDGET_CHUNK_BYTES) {
                uint64_t less = (b->reserved_bytes - b->used_bytes) / BUDGET_CHUNK_BYTES * BUDGET_CHUNK_BYTES - BUDGET_CHUNK_BYTES;
                b->reserved_bytes -= less;
                (void)pthread_mutex_lock(&lock);
                reserved -= less;
                tell_waiting();
                (void)pthread_mutex_unlock(&lock);
        }
        return waits;
}

uint64_t budget_reserved(void)
{
        (void)pthread_mutex_lock(&lock);
        uint64_t n = reserved;
        (void)pthread_mutex_unlock(&lock);
        return n;
}
