/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A whole cluster in one process: three production cores, virtual time in ms, a network whose links can be cut (instant, or slow and
 * lossy), fsyncs that are instant, and a small model of each node's disk, md array, leg session and service that answers the effects.
 *
 * The model carries one number as data: the sequence of the last write on each leg, and of the last acknowledged one. It checks as it
 * goes: nothing is assembled on a leg that lacks an acknowledged write (P1, P3), nothing before the own export is revoked (R3d), no leg
 * that is REQUIRED is detached without a decided record that excludes it (R2a, R2g), no address outlives the lease (R4e).
 */
#ifndef TESTS_UNIT_CORE_FIXTURE_H
#define TESTS_UNIT_CORE_FIXTURE_H

#include "hamon/core/state.h"

#include <stdio.h>

enum { A = 0, B = 1, W = WITNESS, M = 0, WORLD_QUEUE = 4096, WORLD_EFFECTS = 16384, WORLD_REPORTS = 4096, WORLD_JOBS = 64 };

struct disk { /* survives power cuts */
        bool broken;
        struct uuid leg;
        bool superblock, clean, calls_peer_failed;
        uint64_t data;       /* last write on it */
        bool torn;           /* a resync into it has begun and not ended */
        uint64_t last_epoch;
        bool note, debt;
};

#define FIXTURE_WALL_S 1700000000ull /* what every machine's clock says at time 0 */

struct machine {
        bool up, act_up, frozen; /* frozen: no events are delivered, nothing is sent */
        uint64_t boots, starts;
        struct uuid boot;
        struct disk disk;
        bool granted;
        struct uuid granted_session;
        uint64_t granted_epoch;
        bool held;

        bool running, own_in_sync, own_failed; /* md */
        bool own_unsafe; /* the own disk fails its flushes, which md ignores */
        bool peer_in_array, peer_in_sync, peer_failed;
        uint64_t synced_at_ms; /* resync ends */
        bool resync_paused, resync_stalled;
        bool attached, required, nbdd_dead; /* nbdd_dead: this node's export answers nobody */
        struct uuid session;
        uint64_t stuck_ms;     /* oldest write without progress since; 0: none */
        uint64_t waiting;      /* that write */
        uint64_t own_stuck_ms; /* the own disk does not answer since; 0: it does */
        bool service, service_broken;
        bool service_died; /* by itself: hamon has not noticed yet */
        bool service_sick; /* its health check fails, until its units were stopped */
        uint64_t address_until_ms;

        enum effect_type hold; /* this effect is not answered; EFFECT_TYPES: none */
        enum effect_type fail; /* this one fails */
        int error;
        struct effect jobs[WORLD_JOBS]; /* of hamon-act's worker */
        unsigned job_count;
        uint64_t job_ends_ms;
        uint64_t settled; /* ticket of the last effect that ended */
        struct observation seen;
        uint64_t seen_ms;
        struct core_durable durable;
};

struct world_effect {
        uint64_t at_ms;
        uint8_t node;
        struct effect effect;
};

struct world {
        uint64_t now_ms, random;
        struct core core[VOTERS];
        struct machine machine[VOTERS];
        bool cut[VOTERS][VOTERS]; /* [from][to] */
        bool given_up; /* a person gave up what only the other leg has: that is no loss of the next assembly */
        bool manual; /* no witness: no hamon has one in its configuration */
        struct service_policy policy; /* of the service, as the next hamon reads it */
        uint64_t written, acknowledged;
        uint32_t resync_ms;
        uint32_t message_max_ms, effect_max_ms, lose_percent; /* 0: at once, and nothing is lost */
        unsigned queued;
        struct {
                uint64_t at_ms, order;
                uint8_t to;
                uint64_t life; /* of that hamon */
                struct event event;
        } queue[WORLD_QUEUE];
        uint64_t orders;
        unsigned effects;
        struct world_effect effect[WORLD_EFFECTS];
        unsigned reports;
        struct {
                uint8_t node;
                struct action action;
        } report[WORLD_REPORTS];
        struct {
                bool present;
                int error;
                enum reason reason;
        } answered[64]; /* by ticket */
        struct record decided; /* the highest that any voter saw decided, ever */
        unsigned decided_without[NODES]; /* highest decided version that excludes the leg of that node */
        bool verbose;
        FILE *trace; /* states, effects, reports and answers, one a line; NULL: none */
        uint64_t trace_zero_ms;
};

void world_init(struct world *w); /* three voters up, blank disks, nothing created */
void world_init_manual(struct world *w); /* two, without a witness */
void world_run(struct world *w, uint64_t ms);
uint64_t world_random(struct world *w, uint64_t below);

void world_power_off(struct world *w, uint8_t voter);
void world_power_on(struct world *w, uint8_t voter);      /* a new boot */
void world_restart_hamon(struct world *w, uint8_t voter); /* same boot */
void world_act(struct world *w, uint8_t node, bool up);
void world_cut(struct world *w, uint8_t a, uint8_t b, bool cut);
void world_isolate(struct world *w, uint8_t voter, bool cut);
void world_command(struct world *w, uint8_t node, enum command_type type, bool consent, uint64_t ticket);
void world_maintain(struct world *w, uint8_t node, uint64_t until_s, uint64_t ticket); /* of the wall clock; 0: its end */
void world_write(struct world *w); /* by every service that runs: acknowledged at once, or it waits */

/* Runs in small steps for `ms`, writing all the while; two nodes never serve at once (P6), but by a person's word. */
void world_live(struct world *w, uint64_t ms);
bool world_writes_go_on(struct world *w); /* one is acknowledged within 200 ms */
struct mirror_view world_view(const struct world *w, uint8_t voter);
void world_expect_answer(const struct world *w, uint64_t ticket, int error, enum reason reason); /* to that command */

/* CREATE on A, JOIN on B, until both legs are in sync. */
void world_make_redundant(struct world *w);

/* A new redundant cluster in a switchover from A to B (ticket 5), in which B waits for that effect. */
void world_hold_switchover(struct world *w, enum effect_type effect);

/* Effects that `node` asked for from number `since` on, without those of the service address, in order; fails unless equal. */
void world_expect_effects(struct world *w, unsigned since, uint8_t node, const char *words);
bool world_reported(const struct world *w, unsigned since, uint8_t node, enum reason reason);
const struct record *world_record(const struct world *w); /* the highest decided one */
bool world_serves(const struct world *w, uint8_t node);   /* service runs and the address is there */

#endif
