/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What was asked of an export and how long it took. Counters have one writer, the session's worker, and readers in any thread; relaxed loads
 * and stores are enough, and cost the data path no locked instruction. A request's time runs from its arrival to the moment its reply is
 * ready to be sent.
 */
#ifndef NBDD_STATS_H
#define NBDD_STATS_H

#include <stdatomic.h>
#include <stdint.h>

enum stats_kind { STATS_READ, STATS_WRITE, STATS_FLUSH, STATS_OTHER, STATS_KINDS }; /* OTHER: trim, zeroes, cache, block status */

/* Bucket 0: below 1 us. Bucket i: from 2^(i-1) to below 2^i us. The last has all that is longer (67 s). */
#define STATS_BUCKETS 28u

struct stats_of_kind {
        _Atomic uint64_t operations, errors;
        _Atomic uint64_t bytes; /* of those without error */
        _Atomic uint64_t latency[STATS_BUCKETS];
};

struct stats {
        struct stats_of_kind kinds[STATS_KINDS];
};

enum stats_kind stats_kind_of(uint16_t nbd_command);
const char *stats_kind_text(enum stats_kind kind);
unsigned stats_bucket(uint64_t duration_ns);

/* By the one writer. */
void stats_count(struct stats *s, enum stats_kind kind, uint64_t bytes, uint64_t duration_ns, uint32_t error);
/* sum += s; `sum` has one writer, too. */
void stats_add(struct stats *sum, const struct stats *s);

#endif
