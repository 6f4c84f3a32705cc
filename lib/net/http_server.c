/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/http_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void server_free(struct http_server *server)
{
        free(server->socket_path);
        pthread_mutex_destroy(&server->lock);
        free(server);
}

enum { DAEMON_OPTIONS_MAX = 16 };

static struct MHD_Daemon *start_daemon(struct http_server *server, int listen_fd, const struct http_server_options *options)
{
        unsigned idle_s = options->idle_timeout_s ? options->idle_timeout_s : HTTP_IDLE_TIMEOUT_S;
        unsigned connections = options->connections_max ? options->connections_max : HTTP_CONNECTIONS_MAX;
        unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | (options->tls_certificate ? MHD_USE_TLS : 0) |
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
        if (options->tls_certificate) {
                items[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)options->tls_certificate};
                items[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)options->tls_key};
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
        server->tls = options->tls_certificate != NULL;
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
