/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leases (R4): the voter's side (who may not be preempted, until when) and the primary's side (how long may I serve).
 *
 * All times are this process's monotonic ms. Never a decision about data: P2 does not depend on it. Called by core.c and record.c.
 */
#ifndef HAMON_CORE_LEASE_H
#define HAMON_CORE_LEASE_H

#include "hamon/core/core.h"

/* Voter: would a primacy swap of `candidate` be refused now? Sets *ret_wait_ms. R4a, R4d. */
enum refusal lease_refuses(const struct core *c, uint8_t mirror, uint8_t candidate, uint64_t now_ms, uint32_t *ret_wait_ms);

/* Voter: a RENEW arrived (answers RENEWED). Primary: a RENEWED arrived. */
void lease_message(struct core *c, const struct event *e, struct actions *out);

/* Primary: start, keep renewing, stop. `lease_hold(false)` at once ends renewals (R8d: the data path is stuck). */
void lease_hold(struct core *c, uint8_t mirror, bool hold, const struct event *e, struct actions *out);

/* Primary: gives the lease back, so that nobody waits for its end. Only with the service verified down and the address dropped (P6). */
void lease_release(struct core *c, uint8_t mirror, struct actions *out);
void lease_tick(struct core *c, uint8_t mirror, const struct event *e, struct actions *out);
uint64_t lease_deadline_ms(const struct core *c, uint8_t mirror);

/* Primary: until when the lease is valid (0: not held by a majority). */
uint64_t lease_valid_until_ms(const struct core *c, uint8_t mirror);

#endif
