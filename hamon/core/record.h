/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record of one mirror as seen by one voter: acceptor (every voter) and CASPaxos proposer (the two nodes).
 *
 * Source: D. Rystsov, "CASPaxos: Replicated State Machines without logs" (2018), without its one-round-trip optimisation: every decided
 * value went through prepare and accept. One proposal at a time; it is retried with higher ballots until it is decided (R6a).
 * Owns: struct register. Never: leases beyond asking lease_refuses(), effects, roles. Called by core.c only.
 */
#ifndef HAMON_CORE_RECORD_H
#define HAMON_CORE_RECORD_H

#include "hamon/core/core.h"

enum change_kind {
        CHANGE_NONE,
        CHANGE_CREATE,    /* version 0, or ended and epoch still `epoch` -> epoch + 1, primary = self, own leg in_sync, no other leg */
        CHANGE_TAKE_OVER, /* own leg in_sync in the value, epoch still `epoch` -> epoch + 1, primary = self + boot, in_sync = {own} (R1a, R1b) */
        CHANGE_LEAVE,     /* primary = self + boot + epoch -> in_sync = {own} (R2a) */
        CHANGE_KEEP_PEER, /* likewise, peer leg UUID still `peer_leg`, attached without a gap -> in_sync = {peer's} (R2c) */
        CHANGE_MARK,      /* likewise -> peer leg UUID = `peer_leg`, inconsistent, not in_sync (R2d) */
        CHANGE_JOIN,      /* likewise, peer leg UUID still `peer_leg` -> peer in_sync, not inconsistent (R2f) */
        CHANGE_FORCE,     /* a person's word: like TAKE_OVER, of a leg that is not in_sync and not torn; the other leg is resynced whole */
        CHANGE_HAND_OVER, /* planned switchover: like TAKE_OVER, keeping both in_sync; only after clean checks (3.5) */
        CHANGE_MAINTAIN,  /* by any node: maintenance_until_s = that of the change; nothing else changes. Ended: only to 0, which takes that back */
        CHANGE_CONFIRM,   /* no change: a decided read (R6b) */
        CHANGE_ADMIT,     /* record.c's own: a voter without memory gets the seat (R7c) */
        CHANGE_EXPEL,     /* likewise: one that went back loses it (R7d) */
        CHANGE_KINDS
};

struct change {
        enum change_kind kind;
        uint64_t epoch;       /* precondition: epoch of the value that it applies to */
        struct uuid own_leg, peer_leg;
        bool doubtful;        /* KEEP_PEER: the own disk may have lost what was flushed before */
        bool despite_maintenance; /* TAKE_OVER: a person asked for it, or it ends what a person began */
        uint64_t maintenance_until_s; /* MAINTAIN: 0 ends it; RECORD_ENDED_S */
        uint8_t voter;        /* ADMIT, EXPEL: whose seat */
        struct uuid id;       /* random, from the event's entropy */
};

/* Outcome of the own proposal: exactly one for each record_propose(). */
struct change_outcome {
        bool present;
        enum change_kind kind;
        bool won;              /* the decided value has this change's goal, reached by us; CONFIRM always wins */
        struct record decided;
};

struct cas_register;            /* one mirror's acceptor and proposer; complete in state.h */

void record_init(struct core *c, uint8_t mirror, const struct acceptor_state *durable, bool known);

/* Starts a proposal; asserts that none is under way (record_busy()). */
bool record_busy(const struct core *c, uint8_t mirror);
void record_propose(struct core *c, uint8_t mirror, const struct change *change, const struct event *e, struct actions *out);

/*
 * Takes the own proposal back, if it can still be: while no ACCEPT of it has left this node nobody can accept its value. Afterwards only a
 * decision ends it (R6a). False: it goes on.
 */
bool record_is_revocable(const struct core *c, uint8_t mirror);
bool record_cancel(struct core *c, uint8_t mirror);

/* PREPARE, PROMISE, ACCEPT, ACCEPTED, and the retry deadline. The outcome, if any, is in c->reg[mirror].outcome after the call. */
void record_message(struct core *c, const struct event *e, struct actions *out);
void record_tick(struct core *c, uint8_t mirror, const struct event *e, struct actions *out);
uint64_t record_deadline_ms(const struct core *c, uint8_t mirror);

/* Highest value that this voter knows; *ret_decided: seen decided (own proposal, or a majority of ACCEPTED). */
const struct record *record_known(const struct core *c, uint8_t mirror, bool *ret_decided);

/*
 * R7d, by a person who knows (a restored snapshot) or by what was seen: the voter loses its seat by a decision of all others, forgets, and is admitted
 * anew. On the primary only; false: not now (a proposal is under way, or fewer than two others have a seat).
 */
bool record_expel(struct core *c, uint8_t mirror, uint8_t voter, const struct event *e, struct actions *out);

/* Its maintenance has not ended yet (change.c); so it is for one that has ended. */
bool record_is_in_maintenance(const struct core *c, const struct record *r);

/* The mirror is being removed (change.c). */
bool record_is_ended(const struct record *r);

/* True while a primacy swap of ours may have been accepted somewhere without a decided outcome (R6c). */
bool record_takeover_unresolved(const struct core *c, uint8_t mirror);

#endif
