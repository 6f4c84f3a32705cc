/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What people see in a browser: the files of webui/ (embedded.c), and /status as plain HTML, without a line of JavaScript.
 *
 * Everything is the daemon's own: the policy below forbids any other source. Handlers run in an HTTP thread.
 */
#include "hamon/api/call.h"
#include "hamon/api/embedded.h"
#include "hamon/api/sentence.h"
#include "hamon/api/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void secure(struct http_response *resp)
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
        secure(resp);
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

static void put_escaped(FILE *to, const char *text)
{
        for (; *text; text++)
                switch (*text) {
                case '<':
                        fputs("&lt;", to);
                        break;
                case '>':
                        fputs("&gt;", to);
                        break;
                case '&':
                        fputs("&amp;", to);
                        break;
                case '"':
                        fputs("&quot;", to);
                        break;
                default:
                        fputc(*text, to);
                }
}

static void put_reason(FILE *to, const json_t *reason)
{
        const char *next = json_string_value(json_object_get(reason, "next"));
        fputs("<td>", to);
        put_escaped(to, json_string_value(json_object_get(reason, "sentence")));
        fputs("<td>", to);
        put_escaped(to, next ? next : "");
}

static void put_mirrors(FILE *to, const struct api_call *c)
{
        const struct snapshot *s = c->snapshot;
        fputs("<table><tr><th>mirror<th>health<th>role here<th>reason<th>next\n", to);
        for (uint8_t m = 0; m < s->config->mirrors; m++) {
                json_t *reason = snapshot_reason_json(s, m);
                fputs("<tr><td>", to);
                put_escaped(to, s->config->mirror[m].name);
                fprintf(to, "<td>%s<td>%s", health_word(s->mirror[m].health), role_word(s->mirror[m].role));
                put_reason(to, reason);
                fputc('\n', to);
                json_decref(reason);
        }
        fputs("</table>\n", to);
}

static void put_nodes(FILE *to, const struct api_call *c)
{
        const struct snapshot *s = c->snapshot;
        fputs("<table><tr><th>node<th>state\n", to);
        for (uint8_t v = 0; v < VOTERS; v++) {
                if (s->config->voters[v].links == 0)
                        continue;
                fputs("<tr><td>", to);
                put_escaped(to, s->config->voters[v].name);
                if (v == s->self)
                        fputs("<td>this node\n", to);
                else if (s->node[v].ever)
                        fprintf(to, "<td>%s, last heard %llu ms ago\n", s->node[v].alive ? "alive" : "silent",
                                (unsigned long long)(s->node[v].silent_ms + (c->now_ms - s->taken_ms)));
                else
                        fputs("<td>never heard\n", to);
        }
        fputs("</table>\n", to);
}

int get_status_page(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp))
                return 0;
        size_t size;
        FILE *to = open_memstream(&resp->text, &size);
        if (!to)
                return -ENOMEM;
        const struct snapshot *s = c->snapshot;
        fputs("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"5\"><title>hamon: ", to);
        put_escaped(to, s->config->cluster);
        fputs("</title>\n<h1>Cluster ", to);
        put_escaped(to, s->config->cluster);
        fputs(", seen from ", to);
        put_escaped(to, s->config->voters[s->self].name);
        fprintf(to, "</h1>\n<p>%s hamon looked %llu ms ago.\n", s->config->has_witness ? "" : "Mode manual: without a witness nothing is taken over by itself.",
                (unsigned long long)(c->now_ms - s->taken_ms));
        put_mirrors(to, c);
        put_nodes(to, c);
        fputs("</html>\n", to);
        if (fclose(to) != 0)
                return -ENOMEM;
        resp->content_type = "text/html; charset=utf-8";
        secure(resp);
        return 0;
}
