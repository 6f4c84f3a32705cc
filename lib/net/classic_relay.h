/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between today's NBD transmission phase (simple replies) and the 0.2 protocol, in either direction: requests come from one connection and
 * leave on the other in the other's form; replies go back. nbdd puts it between a 0.2 client and its own session, nbdc between nbd.ko and a
 * 0.2 server.
 *
 * Why a thread: it may block in either socket. It holds at most one piece of one request and of one reply; whoever is slow slows its
 * own connection. The 0.2 protocol has no flush, so that a write towards an NBD server that offers FUA carries it: a 0.2 reply means durable.
 */
#ifndef NBDD_NET_CLASSIC_RELAY_H
#define NBDD_NET_CLASSIC_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#define CLASSIC_INFLIGHT_MAX 128u /* requests of one connection; more wait in its socket */

enum classic_direction { CLASSIC_TO_NBD, NBD_TO_CLASSIC }; /* the way of the requests */

struct classic_relay {
        enum classic_direction direction;
        int request_fd; /* requests come from here, replies go there */
        int server_fd;
        uint64_t size_bytes; /* of the export, at most CLASSIC_SIZE_MAX */
        bool read_only;
        bool fua; /* CLASSIC_TO_NBD: the server offers it */
};

/*
 * Works until one side ends; then both sockets are shut down (and stay the caller's to close). 0: the requesting side ended in
 * order, -EPROTO: one of them broke the protocol, and the sentence is in `ret_why` (constant); else -errno.
 */
int classic_relay_run(const struct classic_relay *relay, const char **ret_why);

#endif
