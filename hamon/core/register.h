/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One mirror's CASPaxos register on one voter: the acceptor's durable state and the one proposal that may be under way.
 * Only record.c and acceptor.c write it. Plain values: struct core is copied as a whole.
 */
#ifndef HAMON_CORE_REGISTER_H
#define HAMON_CORE_REGISTER_H

#include "hamon/core/record.h"

enum { VOTERS_GENERATION_FIRST = 1 };

enum proposer_phase {
        PROPOSER_IDLE,
        PROPOSER_PREPARE,
        PROPOSER_ACCEPT,
        PROPOSER_PAUSE, /* between two ballots of one proposal */
};

struct proposer {
        enum proposer_phase phase;
        struct change change;
        bool internal;      /* a re-decision of our own accord (R7c admission): no outcome, any other proposal replaces it */
        bool accept_sent;   /* some ballot of this proposal reached ACCEPT: its outcome must be found out (R6a) */
        bool yielding;      /* a lease stood in the way: re-decide what is there instead of asking for primacy */
        bool lease_refused; /* in this ballot */
        struct ballot ballot;
        uint64_t retry_at_ms;
        uint32_t attempts;

        /* Answers to the ballot's PREPARE and ACCEPT: bit masks of voters. */
        uint8_t promised, blank, refused, accepted;
        struct ballot shown_ballot[VOTERS]; /* what each promise showed */
        struct record shown[VOTERS];
        struct uuid voter[VOTERS];

        bool full_house; /* a creation: all three promised this ballot, and it admits those without memory at once */
        bool changed;    /* value has the change applied; otherwise it is re-decided as it was found */
        struct record value;
};

/* The last decided ballot is offered again to voters that have not accepted it, so that a standby knows what it may do. */
struct spreading {
        bool active;
        struct ballot ballot;
        struct record value;
        uint8_t accepted;
        bool full_house;            /* as in the proposal */
        uint8_t blank;              /* voters that were without memory when this ballot was prepared */
        struct uuid voter[VOTERS];  /* and their identities then */
        uint64_t next_ms;
        uint32_t interval_ms;
};

struct cas_register {
        bool admitted;                  /* this voter votes: R7c */
        struct uuid pending;            /* its identity while it does not: of this start only */
        struct acceptor_state acceptor; /* as of `generation` */
        uint64_t generation;            /* durable generation of its last ACTION_PERSIST; 0: as read at start */

        uint64_t highest_n; /* of every ballot ever seen */
        struct proposer proposer;
        struct spreading spreading;
        struct record decided;          /* highest version that we saw decided */
        uint8_t voters_without_memory;  /* as their answers said; bit mask */
        uint8_t voters_behind;          /* refused the last decided value for a higher ballot that they had promised; bit mask */
        uint64_t redecide_at_ms;        /* not before: the next re-decision for their sake */
        struct change_outcome outcome;
};

/* Between record.c (proposer) and acceptor.c only. */
void acceptor_init(struct core *c, uint8_t mirror, const struct acceptor_state *durable, bool known);
void acceptor_prepare(struct core *c, const struct event *e, struct actions *out);
void acceptor_accept(struct core *c, const struct event *e, struct actions *out);
uint32_t register_voters_generation(const struct cas_register *r);

/* A voter's answer said that it has (no) memory: called for record and lease answers. */
void register_note_memory(struct cas_register *r, uint8_t voter, bool has_memory);

/* change.c: does `change` apply to `base`; if so *ret is the new value. And: does a decided value have its goal? */
bool change_apply(const struct core *c, const struct change *change, const struct record *base, struct record *ret);
bool change_reached(const struct core *c, const struct change *change, const struct record *decided);
bool change_is_primacy(enum change_kind kind);

#endif
