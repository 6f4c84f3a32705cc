/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a broken or hostile client can do to the server, and to the others: nothing. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/cmocka_all.h"
#include "tests/unit/net/fixture.h"

static void assert_alive(void)
{
        json_t *got;

        assert_int_equal(fixture_call("GET", "/nothing", NULL, &got), 204);
}

/* Sends one request with a body and expects a status line with `status` and a text in the answer; the handler must not be called. */
static void expect_refused(const char *body, const char *status, const char *part)
{
        char request[1024];
        unsigned before = fixture_calls();
        int fd = raw_connect();

        snprintf(request, sizeof request, "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
                 body);
        raw_send(fd, request);
        const char *answer = raw_receive(fd, 5000);
        if (!strstr(answer, status) || !strstr(answer, part) || !strstr(answer, "application/problem+json"))
                fail_msg("body %s: expected %s and %s, got:\n%s", body, status, part, answer);
        close(fd);
        assert_int_equal(fixture_calls(), before);
}

static void test_bodies_that_are_not_json(void **state)
{
        (void)state;
        fixture_start(HTTP_ONE_THREAD, 0);
        expect_refused("{", " 400 ", "bad-json");
        expect_refused("{\"a\":1,}", " 400 ", "line 1, column");
        expect_refused("{\"a\":1}{\"a\":1}", " 400 ", "bad-json");
        expect_refused("{\"a\":1,\"b\":2,\"a\":3}", " 400 ", "duplicate");
        expect_refused("{\"a\":{\"b\":1,\"b\":1}}", " 400 ", "duplicate");
        expect_refused("7", " 400 ", "bad-json");
        expect_refused("\"text\"", " 400 ", "bad-json");
        expect_refused("{\"a\":\"\xff\xfe\"}", " 400 ", "bad-json");
        expect_refused("{\"a\":\"\\u0000\"}", " 400 ", "bad-json");
        expect_refused("{\"a\":99999999999999999999}", " 400 ", "bad-json");
        expect_refused("a=1&b=2", " 400 ", "bad-json");
        assert_alive();
}

static void test_deep_nesting(void **state)
{
        size_t depth = 60000;
        char *request = malloc(depth + 200);
        unsigned before = fixture_calls();

        (void)state;
        fixture_start(HTTP_THREAD_EACH, 0);
        int n = sprintf(request, "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", depth);
        memset(request + n, '[', depth);
        request[(size_t)n + depth] = '\0';
        int fd = raw_connect();
        raw_send(fd, request);
        assert_non_null(strstr(raw_receive(fd, 5000), " 400 "));
        close(fd);
        free(request);
        assert_int_equal(fixture_calls(), before);
        assert_alive();
}

static void test_body_at_the_limit(void **state)
{
        json_t *got;
        char *text = malloc(HTTP_BODY_MAX);

        (void)state;
        fixture_start(HTTP_ONE_THREAD, 0);
        memset(text, 'x', HTTP_BODY_MAX);
        text[HTTP_BODY_MAX - 9] = '\0'; /* {"t":"..."} has 8 more */
        json_t *body = json_pack("{ss}", "t", text);
        assert_int_equal(fixture_call("POST", "/echo", body, &got), 200);
        assert_true(json_equal(json_object_get(got, "body"), body));
        json_decref(got);
        json_decref(body);
        text[HTTP_BODY_MAX - 9] = 'x';
        text[HTTP_BODY_MAX - 7] = '\0';
        body = json_pack("{ss}", "t", text);
        unsigned before = fixture_calls();
        assert_int_equal(fixture_call("POST", "/echo", body, &got), 413);
        assert_int_equal(fixture_calls(), before);
        json_decref(got);
        json_decref(body);
        free(text);
}

static void test_huge_length_is_refused_unread(void **state)
{
        (void)state;
        fixture_start(HTTP_ONE_THREAD, 0);
        int fd = raw_connect();
        raw_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
        const char *answer = raw_receive(fd, 5000);
        assert_non_null(strstr(answer, " 413 "));
        assert_non_null(strstr(answer, "body-too-large"));
        close(fd);
        assert_int_equal(fixture_calls(), 0);
        assert_alive();
}

/* A chunked body has no length to refuse: it is answered when it ends soon, and cut when it does not. */
static void send_chunks(int fd, unsigned kib, bool end)
{
        static char chunk[1024 + 8];
        int n = sprintf(chunk, "400\r\n");

        memset(chunk + n, 'x', 1024);
        memcpy(chunk + n + 1024, "\r\n", 2);
        for (unsigned i = 0; i < kib; i++)
                if (send(fd, chunk, (size_t)n + 1026, MSG_NOSIGNAL) < 0)
                        return;
        if (end)
                raw_send(fd, "0\r\n\r\n");
}

static void test_chunked_body_too_large(void **state)
{
        (void)state;
        fixture_start(HTTP_ONE_THREAD, 0);
        int fd = raw_connect();
        raw_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
        send_chunks(fd, 200, true);
        assert_non_null(strstr(raw_receive(fd, 5000), " 413 "));
        close(fd);
        fd = raw_connect();
        raw_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        send_chunks(fd, 64 * 1024, false);
        uint64_t start = now_ms();
        (void)raw_receive(fd, 5000);
        assert_true(now_ms() - start < 3000); /* closed by the server, not waited out */
        close(fd);
        assert_int_equal(fixture_calls(), 0);
        assert_alive();
}

static void test_garbage(void **state)
{
        static const char *const garbage[] = {
            "\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02\x01garbage\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
            "GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "GET /echo HTTP/1.1\r\nHost: x\r\nContent-Length: zz\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "NBDMAGICIHAVEOPT",
        };

        (void)state;
        fixture_start(HTTP_ONE_THREAD, 1);
        for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
                int fd = raw_connect();
                raw_send(fd, garbage[i]);
                shutdown(fd, SHUT_WR);
                (void)raw_receive(fd, 2500);
                close(fd);
                assert_alive();
        }
}

static void test_huge_header_and_many_headers(void **state)
{
        char *request = malloc(1 << 18);

        (void)state;
        fixture_start(HTTP_ONE_THREAD, 1);
        int n = sprintf(request, "GET /");
        memset(request + n, 'a', 100000);
        strcpy(request + n + 100000, " HTTP/1.1\r\nHost: x\r\n\r\n");
        int fd = raw_connect();
        (void)send(fd, request, strlen(request), MSG_NOSIGNAL);
        assert_null(strstr(raw_receive(fd, 2500), " 200 "));
        close(fd);
        n = sprintf(request, "GET /nothing HTTP/1.1\r\nHost: x\r\n");
        for (int i = 0; i < 10000; i++)
                n += sprintf(request + n, "X-%d: y\r\n", i);
        strcpy(request + n, "\r\n");
        fd = raw_connect();
        (void)send(fd, request, strlen(request), MSG_NOSIGNAL);
        assert_null(strstr(raw_receive(fd, 2500), " 204 "));
        close(fd);
        free(request);
        assert_alive();
}

static void test_client_that_leaves(void **state)
{
        (void)state;
        fixture_start(HTTP_THREAD_EACH, 0);
        for (int i = 0; i < 50; i++) {
                int fd = raw_connect();
                raw_send(fd, i % 2 ? "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{" :
                                     "GET /sleep?ms=20 HTTP/1.1\r\nHost: x\r\n\r\n");
                close(fd);
        }
        assert_alive();
}

static void test_slow_client_blocks_nobody(void **state)
{
        static const enum http_threads kinds[] = {HTTP_ONE_THREAD, HTTP_THREAD_EACH};

        (void)state;
        for (size_t k = 0; k < 2; k++) {
                int slow[20];
                fixture_start(kinds[k], 0);
                for (int i = 0; i < 20; i++) {
                        slow[i] = raw_connect();
                        raw_send(slow[i], i % 2 ? "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{" : "GET /ec");
                }
                uint64_t start = now_ms();
                for (int i = 0; i < 20; i++)
                        assert_alive();
                assert_true(now_ms() - start < 2000);
                raw_send(slow[1], "\"a\":  1 }"); /* and is served when it ends */
                assert_non_null(strstr(raw_receive(slow[1], 500), " 200 "));
                for (int i = 0; i < 20; i++)
                        close(slow[i]);
                fixture_stop();
        }
}

static void *call_sleep(void *unused)
{
        json_t *got;

        (void)unused;
        assert_int_equal(fixture_call("POST", "/sleep?ms=2000", NULL, &got), 200);
        json_decref(got);
        return NULL;
}

static void test_waiting_handler_blocks_nobody_with_threads(void **state)
{
        pthread_t threads[8];

        (void)state;
        fixture_start(HTTP_THREAD_EACH, 0);
        uint64_t start = now_ms();
        for (int i = 0; i < 8; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, call_sleep, NULL), 0);
        while (fixture_calls() < 8)
                usleep(1000);
        assert_alive();
        assert_true(now_ms() - start < 1900);
        for (int i = 0; i < 8; i++)
                pthread_join(threads[i], NULL);
        assert_true(now_ms() - start < 6000);
}

static void test_silent_connections_are_closed_and_the_limit_recovers(void **state)
{
        int held[HTTP_CONNECTIONS_MAX];

        (void)state;
        fixture_start(HTTP_ONE_THREAD, 1);
        for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
                held[i] = raw_connect();
                raw_send(held[i], "G");
        }
        uint64_t start = now_ms();
        json_t *got;
        char error[256];
        unsigned status = 0;
        int r;
        do
                r = http_call(fixture_socket, "GET", "/nothing", NULL, 1000, &status, &got, error, sizeof error);
        while (r < 0 && now_ms() - start < 8000);
        assert_int_equal(r, 0);
        for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
                (void)raw_receive(held[i], 3000); /* ends because the server closed it */
                close(held[i]);
        }
        assert_true(now_ms() - start < 10000);
}

static void test_stop_does_not_wait_for_clients(void **state)
{
        (void)state;
        fixture_start(HTTP_THREAD_EACH, 0);
        int fd = raw_connect();
        raw_send(fd, "GET /ec");
        usleep(50000);
        uint64_t start = now_ms();
        fixture_stop();
        assert_true(now_ms() - start < 3000);
        close(fd);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
            T(test_bodies_that_are_not_json),
            T(test_deep_nesting),
            T(test_body_at_the_limit),
            T(test_huge_length_is_refused_unread),
            T(test_chunked_body_too_large),
            T(test_garbage),
            T(test_huge_header_and_many_headers),
            T(test_client_that_leaves),
            T(test_slow_client_blocks_nobody),
            T(test_waiting_handler_blocks_nobody_with_threads),
            T(test_silent_connections_are_closed_and_the_limit_recovers),
            T(test_stop_does_not_wait_for_clients),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
