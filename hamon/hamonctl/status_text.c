/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GET /v1/status drawn for a person, in the manner of `zpool status`: for each mirror first the sentence, then what to do, then the facts.
 * Every sentence comes from the table of reasons, by way of the API; here are only labels.
 */
#include "hamon/hamonctl/answer.h"
#include "hamon/hamonctl/hamonctl.h"
#include "hamon/hamonctl/status_parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_WIDTH = 9, STALE_SNAPSHOT_MS = 3000 };

static bool is_true(const json_t *object, const char *key)
{
        return json_is_true(json_object_get(object, key));
}

void status_label(FILE *to, const char *name)
{
        fprintf(to, "%*s%s ", LABEL_WIDTH, name, *name ? ":" : " ");
}

/* Ages as people say them: "0.1 s", "12.3 s", "4 min". */
void status_age(FILE *to, int64_t ms)
{
        if (ms < 120000)
                fprintf(to, "%lld.%lld s", (long long)(ms / 1000), (long long)(ms % 1000 / 100));
        else if (ms < 2 * 3600000)
                fprintf(to, "%lld min", (long long)(ms / 60000));
        else
                fprintf(to, "%lld h", (long long)(ms / 3600000));
}

static void draw_reason(FILE *to, const json_t *reason, const char *name)
{
        status_label(to, name);
        fputs(answer_text(reason, "sentence"), to);
        const char *severity = answer_text(reason, "severity");
        if (strcmp(severity, "ok") != 0)
                fprintf(to, " [%s]", answer_text(reason, "code"));
        fputc('\n', to);
        if (*answer_text(reason, "next")) {
                status_label(to, "action");
                fprintf(to, "%s\n", answer_text(reason, "next"));
        }
        if (strcmp(severity, "warning") == 0 || strcmp(severity, "critical") == 0) {
                status_label(to, "see");
                fprintf(to, "TROUBLESHOOTING, %s; hamonctl explain\n", answer_text(reason, "code"));
        }
}

static const json_t *node_named(const json_t *status, const char *name)
{
        size_t i;
        const json_t *node;
        json_array_foreach(json_object_get(status, "nodes"), i, node)
                if (strcmp(answer_text(node, "name"), name) == 0)
                        return node;
        return NULL;
}

static void draw_silence(FILE *to, const json_t *node)
{
        if (is_true(node, "self")) {
                fputs("this node", to);
        } else if (!is_true(node, "heard")) {
                fputs("not heard since hamon started here", to);
        } else {
                fputs(is_true(node, "alive") ? "heard " : "silent for ", to);
                status_age(to, answer_integer(node, "silent_ms"));
                if (is_true(node, "alive"))
                        fputs(" ago", to);
        }
}

static void draw_maintenance(FILE *to, const json_t *mirror)
{
        const json_t *maintenance = json_object_get(mirror, "maintenance");
        if (!json_is_object(maintenance))
                return;
        status_label(to, "MAINT.");
        fputs("for ", to);
        status_age(to, answer_integer(maintenance, "left_s") * 1000);
        fputs(" more: nothing is taken over by itself, and no alarms\n", to);
}

static void draw_active(FILE *to, const json_t *status, const json_t *mirror)
{
        const json_t *record = json_object_get(mirror, "record");
        status_label(to, "active");
        if (strcmp(answer_text(record, "version"), "0") == 0) {
                fputs("nowhere yet\n", to);
                return;
        }
        const char *primary = answer_text(record, "primary");
        const json_t *node = node_named(status, primary);
        fprintf(to, "%s, epoch %s, record %s", *primary ? primary : "nowhere", answer_text(record, "epoch"), answer_text(record, "version"));
        if (!is_true(record, "decided"))
                fputs(" (not known to be decided)", to);
        if (node && !is_true(node, "self") && !is_true(node, "alive")) {
                fputs("; that node is ", to);
                draw_silence(to, node);
        }
        fputc('\n', to);
}

static void draw_role(FILE *to, const json_t *status, const json_t *mirror)
{
        if (strcmp(answer_text(json_object_get(status, "node"), "kind"), "witness") == 0)
                return;
        const json_t *lease = json_object_get(mirror, "lease");
        const char *role = answer_text(mirror, "role");
        status_label(to, "here");
        fputs(role, to);
        if (strcmp(role, "primary") == 0) {
                fputs(is_true(lease, "valid") ? ", lease valid for " : ", no lease", to);
                if (is_true(lease, "valid"))
                        status_age(to, answer_integer(lease, "left_ms"));
        }
        const char *state = answer_text(json_object_get(mirror, "states"), "role");
        if (*state && strcmp(state, role) != 0)
                fprintf(to, " (%s)", state);
        fputc('\n', to);
        if (*answer_text(mirror, "waiting_for")) {
                status_label(to, "waiting");
                fprintf(to, "for '%s' of hamon-act\n", answer_text(mirror, "waiting_for"));
        }
}

static const char *leg_word(const json_t *leg)
{
        if (*answer_text(leg, "uuid") == '\0')
                return "no leg";
        if (is_true(leg, "in_sync"))
                return "in sync";
        return is_true(leg, "inconsistent") ? "inconsistent" : "out of sync";
}

/* Sizes and rates as people say them, from KiB. */
void status_size(FILE *to, double kib)
{
        static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
        unsigned u = 0;
        for (; kib >= 1024 && u + 1 < sizeof units / sizeof *units; u++)
                kib /= 1024;
        fprintf(to, u == 0 ? "%.0f %s" : "%.1f %s", kib, units[u]);
}

/* Who it is that it waits for; what paces it is said above. */
static void draw_why(FILE *to, const json_t *why)
{
        const char *code = answer_text(why, "code");
        if (*code == '\0' || strcmp(code, "latency") == 0 || strcmp(code, "ceiling") == 0)
                return;
        status_label(to, "");
        fprintf(to, "why: %s", answer_text(why, "sentence"));
        if (answer_integer(why, "for_s") > 0) {
                fputs(", for ", to);
                status_age(to, answer_integer(why, "for_s") * 1000);
        }
        fputc('\n', to);
}

static void draw_resync(FILE *to, const json_t *resync)
{
        if (!json_is_object(resync))
                return;
        const char *state = answer_text(resync, "state");
        bool copies = strcmp(answer_text(resync, "total_sectors"), "0") != 0;
        status_label(to, "resync");
        if (strcmp(state, "paused") == 0) {
                fputs("PAUSED, ", to);
                if (json_is_integer(json_object_get(resync, "pause_left_s"))) {
                        fputs("goes on by itself in ", to);
                        status_age(to, answer_integer(resync, "pause_left_s") * 1000);
                } else {
                        fputs("goes on when somebody says 'resume'", to);
                }
                fputs(copies ? "; " : "", to);
        } else if (strcmp(state, "stalled") == 0) {
                fputs("stalled; ", to);
        } else if (!copies) {
                fputs("none", to);
        }
        if (copies) {
                fprintf(to, "%.1f %%, at most ", json_real_value(json_object_get(resync, "percent")));
                status_size(to, strtod(answer_text(resync, "left_bytes"), NULL) / 1024);
                fputs(" left", to);
        }
        if (json_is_integer(json_object_get(resync, "rate_kib"))) {
                fputs(", ", to);
                status_size(to, (double)answer_integer(resync, "rate_kib"));
                fputs("/s, done in ", to);
                status_age(to, answer_integer(resync, "eta_s") * 1000);
        }
        if (json_is_integer(json_object_get(resync, "ceiling_kib"))) {
                fputs(", never more than ", to);
                status_size(to, (double)answer_integer(resync, "ceiling_kib"));
                fputs("/s", to);
        }
        fputc('\n', to);
        if (copies && json_is_integer(json_object_get(resync, "limit_kib"))) {
                status_label(to, "");
                fputs("paced at ", to);
                status_size(to, (double)answer_integer(resync, "limit_kib"));
                fputs("/s", to);
                if (json_is_integer(json_object_get(resync, "latency_us")))
                        fprintf(to, ": the application's requests take %.1f ms", (double)answer_integer(resync, "latency_us") / 1000);
                fputc('\n', to);
        }
        draw_why(to, json_object_get(resync, "why"));
}

static void draw_discards(FILE *to, const json_t *discards)
{
        if (!json_is_object(discards))
                return;
        status_label(to, "discards");
        fprintf(to, is_true(discards, "taken") ? "taken\n" : "none: %s\n", answer_text(discards, "why"));
}

static void draw_legs(FILE *to, const json_t *mirror)
{
        size_t i;
        const json_t *leg, *owed = json_object_get(mirror, "owed_bytes");
        json_array_foreach(json_object_get(mirror, "legs"), i, leg)
        {
                const json_t *says = json_object_get(leg, "node_says");
                status_label(to, i == 0 ? "legs" : "");
                fprintf(to, "%-12s %-13s %s", answer_text(leg, "node"), leg_word(leg), answer_text(leg, "device"));
                if (json_is_number(json_object_get(leg, "request_ms")))
                        fprintf(to, "  %.1f ms a request", json_number_value(json_object_get(leg, "request_ms")));
                if (is_true(says, "calls_peer_failed"))
                        fputs("  calls the other leg failed", to);
                if (json_is_string(owed) && !is_true(leg, "in_sync") && *answer_text(leg, "uuid") != '\0') {
                        fputs("  lacks up to ", to);
                        status_size(to, (double)answer_number(mirror, "owed_bytes") / 1024);
                }
                fputc('\n', to);
        }
        draw_resync(to, json_object_get(mirror, "resync"));
        draw_discards(to, json_object_get(mirror, "discards"));
        status_verify(to, json_object_get(mirror, "verify"));
}

/* How a unit that does not run has ended, as systemctl says it. */
static void draw_unit(FILE *to, const json_t *unit)
{
        const char *active = answer_text(unit, "active"), *ended = answer_text(unit, "ended"), *result = answer_text(unit, "result");
        fprintf(to, "%s %s", answer_text(unit, "unit"), *active ? active : "not known");
        if (*ended && strcmp(active, "active") != 0)
                fprintf(to, strcmp(ended, "exited") == 0 ? ", its process ended with status %lld" : ", its process was killed by signal %lld",
                        (long long)answer_integer(unit, "status"));
        if (*result && strcmp(result, "success") != 0)
                fprintf(to, " (%s)", result);
        fputc('\n', to);
}

static void draw_health(FILE *to, const json_t *health)
{
        if (!json_is_object(health))
                return;
        status_label(to, "check");
        if (!is_true(health, "checked"))
                fputs("not yet\n", to);
        else if (answer_integer(health, "failures") == 0)
                fputs("healthy\n", to);
        else
                fprintf(to, "%s, failed %lld times in a row, %lld are allowed: %s\n", is_true(health, "unhealthy") ? "UNHEALTHY" : "failing",
                        (long long)answer_integer(health, "failures"), (long long)answer_integer(health, "allowed") - 1, answer_text(health, "detail"));
}

/* Where it does not run: what would keep it from starting there. */
static void draw_missing_units(FILE *to, const json_t *service)
{
        const json_t *unit;
        bool any = false;
        size_t i;
        json_array_foreach(json_object_get(service, "units"), i, unit)
        {
                const char *load = answer_text(unit, "load");
                if (!*load || strcmp(load, "loaded") == 0)
                        continue;
                status_label(to, any ? "" : "units");
                fprintf(to, "%s is NOT INSTALLED here (%s): the service could not start\n", answer_text(unit, "unit"), load);
                any = true;
        }
}

/* Where it belongs, and where something of it is to be seen. */
static void draw_service(FILE *to, const json_t *mirror)
{
        const json_t *service = json_object_get(mirror, "service"), *unit;
        const char *state = answer_text(json_object_get(mirror, "states"), "service");
        size_t i;
        if (!json_is_object(service))
                return;
        if (strcmp(answer_text(mirror, "role"), "primary") != 0) {
                draw_missing_units(to, service);
                return;
        }
        status_label(to, "service");
        fprintf(to, "%s%s\n", state, is_true(service, "turned_read_only") ? ", its file system has turned READ-ONLY" : "");
        json_array_foreach(json_object_get(service, "units"), i, unit)
        {
                status_label(to, i == 0 ? "units" : "");
                draw_unit(to, unit);
        }
        draw_health(to, json_object_get(service, "health"));
}

static void draw_what_if(FILE *to, const json_t *status, const json_t *mirror)
{
        const char *self = answer_text(json_object_get(status, "node"), "name");
        const json_t *if_peer = json_object_get(mirror, "if_peer_fails"), *if_self = json_object_get(mirror, "if_self_fails");
        if (!json_is_object(if_peer) || !json_is_object(if_self))
                return;
        const char *peer = "";
        size_t i;
        const json_t *node;
        json_array_foreach(json_object_get(status, "nodes"), i, node)
                if (!is_true(node, "self") && !is_true(node, "witness"))
                        peer = answer_text(node, "name");
        status_label(to, "what if");
        fprintf(to, "%s fails: %s\n", peer, answer_text(if_peer, "sentence"));
        status_label(to, "");
        fprintf(to, "%s fails: %s\n", self, answer_text(if_self, "sentence"));
}

/* Where the reason says that a step failed, which one and why. */
static void draw_failure(FILE *to, const json_t *mirror)
{
        static const char *const of_a_failure[] = {"effect-failed", "service-failed", "service-given-up", "probe-failed", "no-leg", NULL};
        const json_t *failure = json_object_get(mirror, "last_failure");
        for (unsigned i = 0; of_a_failure[i] && json_is_object(failure); i++)
                if (strcmp(answer_text(json_object_get(mirror, "reason"), "code"), of_a_failure[i]) == 0) {
                        status_label(to, "detail");
                        fprintf(to, "'%s' failed ", answer_text(failure, "effect"));
                        status_age(to, answer_integer(failure, "ms_ago"));
                        fprintf(to, " ago: %s%s%s\n", answer_text(failure, "error"), *answer_text(failure, "detail") ? ": " : "", answer_text(failure, "detail"));
                }
}

static void draw_mirror(FILE *to, const json_t *status, const json_t *mirror)
{
        char health[32];
        (void)snprintf(health, sizeof health, "%s", answer_text(mirror, "health"));
        for (char *p = health; *p; p++)
                *p = (char)toupper((unsigned char)*p);
        fputc('\n', to);
        status_label(to, "mirror");
        fprintf(to, "%s\n", answer_text(mirror, "name"));
        if (strcmp(answer_text(json_object_get(mirror, "reason"), "code"), "none") != 0) { /* the witness sees the record, and no health */
                status_label(to, "health");
                colour_begin(to, answer_text(json_object_get(mirror, "reason"), "severity"));
                fputs(health, to);
                colour_end(to);
                fputc('\n', to);
                draw_reason(to, json_object_get(mirror, "reason"), "reason");
        }
        draw_maintenance(to, mirror);
        draw_failure(to, mirror);
        draw_active(to, status, mirror);
        draw_role(to, status, mirror);
        draw_service(to, mirror);
        draw_legs(to, mirror);
        draw_what_if(to, status, mirror);
}

static void draw_nodes(FILE *to, const json_t *status)
{
        size_t i, k;
        const json_t *node, *path;
        fputc('\n', to);
        json_array_foreach(json_object_get(status, "nodes"), i, node)
        {
                const char *state = is_true(node, "alive") ? (is_true(node, "suspect") ? "suspect" : "alive") : "silent";
                if (is_true(node, "leaving"))
                        state = "leaving";
                status_label(to, i == 0 ? "nodes" : "");
                fprintf(to, "%-12s %-13s ", answer_text(node, "name"), state);
                draw_silence(to, node);
                size_t paths = 0, working = 0;
                json_array_foreach(json_object_get(node, "links"), k, path)
                {
                        const json_t *heard = json_object_get(path, "heard_ms_ago");
                        paths++;
                        working += json_is_integer(heard) && json_integer_value(heard) < STALE_SNAPSHOT_MS;
                }
                if (paths > 0 && !is_true(node, "self"))
                        fprintf(to, ", %zu of %zu links work", working, paths);
                fputc('\n', to);
        }
}

static bool is_said_by_a_mirror(const json_t *status, const char *code)
{
        size_t i;
        const json_t *mirror;
        json_array_foreach(json_object_get(status, "mirrors"), i, mirror)
                if (strcmp(answer_text(json_object_get(mirror, "reason"), "code"), code) == 0)
                        return true;
        return false;
}

static void draw_trouble(FILE *to, const json_t *status)
{
        size_t i;
        const json_t *item, *node = json_object_get(status, "node");
        if (answer_integer(status, "age_ms") > STALE_SNAPSHOT_MS) {
                status_label(to, "warning");
                fputs("hamon's loop has not turned for ", to);
                status_age(to, answer_integer(status, "age_ms"));
                fputs(": all of this is old\n", to);
        }
        if (*answer_text(node, "state_error")) {
                status_label(to, "warning");
                fprintf(to, "this node's memory cannot be written (%s): it does not vote [state-write-failed]\n", answer_text(node, "state_error"));
        }
        json_array_foreach(json_object_get(node, "config_differs"), i, item)
        {
                status_label(to, "warning");
                fprintf(to, "%s runs another configuration than %s [config-differs]\n", json_string_value(item), answer_text(node, "name"));
                status_label(to, "action");
                fputs("hamonctl config show, on both; then hamonctl config apply FILE with the one that is meant\n", to);
        }
        const json_t *waits = json_object_get(node, "config_waits");
        if (json_is_object(waits)) {
                status_label(to, "warning");
                fprintf(to, "version %s of the configuration waits here: %s has not said yet whether it counts [config-waits]\n", answer_text(waits, "version"), answer_text(waits, "by"));
                status_label(to, "action");
                fprintf(to, "bring %s back; if it is gone for good: hamonctl config discard\n", answer_text(waits, "by"));
        }
        json_array_foreach(json_object_get(status, "reasons"), i, item)
                if (!is_said_by_a_mirror(status, answer_text(item, "code")))
                        draw_reason(to, item, "warning");
        json_array_foreach(json_object_get(json_object_get(status, "packets"), "refused"), i, item)
        {
                if (answer_integer(item, "last_ms_ago") > REFUSED_SHOWN_MS)
                        continue;
                status_label(to, "warning");
                fprintf(to, "%s (%lld datagrams, the last from %s) [packet-%s]\n", answer_text(item, "sentence"), (long long)answer_integer(item, "count"),
                        answer_text(item, "last_from"), answer_text(item, "kind"));
        }
}

void status_text(const json_t *status, FILE *to)
{
        const json_t *node = json_object_get(status, "node");
        status_label(to, "cluster");
        fprintf(to, "%s, seen from %s %s\n", answer_text(status, "cluster"), answer_text(node, "kind"), answer_text(node, "name"));
        if (strcmp(answer_text(status, "mode"), "manual") == 0) {
                status_label(to, "mode");
                fputs("manual: without a witness nothing is taken over by itself; a person says 'hamonctl node confirm-dead'\n", to);
        }
        draw_trouble(to, status);
        size_t i;
        const json_t *mirror;
        json_array_foreach(json_object_get(status, "mirrors"), i, mirror)
                draw_mirror(to, status, mirror);
        draw_nodes(to, status);
}
