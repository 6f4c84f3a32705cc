/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a reason means for the data and for who uses it, in a sentence or two, for the page, /status and the API. Constant; any thread. */
#ifndef HAMON_API_WHY_H
#define HAMON_API_WHY_H

#include "hamon/core/reasons.h"

const char *reason_why(enum reason r); /* "" where the reason's own sentence says it */

#endif
