/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the schedules of this run have reached: rows of the core's tables, rules of the design where they could have been broken, and pairs
 * of faults that met. Counts only; never changes a run. Of the whole process, not of one schedule.
 */
#ifndef TESTS_SIM_COVER_H
#define TESTS_SIM_COVER_H

#include <stdbool.h>
#include <stdint.h>

struct sim;

/* X(letter, when it counts as met: the simulator has looked, and a core without the rule would have done otherwise) */
#define RULE_LIST(X) \
        X(R1a, "an epoch was raised, with exactly the legs in sync that are assembled") \
        X(R1b, "a node whose leg is not in sync wished to start, and did not") \
        X(R1c, "a primary came back under another boot and needed a new swap") \
        X(R1d, "a restarted hamon adopted its running array") \
        X(R1e, "a leg with another UUID was joined whole") \
        X(R2a, "a REQUIRED leg was detached by a decided record") \
        X(R2b, "a leave was begun, with the own leg in sync") \
        X(R2c, "the own leg failed and the record keeps the peer's") \
        X(R2d, "a resync wrote to a leg") \
        X(R2e, "a resync wrote while its leg was OPTIONAL") \
        X(R2f, "a join was decided") \
        X(R2g, "a join swap did not end with a join, or its hamon died") \
        X(R3a, "a pre-vote was refused") \
        X(R3b, "a candidate's probe failed") \
        X(R3c, "an assembly followed a decided swap") \
        X(R3d, "a revoke had to wait for requests that were under way") \
        X(R3e, "an assembly found dirty bits on the disk") \
        X(R4a, "a voter refused primacy for a lease") \
        X(R4b, "a renewal without a fresh echo was refused") \
        X(R4c, "a renewal by another than the recorded primary was refused") \
        X(R4d, "a restarted voter refused primacy") \
        X(R4e, "the address was not renewed because the lease is too short") \
        X(R5, "a hamon died with actions that waited for an fsync") \
        X(R6a, "a swap that had timed out was resolved by a decided write") \
        X(R6b, "a grant followed a decided read") \
        X(R6c, "a grant was refused for an own take-over") \
        X(R7a, "a decided record changed one seat") \
        X(R7b, "a message of another generation was refused") \
        X(R7c, "a voter without state was asked for its vote") \
        X(R7d, "a voter was seen to go back") \
        X(R8a, "a leave while the peer's hamon is heard") \
        X(R8b, "a second join in a row waited longer than the first") \
        X(R8c, "a slow leg kept its connection") \
        X(R8d, "a primary rebooted because its own disk hangs")

enum rule {
#define X(letter, when) RULE_##letter,
        RULE_LIST(X)
#undef X
        RULES
};

void cover_rule(enum rule rule);

/* A fault strikes: it meets those that struck a short while ago. */
void cover_fault(struct sim *s, unsigned kind);

/* One line of counts; `missing`: what was never reached, one line each, but for the lines of the file `allow` (NULL: none). Returns how many. */
unsigned cover_print(bool missing, const char *allow);

#endif
