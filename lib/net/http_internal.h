/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the HTTP server share (http_server.c, http_exchange.c, http_stream.c); nobody else includes it. */
#ifndef NBDD_NET_HTTP_INTERNAL_H
#define NBDD_NET_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>

#include "net/http_server.h"
#include "net/unix_listen.h"

struct http_stream;

struct http_server {
        struct MHD_Daemon *daemon;
        http_handler *handler;
        void *userdata;
        char *socket_path;
        struct unix_file socket_file;
        bool tls;

        pthread_mutex_t lock; /* guards the keys, and the connections that sleep: streams, and exchanges whose answer comes later */
        struct tls_keys *keys; /* for the next connection */
        bool stopping;
        struct http_stream *streams;
};

/* One request while it arrives, and while its answer is awaited. */
struct http_later {
        struct http_server *server;
        struct MHD_Connection *connection;
        char *body;
        size_t body_size, body_room;
        size_t discarded;
        bool asked, suspended, answered; /* an answer that comes later; guarded by the server's lock */
        struct http_response response;
};

/* http_exchange.c: the callbacks of libmicrohttpd. */
enum MHD_Result http_on_request(void *userdata, struct MHD_Connection *connection, const char *path, const char *method,
                                const char *version, const char *upload_data, size_t *upload_data_size, void **state);
void http_on_completed(void *userdata, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why);

/* http_stream.c: a response that reads from resp->stream; takes the stream over. NULL: no memory. */
struct MHD_Response *http_stream_response(struct http_server *server, struct MHD_Connection *connection, struct http_response *resp);

/* Every stream ends with its next read, and sleeps no more. */
void http_streams_stop(struct http_server *server);

#endif
