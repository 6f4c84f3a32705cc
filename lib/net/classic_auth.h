/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is who in the 0.2 protocol (docs/CLASSIC.md): secrets and the proofs made with them. Both sides prove that they hold the export's secret
 * over both sides' nonces; neither proof is good for the other side, for another session or for another export. What follows on the
 * connection is neither encrypted nor authenticated.
 */
#ifndef NBDD_NET_CLASSIC_AUTH_H
#define NBDD_NET_CLASSIC_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/classic_wire.h"

#define CLASSIC_SECRET_BYTES_MIN 16u
#define CLASSIC_SECRET_BYTES_MAX 64u

struct classic_secret {
        uint8_t bytes[CLASSIC_SECRET_BYTES_MAX];
        size_t size_bytes;
};

/*
 * The secret of `id` from a file of lines `ID:HEX` (as psktool writes them; `#` begins a comment). Refuses a file that group or others may
 * read. -ENOKEY: no line for this id. On error a sentence in `reason`.
 */
int classic_secret_load(const char *path, uint64_t id, struct classic_secret *ret, char *reason, size_t reason_size);

/* What both sides have seen when a proof is made. */
struct classic_transcript {
        uint64_t id;
        uint8_t client_nonce[CLASSIC_NONCE_BYTES];
        uint8_t server_nonce[CLASSIC_NONCE_BYTES];
};

/* -EIO: the library failed. */
int classic_nonce(uint8_t ret[CLASSIC_NONCE_BYTES]);
int classic_client_proof(const struct classic_secret *secret, const struct classic_transcript *t, uint8_t ret[CLASSIC_PROOF_BYTES]);
/* Covers the flags and the size, too. */
int classic_server_proof(const struct classic_secret *secret, const struct classic_transcript *t, uint32_t flags, uint64_t size_bytes,
                         uint8_t ret[CLASSIC_PROOF_BYTES]);
/* In constant time. */
bool classic_proof_equal(const uint8_t a[CLASSIC_PROOF_BYTES], const uint8_t b[CLASSIC_PROOF_BYTES]);

#endif
