/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/net/seal.h"

#include "base/bytes.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdlib.h>

struct seal {
        gnutls_hmac_hd_t hmac, also;
        bool has_also;
};

static const uint8_t magic[4] = {'H', 'A', 'M', 'N'};

int seal_new(const uint8_t key[SEAL_KEY_BYTES], struct seal **ret)
{
        struct seal *s = calloc(1, sizeof *s);
        if (!s)
                return -ENOMEM;
        if (gnutls_hmac_init(&s->hmac, GNUTLS_MAC_SHA256, key, SEAL_KEY_BYTES) < 0) {
                free(s);
                return -EIO;
        }
        *ret = s;
        return 0;
}

void seal_free(struct seal *s)
{
        if (!s)
                return;
        gnutls_hmac_deinit(s->hmac, NULL);
        if (s->has_also)
                gnutls_hmac_deinit(s->also, NULL);
        free(s);
}

int seal_accept_also(struct seal *s, const uint8_t key[SEAL_KEY_BYTES])
{
        if (s->has_also)
                gnutls_hmac_deinit(s->also, NULL);
        s->has_also = gnutls_hmac_init(&s->also, GNUTLS_MAC_SHA256, key, SEAL_KEY_BYTES) >= 0;
        return s->has_also ? 0 : -EIO;
}

/* gnutls_hmac_output() resets the handle for the next datagram. */
static int mac(gnutls_hmac_hd_t hmac, const void *data, size_t size_bytes, uint8_t ret[SEAL_MAC_BYTES])
{
        if (gnutls_hmac(hmac, data, size_bytes) < 0)
                return -EIO;
        gnutls_hmac_output(hmac, ret);
        return 0;
}

static bool is_sealed_with(gnutls_hmac_hd_t hmac, const uint8_t *datagram, size_t signed_bytes)
{
        uint8_t tag[SEAL_MAC_BYTES];

        return mac(hmac, datagram, signed_bytes, tag) == 0 && gnutls_memcmp(tag, datagram + signed_bytes, sizeof tag) == 0;
}

int seal_close(struct seal *s, const struct seal_envelope *e, const void *payload, size_t size_bytes, uint8_t *ret)
{
        if (size_bytes > SEAL_PAYLOAD_MAX)
                return -EMSGSIZE;
        struct bwriter w = bwriter_of(ret, SEAL_HEADER_BYTES + size_bytes + SEAL_MAC_BYTES);
        bwriter_copy(&w, magic, sizeof magic);
        bwriter_be16(&w, SEAL_VERSION);
        bwriter_u8(&w, e->from);
        bwriter_u8(&w, e->to);
        bwriter_copy(&w, e->cluster.bytes, sizeof e->cluster.bytes);
        bwriter_be64(&w, e->start);
        bwriter_be64(&w, e->sequence);
        bwriter_be64(&w, e->challenge);
        bwriter_be64(&w, e->echo);
        if (size_bytes)
                bwriter_copy(&w, payload, size_bytes);
        size_t signed_bytes = w.offset_bytes;
        uint8_t *tag = bwriter_take(&w, SEAL_MAC_BYTES);
        if (!tag)
                return -EMSGSIZE;
        int r = mac(s->hmac, ret, signed_bytes, tag);
        return r < 0 ? r : (int)w.offset_bytes;
}

enum seal_verdict seal_open(struct seal *s, const struct uuid *cluster, const uint8_t *datagram, size_t size_bytes,
                            struct seal_envelope *ret_envelope, const uint8_t **ret_payload, size_t *ret_size_bytes)
{
        struct breader r = breader_of(datagram, size_bytes);
        const uint8_t *m = breader_take(&r, sizeof magic);
        if (!m || memcmp(m, magic, sizeof magic) != 0)
                return SEAL_MALFORMED;
        uint16_t version = breader_be16(&r);
        if (r.bad)
                return SEAL_MALFORMED;
        if (version != SEAL_VERSION) /* before the rest: another version may lay it out otherwise */
                return version > SEAL_VERSION ? SEAL_NEWER : SEAL_OLDER;
        if (size_bytes < SEAL_HEADER_BYTES + SEAL_MAC_BYTES || size_bytes > SEAL_DATAGRAM_MAX)
                return SEAL_MALFORMED;
        struct seal_envelope e = {.from = breader_u8(&r), .to = breader_u8(&r)};
        breader_copy(&r, e.cluster.bytes, sizeof e.cluster.bytes);
        e.start = breader_be64(&r);
        e.sequence = breader_be64(&r);
        e.challenge = breader_be64(&r);
        e.echo = breader_be64(&r);
        if (!uuid_equal(&e.cluster, cluster))
                return SEAL_OTHER_CLUSTER;
        size_t signed_bytes = size_bytes - SEAL_MAC_BYTES;
        if (!is_sealed_with(s->hmac, datagram, signed_bytes) && !(s->has_also && is_sealed_with(s->also, datagram, signed_bytes)))
                return SEAL_BAD_KEY;
        *ret_envelope = e;
        *ret_payload = datagram + r.offset_bytes;
        *ret_size_bytes = signed_bytes - r.offset_bytes;
        return SEAL_OK;
}
