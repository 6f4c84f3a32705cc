/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/turns.h"

#include <errno.h>
#include <time.h>

bool turns_take(struct turns *t, unsigned timeout_ms)
{
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += timeout_ms / 1000;
        until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        pthread_mutex_lock(&t->lock);
        while (t->taken == t->places && pthread_cond_clockwait(&t->left, &t->lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT)
                ;
        bool taken = t->taken < t->places;
        if (taken)
                t->taken++;
        pthread_mutex_unlock(&t->lock);
        return taken;
}

void turns_leave(struct turns *t)
{
        pthread_mutex_lock(&t->lock);
        t->taken--;
        pthread_cond_signal(&t->left);
        pthread_mutex_unlock(&t->lock);
}
