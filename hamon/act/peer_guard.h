/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A limit for reads and writes of the attached peer's leg by the worker itself.
 *
 * The kernel keeps a request to a dead leg for ever (that is what freezes a mirror instead of failing it), and the
 * detach that hamon asks for then waits in the worker's queue behind the very effect that hangs. So an effect that
 * touches the leg's device arms this guard: when it is still at it after the time, the leg is disconnected, which its
 * OPTIONAL policy allows, and the requests end with EIO. An nbdc that does not do it is asked again until the effect is over.
 *
 * Reason for its thread: the worker is inside the kernel. One guard at a time for each mirror; called by the mirror's
 * worker.
 */
#ifndef HAMON_ACT_PEER_GUARD_H
#define HAMON_ACT_PEER_GUARD_H

#include <pthread.h>
#include <stdbool.h>

struct peer_guard {
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t wake;
        bool running, over, fired;
        const char *device;
        unsigned limit_ms;
};

/* `device` must stay until the end. Without a thread to be had the effect goes on unguarded. */
void peer_guard_begin(struct peer_guard *g, const char *device, unsigned limit_ms);

/* True: the time was over and the leg was disconnected (or nbdc refused to). Waits for the guard's thread. */
bool peer_guard_end(struct peer_guard *g);

#endif
