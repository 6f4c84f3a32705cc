/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is anybody there at the other end of a connection? From samples of what TCP itself sees (TCP_INFO), which the kernel
 * answers for the peer: a peer whose TCP acknowledges is slow at most, and a slow one is not cycled (R8c).
 *
 *   the only address     lost when data or a probe was sent again several times and nothing came back for LINK_DEAD:
 *                        there is nowhere else to go, so that patience costs nothing
 *   one of several       lost when something was sent again and nothing came back for LINK_MOVE: the leg moves within a
 *                        second. After such a move the patient rule holds for a while, so that a peer that freezes now
 *                        and then is not chased from one address to the other.
 *
 * What was sent again has had no answer only if nothing came since the sample before it: a peer whose buffers are full
 * closes its window over data that is under way, answers each retransmission with "still closed", and TCP sends it
 * again ever more rarely. Neither is one sample enough: after a pause of this machine the timer of the retransmission
 * fires before the answers that wait are taken in.
 *
 * Pure. limits.h has the numbers.
 */
#ifndef NBDD_NBDC_LIVENESS_H
#define NBDD_NBDC_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "nbdc/limits.h"

/* What link_sample() reads. */
struct link_sample {
        uint32_t retransmits; /* of the oldest unacknowledged data, in a row */
        uint32_t probes;      /* keepalive or window probes without an answer */
        bool window_closed;   /* data waits for room at the peer: then probes and retransmissions are window probes */
        uint32_t silent_ms;   /* nothing at all has come from the peer for so long */
};

struct liveness {
        bool unanswered;
        uint64_t unanswered_since_ms;
        uint64_t patient_until_ms;
        uint32_t retransmits;     /* of the latest sample */
        uint64_t sampled_ms;      /* when that was */
        uint64_t resent_after_ms; /* the latest retransmission came after this sample */
};

/* A probe that is on its way is not one without an answer: only one that still has none a few samples later. */
static inline bool liveness_moves(const struct liveness *l, const struct link_sample *s, uint64_t now_ms)
{
        if (now_ms < l->patient_until_ms || s->silent_ms < NBDC_LINK_MOVE_MS)
                return false;
        if (s->retransmits >= 1 && !s->window_closed)
                return l->unanswered && now_ms - l->unanswered_since_ms >= NBDC_PROBE_ONE_OF_MANY_MS;
        return s->probes >= (s->window_closed ? 2u : 1u) && l->unanswered &&
               now_ms - l->unanswered_since_ms >= NBDC_LINK_ANSWER_MS;
}

/* True: lost; shut it and dial. `several`: the peer has other addresses. */
static inline bool liveness_lost(struct liveness *l, const struct link_sample *s, bool several, uint64_t now_ms)
{
        if (s->retransmits > l->retransmits)
                l->resent_after_ms = l->sampled_ms ? l->sampled_ms : now_ms;
        l->retransmits = s->retransmits;
        l->sampled_ms = now_ms;
        bool resent = s->retransmits > 0 && now_ms - s->silent_ms <= l->resent_after_ms;
        bool waiting = resent || s->probes > 0;
        if (waiting && !l->unanswered)
                l->unanswered_since_ms = now_ms;
        l->unanswered = waiting;
        if (several && waiting && liveness_moves(l, s, now_ms)) {
                l->patient_until_ms = now_ms + NBDC_LINK_MOVE_REST_MS;
                l->unanswered = false;
                return true;
        }
        return ((resent && s->retransmits >= NBDC_LINK_RETRANSMITS) || s->probes >= NBDC_LINK_RETRANSMITS) &&
               s->silent_ms >= NBDC_LINK_DEAD_MS;
}

#endif
