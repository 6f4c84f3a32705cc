/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Duplicate address detection before a service address is taken: does another machine answer for it? IPv4 by ARP probes (RFC 5227), IPv6 by
 * neighbour solicitations from no address (RFC 4862).
 *
 * ADDRESS_PROBES probes, ADDRESS_PROBE_PAUSE_MS apart, so the whole takes 300 ms; a thread of its own does it while the mount and the units
 * come up, which take longer. An address that this machine has already, and an interface without Ethernet, are not probed. What cannot be
 * probed is taken: a missing answer was never a proof, and the lease is what keeps the peer from having it.
 */
#ifndef HAMON_ACT_ADDRESS_PROBE_H
#define HAMON_ACT_ADDRESS_PROBE_H

#include "hamon/act/trouble.h"
#include "hamon/config.h"

#include <pthread.h>

#define ADDRESS_PROBES 3
#define ADDRESS_PROBE_PAUSE_MS 100

struct address_probe {
        const struct config_service *service; /* must outlive it */
        bool runs; /* the thread */
        pthread_t thread;
        int result;
        struct trouble trouble;
};

/* Never fails: what could not be started is a result, too. Each start needs its end. */
void address_probe_start(const struct config_service *s, struct address_probe *p);

/* Waits for the thread. 0: nobody answered; -EADDRINUSE: `t` says who has which address. */
int address_probe_end(struct address_probe *p, struct trouble *t);

/* A probe as it goes on the wire, Ethernet header included; the number of bytes in `ret` (ADDRESS_FRAME_MAX of address.h). */
size_t address_probe_frame(const uint8_t mac[6], const struct config_address *a, uint8_t *ret);

/* Does this frame say that another one than `mac` has the address? Its hardware address goes to `ret_mac`. */
bool address_probe_is_taken(const uint8_t *frame, size_t size, const uint8_t mac[6], const struct config_address *a, uint8_t ret_mac[6]);

#endif
