/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hamon's API on /run/hamon/control.sock: routes and their answers.
 *
 *     GET  /v1/status                      the snapshot (status_json.c)
 *     GET  /v1/events?since=N              events after number N
 *     GET  /v1/mirrors/NAME/primary        200 while NAME is active here under a valid lease, else 503 ("primary": null: unknown)
 *     POST /v1/mirrors/NAME/create         {"overwrite": bool}     -> 202 {"operation": "N"}
 *     POST /v1/mirrors/NAME/join           {"overwrite": bool}
 *     POST /v1/mirrors/NAME/switchover
 *     POST /v1/mirrors/NAME/start-alone    {"confirm": true}
 *     POST /v1/node/leave
 *     POST /v1/node/confirm-dead           {"node": NAME, "confirm": true}
 *     GET  /v1/operations/N                {"operation", "command", "mirror", "state": "running|done|failed", "reason"}
 *
 * Runs in the HTTP thread (the reason for it: one call serves every ready connection, see DESIGN 4): reads snapshots, posts commands,
 * never waits for the loop. Errors are problem+json with a reason code.
 */
#ifndef HAMON_API_API_H
#define HAMON_API_API_H

#include "hamon/api/event_log.h"
#include "hamon/api/operations.h"
#include "hamon/api/snapshot.h"

#define API_SOCKET "/run/hamon/control.sock"

struct api {
        const struct config *config;
        uint8_t self;
        struct snapshot_box *snapshots;
        struct event_log *events;
        struct operations *operations;
};

struct http_server;

/* `api` must outlive the server. 0 or -errno of http_server_start(). */
int api_start(const struct api *api, const char *socket_path, struct http_server **ret);

#endif
