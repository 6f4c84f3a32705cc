/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A person's program on the node whose leg is about to be overwritten by a resync: it may keep the old copy, a snapshot for instance.
 *
 * It runs once for each time that the leg falls out of sync, before it is offered for a join (leg_ready in the heartbeat). Not when the record already
 * calls the leg inconsistent: then bytes may have been written, and the old copy is gone. Its outcome changes nothing, and hamon-act ends
 * it after hook-timeout, so a join waits for it and is never refused by it. Nodes only.
 */
#ifndef HAMON_CORE_RESYNC_HOOK_H
#define HAMON_CORE_RESYNC_HOOK_H

#include "hamon/core/pending.h"

struct resync_hook {
        struct pending pending;
        bool ended; /* for this time */
};

void resync_hook_poll(struct core *c, uint8_t mirror, struct actions *out);
void resync_hook_effect_done(struct core *c, uint8_t mirror, const struct event *e);

/* The leg is not to be had yet. */
bool resync_hook_is_due(const struct core *c, uint8_t mirror);

#endif
