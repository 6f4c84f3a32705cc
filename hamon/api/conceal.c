/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/conceal.h"

#include "hamon/net/seal.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 32, NONCE_BYTES = 12, TAG_BYTES = 16 };

static bool open_cipher(const char *key_file, gnutls_aead_cipher_hd_t *ret)
{
        static const char purpose[] = "hamon api conceal 1";
        uint8_t cluster[SEAL_KEY_BYTES], key[KEY_BYTES];
        const gnutls_datum_t datum = {.data = key, .size = sizeof key};
        bool good = seal_key_load(key_file, cluster) == 0 && gnutls_hmac_fast(GNUTLS_MAC_SHA256, cluster, sizeof cluster, purpose, sizeof purpose - 1, key) == 0 &&
                    gnutls_aead_cipher_init(ret, GNUTLS_CIPHER_AES_256_GCM, &datum) == 0;
        explicit_bzero(cluster, sizeof cluster);
        explicit_bzero(key, sizeof key);
        return good;
}

char *conceal(const char *key_file, const char *text)
{
        size_t n = strlen(text), sealed = n + TAG_BYTES;
        uint8_t *bytes = malloc(NONCE_BYTES + sealed);
        gnutls_aead_cipher_hd_t cipher;
        gnutls_datum_t plain = {0}, base64 = {0};
        char *ret = NULL;
        if (!bytes || !open_cipher(key_file, &cipher)) {
                free(bytes);
                return NULL;
        }
        if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, NONCE_BYTES) == 0 &&
            gnutls_aead_cipher_encrypt(cipher, bytes, NONCE_BYTES, NULL, 0, TAG_BYTES, text, n, bytes + NONCE_BYTES, &sealed) == 0) {
                plain = (gnutls_datum_t){.data = bytes, .size = (unsigned)(NONCE_BYTES + sealed)};
                if (gnutls_base64_encode2(&plain, &base64) == 0)
                        ret = strndup((const char *)base64.data, base64.size);
        }
        gnutls_free(base64.data);
        gnutls_aead_cipher_deinit(cipher);
        free(bytes);
        return ret;
}

static char *decrypt(const char *key_file, const gnutls_datum_t *bytes)
{
        gnutls_aead_cipher_hd_t cipher;
        size_t n = bytes->size > NONCE_BYTES + TAG_BYTES ? bytes->size - NONCE_BYTES - TAG_BYTES : 0;
        char *text = n > 0 ? calloc(1, n + 1) : NULL, *ret = NULL;

        if (text && open_cipher(key_file, &cipher)) {
                if (gnutls_aead_cipher_decrypt(cipher, bytes->data, NONCE_BYTES, NULL, 0, TAG_BYTES, bytes->data + NONCE_BYTES, bytes->size - NONCE_BYTES, text, &n) == 0 &&
                    strlen(text) == n) {
                        ret = text;
                        text = NULL;
                }
                gnutls_aead_cipher_deinit(cipher);
        }
        free(text);
        return ret;
}

char *reveal(const char *key_file, const char *concealed)
{
        const gnutls_datum_t base64 = {.data = (unsigned char *)(uintptr_t)concealed, .size = (unsigned)strlen(concealed)};
        gnutls_datum_t bytes = {0};
        char also[PATH_MAX];

        if (gnutls_base64_decode2(&base64, &bytes) < 0)
                return NULL;
        char *ret = decrypt(key_file, &bytes);
        if (!ret && seal_key_also(key_file, also, sizeof also) == 0)
                ret = decrypt(also, &bytes); /* the cluster's key is being changed, and who sent it has the other one first */
        gnutls_free(bytes.data);
        return ret;
}
