/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /status: what the page of webui/ says, as plain HTML without a line of JavaScript, in the same order: verdict, what if, machines, copy, problems,
 * events, links, services, versions. A renderer of status_json(); decides nothing. Handlers run in an HTTP thread.
 */
#include "hamon/api/call.h"
#include "hamon/api/event_log.h"
#include "hamon/api/json_take.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EVENTS_SHOWN = 30 };

static void put(FILE *to, const char *text)
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

static const char *text_of(const json_t *o, const char *key)
{
        const char *text = json_string_value(json_object_get(o, key));
        return text ? text : "";
}

static bool is_true(const json_t *o, const char *key)
{
        return json_is_true(json_object_get(o, key));
}

static void cell(FILE *to, const char *text)
{
        fputs("<td>", to);
        put(to, text);
}

static void head(FILE *to, const char *title, const char *heads)
{
        fprintf(to, "<section><h2>%s</h2>\n<table><tr>%s\n", title, heads);
}

static const char done[] = "</table></section>\n";

/* -- The verdict ------------------------------------------------------------------------------------------------------------------ */

static bool all_in_sync(const json_t *mirror)
{
        const json_t *legs = json_object_get(mirror, "legs"), *leg;
        size_t i;
        json_array_foreach(legs, i, leg)
                if (!is_true(leg, "in_sync"))
                        return false;
        return json_array_size(legs) > 0;
}

/* The state in one or two words; the same as model.js. */
static const char *verdict_of(const json_t *mirror)
{
        const char *health = text_of(mirror, "health");
        if (strcmp(health, "ok") == 0 || strcmp(health, "degraded") == 0)
                return all_in_sync(mirror) ? "Redundant" : "Running, NOT redundant";
        return strcmp(health, "frozen") == 0 ? "Frozen" : strcmp(health, "starting") == 0 ? "Starting" : strcmp(health, "unconfigured") == 0 ? "Not set up yet"
               : strcmp(health, "down") == 0 ? "Down" : "Not known here";
}

static void put_what_if(FILE *to, const char *part, json_t *outcome)
{
        fputs("<div><dt>If ", to);
        put(to, part);
        fputs(" fails now<dd>", to);
        put(to, text_of(outcome, "sentence"));
        fputs(".</div>\n", to);
        json_decref(outcome);
}

static void put_verdict(FILE *to, const struct api_call *c, unsigned m, const json_t *mirror)
{
        const struct snapshot *s = c->snapshot;
        const json_t *reason = json_object_get(mirror, "reason");
        fputs("<section class=\"verdict\"><h1>", to);
        put(to, verdict_of(mirror));
        fputs("</h1>\n<p class=\"detail\">", to);
        put(to, text_of(reason, "sentence"));
        fputs(".\n<dl class=\"answers\">\n", to);
        for (uint8_t n = 0; n < NODES && s->self < NODES && s->config->voters[n].links > 0; n++)
                put_what_if(to, s->config->voters[n].name,
                            api_reason(c, m, n == s->self ? s->mirror[m].if_self_fails : s->mirror[m].if_peer_fails, (uint8_t)(1 - n)));
        if (s->self < NODES && s->config->has_witness)
                put_what_if(to, "the witness", api_reason(c, m, s->mirror[m].if_witness_fails, WITNESS));
        fputs("<div class=\"do\"><dt>What to do<dd>", to);
        put(to, *text_of(reason, "next") ? text_of(reason, "next") : "Nothing.");
        fputs("</div></dl></section>\n", to);
}

/* -- Machines, copies, problems --------------------------------------------------------------------------------------------------- */

static void put_leg(FILE *to, const json_t *status, const char *node)
{
        const json_t *mirror, *leg;
        size_t m, i;
        json_array_foreach(json_object_get(status, "mirrors"), m, mirror)
                json_array_foreach(json_object_get(mirror, "legs"), i, leg)
                {
                        if (strcmp(text_of(leg, "node"), node) != 0)
                                continue;
                        put(to, text_of(mirror, "name"));
                        fputs(": ", to);
                        put(to, text_of(leg, "device"));
                        fputs(is_true(leg, "in_sync") ? ", in sync" : is_true(leg, "inconsistent") ? ", being copied" : ", out of sync", to);
                        if (strcmp(text_of(json_object_get(mirror, "record"), "primary"), node) == 0)
                                fputs(", active here", to);
                        fputs("<br>", to);
                }
}

static void put_machines(FILE *to, const json_t *status)
{
        const json_t *node;
        size_t i;
        head(to, "The machines", "<th>Machine<th>Heard<th>Its disks");
        json_array_foreach(json_object_get(status, "nodes"), i, node)
        {
                fputs("<tr><th>", to);
                put(to, text_of(node, "name"));
                if (is_true(node, "self"))
                        fputs("<td>this node", to);
                else if (is_true(node, "heard"))
                        fprintf(to, "<td>%s, last heard %" JSON_INTEGER_FORMAT " ms ago", is_true(node, "alive") ? "alive" : "silent",
                                json_integer_value(json_object_get(node, "silent_ms")));
                else
                        fputs("<td>never heard", to);
                fputs("<td>", to);
                if (is_true(node, "witness"))
                        fputs("none, it only votes", to);
                else
                        put_leg(to, status, text_of(node, "name"));
                fputc('\n', to);
        }
        fputs(done, to);
}

static void put_copies(FILE *to, const json_t *status)
{
        const json_t *mirror;
        size_t m;
        json_array_foreach(json_object_get(status, "mirrors"), m, mirror)
        {
                const json_t *resync = json_object_get(mirror, "resync");
                uint64_t at = 0, total = 0;
                if (!json_is_object(resync) || !parse_u64(text_of(resync, "done_sectors"), &at) || !parse_u64(text_of(resync, "total_sectors"), &total))
                        continue;
                fputs("<section><h2>Copy to the second disk of ", to);
                put(to, text_of(mirror, "name"));
                fprintf(to, "</h2><p>%.1f %% is copied, %" PRIu64 " MiB of %" PRIu64 " MiB are left.</section>\n",
                        json_real_value(json_object_get(resync, "percent")), (total - at) / 2048, total / 2048);
        }
}

static void put_problem(FILE *to, const json_t *reason, const char *mirror)
{
        const char *severity = text_of(reason, "severity");
        if (strcmp(severity, "warning") != 0 && strcmp(severity, "critical") != 0)
                return;
        fputs("<tr><th>", to);
        put(to, severity);
        cell(to, mirror);
        cell(to, text_of(reason, "sentence"));
        cell(to, text_of(reason, "next"));
        fputs("<td><a href=\"/ui/TROUBLESHOOTING.md\">", to);
        put(to, text_of(reason, "code"));
        fputs("</a>\n", to);
}

static void put_problems(FILE *to, const json_t *status)
{
        const json_t *reason, *mirror;
        size_t i;
        head(to, "Problems", "<th>Level<th>Mirror<th>Cause<th>What to do<th>Chapter");
        json_array_foreach(json_object_get(status, "reasons"), i, reason)
                put_problem(to, reason, "");
        json_array_foreach(json_object_get(status, "mirrors"), i, mirror)
                put_problem(to, json_object_get(mirror, "reason"), text_of(mirror, "name"));
        fputs(done, to);
}

/* -- Events, links, versions ------------------------------------------------------------------------------------------------------ */

static void put_events(FILE *to, struct event_log *log)
{
        struct event_entry e;
        uint64_t last = event_log_last(log), at = last > EVENTS_SHOWN ? last - EVENTS_SHOWN : 0;
        char time_text[32];
        fprintf(to, "<section><h2>Events</h2><p class=\"quiet\">The last %d, the newest at the end.\n<table><tr><th>Time (UTC)<th>Level<th>What<th>Code\n", EVENTS_SHOWN);
        while (event_log_next(log, at, &e)) {
                time_t seconds = (time_t)(e.wall_ms / 1000);
                struct tm tm;
                at = e.id;
                (void)strftime(time_text, sizeof time_text, "%F %T", gmtime_r(&seconds, &tm));
                json_t *event = event_json(&e);
                fprintf(to, "<tr><td class=\"number\">%s.%03d", time_text, (int)(e.wall_ms % 1000));
                cell(to, text_of(event, "severity"));
                fputs("<td class=\"wide\">", to);
                put(to, text_of(event, "sentence"));
                cell(to, text_of(event, "reason"));
                fputc('\n', to);
                json_decref(event);
        }
        fputs(done, to);
}

static void put_links(FILE *to, const json_t *status)
{
        const json_t *node, *link;
        size_t i, k;
        head(to, "Heartbeats", "<th>To<th>Link<th>Last heard<th>Loss");
        json_array_foreach(json_object_get(status, "nodes"), i, node)
                json_array_foreach(json_object_get(node, "links"), k, link)
                {
                        const json_t *heard = json_object_get(link, "heard_ms_ago");
                        fputs("<tr><th>", to);
                        put(to, text_of(node, "name"));
                        cell(to, text_of(link, "local"));
                        fputs(" to ", to);
                        put(to, text_of(link, "remote"));
                        if (json_is_integer(heard))
                                fprintf(to, "<td>%" JSON_INTEGER_FORMAT " ms ago", json_integer_value(heard));
                        else
                                fputs("<td>never", to);
                        fprintf(to, "<td>%.0f %%\n", json_real_value(json_object_get(link, "loss")) * 100);
                }
        fputs(done, to);
}

static void put_versions(FILE *to, const struct api_call *c, const json_t *status)
{
        json_t *hashes = config_hashes(c->api), *hash;
        const char *name;
        head(to, "Versions and configuration", "<th>Machine<th>Configuration");
        json_object_foreach(hashes, name, hash)
        {
                fputs("<tr><th>", to);
                put(to, name);
                cell(to, json_is_string(hash) ? json_string_value(hash) : "not known now");
        }
        json_decref(hashes);
        fputs("</table><p class=\"quiet\">hamon ", to);
        put(to, text_of(json_object_get(status, "node"), "version"));
        fputs(" on this node, mode ", to);
        put(to, text_of(status, "mode"));
        fputs(".</section>\n", to);
}

static void put_page(FILE *to, const struct api_call *c, const json_t *status)
{
        const struct snapshot *s = c->snapshot;
        const json_t *mirror;
        size_t m;
        fputs("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
              "<meta http-equiv=\"refresh\" content=\"5\"><link rel=\"stylesheet\" href=\"/ui/style.css\"><title>hamon: ", to);
        put(to, s->config->cluster);
        fputs("</title>\n<div id=\"page\"><header><p class=\"where\"><strong>", to);
        put(to, s->config->cluster);
        fputs("</strong> seen from ", to);
        put(to, s->config->voters[s->self].name);
        fprintf(to, "<p>%" PRIu64 " ms old; asks again every 5 s</header>\n<main>\n", c->now_ms - s->taken_ms);
        json_array_foreach(json_object_get(status, "mirrors"), m, mirror)
                put_verdict(to, c, (unsigned)m, mirror);
        put_machines(to, status);
        put_copies(to, status);
        put_problems(to, status);
        put_events(to, c->api->events);
        put_links(to, status);
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
