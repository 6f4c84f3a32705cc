/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection to hamon-act: a seqpacket socket with one JSON object a packet, made again whenever it is lost.
 *
 * Says when it is there and when it is gone (then the outcome of every open effect is unknown), hands answers and observations on, and
 * never waits: packets that the socket does not take are queued up to ACT_QUEUE_MAX, past that the connection is given up.
 * One that leaves an effect "at once" unanswered for ACT_DEAF_MS hangs: it counts as gone, and as back when it says something (a socket can
 * be connected to while nobody serves it). Without that a primary would keep its lease and have no address.
 * Runs in the loop's thread. Called by hamon/driver.
 */
#ifndef HAMON_DRIVER_ACT_CLIENT_H
#define HAMON_DRIVER_ACT_CLIENT_H

#include "hamon/driver/act_codec.h"

#include <systemd/sd-event.h>

enum { ACT_QUEUE_MAX = 128, ACT_RETRY_MS = 500, ACT_DEAF_MS = 3000 };

struct act_client;

struct act_handler {
        void (*ready)(void *userdata);
        void (*lost)(void *userdata, int error);
        void (*packet)(void *userdata, const struct act_packet *packet);
        void (*bad_packet)(void *userdata, const char *text, size_t size_bytes); /* it is ignored */
        void *userdata;
};

/* Connects from the loop's first turn on. 0 or -errno. */
int act_client_new(sd_event *loop, const struct config *config, const char *socket_path, const struct act_handler *handler,
                   struct act_client **ret);
void act_client_free(struct act_client *a);

bool act_client_is_ready(const struct act_client *a);
int act_client_error(const struct act_client *a); /* why it is not: negative errno */

/* Without a connection the effect is dropped: `lost` has told, and `ready` will start afresh. */
void act_client_send(struct act_client *a, const struct effect *e);

#endif
