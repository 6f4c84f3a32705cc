/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/api.h"

#include "hamon/api/access.h"
#include "hamon/api/call.h"
#include "hamon/api/embedded.h"
#include "hamon/api/hub.h"
#include "hamon/api/threads.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum { SOCKET_CONNECTIONS_MAX = 256 };

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int api_thread(pthread_t *ret, void *(*run)(void *userdata), void *userdata)
{
        sigset_t all, before;
        sigfillset(&all); /* the loop's thread reads the signals */
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int r = pthread_create(ret, NULL, run, userdata);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return r;
}

static int answer(struct api *a, enum entrance entrance, const struct http_request *req, struct http_response *resp)
{
        struct api_call c = {
                .api = a,
                .entrance = entrance,
                .method = req->method,
                .path = req->path,
                .body = req->body,
                .if_match = http_request_header(req, "If-Match"),
                .idempotency_key = http_request_header(req, "Idempotency-Key"),
                .request = req,
                .snapshot = snapshot_get(a->snapshots),
                .now_ms = now_ms(),
        };
        if (c.snapshot && c.now_ms < c.snapshot->taken_ms)
                c.now_ms = c.snapshot->taken_ms; /* it was taken after we looked at the clock */
        http_response_header(resp, "X-Content-Type-Options", "nosniff");
        int r = access_admit(&c, resp) ? route_call(&c, resp) : 0;
        snapshot_release(a->snapshots, c.snapshot);
        return r;
}

static int on_socket_request(void *userdata, const struct http_request *req, struct http_response *resp)
{
        return answer(userdata, ENTRANCE_SOCKET, req, resp);
}

void api_wake(struct api *a)
{
        if (a->on_socket)
                http_server_wake(a->on_socket);
}

void api_notify(const struct api *a)
{
        hub_notify(a->hub);
}

int api_start(struct api *a, const struct api_options *options)
{
        embedded_init();
        int r = hub_start(a, &a->hub);
        if (r < 0)
                return r;
        struct http_server_options on_socket = {
                .socket_path = options->socket_path,
                .socket_mode = 0660,
                .threads = HTTP_ONE_THREAD,
                .connections_max = SOCKET_CONNECTIONS_MAX,
                .handler = on_socket_request,
                .userdata = a,
        };
        return http_server_start(&on_socket, &a->on_socket);
}

void api_stop(struct api *a)
{
        hub_stop(a->hub);
        http_server_stop(a->on_socket);
        hub_free(a->hub);
        a->on_socket = NULL;
        a->hub = NULL;
}
