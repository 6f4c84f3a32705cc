/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /status/exports: nbdd's exports and sessions on both nodes, as plain HTML. A page of its own, because nbdd and the other node are asked, which may take
 * seconds when they are ill: /status never waits. The command that changes an export stands beside it; a leg is hamon's.
 */
#include "hamon/api/status_html.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put_export(FILE *to, const char *node, const json_t *x)
{
        bool leg = strcmp(html_text(x, "kind"), "leg") == 0, defined = strcmp(html_text(x, "status"), "DEFINED") == 0;
        fputs("<tr><th>", to);
        html_put(to, node);
        html_cell(to, html_text(x, "id"));
        html_cell(to, html_text(x, "device"));
        html_cell(to, html_text(x, "kind"));
        html_cell(to, html_is(x, "failed") ? "FAILED" : html_text(x, "status"));
        fputs("<td>", to);
        if (leg) {
                fputs("hamon's", to);
        } else {
                fprintf(to, "<code>nbdd --%s -i ", defined ? "start" : "stop");
                html_put(to, html_text(x, "id"));
                fputs("</code>", to);
        }
        fputc('\n', to);
}

static void put_session(FILE *to, const char *node, const json_t *x)
{
        const json_t *tls = json_object_get(x, "tls");
        fputs("<tr><th>", to);
        html_put(to, node);
        html_cell(to, html_text(x, "number"));
        html_cell(to, html_text(x, "address"));
        html_cell(to, *html_text(x, "export") ? html_text(x, "export") : "\u2013");
        html_cell(to, html_text(x, "state"));
        html_cell(to, !tls ? "\u2013" : json_is_true(tls) ? "yes" : "no");
        fprintf(to, "<td>%" JSON_INTEGER_FORMAT "\n", json_integer_value(json_object_get(x, "inflight")));
}

/* Of each node: its rows, or why there are none. */
static void put_nodes(FILE *to, json_t *nodes, const char *key, void (*put)(FILE *, const char *, const json_t *))
{
        const json_t *node, *x;
        size_t n, i;
        json_array_foreach(nodes, n, node)
                json_array_foreach(json_object_get(node, key), i, x)
                        put(to, html_text(node, "node"), x);
        fputs("</table>", to);
        json_array_foreach(nodes, n, node)
        {
                fputs("<p class=\"quiet\">", to);
                html_put(to, html_text(node, "node"));
                if (*html_text(node, "error")) {
                        fputs(": ", to);
                        html_put(to, html_text(node, "error"));
                        fputs(".</p>", to);
                } else {
                        fprintf(to, ": %zu.</p>", json_array_size(json_object_get(node, key)));
                }
        }
        fputs("</section>\n", to);
        json_decref(nodes);
}

static void render(const struct api *a, struct api_work *w, struct http_response *resp)
{
        json_t *exports = exports_look(a, "exports", w->voter < NODES), *sessions = exports_look(a, "sessions", w->voter < NODES);
        size_t size;
        FILE *to = open_memstream(&resp->text, &size);
        if (!to) {
                json_decref(exports);
                json_decref(sessions);
                (void)http_response_problem(resp, 503, "busy", "no memory", "there is no memory for the page", NULL);
                return;
        }
        html_page_begin(to, a->config, a->self, 0);
        html_head(to, "Exports", "<th>Node<th>Export<th>Device<th>Kind<th>State<th>To change it, there");
        put_nodes(to, exports, "exports", put_export);
        html_head(to, "Sessions", "<th>Node<th>Session<th>From<th>Export<th>State<th>TLS<th>In flight");
        put_nodes(to, sessions, "sessions", put_session);
        fputs("</main><footer class=\"quiet\"><a href=\"/status\">The status</a> <a href=\"/\">The live page</a></footer></div></html>\n", to);
        if (fclose(to) != 0) {
                free(resp->text);
                resp->text = NULL;
                (void)http_response_problem(resp, 503, "busy", "no memory", "there is no memory for the page", NULL);
                return;
        }
        resp->content_type = "text/html; charset=utf-8";
        page_secure(resp);
}

int get_status_exports(struct api_call *c, struct http_response *resp)
{
        if (c->api->self == WITNESS)
                return http_response_problem(resp, 409, "wrong-node", "the witness holds no data", "this is the witness: there is no nbdd here", "ask a node");
        c->work.run = render;
        c->work.voter = (uint8_t)(1 - c->api->self);
        return HTTP_LATER;
}
