/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /status: what the page of webui/ says, as plain HTML without a line of JavaScript, in the same order: verdict (status_verdict.c), machines, resync, problems,
 * comparison, take-over, events, links, exports (a page of their own, status_exports.c), services, versions. A renderer of status_json(); decides nothing. Handlers run in an HTTP thread.
 */
#include "hamon/api/call.h"
#include "hamon/api/status_html.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

void html_page_begin(FILE *to, const struct config *config, uint8_t self, uint64_t age_ms)
{
        fputs("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
              "<meta http-equiv=\"refresh\" content=\"5\"><link rel=\"stylesheet\" href=\"/ui/style.css\"><title>hamon: ", to);
        html_put(to, config->cluster);
        fputs("</title>\n<div id=\"page\"><header><p class=\"where\"><strong>", to);
        html_put(to, config->cluster);
        fputs("</strong> seen from ", to);
        html_put(to, config->voters[self].name);
        fprintf(to, "<p>%" PRIu64 " ms old; asks again every 5 s</header>\n<main>\n", age_ms);
}

static void put_page(FILE *to, const struct api_call *c, const json_t *status, const json_t *cluster)
{
        const struct snapshot *s = c->snapshot;
        const json_t *mirror;
        size_t m;
        html_page_begin(to, s->config, s->self, c->now_ms - s->taken_ms);
        json_array_foreach(json_object_get(status, "mirrors"), m, mirror)
                put_verdict(to, c, (unsigned)m, status, cluster, mirror);
        put_machines(to, status);
        put_views(to, cluster);
        put_resyncs(to, status, c->api->events);
        put_problems(to, status, cluster);
        put_disagreements(to, cluster);
        put_comparisons(to, status);
        put_takeover(to, s->config, s->self, c->api->events);
        put_events(to, c->api->events);
        put_links(to, c->api, status);
        if (c->api->self != WITNESS)
                fputs("<section><h2>Exports and sessions</h2><p><a href=\"/status/exports\">Exports and sessions of both nodes</a></section>\n", to);
        put_services(to, c, status);
        put_versions(to, c, status);
        fputs("</main><footer class=\"quiet\">", to);
        put_other_pages(to, s->config, s->self);
        fputs("<a href=\"/\">The live page</a> <a href=\"/ui/TROUBLESHOOTING.md\">Troubleshooting</a></footer></div></html>\n", to);
}

int get_status_page(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp))
                return 0;
        size_t size;
        json_t *status = status_json(c->snapshot, c->now_ms), *cluster = cluster_json(c);
        FILE *to = status && cluster ? open_memstream(&resp->text, &size) : NULL;
        if (to)
                put_page(to, c, status, cluster);
        json_decref(status);
        json_decref(cluster);
        if (!to)
                return -ENOMEM;
        if (fclose(to) != 0)
                return -ENOMEM;
        resp->content_type = "text/html; charset=utf-8";
        page_secure(resp);
        return 0;
}
