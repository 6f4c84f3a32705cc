/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/event_log.h"

#include "hamon/api/words.h"
#include "hamon/api/json_take.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct event_log {
        pthread_mutex_t lock;
        uint64_t last; /* number of the newest; 0: none */
        struct event_entry ring[EVENT_LOG_SIZE];
};

struct event_log *event_log_new(void)
{
        struct event_log *l = calloc(1, sizeof *l);
        if (l)
                pthread_mutex_init(&l->lock, NULL);
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

static json_t *entry_json(const struct event_entry *e)
{
        json_t *j = json_pack("{s:o, s:f, s:I, s:s, s:s, s:s}", "id", json_of_u64(e->id), "time", (double)e->wall_ms / 1000, "uptime_ms",
                              (json_int_t)e->boot_ms, "reason", e->code, "severity", severity_word(e->severity), "sentence", e->sentence);
        if (*e->mirror)
                json_object_set_new(j, "mirror", json_string(e->mirror));
        if (*e->node)
                json_object_set_new(j, "node", json_string(e->node));
        return j;
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
                json_array_append_new(events, entry_json(&copy[(id - 1) % EVENT_LOG_SIZE]));
        free(copy);
        return json_pack("{s:o, s:o, s:b}", "events", events, "last", json_of_u64(last), "lost", (int)lost);
}
