/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Worker threads: each serves its connections from accept to close, with one backend (io_uring or plain threads) for sockets and disk.
 *
 * Why threads: the data path must use every core, and nothing that control or main do may delay it. A worker owns its connections, requests
 * and buffers; other threads only post messages, which name a session by its number. Messages are handled in the order of posting.
 */
#ifndef NBDD_WORKER_H
#define NBDD_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "nbdd/allow.h"
#include "nbdd/budget.h"
#include "nbdd/list.h"
#include "nbdd/pool.h"

struct backend;
struct engine;
struct security;

#define WORKER_TEXT_SIZE 192

enum worker_message_type {
        WORKER_CONNECT,  /* fd and address of a new connection */
        WORKER_ATTACHED, /* the session may go on: its export is its own now */
        WORKER_END,      /* stop reading, drop what is not submitted, wait for what is, then detach; text says why */
        WORKER_MEMORY,   /* the memory budget has some again */
        WORKER_STOP,     /* end all sessions, then leave the thread */
};

struct worker_message {
        struct worker_message *next;
        enum worker_message_type type;
        int fd;
        uint64_t session; /* number */
        struct net_address from; /* CONNECT */
        int tls;          /* CONNECT: enum session_tls */
        char text[WORKER_TEXT_SIZE]; /* CONNECT: peer's address; END: why */
};

struct worker {
        unsigned index;
        struct engine *engine;
        struct security *security;
        const struct backend *backend;
        void *backend_state;
        struct pool pool;
        struct budget_share budget;
        struct list conns;
        struct list dirty;     /* connections with something to do at the end of this turn */
        uint64_t now_ns;       /* CLOCK_MONOTONIC at the start of this turn */
        uint64_t next_check_ns; /* of time-outs */
        unsigned taken;        /* weight of the requests taken since the backend asked last (coalesce.h) */
        bool stopping;

        pthread_t thread;
        bool started;
        int wake_fd; /* eventfd */
        pthread_mutex_t lock;
        struct worker_message *first, **last; /* under lock */
        atomic_uint conn_count;
};

/* Starts `w` as the index'th worker. On error -errno; nothing is left behind. */
int worker_start(struct worker *w, unsigned index, struct engine *engine, struct security *security, const struct backend *backend);
void worker_stop(struct worker *w); /* posts STOP and joins */

/* Its own thread. */
void worker_memory_came(struct worker *w);

/* Any thread. Copies the message. Memory for it is taken before anything depends on it: aborts the process when there is none. */
void worker_post(struct worker *w, const struct worker_message *m);

uint64_t monotonic_ns(void);

#endif
