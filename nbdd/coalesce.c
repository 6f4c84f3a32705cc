/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Additive increase, multiplicative decrease of the pause before a turn. See coalesce.h. */
#include "nbdd/coalesce.h"

/* What fills half of the 64 KiB that a TCP window begins with: a batch beyond that makes the client wait for room. */
#define COALESCE_BATCH 20u
#define COALESCE_BATCH_MAX (COALESCE_BATCH + COALESCE_BATCH / 2)
#define COALESCE_RECEIVED_BYTES (4u << 10)
#define COALESCE_SENT_BYTES (16u << 10)
#define COALESCE_STEP_NS 1000u
#define COALESCE_LEAST_NS 5000u /* going to sleep and waking costs about as much */
#define COALESCE_REST_TURNS 15u

unsigned coalesce_weight(uint32_t payload_bytes, bool received)
{
        return 1 + payload_bytes / (received ? COALESCE_RECEIVED_BYTES : COALESCE_SENT_BYTES);
}

bool coalesce_looks(struct coalesce *c)
{
        if (c->rest_turns == 0)
                return true;
        c->rest_turns--;
        return false;
}

uint32_t coalesce_pause(struct coalesce *c, unsigned weight, bool is_ahead, uint32_t limit_ns)
{
        if (!is_ahead) {
                c->pause_ns = c->pause_ns < 2 * COALESCE_LEAST_NS ? 0 : c->pause_ns / 2;
                c->rest_turns = c->pause_ns == 0 ? COALESCE_REST_TURNS : 0;
        } else if (weight < COALESCE_BATCH) {
                c->pause_ns += COALESCE_STEP_NS;
        } else if (weight > COALESCE_BATCH_MAX) {
                c->pause_ns -= c->pause_ns < COALESCE_STEP_NS ? c->pause_ns : COALESCE_STEP_NS;
        }
        if (c->pause_ns > limit_ns)
                c->pause_ns = limit_ns;
        return c->pause_ns < COALESCE_LEAST_NS ? 0 : c->pause_ns;
}
