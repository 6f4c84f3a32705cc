/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to hamon/net/links*.c: sockets, paths and peers. */
#ifndef HAMON_NET_LINKS_STATE_H
#define HAMON_NET_LINKS_STATE_H

#include "hamon/net/links.h"
#include "hamon/net/session.h"

#include <netinet/in.h>

union socket_address {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
};

enum { LOSS_WINDOW = 128 }; /* messages: some twenty seconds of heartbeats */

struct path {
        bool learned;   /* from a datagram's source: the witness only */
        bool spare;     /* the other side has no address of its own for it: tried, but nobody need wire it */
        uint8_t socket; /* index of the own socket */
        union socket_address remote;
        bool heard;
        uint64_t heard_ms;
        uint64_t sent, failed, received;
        uint64_t window_start, window_first, window_received; /* loss is counted over LOSS_WINDOW of the sender's numbers */
        uint16_t loss_permille;
        int error;
};

struct peer {
        struct session session;
        uint64_t sequence; /* of the last datagram to it */
        uint64_t hello_ms;
        bool hello_sent;
        uint64_t told_ms; /* when it was last told that its datagrams are refused; 0: never */
        unsigned paths;
        struct path path[LINKS_PATHS_MAX];
};

struct links {
        const struct config *config; /* not owned */
        struct links_handler handler;
        uint8_t self;
        uint64_t start;
        struct uuid cluster;
        struct seal *seal;
        unsigned sockets;
        int fd[CONFIG_LINKS_MAX];
        sd_event_source *source[CONFIG_LINKS_MAX];
        struct peer peer[VOTERS];
        uint64_t next_challenge; /* drawn for the next start that is believed; 0: none */
        uint64_t count[PACKET_KINDS];
        uint64_t alarm_ms[PACKET_KINDS]; /* of the last alarm; 0: none yet */
        uint64_t last_ms[PACKET_KINDS];
        char last_from[PACKET_KINDS][LINKS_FROM_SIZE];
};

/* links_path.c: addresses and paths. */
socklen_t address_size(const union socket_address *a);
void address_of_config(const struct config_address *from, uint16_t port, union socket_address *ret);
bool address_equal(const union socket_address *a, const union socket_address *b);
void address_text(const union socket_address *a, char ret[LINKS_FROM_SIZE]);
int socket_bind(const union socket_address *own);
void paths_configure(struct links *l);

/* The path over which this datagram came; learns it when this is the witness. NULL: none. */
struct path *path_heard(struct links *l, uint8_t from, unsigned socket_index, const union socket_address *source, uint64_t start,
                        uint64_t sequence, uint64_t now_ms);

#endif
