/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What people ask for: which command may be given when, and when it is done. One at a time for each mirror.
 *
 * Owns: struct command, core.leaving. Each accepted command is answered exactly once. The work is the machines'.
 *
 * A node that has just started knows neither its disks nor the newest record. What is asked then waits for that, for FIRST_LOOK_MS at most, and is
 * judged by what is found: "start the daemon, then create the mirror" works in a script without a pause between the two.
 */
#ifndef HAMON_CORE_COMMAND_H
#define HAMON_CORE_COMMAND_H

#include "hamon/core/ask.h"
#include "hamon/core/core.h"
#include "hamon/core/pending.h"

/*
 * A command is given up after so many effect_timeout_ms. It is then either answered with -ETIMEDOUT, and nothing of it happens any more, or with
 * -EINPROGRESS (REASON_COMMAND_UNSETTLED): a voter may have accepted its change, or the disk may be working on it, and it will be settled.
 */
enum { COMMAND_PATIENCE = 2, FIRST_LOOK_MS = 5000 };

struct command {
        bool active;
        bool waits; /* for the node's look at its disks or at the newest record */
        struct command_request request;
        uint64_t epoch; /* of the record when it was given */
        uint64_t until_ms;
        struct ask ask;         /* MAINTENANCE: the change that it is; REMOVE: its first part */
        struct pending pending; /* RESYNC, GROW: the effect that it is; REMOVE: its last part */
        bool closing;           /* REMOVE: that was asked */
        bool given_up;  /* its time is over; `reason` says what was in the way */
        bool failed;    /* answered in the next poll */
        int error;
        enum reason reason;
};

void command_given(struct core *c, const struct event *e, struct actions *out);

void command_effect_done(struct core *c, uint8_t mirror, const struct event *e);

void command_outcome(struct core *c, uint8_t mirror, const struct change_outcome *outcome);

/* A machine could not do it. */
void command_failed(struct core *c, uint8_t mirror, int error, enum reason reason);

void command_leave_poll(struct core *c, struct actions *out); /* of the node: also where there is no mirror */
bool command_poll(struct core *c, uint8_t mirror, const struct event *e, struct actions *out); /* true: it was given up; the machines look again */
uint64_t command_deadline_ms(const struct core *c, uint8_t mirror);

#endif
