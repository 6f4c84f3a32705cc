/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The backend for kernels and sandboxes that refuse io_uring: poll(2) for sockets, a few plain threads for each worker's disk operations.
 *
 * Plain rather than fast. Threads are made as they are needed, but one target never gets more than TARGET_THREADS of a worker's: a disk that hangs
 * must not take those of others. It is also the backend that ThreadSanitizer can see through.
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
#include "nbdd/worker.h"

#define DISK_THREADS_MAX 128u
#define TARGET_THREADS 8u
#define TARGET_SLOTS 256u /* targets are told apart by their descriptor modulo this */

struct job {
        struct job *next;
        struct request *request;
        struct disk disk;
        ssize_t result;
};

struct threads {
        pthread_t disk_threads[DISK_THREADS_MAX];
        unsigned thread_count;
        int wake_fd;

        pthread_mutex_t lock;
        pthread_cond_t more;
        bool stop;                     /* under lock, as all below */
        struct job *queue, **queue_end;
        struct job *done;
        unsigned queued;
        unsigned idle;                 /* threads that wait for a job */
        unsigned active[TARGET_SLOTS]; /* jobs being performed for each target */

        struct pollfd *polls; /* the worker's */
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

static unsigned *active_of(struct threads *t, const struct job *j)
{
        return &t->active[(unsigned)j->disk.fd % TARGET_SLOTS];
}

/* The first job whose target may have one more thread; taken off the queue. */
static struct job *take_job(struct threads *t)
{
        for (struct job **at = &t->queue; *at; at = &(*at)->next) {
                struct job *j = *at;
                if (*active_of(t, j) >= TARGET_THREADS)
                        continue;
                *at = j->next;
                if (!j->next)
                        t->queue_end = at;
                t->queued--;
                ++*active_of(t, j);
                return j;
        }
        return NULL;
}

static void *disk_thread(void *userdata)
{
        struct threads *t = userdata;
        struct job *j;

        (void)pthread_setname_np(pthread_self(), "disk");
        (void)pthread_mutex_lock(&t->lock);
        for (;;) {
                t->idle++;
                while (!(j = take_job(t)) && !t->stop)
                        (void)pthread_cond_wait(&t->more, &t->lock);
                t->idle--;
                if (!j)
                        break;
                (void)pthread_mutex_unlock(&t->lock);

                j->result = disk_perform(&j->disk);

                (void)pthread_mutex_lock(&t->lock);
                --*active_of(t, j);
                j->next = t->done;
                t->done = j;
                uint64_t one = 1;
                (void)!write(t->wake_fd, &one, sizeof one);
        }
        (void)pthread_mutex_unlock(&t->lock);
        return NULL;
}

static void threads_release(struct worker *w)
{
        struct threads *t = w->backend_state;

        (void)pthread_mutex_lock(&t->lock);
        t->stop = true;
        (void)pthread_cond_broadcast(&t->more);
        (void)pthread_mutex_unlock(&t->lock);
        for (unsigned i = 0; i < t->thread_count; i++)
                (void)pthread_join(t->disk_threads[i], NULL);
        (void)pthread_cond_destroy(&t->more);
        (void)pthread_mutex_destroy(&t->lock);
        free(t->polls);
        free(t->polled);
        free(t);
        w->backend_state = NULL;
}

static int add_thread(struct threads *t)
{
        if (t->thread_count == DISK_THREADS_MAX)
                return -EAGAIN;
        int r = -pthread_create(&t->disk_threads[t->thread_count], NULL, disk_thread, t);
        t->thread_count += r == 0;
        return r;
}

static int threads_init(struct worker *w)
{
        struct threads *t = calloc(1, sizeof *t);

        if (!t)
                return -ENOMEM;
        t->wake_fd = w->wake_fd;
        t->queue_end = &t->queue;
        (void)pthread_mutex_init(&t->lock, NULL);
        (void)pthread_cond_init(&t->more, NULL);
        w->backend_state = t;
        int r = add_thread(t); /* with one there is progress; that there is one is certain from here on */
        if (r < 0)
                threads_release(w);
        return r;
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
        struct job *j = malloc(sizeof *j);

        if (!j) {
                log_error("out of memory for a disk operation");
                abort();
        }
        *j = (struct job){.request = q, .disk = q->disk};
        (void)pthread_mutex_lock(&t->lock);
        *t->queue_end = j;
        t->queue_end = &j->next;
        bool crowded = ++t->queued > t->idle;
        (void)pthread_cond_signal(&t->more);
        (void)pthread_mutex_unlock(&t->lock);
        if (crowded)
                (void)add_thread(t); /* as many as there may be: the job waits for one of them */
}

static void collect_done(struct threads *t)
{
        (void)pthread_mutex_lock(&t->lock);
        struct job *j = t->done;
        t->done = NULL;
        (void)pthread_mutex_unlock(&t->lock);
        while (j) {
                struct job *next = j->next;
                request_done(j->request, j->result);
                free(j);
                j = next;
        }
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
        collect_done(t);
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
