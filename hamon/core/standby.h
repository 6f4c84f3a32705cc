/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The other side of a join: a standby opens its own leg for the primary (grant), and reads its own superblock for it (check). And a
 * standby that hears of a newer record than it knows learns it by a decided read.
 *
 * A grant outlives the hamon that asked for it (nbdd keeps it), and a resync may take hours: who was restarted meanwhile still answers a check. It gives no
 * grant for that: the session that waits for the answer may be void by now (its disk attached anew), and must stay so.
 *
 * Owns: struct standby. R6b: no grant without a decided read of its own; R6c: none while an own take-over is under way or unresolved.
 */
#ifndef HAMON_CORE_STANDBY_H
#define HAMON_CORE_STANDBY_H

#include "hamon/core/ask.h"
#include "hamon/core/pending.h"
#include "hamon/core/table.h"

enum standby_state {
        STANDBY_IDLE,
        STANDBY_LEARN,   /* decided read, because others know more */
        STANDBY_CONFIRM, /* decided read for a grant */
        STANDBY_RECALL,  /* decided read for a check: this hamon was started after it had given the grant */
        STANDBY_RELEASE,
        STANDBY_GRANT,
        STANDBY_CHECK,
        STANDBY_STATES
};

enum standby_event {
        STANDBY_GRANT_REQUESTED,
        STANDBY_CHECK_REQUESTED,
        STANDBY_OUTCOME,
        STANDBY_DONE,
        STANDBY_FAILED,
        STANDBY_ACT_BACK, /* hamon-act was lost, and with it the answer */
        STANDBY_POLL,
        STANDBY_EVENTS
};

enum { /* facts */
        STANDBY_FREE = 1 << 0,    /* the own role is standby */
        STANDBY_GIVEN = 1 << 1,   /* this very session has its grant */
        STANDBY_LEG = 1 << 2,     /* the leg that is asked for is ours */
        STANDBY_RIGHT = 1 << 3,   /* the decided record names the asking primary, its boot and epoch; no own take-over is unresolved */
        STANDBY_HELD = 1 << 4,    /* hamon-act may hold the device */
        STANDBY_BEHIND = 1 << 5,  /* a newer record was heard of and did not come by itself */
};

struct standby {
        enum standby_state state;
        struct pending pending;
        struct ask ask;

        uint8_t from;             /* the request: who, and for what */
        uint64_t epoch;
        struct uuid boot, session, leg;
        bool given;               /* the grant of given_session is open */
        struct uuid given_session;
        uint64_t given_epoch;
        uint64_t behind_since_ms; /* 0: not behind */
        bool failed;              /* the leg could not be given or read when it was last asked for; shown */
};

extern const struct table standby_table;

void standby_init(struct core *c, uint8_t mirror);
void standby_message(struct core *c, const struct event *e, struct actions *out); /* GRANT_REQUEST and CHECK_REQUEST */
void standby_effect_done(struct core *c, uint8_t mirror, const struct event *e, struct actions *out);
void standby_outcome(struct core *c, uint8_t mirror, const struct change_outcome *outcome, const struct event *e, struct actions *out);
void standby_act_is_back(struct core *c, uint8_t mirror, const struct event *e, struct actions *out);
void standby_poll(struct core *c, uint8_t mirror, const struct event *e, struct actions *out);
uint64_t standby_deadline_ms(const struct core *c, uint8_t mirror);
/* Somebody that is heard has a newer record. It is read within a moment, where a majority answers. */
bool standby_is_behind(const struct core *c, uint8_t mirror);
bool standby_is_idle(const struct core *c, uint8_t mirror); /* no decided read is under way or wanted, and no effect: R6c */

#endif
