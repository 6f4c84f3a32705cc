/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/status_seen.h"

#include <string.h>

bool seen_is_one(const char *word, const char *a, const char *b)
{
        return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static uint64_t epoch_of(const json_t *mirror)
{
        uint64_t epoch = 0;
        (void)parse_u64(html_text(json_object_get(mirror, "record"), "epoch"), &epoch);
        return epoch;
}

void seen_look(struct seen *s, const struct api_call *c, unsigned index, const json_t *status, const json_t *cluster, const json_t *mirror)
{
        const json_t *view;
        size_t i;
        *s = (struct seen){.c = c, .index = index, .own = status, .cluster = cluster, .status = status, .mirror = mirror, .name = html_text(mirror, "name")};
        bool found = false;
        json_array_foreach(json_object_get(cluster, "views"), i, view)
        {
                bool self = html_is(view, "self");
                const json_t *of = self ? status : json_object_get(view, "status"), *theirs = self || html_is(view, "fresh") ? status_mirror(of, s->name) : NULL;
                if (!theirs || strcmp(html_text(theirs, "role"), "primary") != 0 || (found && epoch_of(theirs) <= epoch_of(s->mirror)))
                        continue;
                s->status = of;
                s->mirror = theirs;
                found = true;
        }
        s->node = html_text(json_object_get(s->status, "node"), "name");
        s->primary = html_text(json_object_get(s->mirror, "record"), "primary");
        s->code = html_text(json_object_get(s->mirror, "reason"), "code");
        s->severity = html_text(json_object_get(s->mirror, "reason"), "severity");
        s->health = html_text(s->mirror, "health");
}

const json_t *seen_leg(const struct seen *s, const char *node, bool other)
{
        const json_t *leg;
        size_t i;
        json_array_foreach(json_object_get(s->mirror, "legs"), i, leg)
                if ((strcmp(html_text(leg, "node"), node) == 0) != other)
                        return leg;
        return NULL;
}

const json_t *seen_silent(const json_t *status, bool witness)
{
        const json_t *node;
        size_t i;
        json_array_foreach(json_object_get(status, "nodes"), i, node)
                if (!html_is(node, "alive") && html_is(node, "witness") == witness)
                        return node;
        return NULL;
}

bool seen_is_primary(const struct seen *s)
{
        return strcmp(html_text(s->mirror, "role"), "primary") == 0;
}

bool html_is_open(const json_t *status, const json_t *mirror)
{
        const char *self = html_text(json_object_get(status, "node"), "name");
        const json_t *leg, *other = seen_silent(status, false);
        size_t i;
        if (strcmp(html_text(mirror, "health"), "down") != 0 || strcmp(html_text(mirror, "role"), "primary") == 0)
                return false;
        bool waits = strcmp(html_text(json_object_get(mirror, "reason"), "code"), "waiting-for-peer") == 0, mine = false;
        json_array_foreach(json_object_get(mirror, "legs"), i, leg)
                mine = mine || (html_is(leg, "in_sync") && strcmp(html_text(leg, "node"), self) == 0);
        return mine && (waits || other);
}

unsigned seen_count_in_sync(const struct seen *s)
{
        const json_t *leg;
        size_t i;
        unsigned count = 0;
        json_array_foreach(json_object_get(s->mirror, "legs"), i, leg)
                count += html_is(leg, "in_sync");
        return count;
}

bool seen_all_in_sync(const struct seen *s)
{
        size_t legs = json_array_size(json_object_get(s->mirror, "legs"));
        return legs > 0 && seen_count_in_sync(s) == legs;
}

unsigned seen_put_silent(FILE *to, const struct seen *s, const char *between)
{
        const json_t *node;
        size_t i;
        unsigned count = 0;
        json_array_foreach(json_object_get(s->status, "nodes"), i, node)
                if (!html_is(node, "alive")) {
                        if (to) {
                                fputs(count ? between : "", to);
                                html_put(to, html_is(node, "witness") ? "the witness" : html_text(node, "name"));
                        }
                        count++;
                }
        return count;
}

bool seen_is_waiting(const struct seen *s)
{
        const json_t *o = json_object_get(s->mirror, "observed");
        return seen_is_primary(s) && html_is(o, "attached") && !html_is(o, "leg_connected") && seen_all_in_sync(s);
}

const json_t *seen_quarrel(const struct seen *s)
{
        const json_t *d;
        size_t i;
        json_array_foreach(json_object_get(s->cluster, "disagreements"), i, d)
                if ((!*html_text(d, "mirror") || strcmp(html_text(d, "mirror"), s->name) == 0) && seen_is_one(html_text(d, "about"), "configuration", "primary"))
                        return d;
        return NULL;
}

bool seen_is_running(const struct seen *s)
{
        return seen_is_one(s->health, "ok", "degraded");
}
