/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to verifier.c (the thread, orders, what is kept) and verifier_compare.c (both legs, chunk by chunk). */
#ifndef HAMON_API_VERIFIER_INTERNAL_H
#define HAMON_API_VERIFIER_INTERNAL_H

#include "hamon/api/api.h"
#include "hamon/api/verifier.h"

#include <pthread.h>
#include <stdatomic.h>

enum { VERIFY_PATH_SIZE = 300 };

struct verify_task {
        struct verify_memory memory;
        uint64_t ticket;        /* of the operation; 0: nobody waits */
        uint64_t saved_ms;      /* when the memory was last written */
        uint64_t mark_ms, mark_bytes; /* since when the rate is measured */
        char waiting_for[80];
        uint32_t rate_kib, limit_kib, latency_us;
        unsigned failures;      /* in a row, of the same place */
};

struct verifier {
        struct api *api;
        pthread_t thread;
        char socket[VERIFY_PATH_SIZE], directory[VERIFY_PATH_SIZE];
        uint8_t salt[16];
        int fd; /* to hamon-act, the thread's; -1: none */
        atomic_bool stopping;
        pthread_mutex_t lock; /* of the tasks; never held while anybody waits */
        pthread_mutex_t keeping; /* while a memory is written: the newest one last. Taken before `lock`, never by the loop */
        pthread_cond_t wake;
        struct verify_task task[MIRRORS_MAX];
};

/*
 * One chunk of `run`, a copy of the task's: moves its position, adds what differs; a smaller chunk after `failures`. 0; -EAGAIN: later, from where it is;
 * -EBADMSG: it cannot be done; other -errno: tried again some times. `why` says why. Waits for disks and the network.
 */
int verify_step(struct verifier *v, unsigned mirror, struct verify_run *run, unsigned failures, struct verify_answer *ret_pace, char *why, size_t why_size);

#endif
