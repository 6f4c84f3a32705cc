/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peer's leg on a primary: joining it, watching it, leaving it (R2, R8).
 *
 * Owns: struct leg. leg.c has the table and performs its deeds; leg_facts.c says what is the case. Never: the own role, the service.
 * Nothing happens here while this node is not primary (LEG_NONE).
 */
#ifndef HAMON_CORE_LEG_H
#define HAMON_CORE_LEG_H

#include "hamon/core/ask.h"
#include "hamon/core/pending.h"
#include "hamon/core/table.h"

enum leg_state {
        LEG_NONE,
        LEG_OUT,     /* not in in_sync, not attached */
        LEG_MARK,    /* R2d */
        LEG_ASK,     /* the peer is asked for a grant */
        LEG_NOTE,
        LEG_ATTACH,  /* OPTIONAL from here to SYNCING (R2e) */
        LEG_UNION,
        LEG_ADD,
        LEG_SYNCING,
        LEG_REQUIRE, /* R2f ... */
        LEG_CHECK,
        LEG_JOIN,    /* the swap was sent: only LEAVE leads out (R2g) */
        LEG_DROP,
        LEG_IN,
        LEG_LEAVE,   /* R2a */
        LEG_DETACH,
        LEG_REMOVE,
        LEG_CLEAR,
        LEG_KEEP,    /* R2c: the own leg failed */
        LEG_OWN_FAILED,
        LEG_HAND_ASK,    /* planned switchover: the peer is asked for its leg in the new epoch */
        LEG_HAND_NOTE,
        LEG_HAND_ATTACH,
        LEG_HANDED,      /* attached: the own role assembles both */
        LEG_HAND_BAD,    /* it cannot be had: the own role leaves it */
        LEG_STATES
};

enum leg_event {
        LEG_BEGIN_OUT,   /* primary; nothing of the peer is attached */
        LEG_BEGIN_UNDO,  /* primary again after a restart of hamon; the record is without the peer, which may be attached */
        LEG_BEGIN_RESYNC, /* likewise; the record has it torn, and the array has it: its resync goes on */
        LEG_BEGIN_IN,    /* likewise; the record has the peer in sync */
        LEG_BEGIN_ALONE, /* likewise; the record has the peer's leg alone */
        LEG_BEGIN_HAND,  /* becoming primary of both legs */
        LEG_END,         /* no longer primary */
        LEG_GRANTED,
        LEG_REFUSED,
        LEG_PERMITTED,   /* the joiner's superblock permits assembly alone */
        LEG_DONE,
        LEG_FAILED,
        LEG_OUTCOME,
        LEG_POLL,
        LEG_EVENTS
};

enum { /* facts */
        LEG_CAN_JOIN = 1 << 0,   /* the peer is there with a leg, and the back-off is over */
        LEG_MARKED = 1 << 1,     /* the decided record has that leg as inconsistent already */
        LEG_TROUBLE = 1 << 2,    /* the leg makes no progress, or cannot any more (R8a) */
        LEG_OWN_GOOD = 1 << 3,   /* md has the own leg in sync (R2b) */
        LEG_OWN_BAD = 1 << 4,    /* md failed the own leg */
        LEG_SYNCED = 1 << 5,     /* md has the peer's leg in sync and is idle, in the session that was attached */
        LEG_RESEND = 1 << 6,     /* a request to the peer was not answered */
        LEG_MINE = 1 << 7,       /* the decided record is this primacy's */
        LEG_PEER_IN = 1 << 8,    /* it has the peer's leg in sync */
        LEG_OWN_IN = 1 << 9,     /* it has the own leg in sync */
        LEG_UNBROKEN = 1 << 10,  /* the leg has been attached without a gap since the record had it in sync: it has missed nothing */
        LEG_SOLE = 1 << 11,      /* md has failed the own leg and goes on with the peer's: it must not be let go, whatever its trouble */
};

struct leg {
        enum leg_state state;
        uint64_t since_ms;
        struct pending pending;
        struct ask ask;

        struct uuid session;      /* of this attach */
        struct uuid peer_leg;     /* that is joined or in */
        struct uuid peer_boot;    /* of the peer when the leg was attached; 3.3: a session does not outlive it */
        bool whole;               /* history unknown: resync everything; kept until the leg is in */
        bool required;            /* REQUIRE was asked: DETACH needs a decided record */
        bool unbroken;            /* LEG_UNBROKEN */
        bool tainted;             /* the own disk failed flushes while the leg was copied from it: what was copied is not taken for whole */
        bool refused;             /* the peer cannot give the leg that was asked for, and nothing was added since; shown */
        bool observed;            /* md was seen after the last step */
        uint64_t resend_ms;
        uint64_t disconnected_ms; /* no session since; 0: connected */
        uint64_t join_ms;         /* no join before (R8b) */
        uint32_t backoff_ms;
        struct uuid tried_boot;   /* the peer's boot at the last try: a new one clears the back-off */
        uint64_t in_since_ms;
};

extern const struct table leg_table;

void leg_init(struct core *c, uint8_t mirror);
void leg_fire(struct core *c, uint8_t mirror, enum leg_event event, const struct event *e, struct actions *out);
void leg_begin(struct core *c, uint8_t mirror, const struct event *e, struct actions *out);
void leg_message(struct core *c, const struct event *e, struct actions *out); /* GRANT_REPLY and CHECK_REPLY */
void leg_observed(struct core *c, uint8_t mirror);
void leg_effect_done(struct core *c, uint8_t mirror, const struct event *e, struct actions *out);
void leg_outcome(struct core *c, uint8_t mirror, const struct change_outcome *outcome, const struct event *e, struct actions *out);
uint64_t leg_deadline_ms(const struct core *c, uint8_t mirror);

/* leg_facts.c */
uint32_t leg_facts(const struct core *c, uint8_t mirror);
bool leg_is_quiet(const struct core *c, uint8_t mirror); /* nothing is half done, the leg answers: the array may be stopped */
bool leg_is_in_the_way(const struct core *c, uint8_t mirror); /* writes may wait for it */
bool leg_is_attached(enum leg_state state);
bool leg_is_sole(const struct core *c, uint8_t mirror);         /* LEG_SOLE */
bool leg_session_is_over(const struct core *c, uint8_t mirror); /* 3.3: the peer is there, and the session will never resume */
uint64_t leg_facts_deadline_ms(const struct core *c, uint8_t mirror);

#endif
