/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Service addresses with a kernel lifetime: unless they are renewed the kernel itself drops them (R4e), whatever
 * becomes of us.
 *
 * Netlink to the local kernel and frames on an AF_PACKET socket: nothing waits for a network or a disk, so the main
 * loop may call it.
 */
#ifndef HAMON_ACT_ADDRESS_H
#define HAMON_ACT_ADDRESS_H

#include "hamon/act/trouble.h"
#include "hamon/config.h"

/*
 * Adds every address of the service, or gives those that are there `lifetime_ms` more (whole seconds, rounded down, at
 * least 1). `s` must stay where it is. One that was not there is announced: gratuitous ARP, or an unsolicited neighbour advertisement; and again by
 * the renewals 1, 3, 7 and 15 s later. 0 when all are there.
 */
int address_renew(const struct config_service *s, uint32_t lifetime_ms, struct trouble *t);

/* Takes every address away; one that is not there is success. */
int address_drop(const struct config_service *s, struct trouble *t);

/* Takes away what address_renew() did not renew within its lifetime (address_held.h). When to call again, CLOCK_BOOTTIME in ms; 0: not before the next
 * renewal. */
uint64_t address_drop_ended(void);

/* An announcement as it goes on the wire, Ethernet header included. Both give the number of bytes written to `ret`. */
#define ADDRESS_FRAME_MAX 96
size_t address_arp_frame(const uint8_t mac[6], const uint8_t address[4], uint8_t ret[ADDRESS_FRAME_MAX]);
size_t address_na_frame(const uint8_t mac[6], const uint8_t address[16], uint8_t ret[ADDRESS_FRAME_MAX]);

#endif
