/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The health check of a mirror's service: runs the configured program while the service runs, and counts failures in a row.
 *
 * One thread for each service that has a check. It looks only while `running` says that the service is up, first one interval after it came up,
 * and never while it is being started or stopped (health_hold() to health_let()); what a check that began before said does not count then. A check
 * that does not end in time has failed. It decides nothing: hamon does.
 */
#ifndef HAMON_ACT_HEALTH_H
#define HAMON_ACT_HEALTH_H

#include "hamon/act/mirror.h"
#include "hamon/service_seen.h"

#include <stdatomic.h>

struct health;

/* NULL in *ret when the service has no check. */
int health_start(const struct mirror *m, const atomic_bool *running, struct health **ret);

/* Any thread; `h` may be NULL. */
void health_hold(struct health *h);
void health_let(struct health *h); /* from here on all counts anew */
void health_look(struct health *h, struct health_seen *ret);

#endif
