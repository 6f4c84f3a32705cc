/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The last EVENT_LOG_SIZE events for people, in memory: what `hamonctl events` and GET /v1/events show.
 *
 * Written by the loop, read by the HTTP thread: guarded by a lock of its own. Every event has a number that never repeats in one start of
 * hamon, so that a reader asks for what came after the last one that it saw.
 */
#ifndef HAMON_API_EVENT_LOG_H
#define HAMON_API_EVENT_LOG_H

#include "hamon/api/sentence.h"
#include "hamon/config.h"
#include "hamon/core/reasons.h"

#include <jansson.h>
#include <stdbool.h>

enum { EVENT_LOG_SIZE = 1000, EVENT_LOG_NAME_SIZE = 17 };

struct event_entry {
        uint64_t id;      /* from 1 */
        int64_t wall_ms;  /* since 1970 */
        uint64_t boot_ms; /* CLOCK_BOOTTIME */
        char code[32];
        enum severity severity;
        char mirror[CONFIG_NAME_SIZE], node[CONFIG_NAME_SIZE]; /* "" when it is not about one */
        uint64_t number;
        char sentence[SENTENCE_SIZE];
};

struct event_log;

struct event_log *event_log_new(void); /* NULL: out of memory */
void event_log_free(struct event_log *l);

/* Numbers the entry and keeps it; the oldest makes room. Returns its number. */
uint64_t event_log_add(struct event_log *l, const struct event_entry *e);

/* The name of this log: another one for each start. `ret` has EVENT_LOG_NAME_SIZE bytes. */
void event_log_name(const struct event_log *l, char *ret);

uint64_t event_log_last(struct event_log *l); /* number of the newest, 0: none */

/* The oldest kept entry with a number above `since`. False: none. */
bool event_log_next(struct event_log *l, uint64_t since, struct event_entry *ret);

json_t *event_json(const struct event_entry *e);

/* {"events": [{"id", "time" (seconds since 1970), "uptime_ms", "reason", ...}], "last": N, "log": NAME, "lost": bool}: those with a number above `since`; lost: some of them are no longer there. NULL: no memory. */
json_t *event_log_json(struct event_log *l, uint64_t since);

#endif
