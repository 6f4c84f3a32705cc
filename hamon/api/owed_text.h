/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much the copy of the other leg lacked when its active node was last asked: for a person who is about to make that copy the data. */
#ifndef HAMON_API_OWED_TEXT_H
#define HAMON_API_OWED_TEXT_H

#include "hamon/api/api.h"

enum { OWED_TEXT_SIZE = 160 };

/* By the last answer of `node`, however old, that this start of hamon has had: "up to 24.0 MiB when ..., and what came after that", or "unknown". Any thread. */
void owed_text(const struct api *a, const char *mirror, uint8_t node, int64_t wall_ms, char ret[OWED_TEXT_SIZE]);

#endif
