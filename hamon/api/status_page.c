/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /status: what the page of webui/ says, as plain HTML without a line of JavaScript, in the same order: verdict, what if, machines, resync, problems,
 * comparison, take-over, events, links, exports (a page of their own, status_exports.c), services, versions. A renderer of status_json(); decides nothing. Handlers run in an HTTP thread.
 */
#include "hamon/api/call.h"
#include "hamon/api/status_html.h"

#include "hamon/api/event_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
static void put_silent(FILE *to, const json_t *status, const char *between, unsigned *ret_count)
{
        const json_t *node;
        size_t i;
        *ret_count = 0;
        json_array_foreach(json_object_get(status, "nodes"), i, node)
                if (!html_is(node, "alive")) {
                        fputs((*ret_count)++ ? between : "", to);
                        fputs(html_is(node, "witness") ? "the witness" : html_text(node, "name"), to);
                }
}

/* Since when, by the events: the first with one of `codes` that no later one of `ends` undoes. */
static void put_since(FILE *to, struct event_log *log, const char *mirror, const char *const *codes, const char *const *ends)
{
        struct event_entry e;
        int64_t since_ms = 0;
        for (uint64_t at = 0; event_log_next(log, at, &e); at = e.id) {
                if (*e.mirror && strcmp(e.mirror, mirror) != 0)
                        continue;
                for (const char *const *code = ends; *code; code++)
                        if (strcmp(*code, e.code) == 0)
                                since_ms = 0;
                for (const char *const *code = codes; *code && !since_ms; code++)
                        if (strcmp(*code, e.code) == 0)
                                since_ms = e.wall_ms;
        }
        if (!since_ms)
                return;
        time_t seconds = (time_t)(since_ms / 1000);
        struct tm tm;
        char text[32];
        (void)strftime(text, sizeof text, "%F %H:%M UTC", gmtime_r(&seconds, &tm)); /* fits */
        fprintf(to, " since %s", text);
}

/* A difference that may hurt later, whatever runs now; "" when there is none. */
static const char *quarrel(const json_t *cluster, const char *mirror)
{
        const json_t *d;
        size_t i;
        json_array_foreach(json_object_get(cluster, "disagreements"), i, d)
        {
                bool ours = !*html_text(d, "mirror") || strcmp(html_text(d, "mirror"), mirror) == 0;
                if (ours && strcmp(html_text(d, "about"), "primary") == 0)
                        return "machines disagree";
                if (ours && strcmp(html_text(d, "about"), "configuration") == 0)
                        return "configurations differ";
        }
        return "";
}

static bool is_one(const char *word, const char *a, const char *b)
{
        return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static void put_redundant(FILE *to, const json_t *cluster, const json_t *mirror, const char *names, unsigned silent)
{
        const json_t *reason = json_object_get(mirror, "reason");
        const char *severity = html_text(reason, "severity"), *differ = quarrel(cluster, html_text(mirror, "name"));
        if (strcmp(html_text(reason, "code"), "legs-differ") == 0) {
                fputs("Running, but the two legs differ", to);
        } else if (strcmp(severity, "critical") == 0 || (strcmp(severity, "warning") == 0 && !silent)) {
                fputs("Redundant, with a problem", to);
        } else if (silent) {
                fputs("Redundant, but ", to);
                html_put(to, names);
                fputs(silent > 1 ? " are not heard" : " is not heard", to);
        } else {
                fprintf(to, *differ ? "Redundant, but the %s" : "Redundant", differ);
        }
}

static void put_state(FILE *to, const struct api_call *c, const json_t *cluster, const json_t *mirror, const char *names, unsigned silent)
{
        static const char *const degraded[] = {"leg-left", "degraded", "own-leg-failed", "takeover-assembled", NULL}, *const whole[] = {"leg-joined", "leg-handed", "redundant", NULL};
        static const char *const frozen[] = {"frozen", "lease-lost", "no-majority", "manual-frozen", NULL}, *const thawed[] = {"primary", "adopted", "service-up", "takeover-decided", NULL};
        const char *health = html_text(mirror, "health"), *code = html_text(json_object_get(mirror, "reason"), "code"), *name = html_text(mirror, "name");
        bool runs = is_one(health, "ok", "degraded"), takes = is_one(html_text(mirror, "role"), "candidate", "taking-over");
        if (runs && all_in_sync(mirror)) {
                put_redundant(to, cluster, mirror, names, silent);
        } else if (runs) {
                fputs("Running, NOT redundant", to);
                put_since(to, c->api->events, name, degraded, whole);
        } else if (strcmp(health, "frozen") == 0) {
                fputs("Frozen", to);
                put_since(to, c->api->events, name, frozen, thawed);
                fputs(", waiting for ", to);
                html_put(to, silent ? names : "a majority");
        } else if (strcmp(health, "starting") == 0) {
                fputs(takes ? "Being taken over by " : "Starting", to);
                html_put(to, takes ? c->api->config->voters[c->api->self].name : "");
        } else if (strcmp(health, "unconfigured") == 0) {
                fputs(strcmp(code, "being-removed") == 0 ? "Being removed" : "Not set up yet", to);
        } else if (strcmp(code, "waiting-for-peer") == 0 && c->api->self < NODES) {
                fputs("Down, waiting for ", to);
                html_put(to, c->api->config->voters[1 - c->api->self].name);
        } else {
                fputs(strcmp(html_text(mirror, "role"), "unknown") == 0 ? "Not known to run" : "Down", to);
        }
}

/* The state in a few words; the same as model.js. */
static void put_headline(FILE *to, const struct api_call *c, const json_t *status, const json_t *cluster, const json_t *mirror)
{
        char *names = NULL;
        size_t size;
        unsigned silent = 0;
        bool frozen = strcmp(html_text(mirror, "health"), "frozen") == 0;
        FILE *text = open_memstream(&names, &size);
        if (text) {
                put_silent(text, status, frozen ? " or " : " and ", &silent);
                (void)fclose(text); /* out of memory: names stays NULL, and nobody is named */
        }
        put_state(to, c, cluster, mirror, names ? names : "", names ? silent : 0);
        free(names);
}

/* Is the data safe? */
static void put_safety(FILE *to, const json_t *mirror)
{
        bool differ = strcmp(html_text(json_object_get(mirror, "reason"), "code"), "legs-differ") == 0;
        const char *health = html_text(mirror, "health"), *primary = html_text(json_object_get(mirror, "record"), "primary");
        const json_t *leg;
        size_t i;
        bool frozen = strcmp(health, "frozen") == 0;
        if ((strcmp(health, "ok") != 0 && strcmp(health, "degraded") != 0 && !frozen) || !*primary)
                return;
        fputs(frozen ? " Writes wait; none is lost. Active on " : " Active on ", to);
        html_put(to, primary);
        fputs(!all_in_sync(mirror) ? "." : differ ? ". Both legs were given every acknowledged write." : ". Both legs hold every acknowledged write.", to);
        if (all_in_sync(mirror))
                return;
        json_array_foreach(json_object_get(mirror, "legs"), i, leg)
                if (html_is(leg, "in_sync")) {
                        fputs(" Only the leg of ", to);
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

static void put_start(FILE *to, const json_t *node)
{
        bool witness = html_is(node, "witness");
        fputs(witness ? "Start the witness, or repair its network. If it runs, there: " : "Start ", to);
        html_put(to, witness ? "" : html_text(node, "name"));
        fputs(witness ? "<code>systemctl start hamon-witness</code>. " : ", or repair its network. If it runs, there: <code>systemctl start hamon-act hamon nbdd</code>. ", to);
}

/* Whether what a silent machine lacks is all that is wrong. */
static bool waits_for_machines(const json_t *reason)
{
        static const char *const codes[] = {"degraded", "witness-lost", "frozen", "no-majority", "lease-lost", "waiting-for-peer", "stale", "torn"};
        const char *severity = html_text(reason, "severity");
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
                if (strcmp(codes[i], html_text(reason, "code")) == 0)
                        return true;
        return strcmp(severity, "warning") != 0 && strcmp(severity, "critical") != 0;
}

/* The witness first: it is the smallest. How many there are. */
static unsigned put_starts(FILE *to, const json_t *status)
{
        const json_t *node;
        size_t n;
        unsigned count = 0;
        for (int witness = 1; witness >= 0; witness--) {
                json_array_foreach(json_object_get(status, "nodes"), n, node)
                {
                        if (html_is(node, "alive") || html_is(node, "witness") != (witness == 1))
                                continue;
                        put_start(to, node);
                        count++;
                }
        }
        return count;
}

static void put_what_to_do(FILE *to, const json_t *status, const json_t *cluster, const json_t *mirror)
{
        const json_t *reason = json_object_get(mirror, "reason");
        const char *next = html_text(reason, "next");
        if (waits_for_machines(reason) && put_starts(to, status) > 0)
                return;
        if (*next)
                html_put(to, next);
        else if (strcmp(quarrel(cluster, html_text(mirror, "name")), "configurations differ") == 0)
                fputs("Compare the configurations, and apply the one that is meant to all machines: <code>hamonctl config show</code>.", to);
        else
                fputs("Nothing.", to);
}

static void put_verdict(FILE *to, const struct api_call *c, unsigned m, const json_t *status, const json_t *cluster, const json_t *mirror)
{
        const struct snapshot *s = c->snapshot;
        const json_t *reason = json_object_get(mirror, "reason");
        fputs("<section class=\"verdict\"><h1>", to);
        put_headline(to, c, status, cluster, mirror);
        fputs("</h1>\n<p class=\"detail\">", to);
        if (strcmp(html_text(reason, "code"), "redundant") != 0) { /* put_safety() says it */
                html_put(to, html_text(reason, "sentence"));
                fputc('.', to);
        }
        put_safety(to, mirror);
        fputs("\n<dl class=\"answers\">\n", to);
        for (uint8_t n = 0; n < NODES && s->self < NODES && s->config->voters[n].links > 0; n++)
                put_what_if(to, s->config->mirror[m].name, s->config->voters[n].name, n != s->self && !s->node[n].alive,
                            api_reason(c, m, n == s->self ? s->mirror[m].if_self_fails : s->mirror[m].if_peer_fails, (uint8_t)(1 - n)));
        if (s->self < NODES && s->config->has_witness)
                put_what_if(to, s->config->mirror[m].name, "the witness", !s->node[WITNESS].alive, api_reason(c, m, s->mirror[m].if_witness_fails, WITNESS));
        if (s->self < NODES && s->config->has_witness && s->node[WITNESS].alive && s->node[1 - s->self].alive && s->mirror[m].record.version)
                put_what_if(to, s->config->mirror[m].name, "the nodes' link", false, api_reason(c, m, s->mirror[m].if_link_fails, s->mirror[m].record.primary));
        fputs("<div class=\"do\"><dt>What to do<dd>", to);
        put_what_to_do(to, status, cluster, mirror);
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
        put_problems(to, status);
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
