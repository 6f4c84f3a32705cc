/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/thread.h"

#include <pthread.h>
#include <signal.h>

int thread_start(void *(*function)(void *userdata), void *userdata)
{
        sigset_t all, old;
        pthread_t thread;

        sigfillset(&all); /* signals are the loop's */
        pthread_sigmask(SIG_SETMASK, &all, &old);
        int r = -pthread_create(&thread, NULL, function, userdata);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (r == 0)
                (void)pthread_detach(thread);
        return r;
}
