/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Could this machine live with that configuration? Its devices, interfaces, exports, its file, and what runs now. Looks, changes nothing. May wait for
 * nbdd: a worker's. What only several machines together can tell (MTU, clocks, sizes of disks) is compared by config_apply.c from `facts`.
 */
#ifndef HAMON_API_CONFIG_LOCAL_H
#define HAMON_API_CONFIG_LOCAL_H

#include "hamon/api/api.h"

/* "error": cannot be; "warning": only when a person accepts it; "info". `what` and `next` are sentences. */
void config_finding(json_t *findings, const char *node, const char *severity, const char *code, const char *next, const char *format, ...)
        __attribute__((format(printf, 6, 7)));

/* The code of "error": the array of a mirror that the new configuration does not have runs, or its peer's leg is attached. */
#define CONFIG_MIRROR_RUNS "mirror-runs"

/* Adds what is found to `findings`. Returns {"wall_ms", "mtu": {ADDRESS: BYTES}, "devices": {MIRROR: BYTES}}. */
json_t *config_local_look(const struct api *a, const struct config *next, json_t *findings);

/* Adds what a change of configuration means, one by one: {"effect", "what"}. */
void config_local_changes(const struct config *before, const struct config *after, json_t *changes);

#endif
