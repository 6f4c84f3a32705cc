/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A verify as it stands: how far it is, what it found, when the next one is due. Plain values, pure; the thread that does it is
 * hamon/api/verifier.c.
 *
 * A run belongs to the two legs that it compares: with another leg its result says nothing any more.
 */
#ifndef HAMON_VERIFY_RUN_H
#define HAMON_VERIFY_RUN_H

#include "hamon/core/types.h"
#include "hamon/verify/ask.h"

enum {
        VERIFY_BLOCK_BYTES = 64 << 10,                          /* first look */
        VERIFY_CHUNK_BYTES = DIGESTS_MAX * VERIFY_BLOCK_BYTES,  /* of one question */
        VERIFY_FINE_BYTES = DIGEST_BLOCK_LEAST,                 /* what a difference is counted and named in */
        VERIFY_RANGES_MAX = 16,                                 /* that are named; all are counted */
        VERIFY_WHY_SIZE = 160,
        VERIFY_PAUSE_MOST_S = 30 * 86400,
};

/* [mirror] verify = */
enum verify_schedule { VERIFY_OFF, VERIFY_DAILY, VERIFY_WEEKLY, VERIFY_MONTHLY, VERIFY_SCHEDULES };
const char *verify_schedule_word(enum verify_schedule s);
int verify_schedule_by_word(const char *word); /* or -1 */

/* What a person may say. */
enum verify_wish { VERIFY_START, VERIFY_PAUSE, VERIFY_RESUME, VERIFY_CANCEL, VERIFY_WISHES };
const char *verify_wish_word(enum verify_wish w);
int verify_wish_by_word(const char *word); /* or -1 */

enum verify_state {
        VERIFY_NEVER,     /* nothing is known */
        VERIFY_RUNNING,   /* or about to: it waits while the mirror is not redundant */
        VERIFY_PAUSED,    /* by a person */
        VERIFY_EQUAL,     /* over: both legs hold the same */
        VERIFY_DIFFERS,   /* over: they do not */
        VERIFY_CANCELLED, /* by a person, or because another node is active */
        VERIFY_FAILED,    /* it could not be done: `why` */
        VERIFY_STATES
};
const char *verify_state_word(enum verify_state s);
int verify_state_by_word(const char *word); /* or -1 */

static inline bool verify_is_under_way(enum verify_state s)
{
        return s == VERIFY_RUNNING || s == VERIFY_PAUSED;
}

struct verify_run;
double verify_percent(const struct verify_run *run); /* 0 to 100 */

struct verify_range {
        uint64_t offset_bytes, size_bytes; /* of the array */
};

struct verify_run {
        enum verify_state state;
        bool scheduled;               /* nobody asked for it */
        uint8_t node;                 /* that was active, and did it */
        struct uuid leg[NODES];       /* what was compared */
        uint64_t began_s, ended_s;    /* since 1970 */
        uint64_t pause_until_s;       /* PAUSED: goes on by itself then; 0: when a person says so */
        uint64_t size_bytes, position_bytes;
        uint64_t differing;           /* blocks of VERIFY_FINE_BYTES */
        uint32_t ranges;
        struct verify_range range[VERIFY_RANGES_MAX];
        char why[VERIFY_WHY_SIZE];    /* CANCELLED, FAILED */
};

/* What is kept of a mirror. */
struct verify_memory {
        uint64_t since_s;       /* when these two legs were first seen in sync together; 0: never */
        struct uuid leg[NODES]; /* of since_s */
        struct verify_run last; /* the last one that came to its end: EQUAL, DIFFERS, or NEVER */
        struct verify_run run;  /* under way, or the last one that did not */
};

/* Both legs are in sync: another pair than the one that is known begins a new memory. True: something changed. */
bool verify_memory_see(struct verify_memory *m, const struct uuid leg[NODES], uint64_t now_s);

/* When the next one begins by itself, by this schedule; UINT64_MAX: never. One that did not come to its end is tried again, not sooner than VERIFY_AGAIN_S. */
enum { VERIFY_AGAIN_S = 3600 };
uint64_t verify_due_s(const struct verify_memory *m, enum verify_schedule schedule);

void verify_begin(struct verify_memory *m, uint8_t node, bool scheduled, uint64_t now_s);

/* A block of VERIFY_FINE_BYTES that differs, in ascending order. */
void verify_add_difference(struct verify_run *run, uint64_t offset_bytes);

/* The position has reached the end, or somebody or something ended it. `run` becomes `last` when it came to its end. */
void verify_end(struct verify_memory *m, enum verify_state state, const char *why, uint64_t now_s);

/* Of two blocks' digests, which differ? Returns how many, and the first of them. */
uint32_t verify_compare(const struct verify_answer *a, const struct verify_answer *b, uint32_t from, uint32_t *ret_first);

/* The other node's memory of the same legs, when it has finished later: its result is taken over. True: it was. */
bool verify_memory_learn(struct verify_memory *m, const struct verify_run *theirs);

#endif
