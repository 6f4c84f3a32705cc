/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service of a mirror as hamon-act sees it on this node: its units with their exit status, and its health check. For status and services. */
#ifndef HAMON_API_SERVICE_JSON_H
#define HAMON_API_SERVICE_JSON_H

#include "hamon/api/snapshot.h"

/* null: the mirror has no service. Where nothing is known (no hamon-act) the members are null. */
json_t *service_json(const struct snapshot *s, unsigned mirror);

#endif
