/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clients of the 0.2 protocol, a thread for each. See classic.h. */
#include "nbdd/classic.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/id.h"
#include "base/log.h"
#include "nbdd/list.h"
#include "nbdd/listen.h"
#include "net/classic_relay.h"
#include "net/whole_io.h"

struct client {
        struct list link;
        struct classic *classic;
        pthread_t thread;
        int fd;
        atomic_bool done; /* the thread has nothing left to do: join it */
        char address[LISTEN_ADDRESS_SIZE];
};

struct classic {
        const char *secrets_path;
        classic_connect *connect;
        void *userdata;
        struct list clients; /* main thread only */
        unsigned client_count;
};

/* The export behind `fd`, ready for requests, or a denial. */
static int open_session(const struct classic_peer *peer, const struct classic_transcript *t, int fd, struct nbd_export_info *ret)
{
        char reason[512], id[EXPORT_ID_TEXT_SIZE];
        int r = classic_attach(fd, t->id, peer->deadline_ns, ret, reason, sizeof reason);

        export_id_format(t->id, id);
        if (r == 0 && ret->size_bytes > CLASSIC_SIZE_MAX) {
                log_warning("classic client %s denied: export %s has %llu bytes, and 0.2 addresses only the first 4 GiB", peer->address, id,
                            (unsigned long long)ret->size_bytes);
                classic_deny_peer(peer, CLASSIC_DENIED_SIZE);
                return -EFBIG;
        }
        if (r < 0) {
                log_warning("classic client %s denied: export %s: %s", peer->address, id, reason);
                classic_deny_peer(peer, CLASSIC_DENIED_UNAVAILABLE);
        }
        return r;
}

static void relay(const struct classic_peer *peer, uint64_t id, int server_fd, const struct nbd_export_info *info)
{
        const struct classic_relay relay = {
            .direction = CLASSIC_TO_NBD,
            .request_fd = peer->fd,
            .server_fd = server_fd,
            .size_bytes = info->size_bytes,
            .read_only = info->transmission_flags & NBD_TFLAG_READ_ONLY,
            .fua = info->transmission_flags & NBD_TFLAG_SEND_FUA,
        };
        const char *why;
        char id_text[EXPORT_ID_TEXT_SIZE];
        int r;

        export_id_format(id, id_text);
        log_info("classic client %s attached to %s, neither encrypted nor authenticated from here on", peer->address, id_text);
        r = classic_relay_run(&relay, &why);
        log_info("classic client %s left %s%s%s", peer->address, id_text, r < 0 ? ": " : "", r < 0 ? (why ? why : strerror(-r)) : "");
}

static void attach_and_relay(struct client *c, const struct classic_peer *peer, const struct classic_transcript *t,
                             const struct classic_secret *secret)
{
        struct nbd_export_info info;
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
                log_warning("classic client %s denied: no socket pair: %s", peer->address, strerror(errno));
                classic_deny_peer(peer, CLASSIC_DENIED_BUSY);
                return;
        }
        if (!c->classic->connect(c->classic->userdata, pair[1], peer->address))
                classic_deny_peer(peer, CLASSIC_DENIED_BUSY);
        else if (open_session(peer, t, pair[0], &info) == 0 &&
                 classic_accept_peer(peer, t, secret, info.transmission_flags & NBD_TFLAG_READ_ONLY ? CLASSIC_FLAG_READ_ONLY : 0,
                                     info.size_bytes) == 0)
                relay(peer, t->id, pair[0], &info);
        (void)close(pair[0]);
}

static void *client_main(void *userdata)
{
        struct client *c = userdata;
        struct classic_transcript t;
        struct classic_secret secret;
        const struct classic_peer peer = {
            .fd = c->fd, .address = c->address, .deadline_ns = whole_io_deadline(CLASSIC_HANDSHAKE_MS)};

        if (classic_identify_peer(&peer, c->classic->secrets_path, &t, &secret) == 0)
                attach_and_relay(c, &peer, &t, &secret);
        explicit_bzero(&secret, sizeof secret);
        (void)shutdown(c->fd, SHUT_RDWR); /* closed by the main thread, which may still look at it */
        atomic_store(&c->done, true);
        return NULL;
}

static void reap(struct classic *c, bool all)
{
        for (struct list *i = c->clients.next, *next; i != &c->clients; i = next) {
                struct client *client = list_entry(i, struct client, link);
                next = i->next;
                if (all)
                        (void)shutdown(client->fd, SHUT_RDWR);
                if (!all && !atomic_load(&client->done))
                        continue;
                (void)pthread_join(client->thread, NULL);
                (void)close(client->fd);
                list_remove(&client->link);
                free(client);
                c->client_count--;
        }
}

int classic_new(const char *secrets_path, classic_connect *connect, void *userdata, struct classic **ret)
{
        struct classic *c = calloc(1, sizeof *c);

        if (!c)
                return -ENOMEM;
        *c = (struct classic){.secrets_path = secrets_path, .connect = connect, .userdata = userdata};
        list_init(&c->clients);
        *ret = c;
        return 0;
}

void classic_take(struct classic *c, int fd, const char *address)
{
        struct client *client = NULL;
        int r;

        reap(c, false);
        if (c->client_count == CLASSIC_SESSIONS_MAX) {
                log_warning("classic client %s refused: %u are connected", address, CLASSIC_SESSIONS_MAX);
                (void)close(fd);
                return;
        }
        client = calloc(1, sizeof *client);
        if (client) {
                client->classic = c;
                client->fd = fd;
                (void)snprintf(client->address, sizeof client->address, "%s", address);
        }
        r = client ? pthread_create(&client->thread, NULL, client_main, client) : ENOMEM;
        if (r != 0) {
                log_warning("classic client %s refused: %s", address, strerror(r));
                (void)close(fd);
                free(client);
                return;
        }
        list_append(&c->clients, &client->link);
        c->client_count++;
}

void classic_free(struct classic *c)
{
        if (!c)
                return;
        reap(c, true);
        free(c);
}
