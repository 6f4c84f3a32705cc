/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/event_log.h"

#include "hamon/api/words.h"
#include "hamon/api/json_take.h"

#include <pthread.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

struct start {
        char name[EVENT_LOG_NAME_SIZE];
        uint64_t last; /* number of its newest event that is durable */
};

struct event_log {
        char name[EVENT_LOG_NAME_SIZE]; /* set once */
        pthread_mutex_t lock; /* guards what follows */
        pthread_cond_t more;
        bool stopping;
        uint64_t last; /* number of the newest; 0: none */
        unsigned starts; /* ever restored; the last EVENT_LOG_STARTS_MAX are kept */
        struct start start[EVENT_LOG_STARTS_MAX];
        struct event_entry ring[EVENT_LOG_SIZE]; /* number N is at N - 1; another number there: N was lost in a former start */
};

struct event_log *event_log_new(void)
{
        struct event_log *l = calloc(1, sizeof *l);
        uint64_t random = 0;
        if (!l)
                return NULL;
        pthread_condattr_t monotonic;
        pthread_mutex_init(&l->lock, NULL);
        pthread_condattr_init(&monotonic);
        (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* cannot fail for this clock */
        pthread_cond_init(&l->more, &monotonic);
        pthread_condattr_destroy(&monotonic);
        (void)!getrandom(&random, sizeof random, 0); /* a log without a name of its own is 0: small reads do not fail */
        (void)snprintf(l->name, sizeof l->name, "%016" PRIx64, random); /* fits */
        return l;
}

void event_log_free(struct event_log *l)
{
        if (!l)
                return;
        pthread_cond_destroy(&l->more);
        pthread_mutex_destroy(&l->lock);
        free(l);
}

void event_log_restore(struct event_log *l, const struct event_entry *e)
{
        pthread_mutex_lock(&l->lock);
        if (e->id > l->last) {
                struct start *s = &l->start[(l->starts + EVENT_LOG_STARTS_MAX - 1) % EVENT_LOG_STARTS_MAX];
                if (l->starts == 0 || strcmp(s->name, e->log) != 0) {
                        s = &l->start[l->starts++ % EVENT_LOG_STARTS_MAX];
                        memcpy(s->name, e->log, sizeof s->name);
                }
                s->last = e->id;
                l->last = e->id;
                l->ring[(e->id - 1) % EVENT_LOG_SIZE] = *e;
        }
        pthread_mutex_unlock(&l->lock);
}

uint64_t event_log_add(struct event_log *l, const struct event_entry *e)
{
        pthread_mutex_lock(&l->lock);
        struct event_entry *to = &l->ring[l->last % EVENT_LOG_SIZE];
        *to = *e;
        to->id = ++l->last;
        memcpy(to->log, l->name, sizeof to->log);
        uint64_t id = to->id;
        pthread_cond_broadcast(&l->more);
        pthread_mutex_unlock(&l->lock);
        return id;
}

json_t *event_json(const struct event_entry *e)
{
        json_t *j = json_pack("{s:o, s:f, s:I, s:s, s:s, s:s}", "id", json_of_u64(e->id), "time", (double)e->wall_ms / 1000, "uptime_ms",
                              (json_int_t)e->boot_ms, "reason", e->code, "severity", severity_word(e->severity), "sentence", e->sentence);
        if (*e->mirror)
                json_object_set_new(j, "mirror", json_string(e->mirror));
        if (*e->node)
                json_object_set_new(j, "node", json_string(e->node));
        return j;
}

void event_log_name(const struct event_log *l, char *ret)
{
        memcpy(ret, l->name, sizeof l->name);
}

bool event_log_resume(struct event_log *l, const char *name, uint64_t *number)
{
        if (strcmp(name, l->name) == 0)
                return true;
        bool known = false;
        pthread_mutex_lock(&l->lock);
        for (unsigned i = 0; i < EVENT_LOG_STARTS_MAX && i < l->starts; i++) {
                if (strcmp(l->start[i].name, name) != 0)
                        continue;
                known = true;
                if (*number > l->start[i].last) /* seen and lost: that number is another event now */
                        *number = l->start[i].last;
        }
        pthread_mutex_unlock(&l->lock);
        return known;
}

void event_log_wait(struct event_log *l, uint64_t since, uint64_t timeout_ms)
{
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail for this clock */
        until.tv_sec += (time_t)(timeout_ms / 1000);
        until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        pthread_mutex_lock(&l->lock);
        int r = 0;
        while (l->last <= since && !l->stopping && r == 0)
                r = timeout_ms == 0 ? pthread_cond_wait(&l->more, &l->lock) : pthread_cond_timedwait(&l->more, &l->lock, &until);
        pthread_mutex_unlock(&l->lock);
}

void event_log_stop(struct event_log *l)
{
        pthread_mutex_lock(&l->lock);
        l->stopping = true;
        pthread_cond_broadcast(&l->more);
        pthread_mutex_unlock(&l->lock);
}

bool event_log_is_stopping(struct event_log *l)
{
        pthread_mutex_lock(&l->lock);
        bool stopping = l->stopping;
        pthread_mutex_unlock(&l->lock);
        return stopping;
}

uint64_t event_log_last(struct event_log *l)
{
        pthread_mutex_lock(&l->lock);
        uint64_t last = l->last;
        pthread_mutex_unlock(&l->lock);
        return last;
}

bool event_log_next(struct event_log *l, uint64_t since, struct event_entry *ret)
{
        pthread_mutex_lock(&l->lock);
        uint64_t first = l->last > EVENT_LOG_SIZE ? l->last - EVENT_LOG_SIZE + 1 : 1;
        uint64_t id = since + 1 < first ? first : since + 1;
        while (id <= l->last && l->ring[(id - 1) % EVENT_LOG_SIZE].id != id)
                id++;
        bool is_there = id <= l->last;
        if (is_there)
                *ret = l->ring[(id - 1) % EVENT_LOG_SIZE];
        pthread_mutex_unlock(&l->lock);
        return is_there;
}

/* Copied out first: the loop never waits for the rendering. */
json_t *event_log_json(struct event_log *l, uint64_t since)
{
        struct event_entry *copy = malloc(sizeof l->ring);
        json_t *events = json_array();
        if (!copy || !events) {
                free(copy);
                json_decref(events);
                return NULL;
        }
        pthread_mutex_lock(&l->lock);
        uint64_t last = l->last;
        memcpy(copy, l->ring, sizeof l->ring);
        pthread_mutex_unlock(&l->lock);
        if (since > last) /* a number of a log that is gone: everything is new */
                since = 0;
        uint64_t first = last > EVENT_LOG_SIZE ? last - EVENT_LOG_SIZE + 1 : 1;
        bool lost = since + 1 < first;
        for (uint64_t id = lost ? first : since + 1; id <= last; id++) {
                const struct event_entry *e = &copy[(id - 1) % EVENT_LOG_SIZE];
                if (e->id == id)
                        json_array_append_new(events, event_json(e));
                else
                        lost = true;
        }
        free(copy);
        return json_pack("{s:o, s:o, s:s, s:b}", "events", events, "last", json_of_u64(last), "log", l->name, "lost", (int)lost);
}
