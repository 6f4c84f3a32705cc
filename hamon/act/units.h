/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd over D-Bus: start, stop, kill and look at units, and mounts as transient units (a mount(2) of our own would
 * be invisible to others behind our sandbox).
 *
 * Each call that changes something opens a connection, waits for the end of its job and closes: it may block for `timeout_ms`, so never from
 * the main loop. Any other thread. Who looks each second keeps its connection.
 */
#ifndef HAMON_ACT_UNITS_H
#define HAMON_ACT_UNITS_H

#include "hamon/act/trouble.h"
#include "hamon/service_seen.h"

#include <stdbool.h>
#include <stddef.h>

#define UNIT_NAME_SIZE 512

struct sd_bus;

/* Starts a unit, whatever failed before, and waits until it is up. -EIO: its job failed; -ETIMEDOUT; -ENOENT: there is
 * no such unit. */
int units_start(const char *unit, unsigned timeout_ms, struct trouble *t);

/* Stops a unit and waits until it is down; one that is not loaded is success. */
int units_stop(const char *unit, unsigned timeout_ms, struct trouble *t);

enum units_whom { UNITS_ALL, UNITS_MAIN };

/* Sends a signal to every process of a unit, or to its main one; one without processes is success. */
int units_kill(const char *unit, enum units_whom whom, int signal_number, struct trouble *t);

/* How it is: "inactive" and nothing else for one that is not loaded. Only ActiveState is asked for while it is "active" and *ret says so already. */
int units_look(struct sd_bus **bus, const char *unit, struct unit_seen *ret, struct trouble *t);

/* Whether it could be started at all: ret->load, and nothing else. What was installed or removed meanwhile is seen. */
int units_look_installed(struct sd_bus **bus, const char *unit, struct unit_seen *ret, struct trouble *t);

/* *bus is NULL before the first look, and after one that failed; one thread's. */
void units_look_end(struct sd_bus **bus);

/* Mounts by a transient unit "ESCAPED-WHERE.mount". The caller looks first whether something is mounted there. */
int units_mount(const char *where, const char *what, const char *type, const char *options, unsigned timeout_ms,
                struct trouble *t);
int units_unmount(const char *where, unsigned timeout_ms, struct trouble *t);

/* "/srv/data" to "srv-data.mount" as systemd-escape(1) does it. */
void units_mount_name(const char *where, char ret[UNIT_NAME_SIZE]);

#endif
