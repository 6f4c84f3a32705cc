/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One HTTP/JSON call over an AF_UNIX socket or TCP, by libcurl. Blocks the calling thread for at most its time-out: never call it from an event
 * loop. Any thread. Proxy variables of the environment are ignored, redirects are not followed.
 */
#ifndef NBDD_NET_HTTP_CLIENT_H
#define NBDD_NET_HTTP_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define HTTP_CALL_TIMEOUT_MS 15000u    /* when the caller gives none */
#define HTTP_ANSWER_MAX (8u << 20)     /* bytes of an answer's body */

/*
 * 0: the server answered, whatever its status; *ret_json (owned by the caller) is its body, NULL when that is empty or, from status 400 on,
 * not JSON. `path` starts with "/" and may have a query, encoded (http_encode()). `body` NULL: none. `timeout_ms` 0: HTTP_CALL_TIMEOUT_MS.
 *
 * On error `error` (always one line) says what could not be reached and why: -ENOENT (no socket), -ECONNREFUSED (nobody listens),
 * -EACCES, -ENAMETOOLONG, -ETIMEDOUT (the server may have done it), -ECONNRESET, -EBADMSG (not JSON), -EMSGSIZE, -ENOMEM, -EIO.
 */
int http_call(const char *socket_path, const char *method, const char *path, const json_t *body, uint64_t timeout_ms,
              unsigned *ret_status, json_t **ret_json, char *error, size_t error_size);

/* A call that says all it wants. Zero is the default of every member. */
struct http_call_options {
        const char *socket_path; /* or */
        const char *origin;      /* "http://10.0.0.1:4344", or with https */
        const char *method, *path;
        const json_t *body;      /* or */
        const char *text;        /* a body that is JSON already */
        const char *const *headers; /* "Name: value", up to a NULL */
        uint64_t timeout_ms, connect_timeout_ms;
        const char *ca_file;     /* of an origin with https: PEM; NULL: the system's certificates */
        const atomic_bool *cancel; /* when it becomes true the call ends with -ECANCELED; NULL: never */
        const char *label;       /* what errors call the server; NULL: its socket or origin */
        bool any_answer;         /* only the status counts: its body need not be JSON, nor whole */
};

#define HTTP_KEPT_SIZE 160

struct http_answer {
        unsigned status;
        json_t *json;  /* as in http_call() */
        char *text;    /* as it came, with a NUL behind it; "" when empty */
        size_t size;
        char etag[HTTP_KEPT_SIZE], location[HTTP_KEPT_SIZE], mac[HTTP_KEPT_SIZE]; /* ETag, Location, Hamon-Mac; "" without */
        uint64_t connect_us; /* how long the connection took to be there; 0: not measured */
};

/* As http_call(). `ret` is set in any case; release it with http_answer_release(). */
int http_call_full(const struct http_call_options *options, struct http_answer *ret, char *error, size_t error_size);
void http_answer_release(struct http_answer *a);

/* Percent-encodes one segment of a path or one value of a query. Cut to `size`: -ENAMETOOLONG. */
int http_encode(const char *text, char *ret, size_t size);

#endif
