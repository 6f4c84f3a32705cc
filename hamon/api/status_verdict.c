/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The three answers of /status: is the data safe, what if a part fails now, what to do (status_todo.c); in the words of webui/model.js, which a test holds
 * against each other.
 */
#include "hamon/api/status_seen.h"

#include "hamon/api/event_log.h"
#include "hamon/api/words.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static void put_in_sync(FILE *to, const struct seen *s, const char *between)
{
        const json_t *leg;
        size_t i;
        bool first = true;
        json_array_foreach(json_object_get(s->mirror, "legs"), i, leg)
                if (html_is(leg, "in_sync")) {
                        fputs(first ? "" : between, to);
                        html_put(to, html_text(leg, "node"));
                        first = false;
                }
}

/* "this node", as a machine says it of itself, is its name to whoever reads it elsewhere. */
static void put_by_name(FILE *to, const char *text, const char *node)
{
        static const char self[] = "this node";
        for (const char *at; (at = strstr(text, self)); text = at + sizeof self - 1) {
                char before[256];
                (void)snprintf(before, sizeof before, "%.*s", (int)(at - text), text); /* sentences are shorter */
                html_put(to, before);
                html_put(to, node);
        }
        html_put(to, text);
}

/* A mirror is called that where a sentence begins with it: one that is named "data" is not the data. */
static const char *kind_of(const struct seen *s, const char *text)
{
        size_t n = strlen(s->name);
        return strncmp(text, s->name, n) == 0 && (text[n] == ' ' || text[n] == ':') ? "Mirror " : "";
}

static void put_reason(FILE *to, const struct seen *s)
{
        fputs(kind_of(s, html_text(json_object_get(s->mirror, "reason"), "sentence")), to);
        put_by_name(to, html_text(json_object_get(s->mirror, "reason"), "sentence"), s->node);
        fputc('.', to);
}

static void put_blocks(FILE *to, const json_t *verify)
{
        uint64_t blocks = 0;
        (void)parse_u64(html_text(json_object_get(verify, "last"), "differing_blocks"), &blocks);
        fprintf(to, "%" PRIu64 " block%s of 4 KiB", blocks, blocks == 1 ? "" : "s");
}

/* -- The state in a few words ------------------------------------------------------------------------------------------------------- */

/* Since when, by the events: the first with one of `codes` that no later one of `ends` undoes. */
static void put_since(FILE *to, const struct seen *s, const char *const *codes, const char *const *ends)
{
        struct event_entry e;
        int64_t since_ms = 0;
        for (uint64_t at = 0; event_log_next(s->c->api->events, at, &e); at = e.id) {
                if (*e.mirror && strcmp(e.mirror, s->name) != 0)
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

static void put_redundant(FILE *to, const struct seen *s)
{
        unsigned silent = seen_put_silent(NULL, s, "");
        const json_t *d = seen_quarrel(s);
        if (seen_is_waiting(s)) {
                fputs("Writes wait for ", to);
                html_put(to, html_text(seen_leg(s, s->primary, true), "node"));
        } else if (strcmp(s->code, "legs-differ") == 0) {
                fputs("Running, but the two legs differ", to);
        } else if (strcmp(s->severity, "critical") == 0 || (strcmp(s->severity, "warning") == 0 && !silent)) {
                fputs("Redundant, with a problem", to);
        } else if (silent) {
                fputs("Both legs whole, NO take-over possible: ", to);
                (void)seen_put_silent(to, s, " and ");
                fputs(silent > 1 ? " are not heard" : " is not heard", to);
        } else if (d) {
                fputs(strcmp(html_text(d, "about"), "primary") == 0 ? "Redundant, but the machines disagree" : "Redundant, but the configurations differ", to);
        } else {
                fputs("Redundant", to);
        }
}

static void put_headline(FILE *to, const struct seen *s)
{
        static const char *const degraded[] = {"leg-left", "degraded", "own-leg-failed", "takeover-assembled", NULL}, *const whole[] = {"leg-joined", "leg-handed", "redundant", NULL};
        static const char *const frozen[] = {"frozen", "lease-lost", "no-majority", "manual-frozen", NULL}, *const thawed[] = {"primary", "adopted", "service-up", "takeover-decided", NULL};
        const char *role = html_text(s->mirror, "role");
        bool takes = seen_is_one(role, "candidate", "taking-over");
        if (seen_is_running(s) && seen_all_in_sync(s)) {
                put_redundant(to, s);
        } else if (seen_is_running(s)) {
                fputs("Running, NOT redundant", to);
                put_since(to, s, degraded, whole);
        } else if (strcmp(s->health, "frozen") == 0) {
                fputs("Frozen", to);
                put_since(to, s, frozen, thawed);
                fputs(", waiting for ", to);
                if (seen_put_silent(to, s, " or ") == 0)
                        fputs("a majority", to);
        } else if (strcmp(s->health, "starting") == 0) {
                fputs(takes ? "Being taken over by " : "Starting", to);
                html_put(to, takes ? s->node : "");
        } else if (strcmp(s->health, "unconfigured") == 0) {
                fputs(strcmp(s->code, "being-removed") == 0 ? "Being removed" : "Not set up yet", to);
        } else if (strcmp(s->code, "waiting-for-peer") == 0) {
                fputs("Down, waiting for ", to);
                html_put(to, html_text(seen_leg(s, s->node, true), "node"));
        } else {
                fputs(strcmp(role, "unknown") == 0 ? "Not known to run" : "Down", to);
        }
}

/* The values of `line`, those that fewest have first: "/dev/vdc for witness and /dev/vdb for node-a and node-b". */
static void put_values(FILE *to, const json_t *line)
{
        const json_t *said = json_object_get(line, "said"), *value, *other;
        const char *who, *whom;
        json_t *by = json_object();
        json_object_foreach((json_t *)said, who, value)
        {
                const char *text = json_is_string(value) ? json_string_value(value) : "not there", *names = html_text(by, text);
                char joined[256];
                (void)snprintf(joined, sizeof joined, "%s%s%s", names, *names ? " and " : "", who); /* three names: fits */
                json_object_set_new(by, text, json_string(joined));
        }
        bool first = true;
        for (size_t length = 0; length < 256; length++) /* the shortest list of names first; few lines, few machines */
                json_object_foreach(by, whom, other)
                        if (strlen(json_string_value(other)) == length) {
                                fputs(first ? " is " : " and ", to);
                                html_put(to, whom);
                                fputs(" in the file of ", to);
                                html_put(to, json_string_value(other));
                                first = false;
                        }
        json_decref(by);
}

static void put_what_differs(FILE *to, const json_t *d)
{
        const json_t *lines = json_object_get(d, "lines"), *line = json_array_get(lines, 0);
        const char *what = html_text(line, "what");
        if (!*what)
                return;
        fprintf(to, " %c", *what >= 'a' && *what <= 'z' ? *what - 'a' + 'A' : *what);
        html_put(to, what + 1);
        put_values(to, line);
        if (json_array_size(lines) > 1)
                fprintf(to, "; and %zu more", json_array_size(lines) - 1);
        fputc('.', to);
}

/* The node that goes on alone was not active before, and the other one has not been back since; by this machine's events. */
static bool has_taken_over(const struct seen *s)
{
        struct event_entry e;
        bool took = false;
        if (strcmp(s->node, html_text(json_object_get(s->own, "node"), "name")) != 0)
                return false;
        for (uint64_t at = 0; event_log_next(s->c->api->events, at, &e); at = e.id) {
                if (*e.mirror && strcmp(e.mirror, s->name) != 0)
                        continue;
                bool is_whole = seen_is_one(e.code, "leg-joined", "leg-handed") || strcmp(e.code, "redundant") == 0;
                took = strcmp(e.code, "takeover-decided") == 0 || (took && !is_whole);
        }
        return took;
}

static void put_comes_back(FILE *to, const struct seen *s)
{
        const json_t *other = seen_silent(s->status, false);
        const char *name = html_text(other, "name");
        if (!other) {
                fputc('.', to);
                return;
        }
        if (has_taken_over(s)) {
                fputs(", which took over from ", to);
                html_put(to, name);
        }
        fputs(". ", to);
        html_put(to, name);
        fputs(" may simply be switched on: it is brought up to date, and does not become active by itself.", to);
}

static void put_not_running(FILE *to, const struct seen *s)
{
        if (strcmp(s->code, "not-created") == 0) {
                fputs("No mirror ", to);
                html_put(to, s->name);
                fputs(" was found on the disks that hamon.conf names.", to);
                return;
        }
        fputs(strcmp(s->health, "frozen") == 0 ? "Clients are NOT served, and writes wait. " : strcmp(s->health, "down") == 0 ? "Clients are NOT served. " : "", to);
        if (strcmp(s->code, "act-lost") == 0) {
                fputs("hamon-act is not running on ", to);
                html_put(to, s->node);
                fputc('.', to);
        } else {
                put_reason(to, s);
        }
}

static void put_detail(FILE *to, const struct seen *s)
{
        bool runs = seen_is_running(s), both = seen_all_in_sync(s), critical = strcmp(s->severity, "critical") == 0;
        unsigned silent = seen_put_silent(NULL, s, "");
        if (!runs) {
                put_not_running(to, s);
                return;
        }
        fputs("Mirror ", to);
        html_put(to, s->name);
        fputs(" is active on ", to);
        html_put(to, s->primary);
        if (both || critical)
                fputc('.', to);
        else
                put_comes_back(to, s);
        if (both && seen_is_waiting(s)) {
                fputs(" The other leg does not answer; if that lasts, hamon decides to go on without it.", to);
        } else if (strcmp(s->code, "legs-differ") == 0) {
                fputs(" It reads the leg there.", to);
        } else if (critical || (both && strcmp(s->severity, "warning") == 0 && !silent)) {
                fputc(' ', to);
                put_reason(to, s);
        } else if (both && silent) {
                fputs(" One more failure would freeze it (writes wait, clients hang) or take it down (nobody serves): see below.", to);
        } else if (both && seen_quarrel(s)) {
                put_what_differs(to, seen_quarrel(s));
                if (strcmp(html_text(seen_quarrel(s), "about"), "configuration") == 0)
                        fputs(" This can wait until morning: until then each machine goes by its own file.", to);
        }
}

/* -- Is the data safe --------------------------------------------------------------------------------------------------------------- */

static void put_only_on(FILE *to, const struct seen *s)
{
        fputs("only the leg of ", to);
        put_in_sync(to, s, " or ");
        fputs(" holds every acknowledged write. If that disk is lost, so is the data.", to);
}

/* Nobody serves: by the record of the machine that speaks. */
static void put_recorded(FILE *to, const struct seen *s)
{
        static const char keep[] = " Do not erase either disk.";
        const json_t *own = seen_leg(s, s->node, false);
        bool lacks = seen_is_one(s->code, "stale", "torn") || (own && !html_is(own, "in_sync"));
        if (seen_is_primary(s) && seen_count_in_sync(s) == 1) {
                fputs("Yes, but ", to);
                put_only_on(to, s);
        } else if (seen_is_primary(s) && seen_all_in_sync(s)) {
                fputs("Yes: both legs hold every acknowledged write.", to);
        } else if (html_is_open(s->status, s->mirror)) {
                fputs("Not known until ", to);
                html_put(to, html_text(seen_leg(s, s->node, true), "node"));
                fprintf(to, " is back: perhaps only its disk has the newest writes. Waiting loses nothing.%s", keep);
        } else if (seen_count_in_sync(s) == 0) {
                fprintf(to, "Not known: no leg was whole by the last decision.%s", keep);
        } else if (lacks) {
                fputs("Yes, but only on the leg of ", to);
                put_in_sync(to, s, " and ");
                fputs("; that of ", to);
                html_put(to, s->node);
                fputs(" lacks writes. Nothing is lost while it waits.", to);
        } else {
                fputs("Yes: by the last decision that ", to);
                html_put(to, s->node);
                fputs(" knows, every acknowledged write is on ", to);
                put_in_sync(to, s, " and on ");
                fputc('.', to);
        }
}

static void put_safe(FILE *to, const struct seen *s)
{
        static const char hold[] = "both legs hold every acknowledged write.";
        bool both = seen_all_in_sync(s), frozen = strcmp(s->health, "frozen") == 0;
        if (seen_is_running(s) && both && strcmp(s->code, "legs-differ") == 0 && !seen_is_waiting(s)) {
                fputs("Not known: both legs were given every acknowledged write, and yet they differ in ", to);
                put_blocks(to, json_object_get(s->mirror, "verify"));
                fputs(". Which one is right only you can tell.", to);
        } else if (seen_is_running(s) || frozen) {
                fputs(frozen ? "Yes: writes wait, and none is lost; " : both ? "Yes: " : "Yes, but ", to);
                if (both)
                        fputs(hold, to);
                else
                        put_only_on(to, s);
        } else if (strcmp(s->health, "unconfigured") == 0) {
                fputs(strcmp(s->code, "being-removed") == 0 ? "Its disks keep what is on them." : "There is no mirror yet: nothing is protected. hamon has written nothing to these disks.", to);
        } else {
                put_recorded(to, s);
        }
}

/* -- What if ------------------------------------------------------------------------------------------------------------------------ */

static void put_replaced(FILE *to, const char *text, const char *word, const char *by)
{
        const char *at = strstr(text, word);
        char before[256];
        (void)snprintf(before, sizeof before, "%.*s", at ? (int)(at - text) : 0, text); /* sentences are shorter */
        html_put(to, before);
        html_put(to, at ? by : "");
        html_put(to, at ? at + strlen(word) : text);
}

static void put_foretold(FILE *to, const struct seen *s, const json_t *outcome)
{
        const char *text = html_text(outcome, "sentence"), *code = html_text(outcome, "code");
        char word[160], by[160];
        (void)snprintf(word, sizeof word, " take %s over", s->name); /* names are short */
        (void)snprintf(by, sizeof by, " take mirror %s over", s->name);
        if (strcmp(code, "will-stop") == 0 && strcmp(s->health, "frozen") == 0) {
                fputs("Clients stay without service until ", to);
                html_put(to, s->node);
                fputs(" is back; no acknowledged write is lost, what waits now fails", to);
                return;
        }
        fputs(kind_of(s, text), to);
        if (strcmp(code, "will-stop") == 0 && seen_all_in_sync(s) && seen_silent(s->status, true) && !seen_silent(s->status, false)) /* it is a vote that is missing */
                put_replaced(to, text, " is back; nothing is lost unless its disk is lost", " or the witness is back; nothing is lost: both legs are whole");
        else
                put_replaced(to, text, word, by);
        if (strcmp(code, "will-take-over") == 0 && strcmp(s->code, "legs-differ") == 0)
                fputs(", and would then read its own leg, which differs", to);
}

static const char is_gone[] = "It is silent already: nothing more stops.";

static void put_if(FILE *to, const struct seen *s, const char *part, bool gone, const json_t *outcome)
{
        fputs(strncmp(part, "the ", 4) == 0 ? "<div class=\"minor\"><dt>If " : "<div><dt>If ", to);
        html_put(to, part);
        fputs(" fails now<dd>", to);
        if (gone) {
                fputs(is_gone, to);
        } else if (strcmp(html_text(outcome, "code"), "witness-lost") == 0) { /* its sentence is of one that is lost already */
                fputs("Nothing stops; a second fault would then freeze mirror ", to);
                html_put(to, s->name);
                fputs(" or take it down.", to);
        } else {
                put_foretold(to, s, outcome);
                fputc('.', to);
        }
        fputs("</div>\n", to);
}

/* Nobody serves: what is still to be lost is the legs. */
static void put_if_down(FILE *to, const struct seen *s, const json_t *node)
{
        const char *name = html_text(node, "name");
        bool witness = html_is(node, "witness"), mine = html_is(seen_leg(s, name, false), "in_sync");
        fputs(witness ? "<div class=\"minor\"><dt>If " : "<div><dt>If ", to);
        html_put(to, witness ? "the witness" : name);
        fputs(" fails now<dd>", to);
        fputs(html_is(node, "alive") ? "Already down: nothing more stops." : is_gone, to);
        if (!html_is(node, "alive") && !witness && html_is_open(s->status, s->mirror))
                fputs(" Keep its disk: it may have newer writes.", to);
        if (html_is(node, "alive") && !witness)
                fputs(html_is_open(s->status, s->mirror)      ? " Which disk has everything is not known yet: keep both."
                      : mine && seen_count_in_sync(s) == 1         ? " If its disk is lost too, the data is lost."
                      : mine                                  ? " The other leg has everything too."
                                                              : " Its leg lacks writes; keep it until the other one is back.",
                      to);
        fputs("</div>\n", to);
}

static void put_what_if(FILE *to, const struct seen *s)
{
        const struct snapshot *own = s->c->snapshot;
        const struct mirror_view *v = &own->mirror[s->index];
        const json_t *node;
        size_t i;
        bool down = strcmp(s->health, "down") == 0, all = true;
        if (strcmp(html_text(json_object_get(s->mirror, "record"), "version"), "0") == 0) {
                fputs("<div><dt>If a node fails now<dd>Nothing stops: no mirror runs yet.</div>\n", to);
                return;
        }
        if (!seen_is_running(s) && !down && strcmp(html_text(s->mirror, "role"), "primary") != 0)
                return;
        json_array_foreach(json_object_get(s->status, "nodes"), i, node)
        {
                bool witness = html_is(node, "witness"), alive = html_is(node, "alive");
                all = all && alive;
                if (down) {
                        put_if_down(to, s, node);
                } else if (!witness) {
                        put_if(to, s, html_text(node, "name"), !alive, json_object_get(s->mirror, strcmp(html_text(node, "name"), s->node) == 0 ? "if_self_fails" : "if_peer_fails"));
                } else if (own->self < NODES) {
                        json_t *outcome = api_reason(s->c, s->index, v->if_witness_fails, forecast_subject(v->if_witness_fails, (uint8_t)(1 - own->self), WITNESS));
                        put_if(to, s, "the witness", !alive, outcome);
                        json_decref(outcome);
                }
        }
        if (down || !all || own->self >= NODES)
                return;
        uint8_t active = v->record.primary, other = active < NODES ? (uint8_t)(1 - active) : active;
        json_t *outcome = api_reason(s->c, s->index, v->if_link_fails, forecast_subject(v->if_link_fails, other, active));
        put_if(to, s, "the nodes' link", false, outcome);
        json_decref(outcome);
}

static void put_copying(FILE *to, const json_t *resync)
{
        if (!json_is_object(resync))
                return;
        const char *state = html_text(resync, "state"), *why = html_text(json_object_get(resync, "why"), "sentence");
        double percent = json_real_value(json_object_get(resync, "percent"));
        if (strcmp(state, "idle") == 0)
                return;
        if (strcmp(state, "running") == 0) {
                fprintf(to, " %.0f %% is copied.", percent);
                return;
        }
        fprintf(to, " The resync is %s at %.0f %%%s", state, percent, *why ? ": " : "");
        html_put(to, why);
        fputc('.', to);
}

/* How bad it is; the page has an icon for that. */
static enum severity tone_of(const struct seen *s)
{
        bool critical = strcmp(s->severity, "critical") == 0, both = seen_all_in_sync(s), silent = seen_put_silent(NULL, s, "") > 0, warns = strcmp(s->severity, "warning") == 0;
        if (seen_is_running(s))
                return critical && !(both && seen_is_waiting(s)) ? SEVERITY_CRITICAL : !both || seen_is_waiting(s) || warns || silent || seen_quarrel(s) ? SEVERITY_WARNING : SEVERITY_OK;
        if (strcmp(s->health, "unconfigured") == 0)
                return strcmp(s->code, "being-removed") == 0 ? SEVERITY_WARNING : SEVERITY_INFO;
        bool starts = strcmp(s->health, "starting") == 0 && !seen_is_one(html_text(s->mirror, "role"), "candidate", "taking-over");
        return starts ? SEVERITY_WARNING : SEVERITY_CRITICAL;
}

void put_verdict(FILE *to, const struct api_call *c, unsigned m, const json_t *status, const json_t *cluster, const json_t *mirror)
{
        struct seen s;
        seen_look(&s, c, m, status, cluster, mirror);
        static const char *const words[] = {[SEVERITY_OK] = "OK", [SEVERITY_INFO] = "Note", [SEVERITY_WARNING] = "Warning", [SEVERITY_CRITICAL] = "Critical"};
        enum severity tone = tone_of(&s);
        fprintf(to, "<section class=\"verdict %s\"><p class=\"mark\">%s</p><h1>", severity_word(tone), words[tone]);
        put_headline(to, &s);
        fputs("</h1>\n<p class=\"detail\">", to);
        put_detail(to, &s);
        put_copying(to, json_object_get(s.mirror, "resync"));
        fputs("\n<dl class=\"answers\">\n<div><dt>Is the data safe<dd>", to);
        put_safe(to, &s);
        fputs("</div>\n", to);
        put_what_if(to, &s);
        fputs("<div class=\"do\"><dt>What to do<dd><div>", to);
        put_what_to_do(to, &s);
        fputs("</div></div></dl></section>\n", to);
}
