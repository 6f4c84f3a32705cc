/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What keeps a resync from going on, or from going faster, as far as hamon-act's observations tell it, and since when. For people: nothing is decided by it.
 * Pure. The loop's thread looks, the renderers read the copy in the snapshot.
 */
#ifndef HAMON_API_RESYNC_WHY_H
#define HAMON_API_RESYNC_WHY_H

#include "hamon/core/core.h"

#include <jansson.h>

enum resync_why {
        RESYNC_UNHINDERED,  /* or there is none */
        RESYNC_BY_PERSON,   /* paused */
        RESYNC_BY_PEER,     /* the leg that is copied to does not answer */
        RESYNC_BY_OWN,      /* the leg that is copied from does not answer */
        RESYNC_BY_MD,       /* both answer, nobody paused it, and md does not go on */
        RESYNC_BY_CEILING,  /* as fast as a person allowed */
        RESYNC_BY_LATENCY,  /* as fast as the application's latency allows */
        RESYNC_WHYS,
};

enum {
        RESYNC_SILENT_MS = 1000,  /* a request of that age: its leg "does not answer" */
        RESYNC_FELT_US = 10000,   /* an application's latency below which hamon-act always lets a resync go faster (act/resync_pace.h: half of the goal) */
};

/* Beginning with zeroes. */
struct resync_watch {
        enum resync_why why;
        uint64_t since_ms;                /* CLOCK_BOOTTIME; this hamon has seen it since then */
        uint64_t done_sectors, moved_ms;  /* where the copy was last, and since when */
};

/* At least once a second. */
void resync_watch_look(struct resync_watch *w, const struct observation *o, uint64_t now_ms);

/* {"code", "node", "sentence", "for_s"}, or null. `own`, `peer`: names of the active node and of the one whose leg is copied to. */
json_t *resync_why_json(const struct resync_watch *w, const struct observation *o, const char *own, const char *peer, uint64_t now_ms);

#endif
