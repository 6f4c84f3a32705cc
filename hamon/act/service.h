/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The service of a mirror: its mount and its units, started in order and stopped in reverse. Addresses are address.h's; a stop takes them away in its middle.
 *
 * Blocks for as long as units take: the mirror's worker only; service_look() also from its monitor.
 */
#ifndef HAMON_ACT_SERVICE_H
#define HAMON_ACT_SERVICE_H

#include "hamon/act/trouble.h"
#include "hamon/config.h"
#include "hamon/service_seen.h"

struct mount_errors;
struct sd_bus;

/* Mounts `device` and starts the units. What runs already is left as it is, unless `again`: then the units are stopped first. So is all of it when
 * its file system has turned read-only, which is then mounted anew. -EADDRINUSE: all of that, and another machine has an address. */
int service_start(const struct config_service *s, const char *device, bool again, struct trouble *t);

/* Stops the units in reverse, kills those that do not end in time, drops the addresses, and unmounts; -EBUSY says who holds it. 0 only when nothing of `device` is mounted there any more. */
int service_stop(const struct config_service *s, const char *device, struct trouble *t);

/* 1: mounted and every unit active; 0: not so; -errno: it could not be found out, which says nothing about the service. *seen, all zero before
 * the first look, has the details of the last one; its health is not touched.
 * `bus`: as for units_look(); `errors`: as for mount_look_closely(). */
int service_look(struct sd_bus **bus, struct mount_errors *errors, const struct config_service *s, const char *device, struct service_seen *seen);

/* Where the service does not run: whether its units could be started there. Of what could not be found out nothing is said. */
int service_look_installed(struct sd_bus **bus, const struct config_service *s, struct service_seen *seen);

#endif
