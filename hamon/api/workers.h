/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads that wait, so that no HTTP thread does: for the other node, for nbdd, for a file to be durable. A call whose handler returned
 * HTTP_LATER goes here with its `work`; the answer is given when that is done, at most WORK_TIMEOUT_MS later.
 */
#ifndef HAMON_API_WORKERS_H
#define HAMON_API_WORKERS_H

#include "hamon/api/call.h"

enum { WORKERS = 4, WORKS_MAX = 64, WORK_TIMEOUT_MS = 4000 };

int workers_start(struct api *api, struct api_workers **ret);

/* Lets running works finish, answers the waiting ones with 503. NULL is accepted. */
void workers_stop(struct api_workers *w);

/* Takes the work's contents over. `caller`: whom the answer is sealed for. -EBUSY. */
int workers_put(struct api_workers *w, struct api_work *work, struct http_later *later, const struct forward_caller *caller);

#endif
