/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The watchdog device of this node (Documentation/watchdog/watchdog-api.rst of the kernel): open means armed.
 *
 * One for the whole process. Armed before a promotion, by a worker; fed, starved or disarmed by the loop as self_guard.h says. A process that
 * dies leaves it armed, and the next one goes on feeding it. Any thread. What the loop says is done by a thread of its own: a driver may wait for its hardware
 * in each call (ipmi_watchdog does), and the loop renews addresses meanwhile. It is done once for each time that it is said, so that a loop that stands
 * still feeds nothing.
 */
#ifndef HAMON_ACT_WATCHDOG_H
#define HAMON_ACT_WATCHDOG_H

#include "hamon/act/self_guard.h"
#include "hamon/act/trouble.h"

/* `path` "" or NULL: there is none, and everything below is success and does nothing. Before any thread starts; keeps a copy. */
void watchdog_use(const char *path);

/* Opens and sets it, or feeds it when it is open. -errno with a sentence when the device is not to be had. */
int watchdog_arm(struct trouble *t);

/* Fills in the two fields of `ret` that are the watchdog's. Waits for no device. */
void watchdog_look(struct self_view *ret);

/* What self_guard_watchdog() has said. Waits for no device: the last word counts, and none from before it was armed anew. */
void watchdog_do(enum watchdog_deed deed);

/* The process ends, and no array runs: disarms it, and waits for that. */
void watchdog_end(void);

/* The process ends in order: the next one has WATCHDOG_HANDOVER_S to come. */
void watchdog_hand_over(void);

#endif
