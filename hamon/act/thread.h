/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads of hamon-act: they take no signals, and run for as long as the process. */
#ifndef HAMON_ACT_THREAD_H
#define HAMON_ACT_THREAD_H

#include <time.h>

/* When `ms` from now have passed, by CLOCK_MONOTONIC: for pthread_cond_timedwait(). */
static inline struct timespec thread_deadline(unsigned ms)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_sec += ms / 1000;
        t.tv_nsec += (long)(ms % 1000) * 1000000;
        if (t.tv_nsec >= 1000000000) {
                t.tv_sec++;
                t.tv_nsec -= 1000000000;
        }
        return t;
}

/* 0 or -errno. */
int thread_start(void *(*function)(void *userdata), void *userdata);

#endif
