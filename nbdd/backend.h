/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a worker needs of the kernel: receive, send, disk operations, waiting. Two files implement it: backend_uring.c and
 * backend_threads.c. All functions run in the worker's thread; completions come back through conn_received(), conn_sent() and
 * request_done() from inside turn(); disk() alone may call request_done() before it returns.
 */
#ifndef NBDD_BACKEND_H
#define NBDD_BACKEND_H

struct worker;
struct conn;
struct request;

struct backend {
        const char *name;
        int (*init)(struct worker *w);
        void (*release)(struct worker *w);
        void (*receive)(struct conn *c);       /* into c->receive_iov; at most one at a time */
        void (*send)(struct conn *c);          /* of c->send_iov; at most one at a time */
        void (*disk)(struct request *q);       /* q->disk */
        void (*turn)(struct worker *w, unsigned timeout_ms); /* submits, waits for at least one completion or a message, dispatches */
        void (*forget)(struct conn *c);        /* the connection is about to be freed: nothing of it is under way */
};

extern const struct backend backend_uring;
extern const struct backend backend_threads;

/* io_uring, unless the kernel refuses it or NBDD_BACKEND=threads says otherwise. */
const struct backend *backend_choose(void);

#endif
