/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/peer_guard.h"

#include "hamon/act/thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/log.h"
#include "nbdc/nbdc_client.h"

enum { AGAIN_MS = 500 };

/* True: that time has passed, and the effect is not over. */
static bool still_at_it(struct peer_guard *g, unsigned ms)
{
        struct timespec until = thread_deadline(ms);

        pthread_mutex_lock(&g->lock);
        while (!g->over && pthread_cond_timedwait(&g->wake, &g->lock, &until) != ETIMEDOUT)
                ;
        bool still = !g->over;
        g->fired = g->fired || still;
        pthread_mutex_unlock(&g->lock);
        return still;
}

/* An nbdc that is not there at the moment, or hangs, is started again by systemd: it is asked until it has done it, or nobody waits any more. */
static void *watch(void *userdata)
{
        struct peer_guard *g = userdata;
        bool told = false;

        for (unsigned ms = g->limit_ms; still_at_it(g, ms); ms = AGAIN_MS) {
                char error[NBDC_ERROR_SIZE] = "";
                int r = nbdc_detach(g->device, NULL, 0, error);
                if (r == 0 || !told)
                        log_warning("the peer's leg %s has not answered for %u ms and is %s%s%s", g->device, g->limit_ms,
                                    r < 0 ? "not disconnected: " : "disconnected", r < 0 ? error : "", r < 0 ? "; it is asked again" : "");
                told = true;
                if (r == 0)
                        break;
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
