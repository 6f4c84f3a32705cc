/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/resync_why.h"

#include <stdio.h>

static enum resync_why why_of(const struct observation *o)
{
        const struct resync_seen *r = &o->resync;
        if (r->paused)
                return RESYNC_BY_PERSON;
        if (o->resync_total_sectors == 0)
                return RESYNC_UNHINDERED;
        if (o->leg_oldest_ms >= RESYNC_SILENT_MS || (r->stalled && o->attached && !o->leg_connected))
                return RESYNC_BY_PEER;
        if (o->own_oldest_ms >= RESYNC_SILENT_MS)
                return RESYNC_BY_OWN;
        if (r->stalled)
                return RESYNC_BY_MD;
        if (r->limit_kib == 0 || r->rate_kib < r->limit_kib / 2)
                return RESYNC_UNHINDERED;
        if (r->ceiling_kib && r->limit_kib >= r->ceiling_kib)
                return RESYNC_BY_CEILING;
        return r->latency_us > RESYNC_FELT_US ? RESYNC_BY_LATENCY : RESYNC_UNHINDERED;
}

void resync_watch_look(struct resync_watch *w, const struct observation *o, uint64_t now_ms)
{
        enum resync_why why = why_of(o);
        if (w->moved_ms == 0 || o->resync_done_sectors != w->done_sectors)
                w->moved_ms = now_ms;
        w->done_sectors = o->resync_done_sectors;
        if (why != w->why || w->since_ms == 0)
                w->since_ms = why == RESYNC_BY_MD ? w->moved_ms : now_ms;
        w->why = why;
}

/* A request has waited longer than anybody has looked. */
static uint64_t for_ms(const struct resync_watch *w, const struct observation *o, uint64_t now_ms)
{
        uint64_t seen_ms = now_ms > w->since_ms ? now_ms - w->since_ms : 0;
        uint64_t waited_ms = w->why == RESYNC_BY_PEER ? o->leg_oldest_ms : w->why == RESYNC_BY_OWN ? o->own_oldest_ms : 0;
        return waited_ms > seen_ms ? waited_ms : seen_ms;
}

json_t *resync_why_json(const struct resync_watch *w, const struct observation *o, const char *own, const char *peer, uint64_t now_ms)
{
        static const char *const codes[RESYNC_WHYS] = {[RESYNC_BY_PERSON] = "paused", [RESYNC_BY_PEER] = "leg", [RESYNC_BY_OWN] = "own-leg",
                                                       [RESYNC_BY_MD] = "md",         [RESYNC_BY_CEILING] = "ceiling", [RESYNC_BY_LATENCY] = "latency"};
        enum { KIB = 1024, SIZE = 256 };
        char text[SIZE] = "";
        const char *node = w->why == RESYNC_BY_PEER ? peer : own;
        switch (w->why) {
        case RESYNC_BY_PERSON:
                (void)snprintf(text, sizeof text, "a person paused it"); /* all of these fit: names are short */
                break;
        case RESYNC_BY_PEER:
                (void)snprintf(text, sizeof text, "the leg of %s %s", peer, o->leg_connected ? "does not answer" : "does not answer: there is no connection to it");
                break;
        case RESYNC_BY_OWN:
                (void)snprintf(text, sizeof text, "the leg of %s, which is read, does not answer", own);
                break;
        case RESYNC_BY_MD:
                (void)snprintf(text, sizeof text, "both legs answer and nobody paused it: md on %s does not go on", own);
                break;
        case RESYNC_BY_CEILING:
                (void)snprintf(text, sizeof text, "a person bounded it to %.1f MiB/s", (double)o->resync.ceiling_kib / KIB);
                break;
        case RESYNC_BY_LATENCY:
                (void)snprintf(text, sizeof text, "it is slowed down to about %.3g MiB/s, because the application's requests take %.0f ms", (double)o->resync.limit_kib / KIB,
                               (double)o->resync.latency_us / 1000);
                break;
        case RESYNC_UNHINDERED:
        case RESYNC_WHYS:
                return json_null();
        }
        return json_pack("{s:s, s:s, s:s, s:I}", "code", codes[w->why], "node", node, "sentence", text, "for_s", (json_int_t)(for_ms(w, o, now_ms) / 1000));
}
