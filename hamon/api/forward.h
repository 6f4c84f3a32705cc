/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls between the hamons of one cluster: any node takes any call, and has the node that it concerns do it.
 *
 * POST /forward on TCP, on the port and the addresses of the heartbeats: one JSON object, authenticated by HMAC-SHA256 with a key derived from
 * the cluster's, in the header Hamon-Mac; so is the answer. Not encrypted, like the heartbeats; there are no secrets in it. A call names
 * the start of its receiver, and that of its sender, which the receiver must have heard; and has a number that its sender never uses again: one that was
 * recorded is worth nothing (no clock is asked).
 *
 *     {"from", "to", "start" (the sender's), "to_start", "sequence", "method", "target", "access", "who", "if_match", "idempotency_key", "body"}
 *  -> {"status", "type", "etag", "location", "replayed" and "retry_after" where there are such, "json" or "text"}
 */
#ifndef HAMON_API_FORWARD_H
#define HAMON_API_FORWARD_H

#include "hamon/api/call.h"
#include "hamon/net/seal.h"

struct forward;

int forward_new(const struct config *config, uint8_t self, uint64_t start, struct forward **ret); /* 0 or -errno of reading the key */
void forward_free(struct forward *f);

/*
 * Another key of the cluster's from now on, and one that is accepted as well (NULL: none), while it is being changed: a call is sealed with `key`, its answer with
 * the one that the call came with. Any thread. 0, or -EIO: nothing has changed.
 */
int forward_rekey(struct forward *f, const uint8_t key[SEAL_KEY_BYTES], const uint8_t *also);

/*
 * A key that every hamon of the cluster can make, and nobody else: for digests of a verify with this salt. `caller`: who asks for them, for both sides need the same
 * one; NULL: we are to ask. 0 or -EIO.
 */
int forward_derive(const struct api *a, const struct forward_caller *caller, const uint8_t *salt, size_t size_bytes, uint8_t ret[32]);

struct forward_answer {
        unsigned status;
        json_t *body;     /* JSON; or NULL */
        char *text;       /* or this; or NULL */
        char type[64], etag[ETAG_SIZE], location[ETAG_SIZE];
        bool replayed;    /* Idempotency-Replayed */
        char retry_after[16];
        unsigned link;    /* over which address of the other machine */
        uint64_t connect_us;
};

struct forward_request {
        uint8_t to;
        const char *method, *target;
        const json_t *body;
        enum access access;
        const char *who, *if_match, *idempotency_key; /* NULL: none */
        unsigned first_link; /* to try; then the others */
        uint64_t timeout_ms;
};

/* Blocks. 0: answered, whatever the status; -errno and one sentence in `error`. Where one of the two has just begun anew it is made again until the other has
 * heard it, at most for as long as a silent node counts as alive. */
int forward_call(const struct api *a, const struct forward_request *r, struct forward_answer *ret, char *error, size_t error_size);
void forward_answer_release(struct forward_answer *answer);

/* On the receiver: what came in, as a call. False: refused (`resp` is set). c->caller is for the answer, also of a refusal that the caller is to believe;
 * else its sequence stays 0. */
bool forward_admit(struct api_call *c, json_t **ret_envelope, struct http_response *resp);

/* Wraps an answer for the way back. */
void forward_seal(const struct forward_caller *caller, struct http_response *resp);

/* Work: c->work->target at c->work->voter. */
void forward_work(const struct api *a, struct api_work *w, struct http_response *resp);

/* Makes c->work a call of `target` at `voter`; returns HTTP_LATER, or answers that a forwarded call is not forwarded again. */
int forward_later(struct api_call *c, uint8_t voter, const char *target, struct http_response *resp);

#endif
