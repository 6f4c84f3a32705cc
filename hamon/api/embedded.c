/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/embedded.h"

#include <gnutls/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* X(symbol, file in the source tree, path in the URL, content type). module.mk rebuilds this object when one of them changes. */
#define FILES(X)                                                                                     \
        X(index_html, "webui/index.html", "/", "text/html; charset=utf-8")                           \
        X(openapi_yaml, "docs/openapi.yaml", "/v1/openapi.yaml", "application/yaml; charset=utf-8")  \
        X(openapi_json, "docs/openapi.json", "/v1/openapi.json", "application/json")

#define X(name, file, path, type)                                                                          \
        __asm__(".pushsection .rodata\n.global embedded_" #name "\n.hidden embedded_" #name "\nembedded_" #name ":\n.incbin \"" file \
                "\"\n.global embedded_" #name "_end\n.hidden embedded_" #name "_end\nembedded_" #name "_end:\n.byte 0\n.popsection\n"); \
        extern const char embedded_##name[], embedded_##name##_end[];
FILES(X)
#undef X

static struct embedded files[] = {
#define X(name, file, path_, type) {.path = path_, .content_type = type, .bytes = embedded_##name},
        FILES(X)
#undef X
};

void embedded_init(void)
{
        static const char *const ends[] = {
#define X(name, file, path, type) embedded_##name##_end,
                FILES(X)
#undef X
        };
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
                uint8_t hash[32];
                struct embedded *f = &files[i];
                f->size_bytes = (size_t)(ends[i] - (const char *)f->bytes);
                if (gnutls_hash_fast(GNUTLS_DIG_SHA256, f->bytes, f->size_bytes, hash) < 0)
                        memset(hash, 0, sizeof hash); /* only a browser's cache relies on it */
                (void)snprintf(f->etag, sizeof f->etag, "\"%02x%02x%02x%02x%02x%02x%02x%02x\"", hash[0], hash[1], hash[2], hash[3], hash[4],
                               hash[5], hash[6], hash[7]); /* fits */
        }
}

const struct embedded *embedded_find(const char *path)
{
        if (strcmp(path, "/index.html") == 0)
                path = "/";
        for (size_t i = 0; i < sizeof files / sizeof *files; i++)
                if (strcmp(files[i].path, path) == 0)
                        return &files[i];
        return NULL;
}
