/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/bounded.h"

#include "hamon/act/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct call {
        int (*function)(const struct array *a, struct trouble *t);
        struct array array; /* its strings are the mirror's, which lives as long as the process */
        pthread_mutex_t lock; /* of all below */
        pthread_cond_t ended;
        bool over, left_alone;
        int result;
        struct trouble trouble;
};

static void release(struct call *c)
{
        pthread_cond_destroy(&c->ended);
        pthread_mutex_destroy(&c->lock);
        free(c);
}

static void *run(void *userdata)
{
        struct call *c = userdata;
        struct trouble t = {""};

        int r = c->function(&c->array, &t);
        pthread_mutex_lock(&c->lock);
        c->result = r;
        c->trouble = t;
        c->over = true;
        bool nobody_waits = c->left_alone;
        pthread_cond_signal(&c->ended);
        pthread_mutex_unlock(&c->lock);
        if (nobody_waits)
                release(c);
        return NULL;
}

int bounded_run(int (*function)(const struct array *a, struct trouble *t), const struct array *a, unsigned limit_ms, const char *what,
                struct trouble *t)
{
        struct call *c = calloc(1, sizeof *c);
        pthread_condattr_t monotonic;
        struct timespec until;

        if (!c)
                return trouble_errno(t, -ENOMEM, "cannot %s", what);
        c->function = function;
        c->array = *a;
        pthread_mutex_init(&c->lock, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&c->ended, &monotonic);
        pthread_condattr_destroy(&monotonic);
        until = thread_deadline(limit_ms);
        int r = thread_start(run, c); /* `over` tells its end */
        if (r < 0) {
                release(c);
                return trouble_errno(t, r, "cannot %s", what);
        }
        pthread_mutex_lock(&c->lock);
        while (!c->over && pthread_cond_timedwait(&c->ended, &c->lock, &until) != ETIMEDOUT)
                ;
        bool over = c->over;
        c->left_alone = !over;
        r = c->result;
        if (over && r < 0)
                *t = c->trouble;
        pthread_mutex_unlock(&c->lock);
        if (over)
                release(c);
        return over ? r : trouble_say(t, -ETIMEDOUT, "cannot %s: it has not ended within %u ms", what, limit_ms);
}
