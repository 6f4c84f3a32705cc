/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Heartbeat links: one UDP socket for each own address, and every message sent over each path to its receiver.
 *
 * Two voters talk over the paths (own link i, peer's link i) of the configuration (see struct config_voter). The witness knows no paths
 * of its own: it answers to wherever a node's authentic datagrams came from lately, so nodes may sit behind address translation.
 * Owns sockets, seals, sessions and the counters of what was refused and why. Never understands a payload, never logs; what is refused
 * changes nothing but its counter. Runs in the loop's thread; never blocks. Called by hamon/driver.
 */
#ifndef HAMON_NET_LINKS_H
#define HAMON_NET_LINKS_H

#include "hamon/config.h"
#include "hamon/net/seal.h"

#include <systemd/sd-event.h>

enum {
        LINKS_PATHS_MAX = 2 * CONFIG_LINKS_MAX, /* to one voter */
        LINKS_FROM_SIZE = 64,                   /* "address:port" as text */
};

enum packet_kind {
        PACKET_ACCEPTED,
        PACKET_DUPLICATE,     /* the copy that came over another link */
        PACKET_OLD,           /* replayed or very late */
        PACKET_UNPROVEN,      /* a start that has not echoed our challenge yet */
        PACKET_MALFORMED,
        PACKET_NEWER,
        PACKET_OLDER,
        PACKET_OTHER_CLUSTER,
        PACKET_BAD_KEY,
        PACKET_MISADDRESSED,  /* names a sender or receiver that this configuration does not have there */
        PACKET_UNDECODABLE,   /* authentic, but its payload is not a message */
        PACKET_KINDS
};

/* Word of a kind for status and metrics ("bad-key"), what it means for a person ("" for ordinary ones), whether one should hear of it. */
const char *packet_word(enum packet_kind kind);
const char *packet_sentence(enum packet_kind kind);
bool packet_is_alarming(enum packet_kind kind);

struct path_view {
        char local[CONFIG_ADDRESS_SIZE], remote[LINKS_FROM_SIZE];
        bool heard;
        uint64_t heard_ms; /* when the last authentic datagram came over it */
        uint64_t sent, failed, received;
        uint16_t loss_permille; /* of what the other side sent over it, in the last full window */
        int error;         /* of the last send, 0 or negative errno */
};

struct links_view {
        uint64_t count[PACKET_KINDS];
        char last_from[PACKET_KINDS][LINKS_FROM_SIZE]; /* of the kinds that are alarming, as is */
        uint64_t last_ms[PACKET_KINDS];
        unsigned paths[VOTERS];
        struct path_view path[VOTERS][LINKS_PATHS_MAX];
};

struct links;

struct links_handler {
        /* A fresh authentic payload of voter `from`; false: it is not a message (counted). Valid during the call only. */
        bool (*payload)(void *userdata, uint8_t from, const uint8_t *payload, size_t size_bytes);
        /* A datagram was refused in a way that a person should hear of: at most once a minute for each kind. */
        void (*alarm)(void *userdata, enum packet_kind kind, const char *from, uint64_t count);
        void *userdata;
};

/*
 * Binds the own addresses (also such as are not there yet) and listens on `loop`. `start`: random, of this start of hamon.
 * 0 or -errno; -EADDRINUSE: another hamon runs here.
 */
int links_new(sd_event *loop, const struct config *config, uint8_t self, uint64_t start, const uint8_t key[SEAL_KEY_BYTES],
              const struct links_handler *handler, struct links **ret);
void links_free(struct links *l);

/*
 * Other keys from now on: `key` seals, and `also` (NULL: none) opens as well. Sessions and their replay guard go on. 0, -ENOMEM or -EIO: then
 * nothing is changed.
 */
int links_rekey(struct links *l, const uint8_t key[SEAL_KEY_BYTES], const uint8_t *also);

/* Sends one message over every path to `to`. Losses are normal and only counted; -EMSGSIZE is a programmer's error. */
int links_send(struct links *l, uint8_t to, const void *payload, size_t size_bytes);

void links_view(const struct links *l, struct links_view *ret);

#endif
