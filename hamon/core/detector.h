/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is a voter alive? Heartbeats in, one of five states for each voter out.
 *
 * Owns: struct detector. Never decides about a mirror: a silent node is only silent. Called by core.c; the other machines read it through
 * the questions at the end.
 */
#ifndef HAMON_CORE_DETECTOR_H
#define HAMON_CORE_DETECTOR_H

#include "hamon/core/message.h"
#include "hamon/core/table.h"

struct core;
struct event;
struct actions;

enum detector_state {
        DETECTOR_NEVER,   /* not heard since our own start, which was less than dead_ms ago */
        DETECTOR_ALIVE,
        DETECTOR_SUSPECT, /* silent for suspect_ms */
        DETECTOR_DEAD,    /* silent for dead_ms */
        DETECTOR_LEFT,    /* said that it stops in good order */
        DETECTOR_STATES
};

enum detector_event {
        DETECTOR_HEARD,
        DETECTOR_HEARD_LEAVING,
        DETECTOR_POLL,
        DETECTOR_EVENTS
};

enum { /* facts */
        DETECTOR_SILENT_SUSPECT = 1,
        DETECTOR_SILENT_DEAD = 2,
};

struct detector_voter {
        enum detector_state state;
        bool ever;
        uint64_t heard_ms;       /* or our own start */
        uint64_t boot_since_ms;  /* when this boot id was first heard */
        uint64_t role_since_ms[MIRRORS_MAX]; /* when the role of the last heartbeat was first heard in a row */
        uint64_t previous_start; /* of hamon there: late heartbeats of it are ignored for dead_ms */
        uint64_t start_since_ms; /* the present one was first heard */
        struct heartbeat last;
};

struct detector {
        struct detector_voter voter[VOTERS];
        bool confirmed_dead[NODES]; /* manual mode: a person said so; until it is heard again */
        uint64_t sequence, next_heartbeat_ms;
};

extern const struct table detector_table;

void detector_init(struct core *c);
void detector_message(struct core *c, const struct event *e, struct actions *out);
void detector_tick(struct core *c, struct actions *out); /* who has been silent for too long */
void detector_beat(struct core *c, struct actions *out); /* the own heartbeat, when it is due */
uint64_t detector_deadline_ms(const struct core *c);

/* Our own process did nothing for gap_ms (a stopped VM, a starved host): what it could not hear meanwhile is no silence of others. */
void detector_stalled(struct core *c, uint64_t gap_ms);

/* The next heartbeat goes now: something in it changed that others wait for. */
void detector_hurry(struct core *c);

bool detector_is_alive(const struct core *c, uint8_t voter); /* heard, perhaps suspect, not dead and not left */
bool detector_is_dead(const struct core *c, uint8_t voter);  /* dead, left, or confirmed dead by a person */

/* What it said last about a mirror, or NULL when it is not alive. */
const struct mirror_summary *detector_summary(const struct core *c, uint8_t voter, uint8_t mirror);

#endif
