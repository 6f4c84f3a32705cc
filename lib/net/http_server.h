/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small HTTP/JSON server on an AF_UNIX or TCP socket, with TLS where that is wanted, over libmicrohttpd.
 *
 * It owns the listening socket, its thread and the limits on what a client may send; the handler sees whole requests with decoded JSON.
 * Bodies that are too large, not JSON, or have a key twice are answered here (413, 400) and never reach the handler.
 *
 * Threads: HTTP_ONE_THREAD runs all handlers in one thread of its own, so that a handler must never wait (hamon: read a snapshot, post a
 * command). HTTP_THREAD_EACH gives each connection a thread, so that a handler may wait for a drain while others are served (nbdd). In
 * both cases the handler runs outside the caller's thread, and these threads take no signals. A slow client holds a connection,
 * never another client.
 *
 * With HTTP_ONE_THREAD a handler that needs an answer from elsewhere keeps http_request_later() and returns HTTP_LATER: any thread gives the
 * answer, once, with http_later_answer(). An answer without an end (server-sent events) has `stream`.
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
#define HTTP_RESPONSE_HEADERS_MAX 12
#define HTTP_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define HTTP_LATER 1 /* a handler's result: the answer comes by http_later_answer() */

struct http_server;
struct tls_keys;

struct http_peer {
        bool known; /* SO_PEERCRED: a client on AF_UNIX */
        pid_t pid;
        uid_t uid;
        gid_t gid;
        char address[46]; /* of a client on TCP, without the port; else "" */
};

struct http_later;

/* Valid during the handler's call only. */
struct http_request {
        const char *method; /* "GET" (also for HEAD), "POST", "PUT", "PATCH", "DELETE", ... */
        const char *path;   /* decoded, without the query */
        const json_t *body; /* an object or array; NULL when none was sent */
        const char *raw;    /* the body as it came */
        size_t raw_size;
        bool is_head, tls;
        struct http_peer peer;
        void *connection; /* of libmicrohttpd, for the two functions below */
        struct http_later *later;
};

/* A value of the query ("?name=value", decoded) or of a header; NULL when absent. "" for a name without "=". */
const char *http_request_query(const struct http_request *req, const char *name);
const char *http_request_header(const struct http_request *req, const char *name);

/* Bytes into `to`, 0 for nothing now (asked again after http_server_wake()), negative at the end. Called in the server's thread; must not wait. */
typedef ssize_t http_stream_read(void *userdata, char *to, size_t size);

/* Zeroed before the handler's call; what is in it afterwards belongs to the server. */
struct http_response {
        unsigned status;          /* 0 becomes 200 */
        json_t *json;             /* the body; or */
        char *text;               /* the body, malloc'ed; or neither: no body */
        const void *bytes;        /* or bytes that stay for the program's life */
        size_t bytes_size;
        http_stream_read *stream; /* or a stream, with what releases its userdata */
        void (*stream_release)(void *userdata);
        void *stream_userdata;
        const char *cache_control; /* static text; NULL: no-store */
        const char *content_type; /* static text. NULL: application/json, application/problem+json from status 400 on, text/plain */
        struct {
                const char *name; /* static text */
                char value[256];
        } headers[HTTP_RESPONSE_HEADERS_MAX]; /* in use up to the first without name */
};

/* Fills in a problem (problem.h). Returns 0, so that a handler can end with it. */
int http_response_problem(struct http_response *resp, unsigned status, const char *code, const char *title, const char *detail,
                          const char *next);

/* Adds a header; what does not fit is cut. `name` static. */
void http_response_header(struct http_response *resp, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Frees what is in it; what the server took is gone already. */
void http_response_release(struct http_response *resp);

/* The exchange whose answer comes later, for a handler that then returns HTTP_LATER. Its request's raw body stays until the answer. */
struct http_later *http_request_later(const struct http_request *req);

/* Any thread, once for each; takes what is in `resp`. Must have happened for all before http_server_stop(). */
void http_later_answer(struct http_later *later, struct http_response *resp);

/* 0, HTTP_LATER, or a negative errno, which is answered as 500. */
typedef int http_handler(void *userdata, const struct http_request *req, struct http_response *resp);

enum http_threads { HTTP_ONE_THREAD, HTTP_THREAD_EACH };

struct http_server_options {
        const char *socket_path; /* NULL: listen_fd is used instead */
        mode_t socket_mode;      /* 0600 or 0660 */
        int listen_fd;           /* a listening stream socket, owned by the server from then on; for socket_path NULL */
        enum http_threads threads;
        unsigned idle_timeout_s; /* 0: HTTP_IDLE_TIMEOUT_S */
        unsigned connections_max, connections_per_address; /* 0: HTTP_CONNECTIONS_MAX, no limit */
        struct tls_keys *tls_keys; /* of side TLS_WEB (tls_keys.h), held by the server; NULL: plain */
        http_handler *handler;
        void *userdata;
};

/*
 * Listens and serves. A socket file that nobody answers on is replaced; -EADDRINUSE when somebody does, -EEXIST when the path is something
 * other than a socket, -ENAMETOOLONG, or what socket, bind or listen said.
 */
int http_server_start(const struct http_server_options *options, struct http_server **ret);

/* Connections that come from now on see this certificate; those that are there keep theirs. Only of a server that has one. Any thread. */
void http_server_rekey(struct http_server *server, struct tls_keys *keys);

/* Every stream that had nothing to say is read again. Any thread. */
void http_server_wake(struct http_server *server);

/* Removes the socket file, lets running handlers finish (it waits for them), closes every connection. NULL is accepted. */
void http_server_stop(struct http_server *server);

#endif
