/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Turns for what many mirrors want at the same moment and what shares one resource (systemd, which starts one process after the other). Each step has a time
 * limit; of twenty at once each would take twenty times as long, and all would be given up together, again and again. So a few are at it, and the limit of the
 * others begins when it is their turn.
 *
 * Any thread that may wait: a worker, never the loop.
 */
#ifndef HAMON_ACT_TURNS_H
#define HAMON_ACT_TURNS_H

#include <pthread.h>
#include <stdbool.h>

struct turns {
        pthread_mutex_t lock;
        pthread_cond_t left;
        unsigned places, taken;
};

#define TURNS_OF(n) {.lock = PTHREAD_MUTEX_INITIALIZER, .left = PTHREAD_COND_INITIALIZER, .places = (n)}

/* Takes one of the places, as soon as one is free. False: none was within `timeout_ms`. */
bool turns_take(struct turns *t, unsigned timeout_ms);

/* By who has taken one. */
void turns_leave(struct turns *t);

#endif
