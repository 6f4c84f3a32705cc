/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The notifier: tells people of events, by the channels of [notify].
 *
 * A thread for each channel. Why threads: a program may run for half a minute and a web server may not answer, and neither the loop, nor the
 * other channel, nor a reader of events may wait for it. Each reads the event log by number, as a follower does; its queue is bounded
 * (notify_queue.h). Up to where everything was told is kept in the state directory, so that what happened just before hamon ended (a node
 * that was deposed and rebooted) is told by its next start, unless it is older than NOTIFY_AGE_MAX_MS. A notice may come twice, after a
 * crash between telling and keeping that.
 */
#ifndef HAMON_API_NOTIFY_H
#define HAMON_API_NOTIFY_H

#include "hamon/api/api.h"

enum { NOTIFY_AGE_MAX_MS = 3600000, NOTIFY_ALARM_TRIES = 3 /* failures in a row before an event says so */ };

struct notifier;

/* *ret stays NULL when the configuration names no channel. 0 or -errno. */
int notifier_start(const struct api *a, const char *state_directory, struct notifier **ret);

/* After event_log_stop(). NULL is accepted. */
void notifier_stop(struct notifier *n);

#endif
