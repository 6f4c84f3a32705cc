/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One machine's steps of a change of the configuration: look, prepare, commit, discard, and what becomes of one that waits. The machine that was asked for
 * the change takes them in order on all (config_apply.c); by `POST /v1/config/step` each takes them for another hamon, and for nobody else.
 */
#ifndef HAMON_API_CONFIG_STEP_H
#define HAMON_API_CONFIG_STEP_H

#include "hamon/api/api.h"
#include "hamon/api/config_keep.h"

/* A text as a configuration, and its hash. False: why not is in `findings`, as of machine `node`. */
bool config_step_read(const char *text, const char *node, json_t *findings, struct config *ret, char ret_hash[CONFIG_HASH_SIZE]);

/* {"node", "version", "hash", "waits": version or null, "facts", "findings"}. NULL: out of memory. */
json_t *config_step_check(const struct api *a, const char *text);

/* 0 or -errno. */
int config_step_prepare(const struct api *a, const struct config_next *next, bool displace);

/* Views' thread, each second: takes part in what others have decided meanwhile. */
void config_step_follow(const struct api *a);

#endif
