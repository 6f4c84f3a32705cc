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

struct event_log {
        char name[EVENT_LOG_NAME_SIZE]; /* set once */
        pthread_mutex_t lock;
        uint64_t last; /* number of the newest; 0: none */
        struct event_entry ring[EVENT_LOG_SIZE];
};

struct event_log *event_log_new(void)
{
        struct event_log *l = calloc(1, sizeof *l);
        uint64_t random = 0;
        if (!l)
                return NULL;
        pthread_mutex_init(&l->lock, NULL);
        (void)!getrandom(&random, sizeof random, 0); /* a log without a name of its own is 0: small reads do not fail */
        (void)snprintf(l->name, sizeof l->name, "%016" PRIx64, random); /* fits */
        return l;
}

void event_log_free(struct event_log *l)
{
        if (!l)
                return;
        pthread_mutex_destroy(&l->lock);
        free(l);
}

uint64_t event_log_add(struct event_log *l, const struct event_entry *e)
{
        pthread_mutex_lock(&l->lock);
        struct event_entry *to = &l->ring[l->last % EVENT_LOG_SIZE];
        *to = *e;
        to->id = ++l->last;
        uint64_t id = to->id;
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
        if (since > last) /* a number of an earlier start: everything is new */
                since = 0;
        uint64_t first = last > EVENT_LOG_SIZE ? last - EVENT_LOG_SIZE + 1 : 1;
        bool lost = since + 1 < first;
        for (uint64_t id = lost ? first : since + 1; id <= last; id++)
                json_array_append_new(events, event_json(&copy[(id - 1) % EVENT_LOG_SIZE]));
        free(copy);
        return json_pack("{s:o, s:o, s:s, s:b}", "events", events, "last", json_of_u64(last), "log", l->name, "lost", (int)lost);
}
