/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The last EVENT_LOG_SIZE events for people, in memory: what `hamonctl events` and GET /v1/events show. event_writer.h makes them durable.
 *
 * Written by the loop, read by the HTTP thread: guarded by a lock of its own. Every event has a number that goes on over restarts of hamon, so that
 * a reader asks for what came after the last one that it saw. What a former start had shown and not yet made durable is lost with it, and its
 * numbers are used anew: so a reader names the log, too ("LOG:N", another LOG for each start), and event_log_resume() says where it goes on.
 */
#ifndef HAMON_API_EVENT_LOG_H
#define HAMON_API_EVENT_LOG_H

#include "hamon/api/sentence.h"
#include "hamon/config.h"
#include "hamon/core/reasons.h"

#include <jansson.h>
#include <stdbool.h>

enum {
        EVENT_LOG_SIZE = 1000,
        EVENT_LOG_NAME_SIZE = 17,
        EVENT_LOG_STARTS_MAX = 64, /* former starts whose readers are known; others get everything */
};

struct event_entry {
        uint64_t id;      /* from 1 */
        int64_t wall_ms;  /* since 1970 */
        uint64_t boot_ms; /* CLOCK_BOOTTIME */
        char code[32];
        enum severity severity;
        char mirror[CONFIG_NAME_SIZE], node[CONFIG_NAME_SIZE]; /* "" when it is not about one */
        uint64_t number;
        char sentence[SENTENCE_SIZE];
        char log[EVENT_LOG_NAME_SIZE]; /* of the start that it was added in */
};

struct event_log;

struct event_log *event_log_new(void); /* NULL: out of memory */
void event_log_free(struct event_log *l);

/* Before any event_log_add(): an event of a former start, with its number and log. One whose number is not above the last is ignored. */
void event_log_restore(struct event_log *l, const struct event_entry *e);

/* Numbers the entry and keeps it; the oldest makes room. Returns its number. */
uint64_t event_log_add(struct event_log *l, const struct event_entry *e);

/* Where a reader goes on that has seen number *number of log `name`. False: that log is not known any more. */
bool event_log_resume(struct event_log *l, const char *name, uint64_t *number);

/* Waits until there is an event above `since`, `timeout_ms` have passed (0: for ever), or event_log_stop() was called. */
void event_log_wait(struct event_log *l, uint64_t since, uint64_t timeout_ms);
void event_log_stop(struct event_log *l); /* nobody waits any more */
bool event_log_is_stopping(struct event_log *l);

/* The name of this log: another one for each start. `ret` has EVENT_LOG_NAME_SIZE bytes. */
void event_log_name(const struct event_log *l, char *ret);

uint64_t event_log_last(struct event_log *l); /* number of the newest, 0: none */

/* The oldest kept entry with a number above `since`. False: none. */
bool event_log_next(struct event_log *l, uint64_t since, struct event_entry *ret);

json_t *event_json(const struct event_entry *e);

/* {"events": [{"id", "time" (seconds since 1970), "uptime_ms", "reason", ...}], "last": N, "log": NAME, "lost": bool}: those with a number above `since`; lost: some of them are no longer there. NULL: no memory. */
json_t *event_log_json(struct event_log *l, uint64_t since);

#endif
