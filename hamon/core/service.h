/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The service of a mirror: mount and units while this node is primary, its address while the lease is valid too (R4e).
 *
 * Owns: struct service. Never: roles, legs. Runs on nodes only; a mirror without a service stays in SERVICE_NONE.
 */
#ifndef HAMON_CORE_SERVICE_H
#define HAMON_CORE_SERVICE_H

#include "hamon/core/pending.h"
#include "hamon/core/table.h"

struct core;

enum service_state {
        SERVICE_NONE,
        SERVICE_DOWN,
        SERVICE_UNKNOWN, /* of an adopted array: a former hamon may have started it */
        SERVICE_STARTING,
        SERVICE_UP,
        SERVICE_FAILED,
        SERVICE_STOPPING,
        SERVICE_GIVEN_UP, /* it failed too often here: a person, or the peer */
        SERVICE_STATES
};

enum service_event { SERVICE_POLL, SERVICE_DONE, SERVICE_FAILED_EFFECT, SERVICE_AFRESH, SERVICE_EVENTS };

enum { /* facts */
        SERVICE_WANTED = 1 << 0,    /* primary, not stopping, and what it needs is there */
        SERVICE_RETRY_DUE = 1 << 1,
        SERVICE_MISSING = 1 << 2,   /* hamon-act has not seen it running for leg_timeout_ms */
        SERVICE_SEEN = 1 << 3,      /* hamon-act sees it running */
        SERVICE_FROZEN = 1 << 4,    /* writes may wait for the peer's leg: a start would, too, and stand before the detach that helps */
        SERVICE_SICK = 1 << 5,      /* its health check says so */
        SERVICE_EXHAUSTED = 1 << 6, /* it was started again as often as it may be */
        SERVICE_MOVABLE = 1 << 7,   /* the peer may have it, and could */
        SERVICE_HELD = 1 << 8,      /* others of its group come first (group.h) */
};

struct service {
        enum service_state state;
        struct pending pending;
        uint64_t retry_ms;
        uint32_t backoff_ms;
        uint64_t missing_since_ms; /* 0: seen running */
        bool sick;                 /* seen since it is up */
        bool again;                /* its units are stopped before the next start */
        struct service_tally tally;

        bool address_up;           /* renewed, and not dropped since */
        uint64_t renew_ms;         /* next renewal */
        bool lease_reported;       /* LEASE_LOST was */
};

extern const struct table service_table;

void service_init(struct core *c, uint8_t mirror);
void service_adopt(struct core *c, uint8_t mirror);
void service_poll(struct core *c, uint8_t mirror, struct actions *out);
void service_observed(struct core *c, uint8_t mirror);
void service_effect_done(struct core *c, uint8_t mirror, const struct event *e, struct actions *out);
uint64_t service_deadline_ms(const struct core *c, uint8_t mirror);

bool service_is_down(const struct core *c, uint8_t mirror);
/* A person has it started again (command.c looks whether it can be). */
void service_afresh(struct core *c, uint8_t mirror, struct actions *out);

bool service_is_busy(const struct core *c, uint8_t mirror); /* being started or stopped */

#endif
