/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The own role in one mirror: from a leg on a disk to primary, and down again. Runs on nodes only.
 *
 * Owns: struct mirror. mirror.c has the table and performs its deeds; mirror_facts.c says what is the case (who may start: DESIGN 3.4);
 * prevote.c asks and answers R3a. Never: the peer's leg (leg.c), the service (service.c), the record's rules (record.c).
 */
#ifndef HAMON_CORE_MIRROR_H
#define HAMON_CORE_MIRROR_H

#include "hamon/core/ask.h"
#include "hamon/core/pending.h"
#include "hamon/core/table.h"

enum mirror_state {
        MIRROR_START,        /* hamon-act is not there yet */
        MIRROR_OPENING,
        MIRROR_STANDBY,
        MIRROR_REPROBE,      /* a standby whose disk did not pass the probe looks again */
        MIRROR_PREVOTE,      /* R3a */
        MIRROR_PROBE,        /* R3b */
        MIRROR_SWAP,         /* R3c */
        MIRROR_REVOKE,       /* R3d; primacy is decided from here on */
        MIRROR_CAPTURE,      /* R3e ... */
        MIRROR_ASSEMBLE,
        MIRROR_APPLY,
        MIRROR_HISTORY,
        MIRROR_PRIMARY,
        MIRROR_ADOPT,        /* R1d: an array runs; a decided read says whose it is */
        MIRROR_CREATE_LEG,
        MIRROR_CREATE_ARRAY,
        MIRROR_CREATE_SWAP,
        MIRROR_JOIN_REVOKE,
        MIRROR_JOIN_LEG,
        MIRROR_STOP_SERVICE,
        MIRROR_STOP_ARRAY,
        MIRROR_HAND,         /* primacy was handed over, with both legs in sync: the leg machine gets the peer's leg */
        MIRROR_ASSEMBLE_BOTH,
        MIRROR_HAND_PROBE,   /* it could not be had, or is not equal: one leg goes on alone. The own one, if its disk is good */
        MIRROR_HAND_LEAVE,   /* in_sync = {self} first (R1a) */
        MIRROR_HAND_DETACH,
        MIRROR_HAND_KEEP,    /* the own disk is not good: in_sync = {peer's}, nothing was written since the other node stopped (R2c) */
        MIRROR_HAND_STOP,
        MIRROR_STOP_KEEP,    /* stopped, and the own disk does not keep what is flushed: the record is decided without it */
        MIRROR_LEFT,         /* stopped in good order; nothing starts here before a restart of hamon */
        MIRROR_DEPOSED,      /* reboot was asked for */
        MIRROR_STATES
};

enum mirror_event {
        MIRROR_ACT_LOST,
        MIRROR_ACT_READY,
        MIRROR_REOPENED,     /* LEG_OPEN beside the state's own effect was answered */
        MIRROR_DONE,         /* the state's own effect */
        MIRROR_FAILED,
        MIRROR_OUTCOME,      /* of the own proposal */
        MIRROR_POLL,
        MIRROR_COMMAND_CREATE,
        MIRROR_COMMAND_JOIN,
        MIRROR_EVENTS
};

enum { /* facts */
        MIRROR_RUNNING = 1 << 0,      /* LEG_OPEN: an array runs */
        MIRROR_ALONE = 1 << 1,        /* the decided record names this node and boot, with the own leg alone in sync */
        MIRROR_PRESENT = 1 << 2,      /* a leg of this mirror is on the own disk */
        MIRROR_WON = 1 << 3,          /* the own proposal reached its goal */
        MIRROR_MINE = 1 << 4,         /* the decided record names this node and boot */
        MIRROR_EMPTY = 1 << 5,        /* nothing was ever decided that this leg was in */
        MIRROR_NEWER = 1 << 6,        /* the other node is primary of a newer epoch */
        MIRROR_WISH = 1 << 7,         /* this node may and should start (mirror_facts.c) */
        MIRROR_GRANTED = 1 << 8,      /* a majority granted the pre-vote */
        MIRROR_EXPIRED = 1 << 9,      /* it did not come in time, or cannot come any more */
        MIRROR_STOP = 1 << 10,        /* switchover, leave, or the own disk is gone and the peer has everything */
        MIRROR_QUIET = 1 << 11,       /* service down and nothing under way on the peer's leg */
        MIRROR_STUCK = 1 << 12,       /* only a reboot helps (R8d) */
        MIRROR_LEAVING = 1 << 13,     /* the node stops in good order */
        MIRROR_STALE = 1 << 14,       /* the superblock was read before the peer's present boot */
        MIRROR_DOUBT = 1 << 15,       /* the last probe failed, and its back-off is over */
        MIRROR_BOTH = 1 << 16,        /* the decided record names this node and boot, with both legs in sync */
        MIRROR_HANDED = 1 << 17,      /* the peer's leg is attached for the new epoch */
        MIRROR_UNHANDED = 1 << 18,    /* it cannot be had */
        MIRROR_UNSAFE = 1 << 19,      /* the array was stopped, and the own disk failed the probe after it */
        MIRROR_GIVEN_UP = 1 << 20,    /* what is under way is a person's wish, whose time is over */
        MIRROR_REVOCABLE = 1 << 21,   /* no voter can have accepted the own proposal: it was never sent out */
        MIRROR_OWN_BAD = 1 << 22,     /* md or a probe says that the own disk failed */
        MIRROR_OWN_OUT = 1 << 23,     /* the decided record names this node and boot, with the own leg out of sync */
        MIRROR_GONE = 1 << 25,        /* hamon-act has seen since this state began that no array runs, and was not asked yet */
        MIRROR_PEER_THERE = 1 << 24,  /* its hamon is heard, and was not only alive when this state began */
};

struct mirror {
        enum mirror_state state;
        uint64_t since_ms;
        struct pending pending; /* the state's own effect */
        struct pending reopen;  /* LEG_OPEN after hamon-act came back, or to read the superblock afresh */
        struct ask ask;

        struct effect_result opened; /* of the last LEG_OPEN, LEG_CREATE or ARRAY_CREATE */
        bool opened_known;
        struct uuid asked_for, opened_for; /* the peer's boot id, as known when LEG_OPEN was asked, and of the last answer */
        struct observation observed;
        bool observed_valid;         /* since hamon-act is there */
        uint64_t observed_ms;
        uint64_t settled;            /* ticket of the last queued effect that is known to have ended: an older look is out of date */

        struct uuid new_leg;  /* that LEG_CREATE is to write: asked twice it makes the same leg */
        uint64_t epoch;       /* of the own primacy, from its decision on */
        bool won;             /* last outcome */
        uint64_t round;       /* of the pre-vote */
        uint8_t granted, refused; /* voters */
        enum refusal refusal; /* the last one, for people */
        uint32_t wait_ms;     /* longest that a voter asked to wait */
        uint64_t deadline_ms; /* of the pre-vote */
        uint64_t retry_ms;    /* no candidacy before */
        uint32_t backoff_ms;  /* after failed probes */
        bool probe_failed;
        bool start_alone;     /* a person's consent, for one try */
        bool forced;          /* with it: also without every acknowledged write */
        bool maintained, ended; /* as was reported */
        bool by_consent;      /* this candidacy rests on it */
        bool assembled;       /* by this hamon, alone: nothing of the peer can be attached */
        bool stop;
        bool stopped_clean;   /* this hamon stopped the array in order with the own leg in sync */
        bool held;            /* the device may be held by hamon-act: RELEASE before a grant */
        enum reason reason;   /* why nothing goes on, as last reported */
};

extern const struct table mirror_table;

void mirror_init(struct core *c, uint8_t mirror);
void mirror_fire(struct core *c, uint8_t mirror, enum mirror_event event, const struct event *e, struct actions *out);
void mirror_effect_done(struct core *c, uint8_t mirror, const struct event *e, struct actions *out);
void mirror_outcome(struct core *c, uint8_t mirror, const struct change_outcome *outcome, const struct event *e, struct actions *out);
uint64_t mirror_deadline_ms(const struct core *c, uint8_t mirror);

/* LEG_OPEN beside the state's own effect. */
void mirror_reopen(struct core *c, uint8_t mirror, struct actions *out);

/* mirror_facts.c */
uint32_t mirror_facts(const struct core *c, uint8_t mirror);
enum node_role mirror_role(enum mirror_state state);
enum node_role mirror_shown_role(const struct core *c, uint8_t mirror); /* as heartbeats carry it */
bool mirror_has_hands(const struct core *c);                            /* hamon-act is there, or was a moment ago */
bool mirror_wants_lease(const struct core *c, uint8_t mirror);
void mirror_summarize(const struct core *c, uint8_t mirror, struct mirror_summary *ret);
/* The recorded primary has stopped its array in order and offers both legs to this node. */
bool mirror_is_offered(const struct core *c, uint8_t mirror);
bool mirrors_have_stopped(const struct core *c);
bool mirror_owns_leg(const struct core *c, uint8_t mirror);      /* the leg on the own disk is the record's, and in sync */
bool mirror_may_be_forced(const struct core *c, uint8_t mirror); /* it is old, and not torn */
bool mirror_sees_own_in_sync(const struct core *c, uint8_t mirror); /* md says so, freshly (R2b) */
bool mirror_sees_own_failed(const struct core *c, uint8_t mirror);
bool mirror_grace_is_over(const struct core *c);

/* Why a standby does not start; REASON_NONE: it may and should. Whether the peer is gone is part of it. */
/* Primacy that maintenance does not stand in the way of: a person asked for it, or it ends a switchover that a person began. */
bool mirror_is_a_persons(const struct core *c, uint8_t mirror);

enum reason mirror_wish(const struct core *c, uint8_t mirror);

/* prevote.c */
void prevote_begin(struct core *c, uint8_t mirror, const struct event *e, struct actions *out);
void prevote_message(struct core *c, const struct event *e, struct actions *out); /* PREVOTE and PREVOTE_REPLY */
bool prevote_is_granted(const struct core *c, uint8_t mirror);

#endif
