/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Secrets and proofs of the 0.2 protocol. See classic_auth.h. */
#include "net/classic_auth.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/id.h"

#define LINE_SIZE 256
#define LABEL_BYTES 16

/* "ID:HEX" of this id. 0, -ENOKEY for another line, -EINVAL for a bad one. */
static int take_line(char *line, uint64_t id, struct classic_secret *ret)
{
        char reason[LINE_SIZE];
        uint64_t this_id;
        size_t size = sizeof ret->bytes;

        line[strcspn(line, "#\r\n")] = '\0';
        char *colon = strchr(line, ':');
        if (!*line)
                return -ENOKEY;
        if (!colon)
                return -EINVAL;
        *colon = '\0';
        /* Other names are the TLS identities of the same file. */
        if (export_id_parse(line, &this_id, reason, sizeof reason) < 0 || this_id != id)
                return -ENOKEY;
        const gnutls_datum_t hex = {.data = (unsigned char *)colon + 1, .size = (unsigned)strlen(colon + 1)};
        if (gnutls_hex_decode(&hex, ret->bytes, &size) < 0 || size < CLASSIC_SECRET_BYTES_MIN)
                return -EINVAL;
        ret->size_bytes = size;
        return 0;
}

int classic_secret_load(const char *path, uint64_t id, struct classic_secret *ret, char *reason, size_t reason_size)
{
        char line[LINE_SIZE], id_text[EXPORT_ID_TEXT_SIZE];
        struct stat st;
        unsigned number = 0;
        int r = -ENOKEY;
        FILE *f = fopen(path, "re");

        if (!f || fstat(fileno(f), &st) < 0) {
                r = -errno;
                (void)snprintf(reason, reason_size, "cannot read the secrets file %s: %s", path, strerror(-r));
                if (f)
                        (void)fclose(f);
                return r;
        }
        if (st.st_mode & 077) {
                (void)snprintf(reason, reason_size, "the secrets file %s may be read by others than its owner: chmod 600 %s", path, path);
                (void)fclose(f);
                return -EPERM;
        }
        while (r == -ENOKEY && fgets(line, sizeof line, f)) {
                number++;
                r = take_line(line, id, ret);
        }
        (void)fclose(f);
        gnutls_memset(line, 0, sizeof line);
        export_id_format(id, id_text);
        if (r == -ENOKEY)
                (void)snprintf(reason, reason_size, "%s has no line %s:SECRET", path, id_text);
        else if (r < 0)
                (void)snprintf(reason, reason_size, "%s:%u: a secret is %u to %u bytes in hexadecimal, behind its id and a colon", path, number,
                               CLASSIC_SECRET_BYTES_MIN, CLASSIC_SECRET_BYTES_MAX);
        return r;
}

int classic_nonce(uint8_t ret[CLASSIC_NONCE_BYTES])
{
        return gnutls_rnd(GNUTLS_RND_NONCE, ret, CLASSIC_NONCE_BYTES) < 0 ? -EIO : 0;
}

static int proof(const struct classic_secret *secret, const char label[LABEL_BYTES + 1], const struct classic_transcript *t, uint32_t flags,
                 uint64_t size_bytes, uint8_t ret[CLASSIC_PROOF_BYTES])
{
        uint8_t text[LABEL_BYTES + 8 + 2 * CLASSIC_NONCE_BYTES + 4 + 8];
        struct bwriter w = bwriter_of(text, sizeof text);

        bwriter_copy(&w, label, LABEL_BYTES);
        bwriter_be64(&w, t->id);
        bwriter_copy(&w, t->client_nonce, sizeof t->client_nonce);
        bwriter_copy(&w, t->server_nonce, sizeof t->server_nonce);
        bwriter_be32(&w, flags);
        bwriter_be64(&w, size_bytes);
        return gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret->bytes, secret->size_bytes, text, w.offset_bytes, ret) < 0 ? -EIO : 0;
}

int classic_client_proof(const struct classic_secret *secret, const struct classic_transcript *t, uint8_t ret[CLASSIC_PROOF_BYTES])
{
        return proof(secret, "nbdd-0.2 client ", t, 0, 0, ret);
}

int classic_server_proof(const struct classic_secret *secret, const struct classic_transcript *t, uint32_t flags, uint64_t size_bytes,
                         uint8_t ret[CLASSIC_PROOF_BYTES])
{
        return proof(secret, "nbdd-0.2 server ", t, flags, size_bytes, ret);
}

bool classic_proof_equal(const uint8_t a[CLASSIC_PROOF_BYTES], const uint8_t b[CLASSIC_PROOF_BYTES])
{
        return gnutls_memcmp(a, b, CLASSIC_PROOF_BYTES) == 0;
}
