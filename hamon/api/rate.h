/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much a client on TCP may ask: a bucket for each address, which fills with RATE_PER_S and holds RATE_BURST; a refused token costs
 * RATE_REFUSED of it. A table of fixed size: addresses that share a place share its bucket. A lock of its own; any HTTP thread.
 */
#ifndef HAMON_API_RATE_H
#define HAMON_API_RATE_H

#include <stdbool.h>
#include <stdint.h>

enum { RATE_PER_S = 50, RATE_BURST = 250, RATE_REFUSED = 25, RATE_PLACES = 1024 };

struct rate;

struct rate *rate_new(uint64_t seed); /* NULL: out of memory. `seed`: random, so that nobody chooses whose place he shares */
void rate_free(struct rate *r);

/* Takes `cost` out of the address's bucket. False: it has not that much. */
bool rate_take(struct rate *r, const char *address, unsigned cost, uint64_t now_ms);

#endif
