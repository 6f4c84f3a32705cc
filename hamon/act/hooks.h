/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hooks of a mirror's service: programs of the configuration at certain moments (docs/CLUSTER.md has the contract). Each is ended after
 * hook-timeout with all that it started. Its outcome is told and stops nothing.
 *
 * Blocks for at most the time-out plus a second. The service's worker only.
 */
#ifndef HAMON_ACT_HOOKS_H
#define HAMON_ACT_HOOKS_H

#include "hamon/act/mirror.h"
#include "hamon/act/trouble.h"

/* Before the service's first step on a node that has become primary; not again while anything of it runs, or since the last hook_post_demote(). */
int hook_pre_promote(struct mirror *m, const char *device, struct trouble *t);

/* After its last step, when it is stopped and unmounted. */
int hook_post_demote(struct mirror *m, struct trouble *t);

int hook_before_resync_target(struct mirror *m, struct trouble *t);

#endif
