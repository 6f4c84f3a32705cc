/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One mirror's CASPaxos register on one voter: the acceptor's durable state and the one proposal that may be under way.
 * Only record.c and acceptor.c write it. Plain values: struct core is copied as a whole.
 */
#ifndef HAMON_CORE_REGISTER_H
#define HAMON_CORE_REGISTER_H

#include "hamon/core/record.h"

enum { VOTERS_GENERATION_NONE = 0, VOTERS_GENERATION_FIRST = 1 }; /* NONE: of a voter without memory */

enum proposer_phase {
        PROPOSER_IDLE,
        PROPOSER_PREPARE,
        PROPOSER_ACCEPT,
        PROPOSER_PAUSE, /* between two ballots of one proposal */
};

struct proposer {
        enum proposer_phase phase;
        struct change change;
        bool internal;      /* of our own accord (R7c admission, R7d): no outcome, any other proposal replaces it */
        bool accept_sent;   /* some ballot of this proposal reached ACCEPT: its outcome must be found out (R6a) */
        bool yielding;      /* a lease stood in the way: re-decide what is there instead of asking for primacy */
        bool lease_refused; /* in this ballot */
        struct ballot ballot;
        uint64_t retry_at_ms;
        uint64_t ends_ms;        /* until then PREPARE or ACCEPT is offered again; then comes another ballot */
        uint32_t attempts;

        /* Answers to the ballot's PREPARE and ACCEPT: bit masks of voters. */
        uint8_t promised, blank, refused, accepted;
        struct ballot shown_ballot[VOTERS]; /* what each promise showed */
        struct record shown[VOTERS];
        struct uuid voter[VOTERS];

        uint8_t members;    /* whose acceptance counts, by the value that the promises showed (R7a) */
        uint8_t required;   /* of them, those without whom nothing is decided */
        unsigned needed;

        bool seating;    /* this ballot changes a voter's seat and nothing else (R7a) */
        uint8_t seat;
        bool full_house; /* a creation: all promised this ballot, and it admits those without memory at once */
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
        uint8_t members;            /* likewise */
        uint8_t hopeless;           /* without memory, and this value gives them no seat */
        uint8_t blank;              /* voters that were without memory when this ballot was prepared */
        struct uuid voter[VOTERS];  /* and their identities then */
        uint64_t next_ms;
        uint32_t interval_ms;
};

struct cas_register {
        bool admitted;                  /* this voter votes: R7c */
        struct uuid pending;            /* its identity while it does not: of this start only */
        uint8_t forgotten;              /* times that it was excluded in this start: each makes another identity */
        struct acceptor_state acceptor; /* as of `generation` */
        uint64_t generation;            /* durable generation of its last ACTION_PERSIST; 0: as read at start */

        uint64_t highest_n; /* of every ballot ever seen */
        struct proposer proposer;
        struct spreading spreading;
        struct record decided;          /* highest version that we saw decided */
        uint8_t voters_without_memory;  /* as their answers said; bit mask */
        uint8_t voters_backward;        /* showed less than they had accepted before (R7d); bit mask */
        bool forked;                    /* the other node decided alone by a person's word, and so did this one */
        uint8_t voters_behind;          /* refused the last decided value for a higher ballot that they had promised; bit mask */
        uint64_t lagging_since_ms;      /* a voter's heartbeats show an older record than was decided; 0: none's */
        uint64_t redecide_at_ms;        /* not before: the next re-decision for their sake */
        struct change_outcome outcome;
};

/* Between record.c (proposer) and acceptor.c only. */
void acceptor_init(struct core *c, uint8_t mirror, const struct acceptor_state *durable, bool known);
void acceptor_prepare(struct core *c, const struct event *e, struct actions *out);
void acceptor_accept(struct core *c, const struct event *e, struct actions *out);
void acceptor_note_seen(struct core *c, uint8_t mirror, uint8_t voter, const struct ballot *accepted, struct actions *out); /* R7d: and keeps it */
uint32_t register_voters_generation(const struct cas_register *r);
bool register_is_other_generation(const struct cas_register *r, const struct message *m); /* R7b: of a message to this voter */

/* The other node's set of voters, as any message of it says: is it a fork of ours? */
void register_note_generation(struct cas_register *r, uint32_t generation);

/* A voter's answer said that it has (no) memory: called for record and lease answers. */
void register_note_memory(struct cas_register *r, uint8_t voter, bool has_memory);

/* seats.c, for record.c only: each is explained there. */
void seats_fill_house(const struct core *c, struct proposer *p);
void seats_change(struct proposer *p);
bool seats_may_change(const struct core *c, struct proposer *p, const struct record *base);
void seats_look_back(struct core *c, const struct message *m, struct actions *out);
void seats_look_around(struct core *c, uint8_t mirror, uint64_t now_ms);
bool seats_want_redecision(const struct core *c, uint8_t mirror, uint64_t now_ms);
struct change seats_redecision(const struct core *c, uint8_t mirror);

/* change.c: does `change` apply to `base`; if so *ret is the new value. And: does a decided value have its goal? */
bool change_apply(const struct core *c, const struct change *change, const struct record *base, struct record *ret);
bool change_reached(const struct core *c, const struct change *change, const struct record *decided);
bool change_is_primacy(enum change_kind kind);

#endif
