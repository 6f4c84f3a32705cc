/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hamon-act's socket: one client at a time, root or user hamon, one JSON object a packet. Hands commands to the workers
 * (or performs them at once), sends answers and observations back.
 *
 * A second client is told that somebody is there and closed. When the client leaves, effects that have not begun are
 * dropped and nothing else happens: what runs on the machine is never touched because hamon is away. Main loop only.
 */
#ifndef HAMON_ACT_SERVER_H
#define HAMON_ACT_SERVER_H

#include "hamon/act/mirror.h"

#include <systemd/sd-event.h>

struct server;

struct server_options {
        const char *socket_path;
        const struct config *config;
        struct mirror *mirrors; /* config->mirrors of them */
        bool (*outdated)(void); /* is the file another one than `config` was read from, and can it be used? */
};

enum { SERVER_RENEW = 1 }; /* what sd_event_loop() returns when hamon-act shall begin anew with another configuration */

/*
 * Looks for another configuration whenever hamon connects: a hamon that begins anew with one brings its hamon-act along. Between two effects only: one
 * that has begun is finished before.
 *
 * Listens and starts the threads of every mirror. 0 or -errno. Lives as long as the process. */
int server_start(sd_event *loop, const struct server_options *options, struct server **ret);

/* Removes the socket's file. */
void server_end(struct server *s);

#endif
