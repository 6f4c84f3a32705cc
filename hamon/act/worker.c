/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/worker.h"

#include "hamon/act/effects.h"

#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct worker {
        struct mirror *mirror;
        worker_done done;
        void *userdata;
        int wake_fd; /* tells the loop that there are results */
        pthread_t thread;
        pthread_mutex_t lock; /* of all below */
        pthread_cond_t given;
        unsigned client; /* counts clients: an answer to an earlier one is dropped */
        struct effect queue[WORKER_QUEUE_MAX];
        unsigned first, count;
        bool busy; /* inside an effect */
        struct effect_result results[WORKER_QUEUE_MAX + 1]; /* as many as effects can be open, and the one that runs */
        unsigned result_count;
};

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void perform(struct worker *w, const struct effect *e, unsigned client)
{
        struct effect_result result;
        uint64_t start_ms = now_ms(), one = 1;

        effect_perform(w->mirror, e, &result);
        unsigned took_ms = (unsigned)(now_ms() - start_ms);
        if (result.error < 0)
                log_warning("mirror %s: %s failed after %u ms: %s", w->mirror->cm->name, effect_word(e->type), took_ms,
                            result.detail);
        else
                log_info("mirror %s: %s done in %u ms", w->mirror->cm->name, effect_word(e->type), took_ms);
        pthread_mutex_lock(&w->lock);
        /* The loop takes them at once; should it not, the oldest answers are lost and hamon asks again. */
        if (w->result_count == WORKER_QUEUE_MAX + 1)
                memmove(w->results, w->results + 1, --w->result_count * sizeof w->results[0]);
        if (client == w->client) {
                w->results[w->result_count++] = result;
                if (!effect_is_beside(e->type))
                        w->mirror->settled = e->ticket;
        }
        pthread_mutex_unlock(&w->lock);
        (void)!write(w->wake_fd, &one, sizeof one); /* a full counter wakes as well */
}

static void *run(void *userdata)
{
        struct worker *w = userdata;

        for (;;) {
                pthread_mutex_lock(&w->lock);
                while (w->count == 0)
                        pthread_cond_wait(&w->given, &w->lock);
                struct effect e = w->queue[w->first];
                w->first = (w->first + 1) % WORKER_QUEUE_MAX;
                w->count--;
                w->busy = true;
                unsigned client = w->client;
                pthread_mutex_unlock(&w->lock);
                perform(w, &e, client);
                pthread_mutex_lock(&w->lock);
                w->busy = false;
                pthread_mutex_unlock(&w->lock);
        }
        return NULL;
}

static int on_results(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct worker *w = userdata;
        struct effect_result results[WORKER_QUEUE_MAX + 1];
        uint64_t number;

        (void)source, (void)revents;
        (void)!read(fd, &number, sizeof number); /* nonblocking: nothing there means nothing to do */
        pthread_mutex_lock(&w->lock);
        unsigned count = w->result_count;
        memcpy(results, w->results, count * sizeof results[0]);
        w->result_count = 0;
        pthread_mutex_unlock(&w->lock);
        for (unsigned i = 0; i < count; i++)
                w->done(w->userdata, &results[i]);
        return 0;
}

int worker_start(struct mirror *m, sd_event *loop, worker_done done, void *userdata, struct worker **ret)
{
        struct worker *w = calloc(1, sizeof *w);
        sigset_t all, old;

        if (!w)
                return -ENOMEM;
        w->mirror = m;
        w->done = done;
        w->userdata = userdata;
        pthread_mutex_init(&w->lock, NULL);
        pthread_cond_init(&w->given, NULL);
        w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        int r = w->wake_fd < 0 ? -errno : sd_event_add_io(loop, NULL, w->wake_fd, EPOLLIN, on_results, w);
        if (r >= 0) {
                sigfillset(&all); /* signals are the loop's */
                pthread_sigmask(SIG_SETMASK, &all, &old);
                r = -pthread_create(&w->thread, NULL, run, w);
                pthread_sigmask(SIG_SETMASK, &old, NULL);
        }
        if (r < 0) { /* the program ends: the loop's source goes with it */
                if (w->wake_fd >= 0)
                        close(w->wake_fd);
                free(w);
                return r;
        }
        *ret = w;
        return 0;
}

int worker_give(struct worker *w, const struct effect *e)
{
        int r = 0;

        pthread_mutex_lock(&w->lock);
        if (w->count == WORKER_QUEUE_MAX)
                r = -ENOBUFS;
        else
                w->queue[(w->first + w->count++) % WORKER_QUEUE_MAX] = *e;
        pthread_cond_signal(&w->given);
        pthread_mutex_unlock(&w->lock);
        return r;
}

void worker_forget(struct worker *w)
{
        pthread_mutex_lock(&w->lock);
        w->client++;
        w->mirror->settled = 0; /* by either of the mirror's two workers: the client is gone for both */
        w->count = 0;
        w->result_count = 0;
        pthread_mutex_unlock(&w->lock);
}

bool worker_is_idle(struct worker *w)
{
        pthread_mutex_lock(&w->lock);
        bool idle = !w->busy && w->count == 0 && w->result_count == 0;
        pthread_mutex_unlock(&w->lock);
        return idle;
}
