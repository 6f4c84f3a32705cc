/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers that come later, and answers without an end. */
#include "net/http_client.h"
#include "net/http_server.h"

#include "tests/unit/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[64], path[96];
static struct http_server *server;
static atomic_int words, released;

struct stream {
        int sent;
};

static ssize_t read_stream(void *userdata, char *to, size_t size)
{
        struct stream *s = userdata;
        int have = atomic_load(&words);
        if (have < 0)
                return -1;
        if (s->sent == have)
                return 0;
        return snprintf(to, size, "word %d\n", ++s->sent);
}

static void release_stream(void *userdata)
{
        free(userdata);
        atomic_fetch_add(&released, 1);
}

static void *answer_soon(void *userdata)
{
        struct http_response resp = {.json = json_pack("{s:s}", "came", "later")};
        usleep(20000);
        http_later_answer(userdata, &resp);
        return NULL;
}

static int handle(void *userdata, const struct http_request *req, struct http_response *resp)
{
        pthread_t thread;
        (void)userdata;
        if (strcmp(req->path, "/later") == 0) {
                assert_int_equal(pthread_create(&thread, NULL, answer_soon, http_request_later(req)), 0);
                pthread_detach(thread);
                return HTTP_LATER;
        }
        if (strcmp(req->path, "/at-once") == 0) { /* answered before the handler has returned */
                struct http_response now = {.status = 201, .json = json_pack("{s:s}", "came", "at once")};
                http_later_answer(http_request_later(req), &now);
                return HTTP_LATER;
        }
        if (strcmp(req->path, "/stream") == 0) {
                resp->stream = read_stream;
                resp->stream_release = release_stream;
                resp->stream_userdata = calloc(1, sizeof(struct stream));
                return 0;
        }
        static const char bytes[] = "\0binary";
        resp->bytes = bytes;
        resp->bytes_size = sizeof bytes - 1;
        resp->content_type = "application/octet-stream";
        return 0;
}

static int set_up(void **state)
{
        (void)state;
        atomic_store(&words, 0);
        atomic_store(&released, 0);
        strcpy(folder, "/tmp/test_later.XXXXXX");
        if (!mkdtemp(folder))
                return -1;
        snprintf(path, sizeof path, "%s/s", folder);
        const struct http_server_options o = {.socket_path = path, .socket_mode = 0600, .threads = HTTP_ONE_THREAD, .handler = handle};
        return http_server_start(&o, &server);
}

static int tear_down(void **state)
{
        (void)state;
        http_server_stop(server);
        return rmdir(folder);
}

static void *ask(void *userdata)
{
        unsigned status = 0;
        char error[128];
        json_t *json = NULL;
        assert_int_equal(http_call(path, "POST", userdata, NULL, 10000, &status, &json, error, sizeof error), 0);
        assert_non_null(json_object_get(json, "came"));
        json_decref(json);
        return (void *)(uintptr_t)status;
}

static void test_answers_that_come_later(void **state)
{
        pthread_t threads[20];
        (void)state;
        for (size_t i = 0; i < 20; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, ask, (void *)(i % 2 ? "/later" : "/at-once")), 0);
        for (size_t i = 0; i < 20; i++) {
                void *status;
                pthread_join(threads[i], &status);
                assert_int_equal((uintptr_t)status, i % 2 ? 200 : 201);
        }
}

static int connect_to(const char *request)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        strcpy(a.sun_path, path);
        assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
        return fd;
}

/* Until `part` was received. */
static void expect(int fd, const char *part)
{
        static char got[8192];
        size_t n = 0;
        while (n + 1 < sizeof got) {
                ssize_t r = read(fd, got + n, sizeof got - 1 - n);
                assert_true(r > 0);
                n += (size_t)r;
                got[n] = '\0';
                if (strstr(got, part))
                        return;
        }
        fail_msg("%s never came", part);
}

static void say(int count)
{
        atomic_store(&words, count);
        http_server_wake(server);
}

static void test_a_stream_sleeps_and_wakes(void **state)
{
        (void)state;
        int a = connect_to("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"), b = connect_to("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
        say(1);
        expect(a, "word 1");
        expect(b, "word 1");
        for (int i = 2; i < 200; i++) {
                char part[16];
                say(i);
                snprintf(part, sizeof part, "word %d\n", i);
                expect(a, part);
        }
        expect(b, "word 199");
        close(a); /* one that leaves is seen at the next words, and the other does not care */
        for (int i = 200; i < 400 && atomic_load(&released) == 0; i++) {
                say(i);
                usleep(10000);
        }
        assert_int_equal(atomic_load(&released), 1);
        say(-1);
        while (atomic_load(&released) < 2)
                usleep(1000);
        close(b);
}

static void test_a_stop_ends_what_sleeps(void **state)
{
        (void)state;
        int fd = connect_to("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
        say(1);
        expect(fd, "word 1");
        http_server_stop(server);
        server = NULL;
        assert_int_equal(atomic_load(&released), 1);
        close(fd);
}

static void test_bytes(void **state)
{
        (void)state;
        int fd = connect_to("GET /bytes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        expect(fd, "Content-Length: 7");
        close(fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(test_answers_that_come_later, set_up, tear_down),
            cmocka_unit_test_setup_teardown(test_a_stream_sleeps_and_wakes, set_up, tear_down),
            cmocka_unit_test_setup_teardown(test_a_stop_ends_what_sleeps, set_up, tear_down),
            cmocka_unit_test_setup_teardown(test_bytes, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
