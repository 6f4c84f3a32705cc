/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration as JSON, and the hash of its meaning. Pure. Any thread. */
#ifndef HAMON_API_CONFIG_JSON_H
#define HAMON_API_CONFIG_JSON_H

#include "hamon/api/snapshot.h"

/* NULL: out of memory. */
json_t *config_json(const struct config *c);

/* 16 hex digits, the same on every node whose configuration means the same. 0 or -ENOMEM. */
int config_hash(const struct config *c, char ret[CONFIG_HASH_SIZE]);

#endif
