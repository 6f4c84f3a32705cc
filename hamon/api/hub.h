/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hub of server-sent events: one thread that wakes the followers when something happened, and renders each status once for all of them.
 *
 *     id: LOG:N            event: event     data: one event, as in GET /v1/events
 *                          event: status    data: the status, when something but its ages and counters changed, and every ten seconds
 *     : keep-alive         every 15 s, so that both sides notice a dead connection
 *
 * The loop only writes to an eventfd. Why a thread: rendering and waking must not be the loop's work, and an HTTP thread sleeps in its poll.
 */
#ifndef HAMON_API_HUB_H
#define HAMON_API_HUB_H

#include "hamon/api/api.h"
#include "net/http_server.h"

enum { FOLLOWERS_MAX = 64 };

int hub_new(struct api *api, struct api_hub **ret);
int hub_run(struct api_hub *hub); /* starts its thread: when the servers are there */
void hub_stop(struct api_hub *hub); /* its thread, before the servers stop; NULL is accepted */
void hub_free(struct api_hub *hub); /* after them: they held the followers */

unsigned hub_followers(struct api_hub *hub);

/* The loop: something is there. Never waits. */
void hub_notify(struct api_hub *hub);

/* Makes `resp` a stream of events after `since` (UINT64_MAX: of what comes). -EBUSY: FOLLOWERS_MAX follow already; -ENOMEM. */
int hub_follow(struct api_hub *hub, uint64_t since, struct http_response *resp);

#endif
