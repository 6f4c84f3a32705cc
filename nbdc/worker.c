/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WORKER_STACK_BYTES (256u << 10) /* all of it is locked in memory */

struct worker {
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t wake;
        worker_call call; /* under lock: the job, NULL when there is none */
        void *argument;
        bool quit;
        int result;
        bool busy; /* the loop's thread alone: posted and not taken */
        int fd;
};

static void *run(void *argument)
{
        struct worker *w = argument;
        pthread_mutex_lock(&w->lock);
        for (;;) {
                while (!w->call && !w->quit)
                        pthread_cond_wait(&w->wake, &w->lock);
                if (!w->call)
                        break;
                worker_call call = w->call;
                void *job = w->argument;
                pthread_mutex_unlock(&w->lock);
                int result = call(job);
                pthread_mutex_lock(&w->lock);
                w->call = NULL;
                w->result = result;
                uint64_t one = 1;
                ssize_t n = write(w->fd, &one, sizeof one);
                assert(n == (ssize_t)sizeof one);
        }
        pthread_mutex_unlock(&w->lock);
        return NULL;
}

int worker_new(struct worker **ret)
{
        struct worker *w = calloc(1, sizeof *w);
        if (!w)
                return -ENOMEM;
        w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (w->fd < 0) {
                int rc = -errno;
                free(w);
                return rc;
        }
        pthread_mutex_init(&w->lock, NULL);
        pthread_cond_init(&w->wake, NULL);
        /* Signals belong to the loop. */
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_attr_t attr;
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, WORKER_STACK_BYTES);
        int rc = -pthread_create(&w->thread, &attr, run, w);
        pthread_attr_destroy(&attr);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (rc < 0) {
                close(w->fd);
                free(w);
                return rc;
        }
        *ret = w;
        return 0;
}

int worker_fd(const struct worker *w)
{
        return w->fd;
}

bool worker_busy(const struct worker *w)
{
        return w->busy;
}

void worker_post(struct worker *w, worker_call call, void *argument)
{
        assert(!w->busy);
        w->busy = true;
        pthread_mutex_lock(&w->lock);
        w->call = call;
        w->argument = argument;
        pthread_cond_signal(&w->wake);
        pthread_mutex_unlock(&w->lock);
}

int worker_take(struct worker *w, int *ret_result)
{
        uint64_t count;
        if (!w->busy || read(w->fd, &count, sizeof count) != (ssize_t)sizeof count)
                return -EAGAIN;
        pthread_mutex_lock(&w->lock);
        *ret_result = w->result;
        pthread_mutex_unlock(&w->lock);
        w->busy = false;
        return 0;
}

void worker_free(struct worker *w)
{
        if (!w)
                return;
        pthread_mutex_lock(&w->lock);
        bool stuck = w->call != NULL;
        w->quit = true;
        pthread_cond_signal(&w->wake);
        pthread_mutex_unlock(&w->lock);
        if (stuck) {
                pthread_detach(w->thread);
                return; /* the thread still uses w */
        }
        pthread_join(w->thread, NULL);
        pthread_mutex_destroy(&w->lock);
        pthread_cond_destroy(&w->wake);
        close(w->fd);
        free(w);
}
