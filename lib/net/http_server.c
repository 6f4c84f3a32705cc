/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/http_internal.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/tls_internal.h"

static void server_free(struct http_server *server)
{
        free(server->socket_path);
        tls_keys_free(server->keys);
        pthread_mutex_destroy(&server->lock);
        free(server);
}

enum { DAEMON_OPTIONS_MAX = 16 };

/* libmicrohttpd wants a certificate for its whole life, or someone who finds one. No session asks: each has its own keys before its handshake. */
static int find_no_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int authority_count, const gnutls_pk_algorithm_t *algorithms,
                               int algorithm_count, gnutls_pcert_st **certificates, unsigned *certificate_count, gnutls_privkey_t *key)
{
        (void)session, (void)authorities, (void)authority_count, (void)algorithms, (void)algorithm_count, (void)certificates, (void)certificate_count, (void)key;
        return -1;
}

/* A connection holds the keys that it began with; GnuTLS is done with them when it is closed. */
static void on_connection(void *userdata, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode what)
{
        struct http_server *server = userdata;
        if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
                tls_keys_free(*context);
                return;
        }
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        pthread_mutex_lock(&server->lock);
        struct tls_keys *keys = tls_keys_hold(server->keys);
        pthread_mutex_unlock(&server->lock);
        *context = keys;
        if (info && info->tls_session) /* one without keys fails its handshake */
                (void)gnutls_credentials_set(info->tls_session, GNUTLS_CRD_CERTIFICATE, keys->certificates);
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int listen_fd, const struct http_server_options *options)
{
        unsigned idle_s = options->idle_timeout_s ? options->idle_timeout_s : HTTP_IDLE_TIMEOUT_S;
        unsigned connections = options->connections_max ? options->connections_max : HTTP_CONNECTIONS_MAX;
        unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | (options->tls_keys ? MHD_USE_TLS : 0) |
                         (options->threads == HTTP_THREAD_EACH ? MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL
                                                               : MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME);
        struct MHD_OptionItem items[DAEMON_OPTIONS_MAX] = {
            {MHD_OPTION_LISTEN_SOCKET, listen_fd, NULL},
            {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)connections, NULL},
            {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)idle_s, NULL},
            {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)HTTP_CONNECTION_MEMORY, NULL},
            {MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)options->connections_per_address, NULL}, /* 0: no limit */
        };
        size_t n = 5;
        if (options->tls_keys) {
                items[n++] = (struct MHD_OptionItem){MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, server};
                items[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(intptr_t)find_no_certificate};
                items[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)HTTP_TLS_PRIORITIES};
        }
        items[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
        sigset_t all, before;

        /* Its threads inherit the mask: a signal for the program must not end up in a handler. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        struct MHD_Daemon *daemon = MHD_start_daemon(flags, 0, NULL, NULL, http_on_request, server, MHD_OPTION_NOTIFY_COMPLETED,
                                                     http_on_completed, NULL, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return daemon;
}

int http_server_start(const struct http_server_options *options, struct http_server **ret)
{
        int fd = options->listen_fd;
        struct http_server *server = calloc(1, sizeof *server);

        if (!server)
                return -ENOMEM;
        pthread_mutex_init(&server->lock, NULL);
        server->tls = options->tls_keys != NULL;
        server->keys = tls_keys_hold(options->tls_keys);
        server->handler = options->handler;
        server->userdata = options->userdata;
        if (options->socket_path) {
                server->socket_path = strdup(options->socket_path);
                int r = server->socket_path ? unix_listen(options->socket_path, options->socket_mode, (int)HTTP_CONNECTIONS_MAX, &fd)
                                            : -ENOMEM;
                if (r < 0) {
                        server_free(server);
                        return r;
                }
                server->socket_file = unix_file_of(options->socket_path);
        }
        server->daemon = start_daemon(server, fd, options);
        if (!server->daemon) {
                if (server->socket_path)
                        unix_file_remove(server->socket_path, &server->socket_file);
                close(fd);
                server_free(server);
                return -ENOMEM;
        }
        *ret = server;
        return 0;
}

void http_server_rekey(struct http_server *server, struct tls_keys *keys)
{
        pthread_mutex_lock(&server->lock);
        struct tls_keys *former = server->keys;
        server->keys = tls_keys_hold(keys);
        pthread_mutex_unlock(&server->lock);
        tls_keys_free(former);
}

void http_server_stop(struct http_server *server)
{
        if (!server)
                return;
        if (server->socket_path)
                unix_file_remove(server->socket_path, &server->socket_file);
        http_streams_stop(server);
        MHD_stop_daemon(server->daemon);
        server_free(server);
}
