/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Client and server against each other: what well-behaved programs see. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/problem.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/net/fixture.h"

static const char *text_of(const json_t *j, const char *key)
{
        const char *s = json_string_value(json_object_get(j, key));

        return s ? s : "(none)";
}

static void test_methods_path_query_and_body(void **state)
{
        static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
        json_t *body = json_pack("{ss s[iii] sI}", "device", "/dev/größe", "list", 1, 2, 3, "big", (json_int_t)INT64_MAX), *got;

        (void)state;
        fixture_start(HTTP_ONE_THREAD, 0);
        for (size_t i = 0; i < 5; i++)
                for (int with_body = 0; with_body < 2; with_body++) {
                        assert_int_equal(fixture_call(methods[i], "/echo/a%20b%2Fc?q=x%26y&p=1", with_body ? body : NULL, &got), 200);
                        assert_string_equal(text_of(got, "method"), methods[i]);
                        assert_string_equal(text_of(got, "path"), "/echo/a b/c");
                        assert_string_equal(text_of(got, "q"), "x&y");
                        if (with_body)
                                assert_true(json_equal(json_object_get(got, "body"), body));
                        else
                                assert_null(json_object_get(got, "body"));
                        json_decref(got);
                }
        json_decref(body);
}

static void test_query_present_but_empty(void **state)
{
        json_t *got;

        (void)state;
        fixture_start(HTTP_ONE_THREAD, 0);
        fixture_call("GET", "/echo?q", NULL, &got);
        assert_string_equal(text_of(got, "q"), "");
        json_decref(got);
        fixture_call("GET", "/echo", NULL, &got);
        assert_string_equal(text_of(got, "q"), "(none)");
        json_decref(got);
}

static void test_peer_is_known(void **state)
{
        json_t *got;

        (void)state;
        fixture_start(HTTP_ONE_THREAD, 0);
        fixture_call("GET", "/echo", NULL, &got);
        assert_true(json_is_true(json_object_get(got, "known")));
        assert_int_equal(json_integer_value(json_object_get(got, "uid")), getuid());
        json_decref(got);
}

static void test_problem_and_failures(void **state)
{
        json_t *got;

        (void)state;
        fixture_start(HTTP_ONE_THREAD, 0);
        assert_int_equal(fixture_call("POST", "/teapot", NULL, &got), 418);
        assert_string_equal(problem_code(got), "teapot");
        assert_string_equal(problem_text(got), "it is short and stout");
        json_decref(got);
        assert_int_equal(fixture_call("GET", "/fail", NULL, &got), 500);
        assert_string_equal(problem_code(got), "internal");
        json_decref(got);
        assert_int_equal(fixture_call("GET", "/nothing", NULL, &got), 204);
        assert_null(got);
        assert_int_equal(fixture_call("GET", "/not-json?error", NULL, &got), 500);
        assert_null(got);
}

static void test_headers_on_the_wire(void **state)
{
        const char *answer;

        (void)state;
        fixture_start(HTTP_ONE_THREAD, 0);
        int fd = raw_connect();
        raw_send(fd, "GET /echo HTTP/1.1\r\nHost: x\r\nIf-Match: \"6\"\r\nConnection: close\r\n\r\n");
        answer = raw_receive(fd, 5000);
        assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
        assert_non_null(strstr(answer, "Content-Type: application/json\r\n"));
        assert_non_null(strstr(answer, "ETag: \"7\"\r\n"));
        assert_non_null(strstr(answer, "\"if-match\": \"\\\"6\\\"\""));
        close(fd);
        fd = raw_connect();
        raw_send(fd, "HEAD /teapot HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        answer = raw_receive(fd, 5000);
        assert_non_null(strstr(answer, " 418 "));
        assert_non_null(strstr(answer, "Content-Type: application/problem+json\r\n"));
        assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n"); /* no body after HEAD */
        close(fd);
        fd = raw_connect();
        raw_send(fd, "GET /text HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        answer = raw_receive(fd, 5000);
        assert_non_null(strstr(answer, "Content-Type: text/plain"));
        assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\nplain\n");
        close(fd);
}

static void test_client_errors(void **state)
{
        char error[256], longer[200];
        unsigned status = 77;
        json_t *json = (json_t *)&status;

        (void)state;
        assert_int_equal(http_call(fixture_socket, "GET", "/", NULL, 1000, &status, &json, error, sizeof error), -ENOENT);
        assert_non_null(strstr(error, fixture_socket));
        fixture_start(HTTP_ONE_THREAD, 0);
        assert_int_equal(http_call(fixture_socket, "GET", "/not-json", NULL, 1000, &status, &json, error, sizeof error), -EBADMSG);
        assert_int_equal(http_call(fixture_socket, "GET", "/big", NULL, 5000, &status, &json, error, sizeof error), -EMSGSIZE);
        uint64_t start = now_ms();
        assert_int_equal(http_call(fixture_socket, "GET", "/sleep?ms=1000", NULL, 200, &status, &json, error, sizeof error), -ETIMEDOUT);
        assert_true(now_ms() - start < 900);
        assert_string_equal(strstr(error, ": "), ": no answer in time");
        memset(longer, 'a', sizeof longer);
        longer[sizeof longer - 1] = '\0';
        assert_int_equal(http_call(longer, "GET", "/", NULL, 1000, &status, &json, error, sizeof error), -ENAMETOOLONG);
        assert_int_equal(status, 77);
        assert_ptr_equal(json, &status);
}

static void test_nobody_listens(void **state)
{
        char error[256], aside[128];
        unsigned status;
        json_t *json;

        (void)state;
        fixture_start(HTTP_ONE_THREAD, 0);
        snprintf(aside, sizeof aside, "%s.aside", fixture_socket);
        assert_int_equal(rename(fixture_socket, aside), 0);
        fixture_stop();
        assert_int_equal(rename(aside, fixture_socket), 0);
        assert_int_equal(http_call(fixture_socket, "GET", "/", NULL, 1000, &status, &json, error, sizeof error), -ECONNREFUSED);
        fixture_start(HTTP_ONE_THREAD, 0); /* the dead server's file is no obstacle */
        assert_int_equal(fixture_call("GET", "/nothing", NULL, &json), 204);
}

static void test_socket_file_comes_and_goes(void **state)
{
        struct stat st;

        (void)state;
        fixture_start(HTTP_ONE_THREAD, 0);
        assert_int_equal(stat(fixture_socket, &st), 0);
        assert_int_equal(st.st_mode, S_IFSOCK | 0600);
        fixture_stop();
        assert_int_equal(stat(fixture_socket, &st), -1);
        http_server_stop(NULL);
}

static void test_proxy_variables_are_ignored(void **state)
{
        json_t *got;

        (void)state;
        setenv("http_proxy", "http://127.0.0.1:1", 1);
        setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
        fixture_start(HTTP_ONE_THREAD, 0);
        assert_int_equal(fixture_call("GET", "/nothing", NULL, &got), 204);
        unsetenv("http_proxy");
        unsetenv("ALL_PROXY");
}

static void test_answer_after_the_idle_timeout_arrives(void **state)
{
        static const enum http_threads kinds[] = {HTTP_ONE_THREAD, HTTP_THREAD_EACH};
        json_t *got;

        (void)state;
        for (size_t i = 0; i < 2; i++) {
                fixture_start(kinds[i], 1);
                assert_int_equal(fixture_call("GET", "/sleep?ms=3200&pad", NULL, &got), 200);
                assert_string_equal(text_of(got, "slept"), "3200");
                json_decref(got);
                fixture_stop();
        }
}

static void test_encode(void **state)
{
        char out[32];

        (void)state;
        assert_int_equal(http_encode("a-b._~9", out, sizeof out), 0);
        assert_string_equal(out, "a-b._~9");
        assert_int_equal(http_encode("a/b?&=% ü", out, sizeof out), 0);
        assert_string_equal(out, "a%2Fb%3F%26%3D%25%20%C3%BC");
        assert_int_equal(http_encode("1234", out, 4), -ENAMETOOLONG);
        assert_int_equal(http_encode("123", out, 4), 0);
        assert_int_equal(http_encode("//", out, 6), -ENAMETOOLONG);
        assert_int_equal(http_encode("", out, 0), -ENAMETOOLONG);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
            T(test_methods_path_query_and_body),
            T(test_query_present_but_empty),
            T(test_peer_is_known),
            T(test_problem_and_failures),
            T(test_headers_on_the_wire),
            T(test_client_errors),
            T(test_nobody_listens),
            T(test_socket_file_comes_and_goes),
            T(test_proxy_variables_are_ignored),
            T(test_answer_after_the_idle_timeout_arrives),
            T(test_encode),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
