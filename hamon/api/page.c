/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of webui/ (embedded.c) as a browser gets them.
 *
 * Everything is the daemon's own: the policy below forbids any other source. Handlers run in an HTTP thread.
 */
#include "hamon/api/call.h"
#include "hamon/api/embedded.h"

#include <string.h>

void page_secure(struct http_response *resp)
{
        http_response_header(resp, "Content-Security-Policy",
                             "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
                             "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
        http_response_header(resp, "Referrer-Policy", "no-referrer");
        http_response_header(resp, "Cross-Origin-Opener-Policy", "same-origin");
        http_response_header(resp, "Cross-Origin-Resource-Policy", "same-origin");
}

int get_file(struct api_call *c, struct http_response *resp)
{
        const struct embedded *f = embedded_find(c->path);
        if (!f)
                return http_response_problem(resp, 404, "not-found", "no such resource", "there is no such file", NULL);
        const char *known = c->request ? http_request_header(c->request, "If-None-Match") : NULL;
        page_secure(resp);
        http_response_header(resp, "ETag", "%s", f->etag);
        resp->cache_control = "no-cache"; /* kept, and asked for again by its ETag */
        if (known && strstr(known, f->etag)) {
                resp->status = 304;
                return 0;
        }
        resp->bytes = f->bytes;
        resp->bytes_size = f->size_bytes;
        resp->content_type = f->content_type;
        return 0;
}
