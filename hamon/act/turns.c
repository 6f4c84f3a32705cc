/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/turns.h"

#include "hamon/act/thread.h"

#include <errno.h>

bool turns_take(struct turns *t, unsigned timeout_ms)
{
        struct timespec until = thread_deadline(timeout_ms);

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
