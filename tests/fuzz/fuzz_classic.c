/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each message of the 0.2 protocol: what decodes must encode to the very same bytes. Run by `make fuzz` and by the unit tests. */
#include <stdlib.h>
#include <string.h>

#include "wire/classic_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct bwriter *w, const struct breader *r)
{
        if (w->bad || w->offset_bytes != r->offset_bytes || memcmp(w->data, r->data, w->offset_bytes) != 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t out[64], nonce[CLASSIC_NONCE_BYTES];
        struct classic_request request;
        struct classic_identify identify;
        struct classic_verdict verdict;
        struct classic_accept accept;
        uint64_t handle;
        uint32_t error;
        struct breader r;
        struct bwriter w;

#define ROUND(decode, encode)                                                                                          \
        r = breader_of(data, size);                                                                                    \
        w = bwriter_of(out, sizeof out);                                                                               \
        if ((decode) == 0) {                                                                                           \
                encode;                                                                                                \
                same(&w, &r);                                                                                          \
        }
        ROUND(classic_request_decode(&r, &request), classic_request_encode(&w, &request))
        ROUND(classic_reply_decode(&r, &handle, &error), classic_reply_encode(&w, handle, error))
        ROUND(classic_identify_decode(&r, &identify), classic_identify_encode(&w, &identify))
        ROUND(classic_challenge_decode(&r, nonce), classic_challenge_encode(&w, nonce))
        ROUND(classic_challenge_reply_decode(&r, nonce), classic_challenge_reply_encode(&w, nonce))
        ROUND(classic_verdict_decode(&r, &verdict), classic_verdict_encode(&w, &verdict))
        ROUND(classic_accept_decode(&r, &accept), classic_accept_encode(&w, &accept))
#undef ROUND
        return 0;
}
