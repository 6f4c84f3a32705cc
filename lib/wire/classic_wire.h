/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The 0.2 wire protocol of the year-2000 HOWTO: its appendix A (requests and replies) and an initiation as its appendix B sketched it
 * (docs/CLASSIC.md has every byte). All numbers are big-endian.
 *
 * Codecs over byte slices: no socket, no allocation, no logging. Decoders return 0 or -EBADMSG. Any thread.
 */
#ifndef NBDD_WIRE_CLASSIC_WIRE_H
#define NBDD_WIRE_CLASSIC_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define CLASSIC_MAGIC_REQUEST 0x12560953u /* appendix A */
#define CLASSIC_MAGIC_REPLY 0x96744668u   /* appendix A */
#define CLASSIC_REQUEST_BYTES 24u
#define CLASSIC_REPLY_BYTES 16u
#define CLASSIC_SIZE_MAX (UINT64_C(1) << 32) /* `from` has 32 bits */

#define CLASSIC_VERSION 2u /* of the initiation: 0.2 */
#define CLASSIC_NONCE_BYTES 32u
#define CLASSIC_PROOF_BYTES 32u /* HMAC-SHA256 */
#define CLASSIC_IDENTIFY_BYTES 48u
#define CLASSIC_CHALLENGE_BYTES 40u
#define CLASSIC_CHALLENGE_REPLY_BYTES 40u
#define CLASSIC_VERDICT_BYTES 8u      /* what every verdict begins with, and all of a denial */
#define CLASSIC_ACCEPT_REST_BYTES 40u /* what follows it in an acceptance */

enum classic_type { CLASSIC_READ = 0, CLASSIC_WRITE = 1 };

/* request: magic32 from32 len32 handle64 type32; a write's data follows */
struct classic_request {
        uint32_t from_bytes;
        uint32_t length_bytes;
        uint64_t handle;
        uint32_t type; /* enum classic_type; others are decoded, too, for an answer */
};
void classic_request_encode(struct bwriter *w, const struct classic_request *request);
int classic_request_decode(struct breader *r, struct classic_request *ret);

/* reply: magic32 handle64 error32; a successful read's data follows */
void classic_reply_encode(struct bwriter *w, uint64_t handle, uint32_t error);
int classic_reply_decode(struct breader *r, uint64_t *ret_handle, uint32_t *ret_error);

/* 1. identification, client to server: "NBDI" version32 id64 nonce */
struct classic_identify {
        uint32_t version;
        uint64_t id;
        uint8_t nonce[CLASSIC_NONCE_BYTES];
};
void classic_identify_encode(struct bwriter *w, const struct classic_identify *identify);
int classic_identify_decode(struct breader *r, struct classic_identify *ret);

/* 2. challenge, server to client: "NBDC" 0(32) nonce. 3. challenge-reply, client to server: "NBDR" 0(32) proof */
void classic_challenge_encode(struct bwriter *w, const uint8_t nonce[CLASSIC_NONCE_BYTES]);
int classic_challenge_decode(struct breader *r, uint8_t ret_nonce[CLASSIC_NONCE_BYTES]);
void classic_challenge_reply_encode(struct bwriter *w, const uint8_t proof[CLASSIC_PROOF_BYTES]);
int classic_challenge_reply_decode(struct breader *r, uint8_t ret_proof[CLASSIC_PROOF_BYTES]);

/* 4. the verdict, server to client: "NBDA" flags32, then size64 proof; or "NBDD" reason32 */
enum classic_denial {
        CLASSIC_DENIED_IDENTITY = 1,    /* no such export, or another secret: the log of the server tells which */
        CLASSIC_DENIED_SIZE = 2,        /* larger than 4 GiB: `from` could not reach all of it */
        CLASSIC_DENIED_UNAVAILABLE = 3, /* stopped, owned by a mirror, or its policy says no */
        CLASSIC_DENIED_VERSION = 4,
        CLASSIC_DENIED_BUSY = 5,
};
#define CLASSIC_FLAG_READ_ONLY (1u << 0)

struct classic_verdict {
        bool accepted;
        uint32_t value; /* flags, or enum classic_denial */
};
struct classic_accept {
        uint64_t size_bytes;
        uint8_t proof[CLASSIC_PROOF_BYTES];
};
void classic_verdict_encode(struct bwriter *w, const struct classic_verdict *verdict);
int classic_verdict_decode(struct breader *r, struct classic_verdict *ret);
void classic_accept_encode(struct bwriter *w, const struct classic_accept *accept);
int classic_accept_decode(struct breader *r, struct classic_accept *ret);
const char *classic_denial_text(uint32_t reason); /* a constant sentence with the next step */

#endif
