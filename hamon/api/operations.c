/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/operations.h"

#include "base/text.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct operations {
        void (*command)(void *userdata, const struct operation *op);
        void *userdata;
        sd_event_source *source;
        int event_fd;

        pthread_mutex_t lock; /* guards what follows */
        bool poked;
        uint64_t last;        /* ticket of the newest */
        struct operation at[OPERATIONS_MAX]; /* ticket modulo size */
};

static struct operation *find(struct operations *o, uint64_t ticket)
{
        struct operation *op = &o->at[ticket % OPERATIONS_MAX];
        return ticket != 0 && op->ticket == ticket ? op : NULL;
}

static int on_posted(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        (void)source, (void)revents;
        struct operations *o = userdata;
        uint64_t n;
        (void)!read(fd, &n, sizeof n); /* only clears the wake-up */
        for (uint64_t ticket = 1;;) {
                struct operation next = {0};
                pthread_mutex_lock(&o->lock);
                bool poked = o->poked;
                o->poked = false;
                if (o->last > OPERATIONS_MAX && ticket <= o->last - OPERATIONS_MAX)
                        ticket = o->last - OPERATIONS_MAX + 1;
                for (; ticket <= o->last; ticket++) {
                        struct operation *op = find(o, ticket);
                        if (op && op->state == OPERATION_QUEUED) {
                                op->state = OPERATION_RUNNING;
                                next = *op;
                                break;
                        }
                }
                pthread_mutex_unlock(&o->lock);
                if (poked)
                        o->command(o->userdata, NULL);
                if (next.ticket == 0)
                        return 0;
                o->command(o->userdata, &next);
        }
}

int operations_new(sd_event *loop, void (*command)(void *userdata, const struct operation *op), void *userdata,
                   struct operations **ret)
{
        struct operations *o = calloc(1, sizeof *o);
        if (!o)
                return -ENOMEM;
        o->command = command;
        o->userdata = userdata;
        pthread_mutex_init(&o->lock, NULL);
        o->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        int r = o->event_fd < 0 ? -errno : sd_event_add_io(loop, &o->source, o->event_fd, EPOLLIN, on_posted, o);
        if (r < 0) {
                operations_free(o);
                return r;
        }
        *ret = o;
        return 0;
}

void operations_free(struct operations *o)
{
        if (!o)
                return;
        sd_event_source_unref(o->source);
        if (o->event_fd >= 0)
                close(o->event_fd);
        pthread_mutex_destroy(&o->lock);
        free(o);
}

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int enter(struct operations *o, const struct operation *wanted, const char *by, enum operation_state state, uint64_t *ret_ticket)
{
        pthread_mutex_lock(&o->lock);
        struct operation *op = &o->at[(o->last + 1) % OPERATIONS_MAX];
        bool busy = op->ticket != 0 && op->state < OPERATION_DONE;
        if (!busy) {
                *op = (struct operation){.ticket = ++o->last,
                                         .state = state,
                                         .verify = wanted->verify,
                                         .type = wanted->type,
                                         .mirror = wanted->mirror,
                                         .consent = wanted->consent,
                                         .order = wanted->order,
                                         .until_s = wanted->until_s,
                                         .leg_bytes = wanted->leg_bytes,
                                         .posted_ms = now_ms()};
                (void)text_printable(by, op->by, sizeof op->by);
                *ret_ticket = op->ticket;
        }
        pthread_mutex_unlock(&o->lock);
        return busy ? -EBUSY : 0;
}

int operations_begin(struct operations *o, const struct operation *wanted, const char *by, uint64_t *ret_ticket)
{
        return enter(o, wanted, by, OPERATION_RUNNING, ret_ticket);
}

int operations_post(struct operations *o, const struct operation *wanted, const char *by, uint64_t *ret_ticket)
{
        if (enter(o, wanted, by, OPERATION_QUEUED, ret_ticket) < 0)
                return -EBUSY;
        const uint64_t one = 1;
        (void)!write(o->event_fd, &one, sizeof one); /* fails only when a wake-up is pending anyway */
        return 0;
}

void operations_poke(struct operations *o)
{
        const uint64_t one = 1;
        pthread_mutex_lock(&o->lock);
        o->poked = true;
        pthread_mutex_unlock(&o->lock);
        (void)!write(o->event_fd, &one, sizeof one); /* fails only when a wake-up is pending anyway */
}

int operations_cancel(struct operations *o, uint64_t ticket)
{
        int r = -ENOENT;
        pthread_mutex_lock(&o->lock);
        struct operation *op = find(o, ticket);
        if (op && op->state == OPERATION_QUEUED) {
                op->state = OPERATION_FAILED;
                op->error = -ECANCELED;
                op->reason = REASON_NONE;
                r = 0;
        } else if (op) {
                r = -EALREADY;
        }
        pthread_mutex_unlock(&o->lock);
        return r;
}

void operations_number_from(struct operations *o, uint64_t last)
{
        pthread_mutex_lock(&o->lock);
        if (last > o->last)
                o->last = last;
        pthread_mutex_unlock(&o->lock);
}

uint64_t operations_last(struct operations *o)
{
        pthread_mutex_lock(&o->lock);
        uint64_t last = o->last;
        pthread_mutex_unlock(&o->lock);
        return last;
}

int operations_get(struct operations *o, uint64_t ticket, struct operation *ret)
{
        pthread_mutex_lock(&o->lock);
        const struct operation *op = find(o, ticket);
        if (op)
                *ret = *op;
        pthread_mutex_unlock(&o->lock);
        return op ? 0 : -ENOENT;
}

void operations_answer(struct operations *o, uint64_t ticket, int error, enum reason reason, const char *detail)
{
        pthread_mutex_lock(&o->lock);
        struct operation *op = find(o, ticket);
        if (op) {
                op->state = error < 0 ? OPERATION_FAILED : OPERATION_DONE;
                op->error = error;
                op->reason = reason;
                (void)text_printable(detail, op->detail, sizeof op->detail);
        }
        pthread_mutex_unlock(&o->lock);
}
