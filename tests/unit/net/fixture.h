/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A server on a socket in a folder of its own, with a handler that knows a few paths, and a raw client. For the tests of lib/net. */
#ifndef NBDD_TESTS_NET_FIXTURE_H
#define NBDD_TESTS_NET_FIXTURE_H

#include <stdint.h>

#include <jansson.h>

#include "net/http_client.h"
#include "net/http_server.h"

extern char fixture_folder[64], fixture_socket[96];

/* cmocka set-up and tear-down: a folder, and a server that runs with `fixture_start()`. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
void fixture_start(enum http_threads threads, unsigned idle_timeout_s);
void fixture_stop(void);

/* How often the handler was called. */
unsigned fixture_calls(void);

/*
 * Paths: /echo (method, path, query "q", body, peer), /text, /nothing (204), /teapot (418 problem), /fail (-EIO), /big (9 MiB of text),
 * /not-json, /sleep?ms=N (&pad: with 4 MiB). Else 404.
 */

/* http_call() with a time-out of 10 s; asserts that it worked. */
unsigned fixture_call(const char *method, const char *path, const json_t *body, json_t **ret);

/* A connected socket; sends a text; what the peer says until it closes or `timeout_ms` of silence (static, NUL-terminated). */
int raw_connect(void);
void raw_send(int fd, const char *text);
const char *raw_receive(int fd, int timeout_ms);

uint64_t now_ms(void);

#endif
