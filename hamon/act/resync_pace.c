/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/resync_pace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SECTORS_PER_KIB = 2 };

static uint32_t bounded(uint64_t kib, uint32_t ceiling_kib)
{
        uint32_t most = ceiling_kib ? ceiling_kib : RESYNC_PACE_MOST_KIB;

        if (kib < RESYNC_PACE_FLOOR_KIB)
                kib = RESYNC_PACE_FLOOR_KIB;
        return kib > most ? most : (uint32_t)kib; /* a person's ceiling counts below the floor, too */
}

/* Of the requests that ended since the last look; when none did and some wait, they have waited since then at least. */
static uint32_t latency_us(struct resync_pace *p, uint64_t requests, uint64_t waited_ms, uint64_t in_flight)
{
        uint64_t ended = requests - p->requests, us = (waited_ms - p->waited_ms) * 1000;

        if (!p->primed || requests < p->requests || waited_ms < p->waited_ms)
                return 0;
        if (ended == 0)
                return in_flight ? 1000000 : 0;
        us /= ended;
        return us == 0 ? 1 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

uint32_t resync_pace_look(struct resync_pace *p, uint64_t requests, uint64_t waited_ms, uint64_t in_flight, bool syncing, uint32_t ceiling_kib)
{
        p->latency_us = latency_us(p, requests, waited_ms, in_flight);
        p->primed = true;
        p->requests = requests;
        p->waited_ms = waited_ms;
        if (!syncing) {
                if (p->latency_us) /* the last eight seconds count most */
                        p->before_us = p->before_us ? (uint32_t)(((uint64_t)p->before_us * 7 + p->latency_us) / 8) : p->latency_us;
                return p->limit_kib = 0;
        }
        uint64_t goal_us = (uint64_t)p->before_us * 2;
        if (goal_us < RESYNC_LATENCY_GOAL_US)
                goal_us = RESYNC_LATENCY_GOAL_US;
        uint64_t kib = p->limit_kib ? p->limit_kib : RESYNC_PACE_START_KIB;
        if (p->limit_kib && p->latency_us > goal_us)
                kib /= 2;
        else if (p->limit_kib && p->latency_us <= goal_us / 2)
                kib += kib / 4;
        return p->limit_kib = bounded(kib, ceiling_kib);
}

void resync_rate_look(struct resync_rate *r, uint64_t done_sectors, uint64_t now_ms)
{
        if (r->mark_ms == 0 || done_sectors < r->at_sectors) {
                *r = (struct resync_rate){.mark_ms = now_ms, .mark_sectors = done_sectors, .moved_ms = now_ms, .at_sectors = done_sectors};
                return;
        }
        if (done_sectors > r->at_sectors) {
                r->moved_ms = now_ms;
                r->at_sectors = done_sectors;
        }
        if (now_ms - r->mark_ms >= 1000) {
                uint64_t kib = (done_sectors - r->mark_sectors) / SECTORS_PER_KIB * 1000 / (now_ms - r->mark_ms);
                r->rate_kib = kib > UINT32_MAX ? UINT32_MAX : (uint32_t)kib;
        }
        if (now_ms - r->mark_ms >= RESYNC_RATE_WINDOW_MS) {
                r->mark_ms = now_ms;
                r->mark_sectors = done_sectors;
        }
}

bool resync_position(const char *mdstat, const char *md, uint64_t *ret_done_sectors, uint64_t *ret_total_sectors)
{
        size_t length = strlen(md);
        bool ours = false;

        for (const char *line = mdstat; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
                uint64_t done_kib, total_kib;
                if (*line != ' ')
                        ours = strncmp(line, md, length) == 0 && line[length] == ' ';
                const char *end = strchr(line, '\n'), *at = ours && *line == ' ' ? strstr(line, " = ") : NULL;
                at = at ? strchr(at, '(') : NULL;
                if (!at || (end && at > end) || sscanf(at, "(%" SCNu64 "/%" SCNu64 ")", &done_kib, &total_kib) != 2)
                        continue;
                if (done_kib > UINT64_MAX / SECTORS_PER_KIB || total_kib > UINT64_MAX / SECTORS_PER_KIB)
                        return false;
                *ret_done_sectors = done_kib * SECTORS_PER_KIB;
                *ret_total_sectors = total_kib * SECTORS_PER_KIB;
                return true;
        }
        return false;
}
