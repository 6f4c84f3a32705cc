/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/embedded.h"

#include <gnutls/crypto.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* X(symbol, file in the source tree, path in the URL, content type). module.mk rebuilds this object when one of them changes. */
#define FILES(X)                                                                                                   \
        X(index_html, "webui/index.html", "/", "text/html; charset=utf-8")                                         \
        X(style_css, "webui/style.css", "/ui/style.css", "text/css; charset=utf-8")                                \
        X(app_js, "webui/app.js", "/ui/app.js", "text/javascript; charset=utf-8")                                  \
        X(live_js, "webui/live.js", "/ui/live.js", "text/javascript; charset=utf-8")                               \
        X(api_js, "webui/api.js", "/ui/api.js", "text/javascript; charset=utf-8")                                  \
        X(model_js, "webui/model.js", "/ui/model.js", "text/javascript; charset=utf-8")                            \
        X(problems_js, "webui/problems.js", "/ui/problems.js", "text/javascript; charset=utf-8")                   \
        X(dom_js, "webui/dom.js", "/ui/dom.js", "text/javascript; charset=utf-8")                                  \
        X(picture_js, "webui/picture.js", "/ui/picture.js", "text/javascript; charset=utf-8")                      \
        X(parts_js, "webui/parts.js", "/ui/parts.js", "text/javascript; charset=utf-8")                            \
        X(plot_js, "webui/plot.js", "/ui/plot.js", "text/javascript; charset=utf-8")                               \
        X(verify_js, "webui/verify.js", "/ui/verify.js", "text/javascript; charset=utf-8")                         \
        X(timeline_js, "webui/timeline.js", "/ui/timeline.js", "text/javascript; charset=utf-8")                   \
        X(actions_js, "webui/actions.js", "/ui/actions.js", "text/javascript; charset=utf-8")                      \
        X(operations_js, "webui/operations.js", "/ui/operations.js", "text/javascript; charset=utf-8")             \
        X(chapters_js, "webui/chapters.js", "/ui/chapters.js", "text/javascript; charset=utf-8")                   \
        X(login_js, "webui/login.js", "/ui/login.js", "text/javascript; charset=utf-8")                            \
        X(lost_js, "webui/lost.js", "/ui/lost.js", "text/javascript; charset=utf-8")                              \
        X(troubleshooting_md, "docs/TROUBLESHOOTING.md", "/ui/TROUBLESHOOTING.md", "text/markdown; charset=utf-8") \
        X(openapi_yaml, "docs/openapi.yaml", "/v1/openapi.yaml", "application/yaml; charset=utf-8")                \
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
