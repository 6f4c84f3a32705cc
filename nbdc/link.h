/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection that the kernel's driver uses, seen through our own descriptor of the same socket: is it shut, is
 * anybody still there, and the means to end it (which is what keeps every later request to the driver from waiting for
 * a frozen peer).
 *
 * Never reads or writes the socket. Any thread.
 */
#ifndef NBDD_NBDC_LINK_H
#define NBDD_NBDC_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "nbdc/limits.h"
#include "nbdc/nbdc_client.h"

/* The connections of one device: one, but for a plain attach with --connections. */
struct link_set {
        unsigned count;
        int fds[NBDC_CONNECTIONS_MAX];
};

void link_set_close(struct link_set *set); /* empty afterwards */
void link_set_shut(const struct link_set *set);
bool link_set_any_shut(const struct link_set *set);

/* Both directions; immediate, also towards a frozen peer. */
void link_shut(int fd);

/* Shut in both directions, by us, the driver, the peer or an error. */
bool link_is_shut(int fd);

/* What TCP knows of the peer (liveness.h). False for a connection that is not TCP: an end of that is always told. */
struct link_sample;
bool link_sample(int fd, struct link_sample *ret);

/* Bytes that the owner of the connection gave it to send and received from it, since it was opened. False when it does
 * not tell. */
bool link_bytes(int fd, uint64_t *ret_sent, uint64_t *ret_received);

/* The last bytes on it were ours: the server owes an answer. May miss one that was sent within a clock tick of what the server said before. */
bool link_waits(int fd);

/* "10.0.0.2:4343" or "[fd00::2]:4343": the other end; "" when it is not known. */
void link_peer(int fd, char ret[NBDC_ADDRESS_SIZE]);
void link_format_address(const struct sockaddr *address, socklen_t length, char ret[NBDC_ADDRESS_SIZE]);

/* The sentence about a host of which getaddrinfo(3) knows no address; `rc` is its result. */
void link_unresolved(const char *host, int rc, char *ret, size_t size);

/* Why it is down: an errno, or 0: closed by the peer in good order. Told once. */
int link_take_error(int fd);

#endif
