/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/turns.h"

void turns_take(struct turns *t)
{
        pthread_mutex_lock(&t->lock);
        while (t->taken == t->places)
                pthread_cond_wait(&t->left, &t->lock);
        t->taken++;
        pthread_mutex_unlock(&t->lock);
}

void turns_leave(struct turns *t)
{
        pthread_mutex_lock(&t->lock);
        t->taken--;
        pthread_cond_signal(&t->left);
        pthread_mutex_unlock(&t->lock);
}
