/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether the units of a mirror's service could be started on the node that it would move to, as the hamon-act of that node sees it: asked before a person moves it.
 * Where that is not known, or too old, nothing stands in the way: who is active is never decided by it.
 */
#ifndef HAMON_API_UNITS_THERE_H
#define HAMON_API_UNITS_THERE_H

#include "hamon/api/api.h"

#include <stdbool.h>
#include <stddef.h>

struct snapshot;

/* The first unit of this mirror's service, and of those that move with it, that cannot be started on `node`, in *ret_unit; false: none is known to be so. Any thread. */
bool units_there_miss(const struct api *a, const struct snapshot *s, unsigned mirror, uint8_t node, char *ret_unit, size_t size);

#endif
