/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One schedule: from a redundant mirror through a few faults to a redundant mirror, all drawn from one seed. Owns the shape of a run; never
 * prints.
 */
#ifndef TESTS_SIM_SCHEDULE_H
#define TESTS_SIM_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

struct sim;

enum { SCHEDULE_FAULTS_MIN = 2, SCHEDULE_EVENTS_MIN = 200 }; /* of each schedule; events: those delivered to a core */

/* A cluster made as a person makes it, with a witness or manual; `blank`: not yet created, the person does it among the
 * faults. False: it was not redundant in time. */
bool schedule_prepare(struct sim *s, bool manual, bool blank);

/* `s` begins as a copy of `prepared`. `single`: one fault only, and P7's limit of the pause. False: no complete leg is left, within the limits of P1. */
bool schedule_run(struct sim *s, const struct sim *prepared, uint64_t seed, bool single);

/* One fault of that kind at a time, and how long no write was acknowledged. */
void schedule_run_pause(struct sim *s, const struct sim *prepared, uint64_t seed, unsigned kind);

#endif
