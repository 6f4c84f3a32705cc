/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The 0.2 protocol of the year-2000 HOWTO on a listener of its own (docs/CLASSIC.md; `nbdd --serve --classic ADDR:PORT`, off by default).
 *
 * Each client gets a thread, which may wait in its sockets: it proves who is who (net/classic_auth.h), then attaches over a socket pair as an ordinary
 * NBD session of this server, so that grants, fences, allow lists, limits and statistics hold as for everybody, and relays (net/classic_relay.h).
 */
#ifndef NBDD_CLASSIC_H
#define NBDD_CLASSIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/classic_auth.h"
#include "wire/classic_wire.h"
#include "wire/nbd_wire.h"

#define CLASSIC_SESSIONS_MAX 64u
#define CLASSIC_HANDSHAKE_MS 10000u

struct classic;

/* Takes over fd as a new NBD connection of the client at `address`; false: no room, and fd is closed. Any thread. */
typedef bool classic_connect(void *userdata, int fd, const char *address);

/* 0 or -errno. `secrets_path` is read anew for each client. */
int classic_new(const char *secrets_path, classic_connect *connect, void *userdata, struct classic **ret);
/* A client at the classic listener; takes fd. Main thread; does not block. */
void classic_take(struct classic *c, int fd, const char *address);
/* Ends all of them and waits for their threads. */
void classic_free(struct classic *c);

/* ---- the initiation (classic_initiate.c); blocks ---- */

struct classic_peer {
        int fd;
        const char *address; /* for the log */
        uint64_t deadline_ns;
};

/* Identification, challenge, challenge-reply. 0: it is who it says; else it was denied and logged. */
int classic_identify_peer(const struct classic_peer *peer, const char *secrets_path, struct classic_transcript *ret_transcript,
                          struct classic_secret *ret_secret);
int classic_accept_peer(const struct classic_peer *peer, const struct classic_transcript *t, const struct classic_secret *secret, uint32_t flags,
                        uint64_t size_bytes);
void classic_deny_peer(const struct classic_peer *peer, enum classic_denial reason);

/* ---- the session towards ourselves (classic_attach.c); blocks ---- */

/* GO over `fd`. On error -errno and a sentence: -ENOENT no such export, -EACCES refused, -EPIPE closed, -ETIMEDOUT, -EBADMSG. */
int classic_attach(int fd, uint64_t id, uint64_t deadline_ns, struct nbd_export_info *ret_info, char *reason, size_t reason_size);

#endif
