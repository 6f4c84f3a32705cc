/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server's half of the 0.2 initiation. See classic.h and docs/CLASSIC.md. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "nbdd/classic.h"
#include "net/whole_io.h"

void classic_deny_peer(const struct classic_peer *peer, enum classic_denial reason)
{
        uint8_t raw[CLASSIC_VERDICT_BYTES];
        struct bwriter w = bwriter_of(raw, sizeof raw);

        classic_verdict_encode(&w, &(struct classic_verdict){.accepted = false, .value = reason});
        (void)send_whole(peer->fd, raw, sizeof raw, peer->deadline_ns);
}

static int lost(const struct classic_peer *peer, int error)
{
        log_warning("classic client %s went away while it was identified: %s", peer->address, strerror(-error));
        return error;
}

static int foreign(const struct classic_peer *peer)
{
        log_warning("classic client %s does not speak the 0.2 protocol (docs/CLASSIC.md)", peer->address);
        return -EPROTO;
}

static int receive_identify(const struct classic_peer *peer, struct classic_identify *ret)
{
        uint8_t raw[CLASSIC_IDENTIFY_BYTES];
        struct breader r = breader_of(raw, sizeof raw);
        int error = receive_whole(peer->fd, raw, sizeof raw, peer->deadline_ns);

        if (error < 0)
                return lost(peer, error);
        if (classic_identify_decode(&r, ret) < 0)
                return foreign(peer);
        if (ret->version != CLASSIC_VERSION) {
                log_warning("classic client %s speaks version %u of the initiation, not %u", peer->address, ret->version, CLASSIC_VERSION);
                classic_deny_peer(peer, CLASSIC_DENIED_VERSION);
                return -EPROTONOSUPPORT;
        }
        return 0;
}

static int challenge(const struct classic_peer *peer, const uint8_t nonce[CLASSIC_NONCE_BYTES], uint8_t ret_proof[CLASSIC_PROOF_BYTES])
{
        uint8_t raw[CLASSIC_CHALLENGE_BYTES], answer[CLASSIC_CHALLENGE_REPLY_BYTES];
        struct bwriter w = bwriter_of(raw, sizeof raw);
        struct breader r = breader_of(answer, sizeof answer);
        int error;

        classic_challenge_encode(&w, nonce);
        if ((error = send_whole(peer->fd, raw, sizeof raw, peer->deadline_ns)) < 0 ||
            (error = receive_whole(peer->fd, answer, sizeof answer, peer->deadline_ns)) < 0)
                return lost(peer, error);
        return classic_challenge_reply_decode(&r, ret_proof) < 0 ? foreign(peer) : 0;
}

/*
 * An id without a secret is challenged like any other, so that a stranger cannot learn which ids there are.
 */
int classic_identify_peer(const struct classic_peer *peer, const char *secrets_path, struct classic_transcript *ret_transcript,
                          struct classic_secret *ret_secret)
{
        struct classic_identify identify;
        uint8_t given[CLASSIC_PROOF_BYTES], wanted[CLASSIC_PROOF_BYTES] = {0};
        char reason[512] = "", id[EXPORT_ID_TEXT_SIZE];
        int r = receive_identify(peer, &identify), known;

        if (r < 0)
                return r;
        known = classic_secret_load(secrets_path, identify.id, ret_secret, reason, sizeof reason);
        ret_transcript->id = identify.id;
        memcpy(ret_transcript->client_nonce, identify.nonce, sizeof identify.nonce);
        if ((r = classic_nonce(ret_transcript->server_nonce)) < 0 || (r = challenge(peer, ret_transcript->server_nonce, given)) < 0)
                return r;
        if (known == 0)
                known = classic_client_proof(ret_secret, ret_transcript, wanted);
        export_id_format(identify.id, id);
        if (known < 0)
                log_warning("classic client %s denied: export %s: %s", peer->address, id, reason[0] ? reason : strerror(-known));
        else if (!classic_proof_equal(given, wanted))
                log_warning("classic client %s denied: it does not have the secret of export %s", peer->address, id);
        else
                return 0;
        classic_deny_peer(peer, CLASSIC_DENIED_IDENTITY);
        return -EACCES;
}

int classic_accept_peer(const struct classic_peer *peer, const struct classic_transcript *t, const struct classic_secret *secret, uint32_t flags,
                        uint64_t size_bytes)
{
        struct classic_accept accept = {.size_bytes = size_bytes};
        uint8_t raw[CLASSIC_VERDICT_BYTES + CLASSIC_ACCEPT_REST_BYTES];
        struct bwriter w = bwriter_of(raw, sizeof raw);
        int r = classic_server_proof(secret, t, flags, size_bytes, accept.proof);

        if (r < 0)
                return r;
        classic_verdict_encode(&w, &(struct classic_verdict){.accepted = true, .value = flags});
        classic_accept_encode(&w, &accept);
        r = send_whole(peer->fd, raw, sizeof raw, peer->deadline_ns);
        return r < 0 ? lost(peer, r) : 0;
}
