/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The addresses that this process has put on an interface: when one is to be announced again, and when its lifetime has ended.
 *
 * The kernel drops an address whose lifetime is over, but looks for such at most once a second, whenever another one is set anew a second after that
 * (ADDRCONF_TIMER_FUZZ_MAX in net/ipv4/devinet.c and net/ipv6/addrconf.c), and by a deferrable timer in later kernels: on an idle processor it may look
 * later still. So hamon-act takes them away itself; the kernel is what is left when hamon-act does not run either.
 *
 * Times are CLOCK_BOOTTIME in milliseconds. Any thread: a drop may come from a service's worker while the loop renews.
 */
#ifndef HAMON_ACT_ADDRESS_HELD_H
#define HAMON_ACT_ADDRESS_HELD_H

#include "hamon/config.h"

/* After the lifetime: with what a renewal may be late on its way (ADDRESS_LATE_MS of hamon/driver) within what the lease leaves (ADDRESS_SLACK_MS of hamon/core/service.c). */
#define ADDRESS_GRACE_MS 100

/* Address `i` of the service lives until `end_ms`. `added`: it was not there before. The service must stay where it is. */
void address_held_until(const struct config_service *s, unsigned i, uint64_t now_ms, uint64_t end_ms, bool added);

/* Is it to be announced again: 1, 3, 7 and 15 s after it was added, once each? A switch was learning, a client was away for a moment. */
bool address_held_is_due(const struct config_address *a, uint64_t now_ms);

void address_held_forget(const struct config_address *a);

/* One whose lifetime and grace are over; it is forgotten. False: there is none. */
bool address_held_take_ended(uint64_t now_ms, const struct config_service **ret_service, unsigned *ret_i);

/* When the next one must go, grace included; 0: none is held. */
uint64_t address_held_next_ms(void);

#endif
