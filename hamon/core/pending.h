/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One effect that a machine has asked for and whose answer it waits for, or that it will ask for again after a back-off.
 *
 * Owns: the ticket. An answer whose ticket is not that of an open effect is of no interest to anybody (the effect was asked again
 * after hamon-act was lost, or its machine gave it up). Never assumes that an effect without an answer was done. Called by the machines
 * of hamon/core only.
 */
#ifndef HAMON_CORE_PENDING_H
#define HAMON_CORE_PENDING_H

#include "hamon/core/effect.h"

struct core;
struct event;
struct actions;

struct pending {
        uint64_t ticket;     /* 0: nothing is open */
        struct effect effect;
        bool unsent;         /* hamon-act is away: asked when it is back */
        bool slow_reported;
        uint64_t asked_ms;
        uint64_t retry_ms;   /* it failed and is asked again then; 0: no retry is due */
        uint32_t backoff_ms; /* of the last retry */
        int error;           /* of the last answer */
};

/* Asks `effect` (its ticket is filled in). Whatever was pending before is given up. */
void pending_ask(struct core *c, struct pending *p, const struct effect *effect, struct actions *out);

/* True when `result` answers this effect; then it is no longer open and p->error is its outcome. */
bool pending_answered(struct pending *p, const struct effect_result *result);

/* The effect failed and may be asked again: does so after a back-off that doubles up to leg_timeout_ms. */
void pending_retry_later(struct core *c, struct pending *p);

/* hamon-act is gone: outcomes unknown. And back: everything open is asked again, with new tickets. */
void pending_lost(struct pending *p);
void pending_ask_again(struct core *c, struct pending *p, struct actions *out);

/* Due retries and the report of slow effects. */
void pending_tick(struct core *c, struct pending *p, struct actions *out);
uint64_t pending_deadline_ms(const struct core *c, const struct pending *p);

void pending_cancel(struct pending *p);
bool pending_is_open(const struct pending *p);

#endif
