/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to hamon/driver: the driver's own state. */
#ifndef HAMON_DRIVER_DRIVER_STATE_H
#define HAMON_DRIVER_DRIVER_STATE_H

#include "hamon/api/api.h"
#include "hamon/core/state.h"
#include "hamon/driver/act_client.h"
#include "hamon/driver/deferred.h"
#include "hamon/driver/driver.h"
#include "hamon/driver/writer.h"

enum { INBOX_MAX = 256 }; /* events that wait for their step; messages past that are lost, as messages may be */

struct driver {
        const struct config *config;
        struct driver_options options;
        sd_event *loop;
        sd_event_source *tick, *publish_timer;
        struct links *links;
        struct writer *writer;
        struct act_client *act; /* NULL on the witness */
        struct api api;

        struct uuid boot;
        uint64_t start, started_ms;
        uint64_t durable_generation;
        struct deferred deferred;

        bool stepping, renew;
        unsigned inbox_first, inbox_count;
        struct event inbox[INBOX_MAX];

        struct resync_watch resync[MIRRORS_MAX];
        struct failure failure[MIRRORS_MAX];
        struct service_seen service[MIRRORS_MAX];
        uint64_t failure_told_ms[MIRRORS_MAX];
        uint64_t act_changed_ms;
        int state_error;
        uint8_t state_error_mirror;
        uint64_t turns, worst_turn_us, published_ms, publish_at_ms;
        uint64_t watchdog_us, watchdog_fed_us;
        char status_line[SENTENCE_SIZE];

        struct core core;
        struct actions actions;
};

uint64_t driver_now_ms(void);

/* Takes an event (its time and entropy are filled in when its turn comes) and steps, unless a step is under way: then it waits for it. */
void driver_event(struct driver *d, const struct event *e);

/* driver_perform.c: what the core asked for. */
void driver_perform(struct driver *d, const struct actions *actions);
void driver_perform_deferred(struct driver *d);

/* driver_report.c: an event for people, to the journal and to the ring. `code` and `sentence` as in the table of reasons. */
void driver_report(struct driver *d, enum reason reason, uint8_t mirror, uint8_t node, uint64_t number);
void driver_report_text(struct driver *d, const char *code, enum severity severity, const char *mirror, const char *node, uint64_t number,
                        const char *sentence);

/* Likewise for an effect that failed; the same failure again is not told again for a while. */
void driver_report_failure(struct driver *d, const struct effect_result *result);

/* A hook failed, which stops nothing. */
void driver_report_hook(struct driver *d, const struct effect_result *result);

/* driver_publish.c: snapshot, systemd's status line, watchdog. */
void driver_publish(struct driver *d);
void driver_publish_soon(struct driver *d, bool decided); /* `decided`: more than ages and measurements may have changed */
int driver_publish_init(struct driver *d);
void driver_watchdog(struct driver *d);

#endif
