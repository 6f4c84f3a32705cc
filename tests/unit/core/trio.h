/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Three voters of one mirror in one process: the record and the lease alone, without roles, over a network that loses, doubles and
 * reorders, with fsyncs that take time and crashes that lose what was not synced. Virtual time in ms, one seed.
 */
#ifndef TESTS_UNIT_CORE_TRIO_H
#define TESTS_UNIT_CORE_TRIO_H

#include "hamon/core/state.h"

enum { TRIO_QUEUE_MAX = 8192, TRIO_CHOSEN_MAX = 4096 };

struct trio_packet {
        uint64_t at_ms;
        struct message message;
};

struct trio_chosen {
        struct ballot ballot;
        struct record value;
        uint8_t voters; /* that accepted it durably, ever */
};

struct trio_voter {
        bool up;
        struct core core;
        bool file_known; /* the durable acceptor state */
        struct acceptor_state file;
        uint64_t synced; /* generation */
        struct action held[256]; /* in order: persists, and what waits for them */
        unsigned held_count;
        uint64_t syncing, sync_at_ms; /* generation that is being written, and when that ends; UINT64_MAX: none is */
        bool disk_hangs;     /* fsync does not return */
        unsigned outcomes;
        struct change_outcome last;
};

struct trio {
        uint64_t now_ms, random, starts;
        unsigned lose_percent, double_percent, delay_max_ms, sync_min_ms, sync_max_ms;
        bool cut[VOTERS][VOTERS]; /* [from][to] */
        struct trio_voter voter[VOTERS];
        struct trio_packet queue[TRIO_QUEUE_MAX];
        unsigned queued;
        struct trio_chosen chosen[TRIO_CHOSEN_MAX];
        unsigned chosen_count;
};

void trio_init(struct trio *t, uint64_t seed);
uint64_t trio_random(struct trio *t, uint64_t below);
void trio_start(struct trio *t, uint8_t voter);              /* from its file, a new boot when it was down */
void trio_crash(struct trio *t, uint8_t voter);              /* loses what was not synced */
void trio_propose(struct trio *t, uint8_t voter, const struct change *change);
void trio_hold(struct trio *t, uint8_t voter, bool hold);    /* lease */
void trio_run(struct trio *t, uint64_t ms);
bool trio_run_until_idle(struct trio *t, uint8_t voter, uint64_t limit_ms); /* its proposal has an outcome */

/* Agreement: values chosen by a majority, in ballot order, form one chain of versions. Fails the test otherwise. */
void trio_check(const struct trio *t);

struct uuid trio_leg(uint8_t node);
struct change trio_change(enum change_kind kind, uint64_t epoch, uint8_t self);

/* CREATE by node 0 and a joined leg of node 1: epoch 1, both in sync. */
void trio_make_redundant(struct trio *t);

#endif
