/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/peer_guard.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/log.h"
#include "nbdc/nbdc_client.h"

static void *watch(void *userdata)
{
        struct peer_guard *g = userdata;
        struct timespec until;
        char error[NBDC_ERROR_SIZE] = "";

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += g->limit_ms / 1000;
        until.tv_nsec += (long)(g->limit_ms % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        pthread_mutex_lock(&g->lock);
        while (!g->over && pthread_cond_timedwait(&g->wake, &g->lock, &until) != ETIMEDOUT)
                ;
        bool fire = !g->over;
        g->fired = fire;
        pthread_mutex_unlock(&g->lock);
        if (fire) {
                int r = nbdc_detach(g->device, NULL, 0, error);
                log_warning("the peer's leg %s has not answered for %u ms and is %s%s%s", g->device, g->limit_ms,
                            r < 0 ? "not disconnected: " : "disconnected", r < 0 ? error : "",
                            r < 0 ? ", continuing" : "");
        }
        return NULL;
}

void peer_guard_begin(struct peer_guard *g, const char *device, unsigned limit_ms)
{
        pthread_condattr_t monotonic;
        sigset_t all, old;

        *g = (struct peer_guard){.device = device, .limit_ms = limit_ms};
        pthread_mutex_init(&g->lock, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&g->wake, &monotonic);
        pthread_condattr_destroy(&monotonic);
        sigfillset(&all); /* signals are the loop's */
        pthread_sigmask(SIG_SETMASK, &all, &old);
        g->running = pthread_create(&g->thread, NULL, watch, g) == 0;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
}

bool peer_guard_end(struct peer_guard *g)
{
        pthread_mutex_lock(&g->lock);
        g->over = true;
        pthread_cond_signal(&g->wake);
        pthread_mutex_unlock(&g->lock);
        if (g->running)
                pthread_join(g->thread, NULL);
        pthread_cond_destroy(&g->wake);
        pthread_mutex_destroy(&g->lock);
        return g->fired;
}
