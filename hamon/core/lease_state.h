/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Complete state of one mirror's lease on one voter (lease.c). Nothing of it is durable: R4d covers a restart. */
#ifndef HAMON_CORE_LEASE_STATE_H
#define HAMON_CORE_LEASE_STATE_H

#include "hamon/core/types.h"

enum { LEASE_SENT_RING = 32 }; /* renewals whose sending time is remembered: 32 * 200 ms is far beyond lease_ms */

struct lease {
        /* the voter's side */
        uint8_t holder;       /* node, or NO_NODE: never granted since the start */
        uint64_t until_ms;    /* others are refused until then */
        uint64_t nonce[NODES]; /* of the last answer to that node's renewals; 0: none */

        /* the primary's side */
        bool hold, released;                 /* released: given back in order */
        uint64_t epoch;
        uint64_t sequence;                   /* of the last renewal sent */
        uint64_t sent_ms[LEASE_SENT_RING];   /* by sequence */
        uint64_t next_ms;                    /* of the next renewal */
        uint64_t echo[VOTERS];               /* nonce to echo to each voter */
        uint64_t granted_sent_ms[VOTERS];    /* sending time of the newest renewal that it granted; 0: none */
};

#endif
