/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The nouns of hamon's decisions: voters, ballots, the record, leases, and the limits that bound them.
 *
 * Plain values without pointers: a whole struct core can be copied with memcpy (that is how "what if node B fails now" is answered).
 * Pure: no syscall, clock, randomness, allocation or logging anywhere in hamon/core (tests/unit/core checks with nm -u).
 */
#ifndef HAMON_CORE_TYPES_H
#define HAMON_CORE_TYPES_H

#include "base/id.h"

#include <stdbool.h>
#include <stdint.h>

enum {
        NODES = 2,        /* nodes with a leg: voters 0 and 1 */
        VOTERS = 3,       /* and the witness: voter 2 */
        WITNESS = 2,
        NO_NODE = 0xff,
        MIRRORS_MAX = 24,
};

/* Ballots order proposals: by n, then node, then start id. `start` is random for each start of a hamon: no two proposers share one. */
struct ballot {
        uint64_t n;
        uint8_t node;
        uint64_t start;
};

int ballot_compare(const struct ballot *a, const struct ballot *b); /* <0, 0, >0 */
bool ballot_is_null(const struct ballot *b);

struct record_leg {
        struct uuid uuid;  /* null: this node has no leg yet */
        bool in_sync;      /* holds every acknowledged write */
        bool inconsistent; /* a resync has begun to write to it: torn until it is in_sync again */
        bool doubtful;     /* its disk failed in a way that no bitmap knows of: resynced whole; until it is in_sync again */
};

/* The decided truth of one mirror: one CASPaxos register (DESIGN 3.1). version 0: nothing was ever decided. */
struct record {
        uint64_t version; /* of this value: each change adds one */
        uint64_t epoch;   /* each primacy swap adds one */
        uint8_t primary;  /* node, or NO_NODE */
        struct uuid primary_boot;
        struct record_leg legs[NODES];
        uint64_t maintenance_until_s; /* seconds since 1970: until then nothing is taken over by itself; 0: no maintenance; or RECORD_ENDED_S */
        uint32_t voters_generation;
        struct uuid voters[VOTERS];
        struct uuid change; /* random id of the swap that made this value */
};

/*
 * As the end of a maintenance: there is none, the mirror is being removed. Nobody becomes primary of it any more, and who is stops. What older hamons make of it is a
 * maintenance without end, in which they take nothing over. The register goes on: a new mirror of that name begins in it, one version and one epoch later, so that
 * nothing of the old one is ever newer than it (no vote, no grant, no leg).
 */
#define RECORD_ENDED_S UINT64_MAX

bool record_equal(const struct record *a, const struct record *b);

/* What a voter is known to have accepted, by its own answer, under which identity: less of it later is a step back (R7d). */
struct voter_seen {
        struct uuid voter;
        struct ballot accepted;
};

/* An acceptor's durable state (R5): written and fsynced before any answer that relies on it. */
struct acceptor_state {
        struct uuid voter;       /* random identity of this voter's memory (R7c) */
        struct ballot promised;
        struct ballot accepted;
        struct record value;     /* of `accepted`; version 0 when nothing was accepted */
        struct voter_seen seen[VOTERS]; /* by this machine's proposals, in all its lives */
};

/* Time-outs, in ms; each has a default and a reason in docs/ARCHITECTURE.md. */
struct timers {
        uint32_t heartbeat_ms;        /* 200: interval of heartbeats */
        uint32_t suspect_ms;          /* 700: no heartbeat on any link: ask for pre-votes */
        uint32_t dead_ms;             /* 1500: act */
        uint32_t lease_ms;            /* 1800: voters refuse others for that long */
        uint32_t address_ms;          /* 1000: kernel lifetime of the service address (whole seconds) */
        uint32_t address_renew_ms;    /* 200 */
        uint32_t leg_timeout_ms;      /* 5000: oldest request on the leg, peer's hamon alive */
        uint32_t swap_retry_ms;       /* 300: a prepare or accept without a majority is offered again; with a higher ballot after 1, 2, 4, 8, 16 of these */
        uint32_t join_backoff_ms;     /* 1000: first wait before the next join; doubles to join_backoff_max_ms */
        uint32_t join_backoff_max_ms; /* 60000 */
        uint32_t effect_timeout_ms;   /* 30000: an effect without an answer is reported (never assumed done) */
        uint32_t boot_grace_ms;       /* 3000: after a start, listen before any candidacy */
};

/* timers for "profile = normal" and "profile = relaxed" (slow machines, WANs: about three times as long). */
struct timers timers_normal(void);
struct timers timers_relaxed(void);

#endif
