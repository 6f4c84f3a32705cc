/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watches one mirror and tells the main loop what it sees, as struct observation: when anything but an age or a sync
 * position changes, and every MONITOR_REPORT_MS while an array runs.
 *
 * Two threads for each mirror, both with the same reason: looking may block for as long as sysfs, nbdc or D-Bus do. The
 * second one only asks whether the service runs, so that a slow systemd does not hide a failed leg. Changes of members
 * and of the sync are noticed at once (sysfs poll), all else within MONITOR_LOOK_MS. Only looks, never touches; it
 * reads the constant part of struct mirror alone.
 */
#ifndef HAMON_ACT_MONITOR_H
#define HAMON_ACT_MONITOR_H

#include "hamon/act/mirror.h"
#include "hamon/core/effect.h"
#include "hamon/service_seen.h"

#include <systemd/sd-event.h>

#define MONITOR_LOOK_MS 100
#define MONITOR_REPORT_MS 400 /* so that 500 ms are kept on a busy machine */
#define MONITOR_SERVICE_MS 1000
#define MONITOR_INSTALLED_MS 30000 /* of a service that runs elsewhere: people install and remove units, nothing waits for it */

struct monitor;

typedef void (*monitor_observed)(void *userdata, const struct observation *o, const struct service_seen *service);

int monitor_start(struct mirror *m, sd_event *loop, monitor_observed observed, void *userdata,
                  struct monitor **ret);

/* The latest observation; false when there is none yet. `service` may be NULL. Any thread. */
bool monitor_latest(struct monitor *w, struct observation *ret, struct service_seen *service);

/* Did the last look find an array of somebody else (MD_SOMEBODY_ELSES)? Then none of this mirror runs. Any thread. */
bool monitor_sees_no_array_of_ours(struct monitor *w);

#endif
