/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's half of the 0.2 initiation (docs/CLASSIC.md, "Initiation"). See classic.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nbdc/classic.h"
#include "net/classic_auth.h"
#include "net/whole_io.h"

static int not_classic(char *reason, size_t reason_size)
{
        (void)snprintf(reason, reason_size, "what listens there does not speak the 0.2 protocol: give the port of nbdd --classic, or leave --classic out");
        return -EPROTO;
}

static int identify(int fd, struct classic_transcript *t, uint64_t deadline_ns)
{
        struct classic_identify identify = {.version = CLASSIC_VERSION, .id = t->id};
        uint8_t raw[CLASSIC_IDENTIFY_BYTES];
        struct bwriter w = bwriter_of(raw, sizeof raw);
        int r = classic_nonce(t->client_nonce);

        if (r < 0)
                return r;
        memcpy(identify.nonce, t->client_nonce, sizeof identify.nonce);
        classic_identify_encode(&w, &identify);
        return send_whole(fd, raw, sizeof raw, deadline_ns);
}

static int denied(const struct classic_verdict *verdict, char *reason, size_t reason_size)
{
        (void)snprintf(reason, reason_size, "%s", classic_denial_text(verdict->value));
        return -EACCES;
}

/* The challenge, or a verdict at once (a server of another version): both begin with 8 bytes that tell. */
static int take_challenge(int fd, struct classic_transcript *t, uint64_t deadline_ns, char *reason, size_t reason_size)
{
        uint8_t raw[CLASSIC_CHALLENGE_BYTES] = {0};
        struct breader r = breader_of(raw, CLASSIC_VERDICT_BYTES);
        struct classic_verdict verdict;
        int error = receive_whole(fd, raw, CLASSIC_VERDICT_BYTES, deadline_ns);

        if (error < 0)
                return error;
        if (classic_verdict_decode(&r, &verdict) == 0 && !verdict.accepted)
                return denied(&verdict, reason, reason_size);
        r = breader_of(raw, sizeof raw); /* its nonce has not come: a server that says something else may not say as much */
        if (classic_challenge_decode(&r, t->server_nonce) < 0)
                return not_classic(reason, reason_size);
        if ((error = receive_whole(fd, raw + CLASSIC_VERDICT_BYTES, sizeof raw - CLASSIC_VERDICT_BYTES, deadline_ns)) < 0)
                return error;
        memcpy(t->server_nonce, raw + CLASSIC_VERDICT_BYTES, sizeof t->server_nonce);
        return 0;
}

static int reply(int fd, const struct classic_transcript *t, const struct classic_secret *secret, uint64_t deadline_ns)
{
        uint8_t raw[CLASSIC_CHALLENGE_REPLY_BYTES], proof[CLASSIC_PROOF_BYTES];
        struct bwriter w = bwriter_of(raw, sizeof raw);
        int r = classic_client_proof(secret, t, proof);

        if (r < 0)
                return r;
        classic_challenge_reply_encode(&w, proof);
        return send_whole(fd, raw, sizeof raw, deadline_ns);
}

static int take_verdict(int fd, const struct classic_transcript *t, const struct classic_secret *secret, uint64_t deadline_ns, struct classic_offer *ret,
                        char *reason, size_t reason_size)
{
        uint8_t raw[CLASSIC_ACCEPT_REST_BYTES], wanted[CLASSIC_PROOF_BYTES];
        struct breader r = breader_of(raw, CLASSIC_VERDICT_BYTES);
        struct classic_verdict verdict;
        struct classic_accept accept;
        int error = receive_whole(fd, raw, CLASSIC_VERDICT_BYTES, deadline_ns);

        if (error < 0)
                return error;
        if (classic_verdict_decode(&r, &verdict) < 0)
                return not_classic(reason, reason_size);
        if (!verdict.accepted)
                return denied(&verdict, reason, reason_size);
        if ((error = receive_whole(fd, raw, sizeof raw, deadline_ns)) < 0)
                return error;
        r = breader_of(raw, sizeof raw);
        if (classic_accept_decode(&r, &accept) < 0)
                return not_classic(reason, reason_size);
        if ((error = classic_server_proof(secret, t, verdict.value, accept.size_bytes, wanted)) < 0)
                return error;
        if (!classic_proof_equal(accept.proof, wanted)) {
                (void)snprintf(reason, reason_size, "the server does not have the secret of this export: it is not the one that it should be");
                return -EACCES;
        }
        *ret = (struct classic_offer){.size_bytes = accept.size_bytes, .read_only = verdict.value & CLASSIC_FLAG_READ_ONLY};
        return 0;
}

int classic_initiate(int fd, uint64_t id, const struct classic_secret *secret, uint64_t deadline_ns, struct classic_offer *ret, char *reason,
                     size_t reason_size)
{
        struct classic_transcript t = {.id = id};
        int r = identify(fd, &t, deadline_ns);

        if (r == 0)
                r = take_challenge(fd, &t, deadline_ns, reason, reason_size);
        if (r == 0)
                r = reply(fd, &t, secret, deadline_ns);
        if (r == 0)
                r = take_verdict(fd, &t, secret, deadline_ns, ret, reason, reason_size);
        return r;
}
