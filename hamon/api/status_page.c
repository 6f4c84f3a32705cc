/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /status: what the page of webui/ says, as plain HTML without a line of JavaScript, in the same order: verdict, what if, machines, copy, problems,
 * comparison, take-over, events, links, exports (a page of their own, status_exports.c), services, versions. A renderer of status_json(); decides nothing. Handlers run in an HTTP thread.
 */
#include "hamon/api/call.h"
#include "hamon/api/status_html.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* -- The verdict ------------------------------------------------------------------------------------------------------------------ */

static bool all_in_sync(const json_t *mirror)
{
        const json_t *legs = json_object_get(mirror, "legs"), *leg;
        size_t i;
        json_array_foreach(legs, i, leg)
                if (!html_is(leg, "in_sync"))
                        return false;
        return json_array_size(legs) > 0;
}

/* Who is not heard: "node-b", "node-b and the witness"; *ret_count of them. */
static void put_silent(FILE *to, const json_t *status, unsigned *ret_count)
{
        const json_t *node;
        size_t i;
        *ret_count = 0;
        json_array_foreach(json_object_get(status, "nodes"), i, node)
                if (!html_is(node, "alive")) {
                        fputs((*ret_count)++ ? " and " : "", to);
                        html_put(to, html_is(node, "witness") ? "the witness" : html_text(node, "name"));
                }
}

/* The state in a few words; the same as model.js. */
static void put_headline(FILE *to, const json_t *status, const json_t *mirror)
{
        const char *health = html_text(mirror, "health"), *code = html_text(json_object_get(mirror, "reason"), "code");
        bool runs = strcmp(health, "ok") == 0 || strcmp(health, "degraded") == 0;
        char *names = NULL;
        size_t size;
        unsigned silent = 0;
        FILE *text = open_memstream(&names, &size);
        if (text) {
                put_silent(text, status, &silent);
                (void)fclose(text); /* out of memory: names stays NULL, and nobody is named */
        }
        if (runs && all_in_sync(mirror) && strcmp(code, "legs-differ") == 0)
                fputs("Running, but the two disks differ", to);
        else if (runs && all_in_sync(mirror))
                fprintf(to, silent && names ? "Redundant, but %s %s not heard" : "Redundant", names, silent > 1 ? "are" : "is");
        else
                fputs(runs ? "Running, NOT redundant" : strcmp(health, "frozen") == 0 ? "Frozen" : strcmp(health, "starting") == 0 ? "Starting"
                      : strcmp(health, "unconfigured") == 0 ? (strcmp(code, "being-removed") == 0 ? "Being removed" : "Not set up yet") : strcmp(health, "down") == 0 ? "Down" : "Not known here", to);
        free(names);
}

/* Is the data safe? */
static void put_safety(FILE *to, const json_t *mirror)
{
        const char *health = html_text(mirror, "health"), *primary = html_text(json_object_get(mirror, "record"), "primary");
        const json_t *leg;
        size_t i;
        bool frozen = strcmp(health, "frozen") == 0;
        if ((strcmp(health, "ok") != 0 && strcmp(health, "degraded") != 0 && !frozen) || !*primary)
                return;
        fputs(frozen ? " Writes wait; none is lost. Active on " : " Active on ", to);
        html_put(to, primary);
        fputs(all_in_sync(mirror) ? ". Both disks were given every acknowledged write." : ".", to);
        if (all_in_sync(mirror))
                return;
        json_array_foreach(json_object_get(mirror, "legs"), i, leg)
                if (html_is(leg, "in_sync")) {
                        fputs(" Only the disk of ", to);
                        html_put(to, html_text(leg, "node"));
                        fputs(" holds every acknowledged write; if it fails, they are lost.", to);
                }
}

static void put_what_if(FILE *to, const char *mirror, const char *part, bool silent, json_t *outcome)
{
        fputs("<div><dt>If ", to);
        html_put(to, part);
        fputs(" fails now<dd>", to);
        if (!silent && strcmp(html_text(outcome, "code"), "witness-lost") == 0) { /* its sentence is of one that is lost already */
                fputs("nothing happens; a second fault then freezes ", to);
                html_put(to, mirror);
        } else {
                html_put(to, silent ? "It is silent already" : html_text(outcome, "sentence"));
        }
        fputs(".</div>\n", to);
        json_decref(outcome);
}

static void put_verdict(FILE *to, const struct api_call *c, unsigned m, const json_t *status, const json_t *mirror)
{
        const struct snapshot *s = c->snapshot;
        const json_t *reason = json_object_get(mirror, "reason");
        fputs("<section class=\"verdict\"><h1>", to);
        put_headline(to, status, mirror);
        fputs("</h1>\n<p class=\"detail\">", to);
        html_put(to, html_text(reason, "sentence"));
        fputc('.', to);
        put_safety(to, mirror);
        fputs("\n<dl class=\"answers\">\n", to);
        for (uint8_t n = 0; n < NODES && s->self < NODES && s->config->voters[n].links > 0; n++)
                put_what_if(to, s->config->mirror[m].name, s->config->voters[n].name, n != s->self && !s->node[n].alive,
                            api_reason(c, m, n == s->self ? s->mirror[m].if_self_fails : s->mirror[m].if_peer_fails, (uint8_t)(1 - n)));
        if (s->self < NODES && s->config->has_witness)
                put_what_if(to, s->config->mirror[m].name, "the witness", !s->node[WITNESS].alive, api_reason(c, m, s->mirror[m].if_witness_fails, WITNESS));
        fputs("<div class=\"do\"><dt>What to do<dd>", to);
        html_put(to, *html_text(reason, "next") ? html_text(reason, "next") : "Nothing.");
        fputs("</div></dl></section>\n", to);
}

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

static void put_page(FILE *to, const struct api_call *c, const json_t *status)
{
        const struct snapshot *s = c->snapshot;
        const json_t *mirror;
        size_t m;
        html_page_begin(to, s->config, s->self, c->now_ms - s->taken_ms);
        json_array_foreach(json_object_get(status, "mirrors"), m, mirror)
                put_verdict(to, c, (unsigned)m, status, mirror);
        put_machines(to, status);
        put_copies(to, status);
        put_problems(to, status);
        put_comparisons(to, status);
        put_takeover(to, c->api->events);
        put_events(to, c->api->events);
        put_links(to, status);
        if (c->api->self != WITNESS)
                fputs("<section><h2>Exports and sessions</h2><p><a href=\"/status/exports\">Exports and sessions of both nodes</a></section>\n", to);
        put_services(to, c, status);
        put_versions(to, c, status);
        fputs("</main><footer class=\"quiet\"><a href=\"/\">The live page</a> <a href=\"/ui/TROUBLESHOOTING.md\">Troubleshooting</a></footer></div></html>\n", to);
}

int get_status_page(struct api_call *c, struct http_response *resp)
{
        if (call_is_early(c, resp))
                return 0;
        size_t size;
        json_t *status = status_json(c->snapshot, c->now_ms);
        FILE *to = status ? open_memstream(&resp->text, &size) : NULL;
        if (!to) {
                json_decref(status);
                return -ENOMEM;
        }
        put_page(to, c, status);
        json_decref(status);
        if (fclose(to) != 0)
                return -ENOMEM;
        resp->content_type = "text/html; charset=utf-8";
        page_secure(resp);
        return 0;
}
