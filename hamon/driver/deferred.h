/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Actions that wait until the state that they rely on is durable (R5: durable before visible).
 *
 * They leave in the order in which they came, as far as durability allows; queued effects of one mirror never overtake each other, and one
 * that hamon-act does at once waits for none of them. Bounded: when it is full the oldest message is dropped (every message may be lost). Pure. Called by driver.c and the tests; the loop's thread.
 */
#ifndef HAMON_DRIVER_DEFERRED_H
#define HAMON_DRIVER_DEFERRED_H

#include "hamon/core/core.h"

enum { DEFERRED_MAX = 512 };

struct deferred_action {
        struct action action;
        uint64_t since_ms;
};

struct deferred {
        unsigned count;
        uint64_t dropped; /* messages, ever */
        struct deferred_action at[DEFERRED_MAX];
};

/* Must `a` wait, given what is durable and what waits already? */
bool deferred_must_wait(const struct deferred *d, const struct action *a, uint64_t durable);

/* -ENOBUFS: full of things that must not be dropped; `a` was not taken. */
int deferred_put(struct deferred *d, const struct action *a, uint64_t now_ms);

/* Takes the next one that may go now; false: none. */
bool deferred_take(struct deferred *d, uint64_t durable, struct deferred_action *ret);

/* Effects for a hamon-act that is gone: what is still wanted is asked again, with a new ticket. */
void deferred_forget_effects(struct deferred *d);

#endif
