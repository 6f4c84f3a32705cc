/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/health.h"

#include "hamon/act/program.h"
#include "hamon/act/thread.h"

#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { STEP_MS = 200 }; /* how long a hold, or a service that went down, may go unseen */

struct health {
        const struct mirror *mirror;
        const atomic_bool *running;
        pthread_mutex_t lock; /* of all below */
        unsigned held, turn;  /* `turn` counts the starts of the service: a check of an earlier one does not count */
        struct health_seen seen;
};

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void take(struct health *h, unsigned turn, int r, int status, const struct trouble *t)
{
        const struct config_health *c = &h->mirror->cm->service.health;
        bool says = false;

        pthread_mutex_lock(&h->lock);
        if (turn == h->turn && h->held == 0) {
                struct health_seen s = {.checked = true, .status = status};
                if (r < 0) {
                        s.failures = h->seen.failures + 1;
                        s.unhealthy = s.failures >= c->retries;
                        (void)snprintf(s.detail, sizeof s.detail, "%.93s", t->text);
                        says = s.failures <= c->retries;
                }
                h->seen = s;
        }
        unsigned failures = h->seen.failures;
        pthread_mutex_unlock(&h->lock);
        if (says)
                log_warning("mirror %s: the health check failed, %u of %u in a row: %s", h->mirror->cm->name, failures, c->retries, t->text);
}

static void check(struct health *h, unsigned turn)
{
        const struct config_health *c = &h->mirror->cm->service.health;
        struct trouble t = {""};
        int status = -1;

        int r = program_run(h->mirror, c->command, "health", c->timeout_ms, &status, &t);
        take(h, turn, r, status, &t);
}

static void *run(void *userdata)
{
        struct health *h = userdata;
        const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
        uint64_t due_ms = 0; /* 0: the service is not up */
        unsigned due_turn = 0;

        for (;;) {
                pthread_mutex_lock(&h->lock);
                bool up = h->held == 0 && atomic_load(h->running);
                unsigned turn = h->turn;
                if (!up)
                        h->seen = (struct health_seen){.checked = false};
                pthread_mutex_unlock(&h->lock);
                if (!up)
                        due_ms = 0;
                else if (due_ms == 0 || due_turn != turn)
                        due_ms = now_ms() + h->mirror->cm->service.health.interval_ms;
                else if (now_ms() >= due_ms) {
                        check(h, turn);
                        due_ms = now_ms() + h->mirror->cm->service.health.interval_ms;
                }
                due_turn = turn;
                (void)nanosleep(&step, NULL); /* woken early means looked early */
        }
        return NULL;
}

int health_start(const struct mirror *m, const atomic_bool *running, struct health **ret)
{
        *ret = NULL;
        if (!*m->cm->service.health.command)
                return 0;
        struct health *h = calloc(1, sizeof *h);
        if (!h)
                return -ENOMEM;
        h->mirror = m;
        h->running = running;
        pthread_mutex_init(&h->lock, NULL);
        int r = thread_start(run, h);
        if (r < 0) {
                free(h);
                return r;
        }
        *ret = h;
        return 0;
}

void health_hold(struct health *h)
{
        if (!h)
                return;
        pthread_mutex_lock(&h->lock);
        h->held++;
        pthread_mutex_unlock(&h->lock);
}

void health_let(struct health *h)
{
        if (!h)
                return;
        pthread_mutex_lock(&h->lock);
        h->held--;
        h->turn++;
        h->seen = (struct health_seen){.checked = false};
        pthread_mutex_unlock(&h->lock);
}

void health_look(struct health *h, struct health_seen *ret)
{
        *ret = (struct health_seen){.checked = false};
        if (!h)
                return;
        pthread_mutex_lock(&h->lock);
        *ret = h->seen;
        pthread_mutex_unlock(&h->lock);
}
