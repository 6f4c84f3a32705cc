/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/workers.h"

#include "hamon/api/forward.h"
#include "hamon/api/threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct job {
        struct api_work work;
        struct http_later *later;
        struct forward_caller caller;
};

struct api_workers {
        struct api *api;
        pthread_t thread[WORKERS];
        unsigned threads;
        pthread_mutex_t lock; /* guards what follows */
        pthread_cond_t there;
        bool stopping;
        unsigned first, count;
        struct job ring[WORKS_MAX];
};

static void finish(struct job *j, struct http_response *resp)
{
        if (j->caller.sequence)
                forward_seal(&j->caller, resp);
        http_later_answer(j->later, resp);
        json_decref(j->work.body);
        explicit_bzero(&j->caller, sizeof j->caller);
}

static void *worker(void *userdata)
{
        struct api_workers *w = userdata;
        for (;;) {
                struct http_response resp = {0};
                struct job j;
                pthread_mutex_lock(&w->lock);
                while (w->count == 0 && !w->stopping)
                        pthread_cond_wait(&w->there, &w->lock);
                if (w->count == 0) {
                        pthread_mutex_unlock(&w->lock);
                        return NULL;
                }
                j = w->ring[w->first];
                explicit_bzero(&w->ring[w->first].caller, sizeof w->ring[w->first].caller);
                w->first = (w->first + 1) % WORKS_MAX;
                w->count--;
                bool stopping = w->stopping;
                pthread_mutex_unlock(&w->lock);
                http_response_header(&resp, "X-Content-Type-Options", "nosniff");
                if (stopping)
                        (void)http_response_problem(&resp, 503, "stopping", "hamon stops", "hamon stops now", "try again in a second");
                else
                        j.work.run(w->api, &j.work, &resp);
                finish(&j, &resp);
        }
}

int workers_put(struct api_workers *w, struct api_work *work, struct http_later *later, const struct forward_caller *caller)
{
        int r = -EBUSY;
        pthread_mutex_lock(&w->lock);
        if (w->count < WORKS_MAX && !w->stopping) {
                w->ring[(w->first + w->count++) % WORKS_MAX] = (struct job){.work = *work, .later = later, .caller = *caller};
                pthread_cond_signal(&w->there);
                r = 0;
        }
        pthread_mutex_unlock(&w->lock);
        return r;
}

int workers_start(struct api *api, struct api_workers **ret)
{
        struct api_workers *w = calloc(1, sizeof *w);
        if (!w)
                return -ENOMEM;
        w->api = api;
        pthread_mutex_init(&w->lock, NULL);
        pthread_cond_init(&w->there, NULL);
        for (; w->threads < WORKERS; w->threads++) {
                int r = api_thread(&w->thread[w->threads], worker, w);
                if (r > 0) {
                        workers_stop(w);
                        return -r;
                }
        }
        *ret = w;
        return 0;
}

void workers_stop(struct api_workers *w)
{
        if (!w)
                return;
        pthread_mutex_lock(&w->lock);
        w->stopping = true;
        pthread_cond_broadcast(&w->there);
        pthread_mutex_unlock(&w->lock);
        for (unsigned i = 0; i < w->threads; i++)
                pthread_join(w->thread[i], NULL);
        pthread_cond_destroy(&w->there);
        pthread_mutex_destroy(&w->lock);
        free(w);
}
