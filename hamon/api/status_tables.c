/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/status_html.h"

#include "hamon/api/event_log.h"
#include "hamon/api/json_take.h"
#include "hamon/api/views.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EVENTS_SHOWN = 30, KIB = 1024 };

void html_put(FILE *to, const char *text)
{
        for (; text && *text; text++)
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

const char *html_text(const json_t *o, const char *key)
{
        const char *text = json_string_value(json_object_get(o, key));
        return text ? text : "";
}

bool html_is(const json_t *o, const char *key)
{
        return json_is_true(json_object_get(o, key));
}

void html_cell(FILE *to, const char *text)
{
        fputs("<td>", to);
        html_put(to, text);
}

void html_head(FILE *to, const char *title, const char *heads)
{
        fprintf(to, "<section><h2>%s</h2>\n<table><tr>%s\n", title, heads);
}

/* -- Machines, resyncs, problems --------------------------------------------------------------------------------------------------- */

/* docs/GLOSSARY.md: a node's disk in the mirror. Where nobody is active it is what the last decision says; the same words as webui/model.js. */
static const char *leg_word(const json_t *status, const json_t *mirror, const json_t *leg)
{
        const char *code = html_text(json_object_get(mirror, "reason"), "code");
        const json_t *o = json_object_get(mirror, "observed");
        bool own = strcmp(html_text(leg, "node"), html_text(json_object_get(status, "node"), "name")) == 0, down = strcmp(html_text(mirror, "health"), "down") == 0;
        if (strcmp(html_text(json_object_get(mirror, "record"), "version"), "0") == 0)
                return "not used yet";
        if (html_is(o, "array_running") && html_is(o, own ? "own_failed" : "peer_failed"))
                return "failed";
        if (down && own && (strcmp(code, "waiting-for-peer") == 0 || strcmp(code, "stale") == 0 || html_is_open(status, mirror)))
                return "may lack writes";
        if (html_is_open(status, mirror))
                return "may have newer writes";
        if (strcmp(code, "legs-differ") == 0)
                return "differs";
        if (down && strcmp(html_text(mirror, "role"), "primary") != 0)
                return html_is(leg, "in_sync") ? "was in sync" : html_is(leg, "inconsistent") ? "was being resynced" : "was out of sync";
        return html_is(leg, "in_sync") ? "in sync" : html_is(leg, "inconsistent") ? "being resynced" : "out of sync";
}

/* What it says of itself, or this machine of itself. */
static const char *role_said(const json_t *status, const json_t *mirror, const json_t *leg)
{
        bool own = strcmp(html_text(leg, "node"), html_text(json_object_get(status, "node"), "name")) == 0;
        const char *role = own ? html_text(mirror, "role") : html_text(json_object_get(leg, "node_says"), "role");
        bool recorded = strcmp(html_text(json_object_get(mirror, "record"), "primary"), html_text(leg, "node")) == 0;
        if (strcmp(role, "primary") == 0)
                return !recorded ? "says it is active" : strcmp(html_text(mirror, "health"), "frozen") == 0 ? "active, frozen" : "active";
        return strcmp(role, "candidate") == 0 || strcmp(role, "taking-over") == 0 ? "taking over" : *role ? role : "unknown";
}

/* What a node is and which leg it has, of each mirror. */
static void put_of_mirrors(FILE *to, const json_t *status, const json_t *node, bool legs)
{
        const json_t *mirror, *leg;
        size_t m, i;
        bool several = json_array_size(json_object_get(status, "mirrors")) > 1;
        fputs("<td>", to);
        if (!html_is(node, "alive") && !legs)
                fputs("silent", to);
        else if (html_is(node, "witness"))
                fputs(legs ? "none, it only votes" : "votes", to);
        else
                json_array_foreach(json_object_get(status, "mirrors"), m, mirror)
                        json_array_foreach(json_object_get(mirror, "legs"), i, leg)
                        {
                                if (strcmp(html_text(leg, "node"), html_text(node, "name")) != 0)
                                        continue;
                                fputs(m ? "<br>" : "", to);
                                html_put(to, several ? html_text(mirror, "name") : "");
                                fputs(several ? ": " : "", to);
                                html_put(to, legs ? html_text(leg, "device") : role_said(status, mirror, leg));
                                if (legs)
                                        fprintf(to, ", %s", leg_word(status, mirror, leg));
                                if (legs && json_is_number(json_object_get(leg, "request_ms")))
                                        fprintf(to, ", %.1f ms a request", json_number_value(json_object_get(leg, "request_ms")));
                        }
}

static void put_links_heard(FILE *to, const json_t *node)
{
        enum { HEARD_MS = 3000 };
        const json_t *link;
        size_t i, heard = 0;
        json_array_foreach(json_object_get(node, "links"), i, link)
        {
                const json_t *ms = json_object_get(link, "heard_ms_ago");
                heard += html_is(node, "alive") && json_is_integer(ms) && json_integer_value(ms) < HEARD_MS && !*html_text(link, "error");
        }
        if (html_is(node, "self"))
                fputs("<td>\u2013", to);
        else
                fprintf(to, "<td>%zu of %zu", heard, json_array_size(json_object_get(node, "links")));
}

void put_machines(FILE *to, const json_t *status)
{
        const json_t *node;
        size_t i;
        html_head(to, "The machines", "<th>Machine<th>Is<th>Heard<th>Its leg<th>Links");
        json_array_foreach(json_object_get(status, "nodes"), i, node)
        {
                fputs("<tr><th>", to);
                html_put(to, html_text(node, "name"));
                put_of_mirrors(to, status, node, false);
                if (html_is(node, "self"))
                        fputs("<td>this page", to);
                else if (html_is(node, "heard"))
                        fprintf(to, "<td>%" JSON_INTEGER_FORMAT " ms ago", json_integer_value(json_object_get(node, "silent_ms")));
                else
                        fputs("<td>not since hamon started", to);
                put_of_mirrors(to, status, node, true);
                put_links_heard(to, node);
                fputc('\n', to);
        }
        fputs("</table><p class=\"quiet\">A leg is a node's disk in the mirror; each holds all of the data.</section>\n", to);
}

/* A resync's or a comparison's, where it was measured. */
static void put_pace(FILE *to, const json_t *o)
{
        json_int_t rate = json_integer_value(json_object_get(o, "rate_kib")), eta = json_integer_value(json_object_get(o, "eta_s"));
        if (rate > 0)
                fprintf(to, ", %.1f MiB/s, done in %" JSON_INTEGER_FORMAT " s", (double)rate / KIB, eta);
}

/* Who said it, by the event that came before. */
static void put_who_paused(FILE *to, struct event_log *log, const char *mirror)
{
        char begin[CONFIG_NAME_SIZE + 40];
        struct event_entry e, last = {.id = 0};
        int n = snprintf(begin, sizeof begin, "'resync pause' of %s was asked for by ", mirror); /* fits */
        for (uint64_t at = 0; event_log_next(log, at, &e); at = e.id)
                if (strcmp(e.code, "command") == 0 && strncmp(e.sentence, begin, (size_t)n) == 0)
                        last = e;
        if (!last.id)
                return;
        fputs(": asked for by ", to);
        html_put(to, last.sentence + n);
}

/* What keeps it from going on, or from going faster. */
static void put_why(FILE *to, const json_t *resync, struct event_log *log, const char *mirror)
{
        const json_t *why = json_object_get(resync, "why");
        if (!json_is_object(why))
                return;
        bool stands = strcmp(html_text(resync, "state"), "running") != 0;
        fputs(stands ? "<p><strong>Why it stands still:</strong> " : "<p><strong>Why it is not faster:</strong> ", to);
        html_put(to, html_text(why, "sentence"));
        if (strcmp(html_text(why, "code"), "paused") == 0)
                put_who_paused(to, log, mirror);
        if (json_integer_value(json_object_get(why, "for_s")) > 0)
                fprintf(to, ", for %" JSON_INTEGER_FORMAT " s", json_integer_value(json_object_get(why, "for_s")));
        fputs(".\n", to);
}

void put_resyncs(FILE *to, const json_t *status, struct event_log *log)
{
        const json_t *mirror;
        size_t m;
        json_array_foreach(json_object_get(status, "mirrors"), m, mirror)
        {
                const json_t *resync = json_object_get(mirror, "resync");
                uint64_t at = 0, total = 0;
                if (!json_is_object(resync) || !parse_u64(html_text(resync, "done_sectors"), &at) || !parse_u64(html_text(resync, "total_sectors"), &total))
                        continue;
                fputs("<section><h2>Resync of ", to);
                html_put(to, html_text(mirror, "name"));
                fprintf(to, "</h2><p>%.1f %% is copied, %" PRIu64 " MiB of %" PRIu64 " MiB are left", json_real_value(json_object_get(resync, "percent")), (total - at) / 2048,
                        total / 2048);
                if (strcmp(html_text(resync, "state"), "running") != 0)
                        fprintf(to, "; it is <strong>%s</strong>", html_text(resync, "state"));
                put_pace(to, resync);
                fputs(".\n", to);
                put_why(to, resync, log, html_text(mirror, "name"));
                fputs("</section>\n", to);
        }
}

static uint64_t u64_of(const json_t *o, const char *key)
{
        uint64_t number = 0;
        (void)parse_u64(html_text(o, key), &number);
        return number;
}

static void put_run(FILE *to, const json_t *verify, const json_t *run)
{
        const char *state = html_text(run, "state");
        bool under_way = json_is_real(json_object_get(verify, "percent"));
        if (under_way)
                fprintf(to, "<p>%.0f %% is compared%s", json_real_value(json_object_get(verify, "percent")), strcmp(state, "paused") == 0 ? "; it is <strong>paused</strong>" : "");
        else
                fprintf(to, "<p>The one that began last %s: ", strcmp(state, "failed") == 0 ? "<strong>failed</strong>" : "was ended");
        put_pace(to, verify);
        html_put(to, html_text(run, "why"));
        if (under_way && u64_of(run, "differing_blocks"))
                fprintf(to, ", differing so far: <strong>%" PRIu64 " blocks of 4 KiB</strong>", u64_of(run, "differing_blocks"));
        if (under_way && *html_text(verify, "waiting_for")) {
                fputs("; it waits: ", to);
                html_put(to, html_text(verify, "waiting_for"));
        }
        fputs(".\n", to);
}

static bool are_in_sync(const json_t *mirror)
{
        const json_t *leg;
        size_t i;
        json_array_foreach(json_object_get(mirror, "legs"), i, leg)
                if (!html_is(leg, "in_sync"))
                        return false;
        return true;
}

void put_comparisons(FILE *to, const json_t *status)
{
        const json_t *mirror, *range;
        size_t m, i;
        json_array_foreach(json_object_get(status, "mirrors"), m, mirror)
        {
                const json_t *verify = json_object_get(mirror, "verify"), *last = json_object_get(verify, "last"), *run = json_object_get(verify, "run");
                if (!json_is_object(verify))
                        continue;
                fputs("<section><h2>Both legs of ", to);
                html_put(to, html_text(mirror, "name"));
                fputs(" compared</h2>\n", to);
                if (json_is_object(run))
                        put_run(to, verify, run);
                if (!json_is_object(last))
                        fputs("<p class=\"quiet\">Not compared yet.\n", to);
                else
                        fprintf(to, "<p>Compared %" PRIu64 " min ago: <strong>%s</strong>.%s\n", (uint64_t)json_integer_value(json_object_get(verify, "last_age_s")) / 60,
                                u64_of(last, "differing_blocks") ? "they differ" : "both held the same", are_in_sync(mirror) ? "" : " Since then a leg has fallen behind.");
                json_array_foreach(json_object_get(last, "ranges"), i, range)
                        fprintf(to, "<br>bytes %" PRIu64 " to %" PRIu64 " of the array\n", u64_of(range, "offset_bytes"),
                                u64_of(range, "offset_bytes") + u64_of(range, "size_bytes") - 1);
                fputs("</section>\n", to);
        }
}

static void put_problem(FILE *to, const char *severity, const char *mirror, const char *what, const char *why, const char *next, const char *by, const char *chapter)
{
        fputs("<tr><th>", to);
        html_put(to, severity);
        html_cell(to, mirror);
        fputs("<td class=\"wide\">", to);
        html_put(to, what);
        fputs(*why ? ". " : "", to);
        html_put(to, why);
        html_cell(to, next);
        html_cell(to, by);
        fputs("<td>", to);
        if (*chapter) {
                fputs("<a href=\"/ui/TROUBLESHOOTING.md\">", to);
                html_put(to, chapter);
                fputs("</a>", to);
        }
        fputc('\n', to);
}

/* The same thing said by two machines is one problem. */
static void put_reason(FILE *to, json_t *said, const json_t *reason, const char *mirror, const char *by)
{
        const char *severity = html_text(reason, "severity"), *what = html_text(reason, "sentence");
        if ((strcmp(severity, "warning") != 0 && strcmp(severity, "critical") != 0) || json_object_get(said, what))
                return;
        json_object_set_new(said, what, json_true());
        put_problem(to, severity, mirror, what, html_text(reason, "why"), html_text(reason, "next"), by, html_text(reason, "code"));
}

static uint64_t version_of(const json_t *mirror)
{
        return u64_of(json_object_get(mirror, "record"), "version");
}

/* Another machine's view is a moment old: what it says under an older record is over, and of redundancy the active node knows best. */
static bool is_current(const json_t *status, const json_t *theirs)
{
        static const char *const own[] = {"degraded", "resync", "resync-paused", "resync-stalled", "not-active"};
        const char *code = html_text(json_object_get(theirs, "reason"), "code");
        const json_t *mirror;
        size_t i;
        bool primary = strcmp(html_text(theirs, "role"), "primary") == 0;
        for (i = 0; i < sizeof own / sizeof *own && !primary; i++)
                if (strcmp(own[i], code) == 0)
                        return false;
        json_array_foreach(json_object_get(status, "mirrors"), i, mirror)
                if (strcmp(html_text(mirror, "name"), html_text(theirs, "name")) == 0)
                        return version_of(theirs) >= version_of(mirror);
        return true;
}

static void put_said(FILE *to, const json_t *status, const json_t *theirs, json_t *said)
{
        const char *by = html_text(json_object_get(theirs, "node"), "name");
        const json_t *reason, *mirror;
        size_t i;
        json_array_foreach(json_object_get(theirs, "reasons"), i, reason)
                put_reason(to, said, reason, "", by);
        json_array_foreach(json_object_get(theirs, "mirrors"), i, mirror)
                if (theirs == status || is_current(status, mirror))
                        put_reason(to, said, json_object_get(mirror, "reason"), html_text(mirror, "name"), by);
}

static void put_links_silent(FILE *to, const json_t *node, const char *by)
{
        enum { HEARD_MS = 3000 };
        const json_t *link;
        char text[320];
        size_t i;
        json_array_foreach(json_object_get(node, "links"), i, link)
        {
                const json_t *ms = json_object_get(link, "heard_ms_ago");
                if (!html_is(node, "alive") || (json_is_integer(ms) && json_integer_value(ms) <= HEARD_MS && !*html_text(link, "error")))
                        continue;
                (void)snprintf(text, sizeof text, "The link %.60s to %.60s of %.60s is silent%s%.60s", html_text(link, "local"), html_text(link, "remote"), html_text(node, "name"),
                               *html_text(link, "error") ? ": " : "", html_text(link, "error"));
                put_problem(to, "warning", "", text, "Heartbeats have one way less; if the last one breaks too, the node counts as dead.", "look at the cable, the switch and the interface", by, "");
        }
}

/* What this machine sees for itself. */
static void put_seen(FILE *to, const json_t *status)
{
        const char *self = html_text(json_object_get(status, "node"), "name");
        const json_t *node, *packet, *waits = json_object_get(json_object_get(status, "node"), "config_waits");
        char text[320];
        size_t i;
        json_array_foreach(json_object_get(status, "nodes"), i, node)
        {
                put_links_silent(to, node, self);
                if (html_is(node, "alive") || html_is(node, "witness"))
                        continue;
                (void)snprintf(text, sizeof text, html_is(node, "heard") ? "%s is silent" : "%s is silent: not heard since hamon started here", html_text(node, "name"));
                put_problem(to, "warning", "", text, "It cannot take over, and what it shows is old.", "is it on, are its links up? Then, there: systemctl start hamon-act hamon nbdd", self, "node-dead");
        }
        json_array_foreach(json_object_get(json_object_get(status, "packets"), "refused"), i, packet)
                if (json_integer_value(json_object_get(packet, "last_ms_ago")) < 60000)
                        put_problem(to, "warning", "", html_text(packet, "sentence"), "Something on the network speaks to hamon without belonging to this cluster, or with another version or key.",
                                    html_text(packet, "last_from"), self, "");
        if (json_is_object(waits)) {
                (void)snprintf(text, sizeof text, "Version %s of the configuration waits on %s: %s has not said whether it counts", html_text(waits, "version"), self, html_text(waits, "by"));
                put_problem(to, "warning", "", text, "It runs nowhere as far as that machine knows; it is settled by itself when the other is heard.", "only if that one is gone for good: hamonctl config discard", self, "");
        }
}

void put_problems(FILE *to, const json_t *status, const json_t *cluster)
{
        const json_t *view;
        json_t *said = json_object();
        size_t i;
        html_head(to, "Problems", "<th>Level<th>Mirror<th>Cause<th>What to do<th>Said by<th>Chapter");
        put_said(to, status, status, said);
        json_array_foreach(json_object_get(cluster, "views"), i, view)
                if (!html_is(view, "self") && html_is(view, "fresh"))
                        put_said(to, status, json_object_get(view, "status"), said);
        json_decref(said);
        put_seen(to, status);
        fputs(HTML_TABLE_END, to);
}

/* -- Events, links, versions ------------------------------------------------------------------------------------------------------ */

void html_time(FILE *to, int64_t wall_ms)
{
        time_t seconds = (time_t)(wall_ms / 1000);
        struct tm tm;
        char text[32];
        (void)strftime(text, sizeof text, "%F %T", gmtime_r(&seconds, &tm)); /* fits */
        fprintf(to, "%s.%03d", text, (int)(wall_ms % 1000));
}

void put_events(FILE *to, struct event_log *log)
{
        struct event_entry e;
        uint64_t last = event_log_last(log), at = last > EVENTS_SHOWN ? last - EVENTS_SHOWN : 0;
        fprintf(to, "<section><h2>Events</h2><p class=\"quiet\">The last %d, the newest at the end.\n<table><tr><th>Time (UTC)<th>Level<th>What<th>Code\n", EVENTS_SHOWN);
        while (event_log_next(log, at, &e)) {
                at = e.id;
                json_t *event = event_json(&e);
                fputs("<tr><td class=\"number\">", to);
                html_time(to, e.wall_ms);
                html_cell(to, html_text(event, "severity"));
                fputs("<td class=\"wide\">", to);
                html_put(to, html_text(event, "sentence"));
                html_cell(to, html_text(event, "reason"));
                fputc('\n', to);
                json_decref(event);
        }
        fputs(HTML_TABLE_END, to);
}

void put_links(FILE *to, const struct api *a, const json_t *status)
{
        const json_t *node;
        json_t *link;
        size_t i, k;
        html_head(to, "Heartbeats", "<th>To<th>Link<th>Round trip<th>Last heard<th>Loss");
        json_array_foreach(json_object_get(status, "nodes"), i, node)
                json_array_foreach(json_object_get(node, "links"), k, link)
                {
                        const json_t *heard = json_object_get(link, "heard_ms_ago");
                        add_rtt(a, link, (uint8_t)config_voter_index(a->config, html_text(node, "name")));
                        fputs("<tr><th>", to);
                        html_put(to, html_text(node, "name"));
                        html_cell(to, html_text(link, "local"));
                        fputs(" to ", to);
                        html_put(to, html_text(link, "remote"));
                        json_int_t rtt_us = json_integer_value(json_object_get(link, "rtt_us"));
                        if (rtt_us > 0)
                                fprintf(to, "<td>%.2f ms", (double)rtt_us / 1000);
                        else
                                fputs("<td>\u2013", to);
                        if (json_is_integer(heard))
                                fprintf(to, "<td>%" JSON_INTEGER_FORMAT " ms ago", json_integer_value(heard));
                        else
                                fputs("<td>never", to);
                        fprintf(to, "<td>%.0f %%\n", json_real_value(json_object_get(link, "loss")) * 100);
                }
        fputs(HTML_TABLE_END, to);
}

static void put_unit(FILE *to, const json_t *unit)
{
        fputs("<br>unit ", to);
        html_put(to, html_text(unit, "unit"));
        const char *load = html_text(unit, "load");
        if (*load && strcmp(load, "loaded") != 0)
                fputs(" is NOT INSTALLED here: the service could not start", to);
        fprintf(to, " %s", html_text(unit, "active"));
        if (*html_text(unit, "ended"))
                fprintf(to, ", its process %s (%" JSON_INTEGER_FORMAT ")", html_text(unit, "ended"), json_integer_value(json_object_get(unit, "status")));
}

/* In the order in which they are started. */
void put_services(FILE *to, const struct api_call *c, const json_t *status)
{
        const json_t *mirror, *unit;
        size_t m, i;
        html_head(to, "Services, in their order", "<th>Mirror<th>Here<th>Steps");
        json_array_foreach(json_object_get(status, "mirrors"), m, mirror)
        {
                const struct config_service *s = &c->api->config->mirror[m].service;
                if (!s->present)
                        continue;
                fputs("<tr><th>", to);
                html_put(to, html_text(mirror, "name"));
                html_cell(to, html_text(json_object_get(mirror, "states"), "service"));
                fputs("<td>", to);
                if (s->has_mount) {
                        fputs("mount ", to);
                        html_put(to, s->mount);
                }
                json_array_foreach(json_object_get(json_object_get(mirror, "service"), "units"), i, unit)
                        put_unit(to, unit);
                for (unsigned a = 0; a < s->addresses; a++) {
                        fputs("<br>address ", to);
                        html_put(to, s->address[a].text);
                        fprintf(to, "%s%s", *s->interface ? " on " : "", s->interface);
                }
                const json_t *failure = json_object_get(mirror, "last_failure");
                if (json_is_object(failure)) {
                        fputs("<br>last failure: ", to);
                        html_put(to, html_text(failure, "effect"));
                        fputs(", ", to);
                        html_put(to, html_text(failure, "error"));
                        fputs(" ", to);
                        html_put(to, html_text(failure, "detail"));
                }
                fputc('\n', to);
        }
        fputs(HTML_TABLE_END, to);
}

/* Of this node: a person had it reboot as if it had been deposed. Its own word may be lost with the reboot: the command counts, when a start followed. */
static void put_fence_test(FILE *to, struct event_log *log)
{
        static const char command[] = "'test-fence' ";
        struct event_entry e, asked = {.id = 0}, last = {.id = 0};
        for (uint64_t at = 0; event_log_next(log, at, &e); at = e.id) {
                if (strcmp(e.code, "command") == 0 && strncmp(e.sentence, command, sizeof command - 1) == 0)
                        asked = e;
                else if (strcmp(e.code, reason_code(REASON_STARTED)) == 0)
                        last = asked;
        }
        fputs("Last fence test of this node: ", to);
        if (last.id)
                html_time(to, last.wall_ms);
        else
                fputs("none among the events that are kept", to);
        fputs(".", to);
}

void put_versions(FILE *to, const struct api_call *c, const json_t *status)
{
        json_t *hashes = config_hashes(c->api), *hash;
        const char *name;
        html_head(to, "Versions and configuration", "<th>Machine<th>Configuration");
        json_object_foreach(hashes, name, hash)
        {
                fputs("<tr><th>", to);
                html_put(to, name);
                html_cell(to, json_is_string(hash) ? json_string_value(hash) : "not known now");
        }
        json_decref(hashes);
        fputs("</table><p class=\"quiet\">hamon ", to);
        html_put(to, html_text(json_object_get(status, "node"), "version"));
        fputs(" on this node, mode ", to);
        html_put(to, html_text(status, "mode"));
        fputs(". ", to);
        put_fence_test(to, c->api->events);
        fputs("</section>\n", to);
}

