/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whose votes count (R7). The set of voters is part of the record: one identity for each of the three seats, null for an empty one. A voter's identity
 * is that of its memory: who lost it, or was excluded, comes back as another one.
 *
 * Used by record.c, acceptor.c, prevote.c, lease.c and verdict.c. Pure questions; changes nothing but the value it is given.
 */
#ifndef HAMON_CORE_VOTERS_H
#define HAMON_CORE_VOTERS_H

#include "hamon/core/core.h"

struct proposer;

static inline uint8_t voter_bit(uint8_t voter)
{
        return (uint8_t)(1u << voter);
}

unsigned voters_count(uint8_t mask);

/* Who is in the configuration (a manual cluster has no witness), and who has a seat by this value; by version 0 who is configured. */
uint8_t voters_configured(const struct core *c);
uint8_t voters_of(const struct core *c, const struct record *value);

/* Two of three, two of two; one of one, which only a person's word makes. */
unsigned voters_needed(uint8_t members);

/* As the record that this node knows says: who has a seat, and how many must agree; a person's word for the peer counts as its vote. */
uint8_t voters_known(const struct core *c, uint8_t mirror);
unsigned voters_known_needed(const struct core *c, uint8_t mirror);

/* Of the voters in `mask`, those whose promise came from the memory that has the seat by `base`. */
uint8_t voters_recognised(const struct core *c, const struct proposer *p, const struct record *base, uint8_t mask);

/*
 * Manual mode: a person has said that the peer is off, and there is no third vote. Then this node alone is a majority: the next value that it decides
 * takes the peer's seat away, and with a newer generation nothing that the old set still says counts any more.
 */
bool voters_consent(const struct core *c, const struct record *value);
void voters_seat_alone(const struct core *c, struct record *value, uint32_t random);

/* Generations count the persons' words in the upper half; the lower one tells two such words at the same time, one on each node, apart. */
bool generation_is_newer(uint32_t a, uint32_t b);
bool generation_is_fork(uint32_t a, uint32_t b);

#endif
