/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long a worker leaves requests to gather before it takes them. Pure.
 *
 * A client with many requests under way sends them one by one, and a server that is faster than it takes them one by one: each costs a turn here and a wake-up
 * there. As a network card holds back its interrupts (ethtool(8), "adaptive coalescing"), a worker holds back its next turn while the client is ahead of it, for
 * as long as it takes for a batch to gather; it never waits for a client that waits for its replies: whoever has nothing more to send when it is looked for halves
 * the pause, so that at depth 1 there is none.
 */
#ifndef NBDD_COALESCE_H
#define NBDD_COALESCE_H

#include <stdbool.h>
#include <stdint.h>

struct coalesce {
        uint32_t pause_ns;
        unsigned rest_turns; /* until it is worth looking again */
};

/* What one request adds to a batch: itself, and its payload. received: of a write, which waits in socket buffers until we take it; else what is to be sent. */
unsigned coalesce_weight(uint32_t payload_bytes, bool received);

/* Whether to find out, by a system call, if the client is ahead: of one that was not, only now and then. Counts the turn. */
bool coalesce_looks(struct coalesce *c);

/*
 * At the end of a turn of which coalesce_looks() was true. weight: of the requests that it took; is_ahead: more have come meanwhile; limit_ns: LIMIT_COALESCE_US.
 * Returns how long to pause before the next turn, in ns; 0: not at all.
 */
uint32_t coalesce_pause(struct coalesce *c, unsigned weight, bool is_ahead, uint32_t limit_ns);

#endif
