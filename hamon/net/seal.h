/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The envelope of every datagram between hamons: who, to whom, which cluster, which start, which number, and an HMAC over all of it.
 *
 *     0  magic "HAMN"             24  sender's start id      56  payload (lib/wire/hamon_wire.h; empty: a hello)
 *     4  version u16, 6 from, 7 to   32  sequence             ..  HMAC-SHA256 with the cluster key over everything before it (32 bytes)
 *     8  cluster id (16 bytes)    40  challenge  48  echo
 *
 * All integers big endian. What `challenge` and `echo` are for: hamon/net/session.h. Owns the key's HMAC handle; never a socket, a clock
 * or a peer's state. Called by links.c and the tests; one thread at a time.
 */
#ifndef HAMON_NET_SEAL_H
#define HAMON_NET_SEAL_H

#include "base/id.h"

#include <stddef.h>
#include <stdint.h>

enum {
        SEAL_VERSION = 1,
        SEAL_KEY_BYTES = 32,
        SEAL_HEADER_BYTES = 56,
        SEAL_FROM_OFFSET = 6,
        SEAL_MAC_BYTES = 32,
        SEAL_DATAGRAM_MAX = 1400, /* fits an Ethernet frame with IPv6 and UDP headers: never fragmented */
        SEAL_PAYLOAD_MAX = SEAL_DATAGRAM_MAX - SEAL_HEADER_BYTES - SEAL_MAC_BYTES,
};

struct seal_envelope {
        uint8_t from, to;
        struct uuid cluster;
        uint64_t start, sequence;
        uint64_t challenge, echo;
};

/* Why a datagram was refused before anything in it was believed; each is counted by its kind. */
enum seal_verdict {
        SEAL_OK,
        SEAL_MALFORMED,     /* too short, too long, or not ours at all */
        SEAL_NEWER,         /* a newer protocol version */
        SEAL_OLDER,
        SEAL_OTHER_CLUSTER, /* another cluster id */
        SEAL_BAD_KEY,       /* the HMAC does not match */
        SEAL_VERDICTS
};

struct seal;

/* `key`: SEAL_KEY_BYTES bytes, copied. 0, -ENOMEM or -EIO. */
int seal_new(const uint8_t key[SEAL_KEY_BYTES], struct seal **ret);
void seal_free(struct seal *s);

/* Opens what was sealed with this key as well, and seals nothing with it: while a cluster changes its key. 0, -ENOMEM or -EIO. */
int seal_accept_also(struct seal *s, const uint8_t key[SEAL_KEY_BYTES]);

/* Writes a datagram to `ret`, which has SEAL_DATAGRAM_MAX bytes. Returns its size, -EMSGSIZE when the payload is too long, or -EIO. */
int seal_close(struct seal *s, const struct seal_envelope *e, const void *payload, size_t size_bytes, uint8_t *ret);

/* Checks a datagram in constant time for the key; the payload stays in place. Outputs are set only when SEAL_OK. */
enum seal_verdict seal_open(struct seal *s, const struct uuid *cluster, const uint8_t *datagram, size_t size_bytes,
                            struct seal_envelope *ret_envelope, const uint8_t **ret_payload, size_t *ret_size_bytes);

/* Key file: 64 hex digits and perhaps a newline. 0, -errno of reading, -EBADMSG for other content. */
int seal_key_load(const char *path, uint8_t ret_key[SEAL_KEY_BYTES]);

/* Makes a new key file, mode 0600; an existing file is never touched (-EEXIST). */
int seal_key_generate(const char *path);

/* The file beside a cluster key that has the other one while a cluster changes its key. 0 or -ENAMETOOLONG. */
int seal_key_also(const char *path, char *ret, size_t size_bytes);

/*
 * The key at `path` and the one in the file beside it change places, in one step (renameat2(2), RENAME_EXCHANGE) that is durable when this returns: at no moment is one
 * missing. 0; -EBADMSG, -ENOENT or another errno, and nothing has changed: one of them is no key, *ret_which tells which file (`path`, or `also`). With *ret_which NULL
 * they have changed places, and the disk has not said that it will stay so.
 */
int seal_key_swap(const char *path, const char *also, const char **ret_which);

#endif
