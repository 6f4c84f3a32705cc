/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nbdc --classic: a server that speaks only the 0.2 protocol of the year 2000 (docs/CLASSIC.md) behind the kernel's driver, which speaks NBD.
 *
 *   nbd.ko ── socket pair ── nbdc --relay ── TCP ── 0.2 server
 *
 * For each connection the dialer starts a relay: a process of its own, so that it lives as long as the kernel's connection and not as long as the
 * nbdc that made it. Towards nbdc it behaves like an NBD server (greeting, GO), so that nbdc negotiates, hands over, watches and reconnects as
 * with any other; a denial comes back as the refusal of GO, in words.
 *
 * Never for a leg of a mirror: 0.2 has no grant, no epoch and no fence, and a reconnect starts a process, which needs memory.
 */
#ifndef NBDD_NBDC_CLASSIC_H
#define NBDD_NBDC_CLASSIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct classic_secret;

/* ---- the dialer's side (classic_start.c); the loop's thread ---- */

/*
 * Starts a relay for the connected `server_fd` (which it gets a copy of) and returns nbdc's end of the pair, non-blocking, in `ret_fd`. The secret
 * of `id` is read from `secrets_path` by the relay. 0 or -errno.
 */
int classic_relay_start(int server_fd, const char *secrets_path, uint64_t id, int *ret_fd);

/* ---- the relay's side ---- */

/* nbdc --relay SECRETS ID, with the two sockets as descriptors 3 and 4 (classic_process.c). Returns the exit status. */
int classic_relay_main(const char *secrets_path, const char *id);

struct classic_offer {
        uint64_t size_bytes;
        bool read_only;
};

/*
 * The client's half of the initiation (classic_initiate.c); blocks until the deadline. 0; -EACCES: denied, or the server could not prove itself;
 * -EPROTO: it speaks something else; both with a sentence. Else -errno of a lost connection, with none.
 */
int classic_initiate(int fd, uint64_t id, const struct classic_secret *secret, uint64_t deadline_ns, struct classic_offer *ret, char *reason,
                     size_t reason_size);

/* The server's half of the NBD handshake, as far as nbdc's own negotiation needs it (classic_greet.c); blocks until the deadline. */
int classic_greet(int fd, uint64_t deadline_ns); /* up to and with a GO */
int classic_answer_go(int fd, const struct classic_offer *offer, uint64_t deadline_ns);
int classic_refuse_go(int fd, const char *sentence, uint64_t deadline_ns);

#endif
