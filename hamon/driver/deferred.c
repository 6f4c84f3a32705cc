/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/driver/deferred.h"

#include <errno.h>
#include <string.h>

/*
 * An effect waits behind every earlier effect of its mirror among the first `n`. Those that hamon-act does at once keep no order with the
 * others there, so they keep none here: a reboot must not wait for the disk that is why the node has to go.
 */
static bool is_behind(const struct deferred *d, unsigned n, const struct action *a)
{
        if (a->type != ACTION_EFFECT || effect_is_at_once(a->effect.type))
                return false;
        for (unsigned i = 0; i < n; i++)
                if (d->at[i].action.type == ACTION_EFFECT && d->at[i].action.effect.mirror == a->effect.mirror)
                        return true;
        return false;
}

bool deferred_must_wait(const struct deferred *d, const struct action *a, uint64_t durable)
{
        return a->after > durable || is_behind(d, d->count, a);
}

static void remove_at(struct deferred *d, unsigned i)
{
        d->count--;
        memmove(&d->at[i], &d->at[i + 1], (d->count - i) * sizeof d->at[0]);
}

int deferred_put(struct deferred *d, const struct action *a, uint64_t now_ms)
{
        if (d->count == DEFERRED_MAX) {
                unsigned i = 0;
                while (i < d->count && d->at[i].action.type != ACTION_SEND)
                        i++;
                if (i == d->count)
                        return -ENOBUFS;
                remove_at(d, i);
                d->dropped++;
        }
        d->at[d->count++] = (struct deferred_action){.action = *a, .since_ms = now_ms};
        return 0;
}

bool deferred_take(struct deferred *d, uint64_t durable, struct deferred_action *ret)
{
        for (unsigned i = 0; i < d->count; i++) {
                const struct action *a = &d->at[i].action;
                if (a->after > durable || is_behind(d, i, a))
                        continue;
                *ret = d->at[i];
                remove_at(d, i);
                return true;
        }
        return false;
}

void deferred_forget_effects(struct deferred *d)
{
        unsigned kept = 0;

        for (unsigned i = 0; i < d->count; i++)
                if (d->at[i].action.type != ACTION_EFFECT)
                        d->at[kept++] = d->at[i];
        d->count = kept;
}
