/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hamon's API: what it shares with the loop. What can be asked is docs/openapi.yaml; the table of routes is routes.c.
 *
 * Its threads (HTTP: one call serves every ready connection, see DESIGN 4; hub: followers; workers and views: the other machines) read
 * immutable snapshots and post commands; none of them ever makes the loop wait, and the loop never waits for one of them.
 */
#ifndef HAMON_API_API_H
#define HAMON_API_API_H

#include "hamon/api/event_log.h"
#include "hamon/api/operations.h"
#include "hamon/api/snapshot.h"

#define API_SOCKET "/run/hamon/control.sock"
#define API_NBDD_SOCKET "/run/nbdd/control.sock"

struct api_hub;
struct config_keep;
struct api_workers;
struct api_views;
struct event_writer;
struct inviter;
struct notifier;
struct forward;
struct idempotency;
struct rate;
struct served_certificate;
struct tokens;
struct verifier;
struct http_server;

struct api {
        const struct config *config;
        uint8_t self;
        struct snapshot_box *snapshots;
        struct event_log *events;
        struct event_writer *event_writer;
        struct operations *operations;
        char config_hash[CONFIG_HASH_SIZE];
        struct config_keep *configs;

        /* From api_start() on. */
        const char *nbdd_socket;
        struct http_server *on_socket, *on_peer[CONFIG_LINKS_MAX], *on_tcp[CONFIG_API_LISTENS_MAX];
        struct served_certificate *certificate; /* of the TCP servers; NULL: there are none */
        struct api_hub *hub;
        struct api_workers *workers;
        struct api_views *views;
        struct forward *forward;
        struct idempotency *idempotency;
        struct rate *rate;
        struct tokens *tokens;
        struct inviter *inviter;
        struct notifier *notifier; /* NULL: there is no [notify] */
        struct verifier *verifier; /* NULL: on the witness, and before api_start() */
};

struct api_options {
        const char *socket_path;
        const char *nbdd_socket;
        const char *act_socket; /* of hamon-act; NULL on the witness */
        const char *state_directory; /* of the tokens, and of the results of verifies */
        uint64_t start; /* random, of this start of hamon */
};

/* `api` must outlive it. 0, or -errno with one sentence in `error`; a sentence with 0 says what of it, on TCP, is not there. */
int api_start(struct api *api, const struct api_options *options, char *error, size_t error_size);
void api_stop(struct api *api); /* also one that was never started */

/* Loop: other keys of the cluster from now on, see forward_rekey(). 0 or -EIO. */
int api_rekey(const struct api *a, const uint8_t key[SEAL_KEY_BYTES], const uint8_t *also);

/* Loop: the certificate is read anew, see certificate_served.h. Never waits. */
void api_reload(const struct api *api);

/* Loop: a new snapshot or event is there. Never waits. */
void api_notify(const struct api *api);

#endif
