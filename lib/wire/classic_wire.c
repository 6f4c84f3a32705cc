/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Codecs of the 0.2 protocol. See classic_wire.h. */
#include "wire/classic_wire.h"

#include <errno.h>

#define MAGIC_IDENTIFY 0x4e424449u        /* NBDI */
#define MAGIC_CHALLENGE 0x4e424443u       /* NBDC */
#define MAGIC_CHALLENGE_REPLY 0x4e424452u /* NBDR */
#define MAGIC_ACCEPT 0x4e424441u          /* NBDA */
#define MAGIC_DENIAL 0x4e424444u          /* NBDD */

static int checked(const struct breader *r, bool right)
{
        return !r->bad && right ? 0 : -EBADMSG;
}

void classic_request_encode(struct bwriter *w, const struct classic_request *request)
{
        bwriter_be32(w, CLASSIC_MAGIC_REQUEST);
        bwriter_be32(w, request->from_bytes);
        bwriter_be32(w, request->length_bytes);
        bwriter_be64(w, request->handle);
        bwriter_be32(w, request->type);
}

int classic_request_decode(struct breader *r, struct classic_request *ret)
{
        bool right = breader_be32(r) == CLASSIC_MAGIC_REQUEST;

        ret->from_bytes = breader_be32(r);
        ret->length_bytes = breader_be32(r);
        ret->handle = breader_be64(r);
        ret->type = breader_be32(r);
        return checked(r, right);
}

void classic_reply_encode(struct bwriter *w, uint64_t handle, uint32_t error)
{
        bwriter_be32(w, CLASSIC_MAGIC_REPLY);
        bwriter_be64(w, handle);
        bwriter_be32(w, error);
}

int classic_reply_decode(struct breader *r, uint64_t *ret_handle, uint32_t *ret_error)
{
        bool right = breader_be32(r) == CLASSIC_MAGIC_REPLY;

        *ret_handle = breader_be64(r);
        *ret_error = breader_be32(r);
        return checked(r, right);
}

void classic_identify_encode(struct bwriter *w, const struct classic_identify *identify)
{
        bwriter_be32(w, MAGIC_IDENTIFY);
        bwriter_be32(w, identify->version);
        bwriter_be64(w, identify->id);
        bwriter_copy(w, identify->nonce, sizeof identify->nonce);
}

int classic_identify_decode(struct breader *r, struct classic_identify *ret)
{
        bool right = breader_be32(r) == MAGIC_IDENTIFY;

        ret->version = breader_be32(r);
        ret->id = breader_be64(r);
        breader_copy(r, ret->nonce, sizeof ret->nonce);
        return checked(r, right);
}

/* magic32 0(32) and 32 bytes: the challenge and its reply */
static void words_encode(struct bwriter *w, uint32_t magic, const uint8_t bytes[32])
{
        bwriter_be32(w, magic);
        bwriter_be32(w, 0);
        bwriter_copy(w, bytes, 32);
}

static int words_decode(struct breader *r, uint32_t magic, uint8_t ret[32])
{
        bool right = breader_be32(r) == magic;

        right &= breader_be32(r) == 0;
        breader_copy(r, ret, 32);
        return checked(r, right);
}

void classic_challenge_encode(struct bwriter *w, const uint8_t nonce[CLASSIC_NONCE_BYTES])
{
        words_encode(w, MAGIC_CHALLENGE, nonce);
}

int classic_challenge_decode(struct breader *r, uint8_t ret_nonce[CLASSIC_NONCE_BYTES])
{
        return words_decode(r, MAGIC_CHALLENGE, ret_nonce);
}

void classic_challenge_reply_encode(struct bwriter *w, const uint8_t proof[CLASSIC_PROOF_BYTES])
{
        words_encode(w, MAGIC_CHALLENGE_REPLY, proof);
}

int classic_challenge_reply_decode(struct breader *r, uint8_t ret_proof[CLASSIC_PROOF_BYTES])
{
        return words_decode(r, MAGIC_CHALLENGE_REPLY, ret_proof);
}

void classic_verdict_encode(struct bwriter *w, const struct classic_verdict *verdict)
{
        bwriter_be32(w, verdict->accepted ? MAGIC_ACCEPT : MAGIC_DENIAL);
        bwriter_be32(w, verdict->value);
}

int classic_verdict_decode(struct breader *r, struct classic_verdict *ret)
{
        uint32_t magic = breader_be32(r);

        ret->accepted = magic == MAGIC_ACCEPT;
        ret->value = breader_be32(r);
        return checked(r, magic == MAGIC_ACCEPT || magic == MAGIC_DENIAL);
}

void classic_accept_encode(struct bwriter *w, const struct classic_accept *accept)
{
        bwriter_be64(w, accept->size_bytes);
        bwriter_copy(w, accept->proof, sizeof accept->proof);
}

int classic_accept_decode(struct breader *r, struct classic_accept *ret)
{
        ret->size_bytes = breader_be64(r);
        breader_copy(r, ret->proof, sizeof ret->proof);
        return checked(r, ret->size_bytes > 0 && ret->size_bytes <= CLASSIC_SIZE_MAX);
}

const char *classic_denial_text(uint32_t reason)
{
        switch (reason) {
        case CLASSIC_DENIED_IDENTITY:
                return "the server does not know this id with this secret: compare both, the server's log says which";
        case CLASSIC_DENIED_SIZE:
                return "the export is larger than 4 GiB, which this protocol cannot address: attach without --classic";
        case CLASSIC_DENIED_UNAVAILABLE:
                return "the export is not available: nbdd --start it on the server, whose log says more";
        case CLASSIC_DENIED_VERSION:
                return "the server speaks another version of this protocol";
        case CLASSIC_DENIED_BUSY:
                return "the server has no room for another client: nbdd -c shows and raises the limit";
        default:
                return "the server denies it for a reason that this version does not know";
        }
}
