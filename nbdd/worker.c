/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Worker threads and their messages. See worker.h. */
#include "nbdd/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "nbdd/backend.h"
#include "nbdd/conn.h"

#define TURN_TIMEOUT_MS 1000u /* how often time-outs are looked at when nothing else happens */

uint64_t monotonic_ns(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void worker_post(struct worker *w, const struct worker_message *m)
{
        struct worker_message *copy = malloc(sizeof *copy);
        uint64_t one = 1;

        if (!copy) {
                log_error("out of memory for a message that the fence depends on");
                abort();
        }
        *copy = *m;
        copy->next = NULL;
        (void)pthread_mutex_lock(&w->lock);
        *w->last = copy;
        w->last = &copy->next;
        (void)pthread_mutex_unlock(&w->lock);
        (void)!write(w->wake_fd, &one, sizeof one); /* an eventfd's counter cannot overflow here */
}

static struct conn *conn_by_number(struct worker *w, uint64_t number)
{
        list_each(c, &w->conns, struct conn, link)
                if (c->registration.number == number)
                        return c;
        return NULL; /* gone before the message came */
}

/* Those that wait for memory try again, in the order in which they came. */
void worker_memory_came(struct worker *w)
{
        list_each(c, &w->conns, struct conn, link)
                if (c->held)
                        conn_mark(c);
}

static void handle(struct worker *w, const struct worker_message *m)
{
        struct conn *c;

        switch (m->type) {
        case WORKER_CONNECT:
                if (w->stopping)
                        (void)close(m->fd);
                else if (!conn_new(w, m->fd, m->text, &m->from, m->session, (enum session_tls)m->tls))
                        log_warning("no memory for the connection of %s, continuing", m->text);
                else
                        break;
                atomic_fetch_sub(&w->conn_count, 1);
                engine_unadmit(w->engine, &m->from);
                break;
        case WORKER_ATTACHED:
                if ((c = conn_by_number(w, m->session)))
                        conn_attached(c);
                break;
        case WORKER_END:
                if ((c = conn_by_number(w, m->session)))
                        conn_end(c, m->text);
                break;
        case WORKER_MEMORY:
                worker_memory_came(w);
                break;
        case WORKER_STOP:
                w->stopping = true;
                list_each(one, &w->conns, struct conn, link)
                        conn_end(one, "nbdd stops");
                break;
        }
}

static void handle_messages(struct worker *w)
{
        (void)pthread_mutex_lock(&w->lock);
        struct worker_message *m = w->first;
        w->first = NULL;
        w->last = &w->first;
        (void)pthread_mutex_unlock(&w->lock);
        while (m) {
                struct worker_message *next = m->next;
                handle(w, m);
                free(m);
                m = next;
        }
}

static void check_timeouts(struct worker *w)
{
        if (w->now_ns < w->next_check_ns)
                return;
        w->next_check_ns = w->now_ns + TURN_TIMEOUT_MS * 1000000ull;
        list_each(c, &w->conns, struct conn, link)
                conn_check_time(c);
}

static void *worker_main(void *userdata)
{
        struct worker *w = userdata;

        while (!w->stopping || !list_empty(&w->conns)) {
                w->backend->turn(w, TURN_TIMEOUT_MS);
                w->now_ns = monotonic_ns();
                handle_messages(w);
                check_timeouts(w);
                struct conn *c;
                while ((c = list_first(&w->dirty, struct conn, dirty))) {
                        list_remove(&c->dirty);
                        conn_service(c);
                }
        }
        w->backend->release(w);
        return NULL;
}

struct start {
        struct worker *w;
        pthread_mutex_t lock;
        pthread_cond_t done;
        int result; /* 1: not yet */
};

/* The backend is made in the thread that uses it: io_uring's single-issuer mode wants that. */
static void *worker_enter(void *userdata)
{
        struct start *s = userdata;
        struct worker *w = s->w;
        char name[16];

        (void)snprintf(name, sizeof name, "worker %u", w->index % 1000u);
        (void)pthread_setname_np(pthread_self(), name);
        int r = w->backend->init(w);
        (void)pthread_mutex_lock(&s->lock);
        s->result = r;
        (void)pthread_cond_signal(&s->done);
        (void)pthread_mutex_unlock(&s->lock); /* `s` is gone from here on */
        return r < 0 ? NULL : worker_main(w);
}

int worker_start(struct worker *w, unsigned index, struct engine *engine, struct security *security, const struct backend *backend)
{
        struct start s = {.w = w, .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER, .result = 1};

        *w = (struct worker){.index = index, .engine = engine, .security = security, .backend = backend, .now_ns = monotonic_ns()};
        list_init(&w->conns);
        list_init(&w->dirty);
        w->last = &w->first;
        (void)pthread_mutex_init(&w->lock, NULL);
        w->wake_fd = eventfd(0, EFD_CLOEXEC);
        if (w->wake_fd < 0)
                return -errno;
        budget_join(w);
        int r = -pthread_create(&w->thread, NULL, worker_enter, &s);
        if (r == 0) {
                (void)pthread_mutex_lock(&s.lock);
                while (s.result == 1)
                        (void)pthread_cond_wait(&s.done, &s.lock);
                (void)pthread_mutex_unlock(&s.lock);
                r = s.result;
                if (r < 0)
                        (void)pthread_join(w->thread, NULL);
        }
        if (r < 0) {
                budget_leave(w);
                (void)close(w->wake_fd);
                return r;
        }
        w->started = true;
        return 0;
}

void worker_stop(struct worker *w)
{
        if (!w->started)
                return;
        worker_post(w, &(struct worker_message){.type = WORKER_STOP});
        (void)pthread_join(w->thread, NULL);
        w->started = false;
        budget_leave(w);
        handle_messages(w); /* connections that came too late are closed */
        (void)close(w->wake_fd);
        (void)pthread_mutex_destroy(&w->lock);
        pool_release(&w->pool);
}
