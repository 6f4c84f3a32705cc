/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend for kernels and sandboxes that refuse io_uring: poll(2) for sockets, a few plain threads for each worker's disk operations.
 *
 * Plain rather than fast. It is also the backend that ThreadSanitizer can see through.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "nbdd/backend.h"
#include "nbdd/conn.h"
#include "nbdd/disk_pool.h"
#include "nbdd/worker.h"

struct threads {
        struct disk_pool *pool;
        struct pollfd *polls;
        struct conn **polled;
        size_t poll_size;
};

/* What a connection waits for: kept in backend_data as bits. */
enum { WANT_RECEIVE = 1, WANT_SEND = 2 };

static void want(struct conn *c, uintptr_t bit, bool on)
{
        uintptr_t bits = (uintptr_t)c->backend_data;
        c->backend_data = (void *)(on ? bits | bit : bits & ~bit);
}

static void threads_release(struct worker *w)
{
        struct threads *t = w->backend_state;

        disk_pool_free(t->pool);
        free(t->polls);
        free(t->polled);
        free(t);
        w->backend_state = NULL;
}

static int threads_init(struct worker *w)
{
        struct threads *t = calloc(1, sizeof *t);

        if (!t)
                return -ENOMEM;
        int r = disk_pool_new(w->wake_fd, &t->pool);
        if (r < 0) {
                free(t);
                return r;
        }
        w->backend_state = t;
        return 0;
}

static void threads_receive(struct conn *c)
{
        want(c, WANT_RECEIVE, true);
}

static void threads_send(struct conn *c)
{
        want(c, WANT_SEND, true);
}

static void threads_disk(struct request *q)
{
        struct threads *t = q->conn->worker->backend_state;
        disk_pool_submit(t->pool, q);
}

static void try_receive(struct conn *c)
{
        ssize_t n = recvmsg(c->fd, &c->receive_msg, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        want(c, WANT_RECEIVE, false);
        conn_received(c, n < 0 ? -errno : n);
}

static void try_send(struct conn *c)
{
        ssize_t n = sendmsg(c->fd, &c->send_msg, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        want(c, WANT_SEND, false);
        conn_sent(c, n < 0 ? -errno : n);
}

/* Room for every connection and the eventfd. */
static void grow_polls(struct threads *t, size_t need)
{
        if (need <= t->poll_size)
                return;
        size_t size = need * 2;
        t->polls = realloc(t->polls, size * sizeof *t->polls);
        t->polled = realloc(t->polled, size * sizeof(struct conn *));
        if (!t->polls || !t->polled) {
                log_error("out of memory for %zu connections", need);
                abort();
        }
        t->poll_size = size;
}

static void threads_turn(struct worker *w, unsigned timeout_ms)
{
        struct threads *t = w->backend_state;
        size_t n = 0;

        grow_polls(t, atomic_load(&w->conn_count) + 2u);
        t->polls[n++] = (struct pollfd){.fd = w->wake_fd, .events = POLLIN};
        list_each(c, &w->conns, struct conn, link) {
                uintptr_t bits = (uintptr_t)c->backend_data;
                short events = (short)((bits & WANT_RECEIVE ? POLLIN : 0) | (bits & WANT_SEND ? POLLOUT : 0));
                if (!events)
                        continue;
                grow_polls(t, n + 1);
                t->polls[n] = (struct pollfd){.fd = c->fd, .events = events};
                t->polled[n++] = c;
        }
        if (poll(t->polls, n, (int)timeout_ms) <= 0)
                return;
        if (t->polls[0].revents) {
                uint64_t count;
                (void)!read(w->wake_fd, &count, sizeof count);
        }
        disk_pool_collect(t->pool);
        for (size_t i = 1; i < n; i++) {
                struct conn *c = t->polled[i];
                if (!t->polls[i].revents)
                        continue;
                if ((uintptr_t)c->backend_data & WANT_SEND)
                        try_send(c);
                if ((uintptr_t)c->backend_data & WANT_RECEIVE)
                        try_receive(c);
        }
}

static void threads_forget(struct conn *c)
{
        assert(!c->backend_data);
}

const struct backend backend_threads = {
    .name = "threads",
    .init = threads_init,
    .release = threads_release,
    .receive = threads_receive,
    .send = threads_send,
    .disk = threads_disk,
    .turn = threads_turn,
    .forget = threads_forget,
};
