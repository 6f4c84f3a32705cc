/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small HTTP/JSON server on an AF_UNIX socket, over libmicrohttpd.
 *
 * It owns the listening socket, its thread and the limits on what a client may send; the handler sees whole requests with decoded JSON.
 * Bodies that are too large, not JSON, or have a key twice are answered here (413, 400) and never reach the handler.
 *
 * Threads: HTTP_ONE_THREAD runs all handlers in one thread of its own, so that a handler must never wait (hamon: read a snapshot, post a
 * command). HTTP_THREAD_EACH gives each connection a thread, so that a handler may wait for a drain while others are served (nbdd). In
 * both cases the handler runs outside the caller's thread, and these threads take no signals. A slow client holds a connection,
 * never another client.
 */
#ifndef NBDD_NET_HTTP_SERVER_H
#define NBDD_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <jansson.h>

#define HTTP_BODY_MAX (64u << 10)         /* bytes of a request's body */
#define HTTP_CONNECTIONS_MAX 64u          /* at the same time */
#define HTTP_IDLE_TIMEOUT_S 15u           /* a connection on which nothing moves is closed after this */
#define HTTP_CONNECTION_MEMORY (32u << 10) /* request line and headers, and buffers, of one connection */
#define HTTP_RESPONSE_HEADERS_MAX 4

struct http_server;

struct http_peer {
        bool known; /* SO_PEERCRED: a client on AF_UNIX */
        pid_t pid;
        uid_t uid;
        gid_t gid;
};

/* Valid during the handler's call only. */
struct http_request {
        const char *method; /* "GET" (also for HEAD), "POST", "PUT", "PATCH", "DELETE", ... */
        const char *path;   /* decoded, without the query */
        const json_t *body; /* an object or array; NULL when none was sent */
        struct http_peer peer;
        void *connection; /* of libmicrohttpd, for the two functions below */
};

/* A value of the query ("?name=value", decoded) or of a header; NULL when absent. "" for a name without "=". */
const char *http_request_query(const struct http_request *req, const char *name);
const char *http_request_header(const struct http_request *req, const char *name);

/* Zeroed before the handler's call; what is in it afterwards belongs to the server. */
struct http_response {
        unsigned status;          /* 0 becomes 200 */
        json_t *json;             /* the body; or */
        char *text;               /* the body, malloc'ed; or neither: no body */
        const char *content_type; /* static text. NULL: application/json, application/problem+json from status 400 on, text/plain */
        struct {
                const char *name; /* static text */
                char value[128];
        } headers[HTTP_RESPONSE_HEADERS_MAX]; /* in use up to the first without name */
};

/* Fills in a problem (problem.h). Returns 0, so that a handler can end with it. */
int http_response_problem(struct http_response *resp, unsigned status, const char *code, const char *title, const char *detail,
                          const char *next);

/* 0, or a negative errno, which is answered as 500. */
typedef int http_handler(void *userdata, const struct http_request *req, struct http_response *resp);

enum http_threads { HTTP_ONE_THREAD, HTTP_THREAD_EACH };

struct http_server_options {
        const char *socket_path; /* NULL: listen_fd is used instead */
        mode_t socket_mode;      /* 0600 or 0660 */
        int listen_fd;           /* a listening stream socket, owned by the server from then on; for socket_path NULL */
        enum http_threads threads;
        unsigned idle_timeout_s; /* 0: HTTP_IDLE_TIMEOUT_S */
        http_handler *handler;
        void *userdata;
};

/*
 * Listens and serves. A socket file that nobody answers on is replaced; -EADDRINUSE when somebody does, -EEXIST when the path is something
 * other than a socket, -ENAMETOOLONG, or what socket, bind or listen said.
 */
int http_server_start(const struct http_server_options *options, struct http_server **ret);

/* Removes the socket file, lets running handlers finish (it waits for them), closes every connection. NULL is accepted. */
void http_server_stop(struct http_server *server);

#endif
