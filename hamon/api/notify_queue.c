/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/notify_queue.h"

#include <string.h>

/* What ends a trouble of its mirror or, without one, of its node. */
static const char *const recoveries[] = {"service-up", "leg-joined", "leg-handed", "primary", "node-up"};

void notify_queue_init(struct notify_queue *q, enum severity least, uint32_t repeat_ms)
{
        *q = (struct notify_queue){.least = least, .repeat_ms = repeat_ms};
}

static bool is_recovery(const struct event_entry *e)
{
        for (size_t i = 0; i < sizeof recoveries / sizeof *recoveries; i++)
                if (strcmp(e->code, recoveries[i]) == 0)
                        return true;
        return false;
}

/* "service-up" ends what is about the service alone; the others end what is about the same mirror, or about that node. */
static bool ends(const struct event_entry *e, const struct notify_told *t)
{
        if (t->ended || strcmp(t->code, e->code) == 0)
                return false;
        if (!*e->mirror)
                return !*t->mirror && strcmp(t->node, e->node) == 0;
        bool of_service = strncmp(t->code, "service-", 8) == 0 || strcmp(t->code, "effect-error") == 0;
        return strcmp(t->mirror, e->mirror) == 0 && (strcmp(e->code, "service-up") != 0 || of_service);
}

static bool end_troubles(struct notify_queue *q, const struct event_entry *e)
{
        bool any = false;
        for (unsigned i = 0; i < q->told_count; i++)
                if (ends(e, &q->told[i])) {
                        q->told[i].ended = true;
                        any = true;
                }
        return any;
}

static struct notify_told *find_told(struct notify_queue *q, const struct event_entry *e)
{
        for (unsigned i = 0; i < q->told_count; i++)
                if (strcmp(q->told[i].code, e->code) == 0 && strcmp(q->told[i].mirror, e->mirror) == 0 && strcmp(q->told[i].node, e->node) == 0)
                        return &q->told[i];
        return NULL;
}

static void remember(struct notify_queue *q, struct notify_told *old, const struct event_entry *e, uint64_t now_ms)
{
        struct notify_told t = {.at_ms = now_ms};
        memcpy(t.code, e->code, sizeof t.code);
        memcpy(t.mirror, e->mirror, sizeof t.mirror);
        memcpy(t.node, e->node, sizeof t.node);
        if (!old && q->told_count == NOTIFY_TOLD_MAX)
                old = &q->told[0]; /* the oldest: if it comes again it is told again */
        if (old) {
                unsigned at = (unsigned)(old - q->told);
                memmove(old, old + 1, (q->told_count - at - 1) * sizeof *old);
                q->told_count--;
        }
        q->told[q->told_count++] = t;
}

static void drop_first(struct notify_queue *q)
{
        q->count--;
        memmove(q->waiting, q->waiting + 1, q->count * sizeof *q->waiting);
        q->tries = 0;
}

bool notify_queue_put(struct notify_queue *q, const struct event_entry *e, uint64_t now_ms)
{
        if (strcmp(e->code, NOTIFY_TEST) == 0)
                return false; /* told at once, past the queue */
        bool recovered = is_recovery(e) && end_troubles(q, e);
        if (e->severity < q->least && !recovered)
                return false;
        struct notify_told *t = find_told(q, e);
        if (t && !t->ended && !recovered && now_ms - t->at_ms < q->repeat_ms) {
                t->repeats++;
                q->suppressed++;
                return false;
        }
        unsigned repeats = t && !t->ended ? t->repeats : 0;
        remember(q, t, e, now_ms);
        if (q->count == NOTIFY_QUEUE_MAX) {
                drop_first(q);
                q->dropped++;
        }
        q->waiting[q->count++] = (struct notice){.event = *e, .repeats = repeats};
        return true;
}

const struct notice *notify_queue_due(const struct notify_queue *q, uint64_t now_ms)
{
        return q->count > 0 && q->retry_ms <= now_ms ? &q->waiting[0] : NULL;
}

uint64_t notify_queue_wait_ms(const struct notify_queue *q, uint64_t now_ms)
{
        if (q->count == 0)
                return UINT64_MAX;
        return q->retry_ms > now_ms ? q->retry_ms - now_ms : 0;
}

void notify_queue_taken(struct notify_queue *q)
{
        drop_first(q);
        q->retry_ms = 0;
        q->delivered++;
}

void notify_queue_failed(struct notify_queue *q, uint64_t now_ms)
{
        uint64_t pause_ms = NOTIFY_RETRY_MS;
        for (unsigned i = 0; i < q->tries && pause_ms < NOTIFY_RETRY_MAX_MS; i++)
                pause_ms *= 2;
        q->retry_ms = now_ms + (pause_ms > NOTIFY_RETRY_MAX_MS ? NOTIFY_RETRY_MAX_MS : pause_ms);
        if (++q->tries < NOTIFY_TRIES_MAX)
                return;
        drop_first(q);
        q->dropped++;
}

uint64_t notify_queue_settled(const struct notify_queue *q, uint64_t seen)
{
        return q->count > 0 ? q->waiting[0].event.id - 1 : seen;
}
