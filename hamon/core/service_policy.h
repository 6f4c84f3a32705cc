/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How often a service that fails is started again on one node, and whether it may move to the other one then.
 *
 * Failures are counted in a window that begins with the first; one that is over forgets them. Without a limit a service is started again for ever.
 * A move by itself needs a peer that could take over now, and a service that was here for a whole window before it was given up: what
 * came here a moment ago and fails here as well does not go to and fro.
 */
#ifndef HAMON_CORE_SERVICE_POLICY_H
#define HAMON_CORE_SERVICE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

struct core;

struct service_policy {
        bool limited;      /* else the rest means nothing */
        uint8_t restarts;  /* within a window; 0: none at all */
        uint32_t window_ms;
        bool may_move;
};

struct service_tally {
        unsigned failures;
        uint64_t until_ms; /* end of the window */
        bool settled;      /* when it was given up it had been here for a window */
};

void service_policy_failed(struct core *c, uint8_t mirror);
bool service_policy_is_exhausted(const struct core *c, uint8_t mirror);
void service_policy_give_up(struct core *c, uint8_t mirror);
bool service_policy_may_move(const struct core *c, uint8_t mirror);

#endif
