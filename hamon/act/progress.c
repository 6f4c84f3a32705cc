/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

int progress_parse(const char *text, struct progress_counters *ret)
{
        uint64_t f[17] = {0};

        /* Documentation/block/stat: reads 0, writes 4, in flight 8, discards 11, flushes 15, and the time of each
         * three (of a flush: one) further; older kernels end earlier.
         */
        int n =
            sscanf(text,
                   "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64
                   "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64,
                   &f[0], &f[1], &f[2], &f[3], &f[4], &f[5], &f[6], &f[7], &f[8], &f[9], &f[10], &f[11], &f[12], &f[13],
                   &f[14], &f[15], &f[16]);
        if (n < 11)
                return -EBADMSG;
        *ret = (struct progress_counters){.completed = f[0] + f[4] + f[11] + f[15], .in_flight = f[8], .waited_ms = f[3] + f[7] + f[14] + f[16]};
        return 0;
}

uint32_t progress_look(struct progress *p, const struct progress_counters *c, uint64_t now_ms)
{
        if (c->in_flight == 0 || c->completed != p->completed || p->since_ms == 0) {
                p->completed = c->completed;
                p->since_ms = now_ms;
                return 0;
        }
        uint64_t age = now_ms - p->since_ms;
        return age > UINT32_MAX ? UINT32_MAX : (uint32_t)age;
}

uint32_t request_time_look(struct request_time *t, const struct progress_counters *c, uint64_t now_ms)
{
        if (!t->primed || c->completed < t->completed || c->waited_ms < t->waited_ms) {
                *t = (struct request_time){.primed = true, .completed = c->completed, .waited_ms = c->waited_ms, .since_ms = now_ms};
                return 0;
        }
        if (now_ms - t->since_ms < PROGRESS_WINDOW_MS)
                return t->mean_us;
        uint64_t ended = c->completed - t->completed, mean_us = ended ? (c->waited_ms - t->waited_ms) * 1000 / ended : 0;
        *t = (struct request_time){.primed = true, .completed = c->completed, .waited_ms = c->waited_ms, .since_ms = now_ms,
                                   .mean_us = mean_us > UINT32_MAX ? UINT32_MAX : (uint32_t)mean_us};
        return t->mean_us;
}
