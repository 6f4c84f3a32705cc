/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/net/fixture.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/cmocka_all.h"

char fixture_folder[64], fixture_socket[96];
static struct http_server *server;
static atomic_uint calls;

uint64_t now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int echo(const struct http_request *req, struct http_response *resp)
{
        const char *q = http_request_query(req, "q");
        const char *header = http_request_header(req, "If-Match");

        resp->json = json_pack("{ss ss ss* ss* sO* sb sI}", "method", req->method, "path", req->path, "q", q, "if-match", header, "body",
                               req->body, "known", req->peer.known, "uid", (json_int_t)req->peer.uid);
        resp->headers[0].name = "ETag";
        snprintf(resp->headers[0].value, sizeof resp->headers[0].value, "\"7\"");
        return 0;
}

static int handle(void *userdata, const struct http_request *req, struct http_response *resp)
{
        (void)userdata;
        calls++;
        if (strcmp(req->path, "/echo") == 0 || strncmp(req->path, "/echo/", 6) == 0)
                return echo(req, resp);
        if (strcmp(req->path, "/text") == 0) {
                resp->text = strdup("plain\n");
                return 0;
        }
        if (strcmp(req->path, "/nothing") == 0) {
                resp->status = 204;
                return 0;
        }
        if (strcmp(req->path, "/teapot") == 0)
                return http_response_problem(resp, 418, "teapot", "this is a teapot", "it is short and stout", "pour");
        if (strcmp(req->path, "/fail") == 0)
                return -EIO;
        if (strcmp(req->path, "/big") == 0) {
                resp->text = malloc((9u << 20) + 1);
                memset(resp->text, 'x', 9u << 20);
                resp->text[9u << 20] = '\0';
                return 0;
        }
        if (strcmp(req->path, "/not-json") == 0) {
                resp->text = strdup("<html>");
                resp->status = http_request_query(req, "error") ? 500 : 200;
                return 0;
        }
        if (strcmp(req->path, "/sleep") == 0) {
                const char *ms = http_request_query(req, "ms");
                usleep((useconds_t)(ms ? atoi(ms) : 0) * 1000);
                resp->json = json_pack("{ss}", "slept", ms);
                if (http_request_query(req, "pad")) { /* more than the socket's buffer takes at once */
                        char *pad = malloc(4u << 20);
                        memset(pad, 'x', 4u << 20);
                        json_object_set_new(resp->json, "pad", json_stringn(pad, 4u << 20));
                        free(pad);
                }
                return 0;
        }
        return http_response_problem(resp, 404, "not-found", "there is no such thing", req->path, NULL);
}

int fixture_setup(void **state)
{
        (void)state;
        calls = 0;
        snprintf(fixture_folder, sizeof fixture_folder, "/tmp/test_net.XXXXXX");
        if (!mkdtemp(fixture_folder))
                return -1;
        snprintf(fixture_socket, sizeof fixture_socket, "%s/control.sock", fixture_folder);
        return 0;
}

void fixture_start(enum http_threads threads, unsigned idle_timeout_s)
{
        const struct http_server_options options = {
            .socket_path = fixture_socket, .socket_mode = 0600, .threads = threads, .idle_timeout_s = idle_timeout_s, .handler = handle};

        assert_int_equal(http_server_start(&options, &server), 0);
}

void fixture_stop(void)
{
        http_server_stop(server);
        server = NULL;
}

int fixture_teardown(void **state)
{
        char command[128];

        (void)state;
        fixture_stop();
        snprintf(command, sizeof command, "rm -rf '%s'", fixture_folder);
        return system(command);
}

unsigned fixture_calls(void)
{
        return calls;
}

unsigned fixture_call(const char *method, const char *path, const json_t *body, json_t **ret)
{
        char error[256];
        unsigned status = 0;

        int r = http_call(fixture_socket, method, path, body, 10000, &status, ret, error, sizeof error);
        if (r < 0)
                fail_msg("%s %s: %s", method, path, error);
        assert_string_equal(error, "");
        return status;
}

int raw_connect(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof address.sun_path, "%s", fixture_socket);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        return fd;
}

void raw_send(int fd, const char *text)
{
        size_t size = strlen(text);

        assert_int_equal(send(fd, text, size, MSG_NOSIGNAL), (ssize_t)size);
}

const char *raw_receive(int fd, int timeout_ms)
{
        static char text[1 << 16];
        size_t used = 0;
        struct pollfd p = {.fd = fd, .events = POLLIN};

        while (used < sizeof text - 1 && poll(&p, 1, timeout_ms) > 0) {
                ssize_t n = recv(fd, text + used, sizeof text - 1 - used, 0);
                if (n <= 0)
                        break;
                used += (size_t)n;
        }
        text[used] = '\0';
        return text;
}
