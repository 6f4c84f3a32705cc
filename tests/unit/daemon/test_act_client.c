/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection to hamon-act, against a scripted other end: found late, lost, found again; full queues and broken packets. */
#include "tests/unit/cmocka_all.h"

#include "hamon/driver/act_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct config config = {.mirrors = 1, .mirror = {{.name = "data", .label = "data"}}};

struct fixture {
        char directory[64], path[96];
        sd_event *loop;
        struct act_client *client;
        int listen_fd, fd;
        unsigned ready, lost, packets, bad;
        struct act_packet last;
};

static void on_ready(void *userdata)
{
        ((struct fixture *)userdata)->ready++;
}

static void on_lost(void *userdata, int error)
{
        assert_true(error < 0);
        ((struct fixture *)userdata)->lost++;
}

static void on_packet(void *userdata, const struct act_packet *packet)
{
        struct fixture *f = userdata;
        f->packets++;
        f->last = *packet;
}

static void on_bad(void *userdata, const char *text, size_t size_bytes)
{
        (void)text, (void)size_bytes;
        ((struct fixture *)userdata)->bad++;
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof *f);
        strcpy(f->directory, "/tmp/hamon-act-XXXXXX");
        assert_non_null(mkdtemp(f->directory));
        (void)snprintf(f->path, sizeof f->path, "%s/act.sock", f->directory);
        f->listen_fd = f->fd = -1;
        assert_int_equal(sd_event_new(&f->loop), 0);
        struct act_handler h = {.ready = on_ready, .lost = on_lost, .packet = on_packet, .bad_packet = on_bad, .userdata = f};
        assert_int_equal(act_client_new(f->loop, &config, f->path, &h, &f->client), 0);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        act_client_free(f->client);
        sd_event_unref(f->loop);
        close(f->fd);
        close(f->listen_fd);
        unlink(f->path);
        rmdir(f->directory);
        free(f);
        return 0;
}

static void open_socket(struct fixture *f)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        strcpy(a.sun_path, f->path);
        unlink(f->path);
        close(f->listen_fd);
        f->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(f->listen_fd, (struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(listen(f->listen_fd, 1), 0);
}

static void run(struct fixture *f, const unsigned *until, unsigned value)
{
        for (int i = 0; i < 300 && *until < value; i++)
                assert_true(sd_event_run(f->loop, 10000) >= 0);
        assert_int_equal(*until, value);
}

static void connect_client(struct fixture *f, unsigned times)
{
        run(f, &f->ready, times);
        f->fd = accept(f->listen_fd, NULL, NULL);
        assert_true(f->fd >= 0);
}

#define REVOKED "{\"done\":\"revoke\",\"mirror\":\"data\",\"ticket\":\"17\",\"error\":0,\"detail\":\"\"}"

static void test_found_late_lost_and_found_again(void **state)
{
        struct fixture *f = *state;
        for (int i = 0; i < 5; i++)
                assert_true(sd_event_run(f->loop, 10000) >= 0);
        assert_false(act_client_is_ready(f->client));
        assert_int_equal(act_client_error(f->client), -ENOENT);
        assert_int_equal(f->lost, 0); /* what was never there is not lost */
        struct effect e = {.type = EFFECT_PROBE, .ticket = 1};
        act_client_send(f->client, &e); /* dropped */
        open_socket(f);
        connect_client(f, 1);
        assert_true(act_client_is_ready(f->client));
        e.ticket = 2;
        act_client_send(f->client, &e);
        char text[ACT_PACKET_MAX];
        ssize_t n = recv(f->fd, text, sizeof text - 1, 0);
        assert_true(n > 0);
        text[n] = '\0';
        assert_non_null(strstr(text, "\"ticket\":\"2\""));
        assert_int_equal(send(f->fd, REVOKED, strlen(REVOKED), 0), strlen(REVOKED));
        run(f, &f->packets, 1);
        assert_int_equal(f->last.result.ticket, 17);
        close(f->fd);
        run(f, &f->lost, 1);
        assert_false(act_client_is_ready(f->client));
        open_socket(f);
        connect_client(f, 2);
}

static void test_broken_packets_are_ignored(void **state)
{
        struct fixture *f = *state;
        static char large[ACT_PACKET_MAX + 100];
        memset(large, ' ', sizeof large);
        open_socket(f);
        connect_client(f, 1);
        assert_true(send(f->fd, "{", 1, 0) == 1);
        assert_true(send(f->fd, large, sizeof large, 0) == (ssize_t)sizeof large);
        assert_int_equal(send(f->fd, REVOKED, strlen(REVOKED), 0), strlen(REVOKED));
        run(f, &f->packets, 1);
        assert_int_equal(f->bad, 2);
        assert_int_equal(f->lost, 0);
}

static void test_a_stuck_helper_is_given_up(void **state)
{
        struct fixture *f = *state;
        open_socket(f);
        connect_client(f, 1);
        struct effect e = {.type = EFFECT_PROBE, .ticket = 1};
        for (int i = 0; i < 10000 && f->lost == 0; i++)
                act_client_send(f->client, &e); /* it never waits, and does not grow without end */
        assert_int_equal(f->lost, 1);
        assert_false(act_client_is_ready(f->client));
}

static void test_one_that_hangs_is_gone_until_it_speaks(void **state)
{
        struct fixture *f = *state;
        open_socket(f);
        connect_client(f, 1);
        struct effect e = {.type = EFFECT_ADDRESS_RENEW, .ticket = 1};
        act_client_send(f->client, &e);
        assert_int_equal(send(f->fd, REVOKED, strlen(REVOKED), 0), strlen(REVOKED));
        run(f, &f->packets, 1); /* it lives */
        for (unsigned waited_ms = 0; f->lost == 0; waited_ms += 100) {
                assert_true(waited_ms < 2 * ACT_DEAF_MS);
                act_client_send(f->client, &e);
                if (f->lost == 0)
                        assert_true(usleep(100000) == 0 && sd_event_run(f->loop, 0) >= 0);
                assert_true(f->lost == 0 || waited_ms >= ACT_DEAF_MS / 2);
        }
        assert_int_equal(act_client_error(f->client), -ETIMEDOUT);
        for (int i = 0; i < 100; i++) /* long enough to connect again: the kernel does, whether or not anybody serves */
                assert_true(sd_event_run(f->loop, 10000) >= 0);
        assert_int_equal(f->ready, 1);
        assert_false(act_client_is_ready(f->client));
        close(f->fd);
        f->fd = accept(f->listen_fd, NULL, NULL);
        assert_true(f->fd >= 0);
        assert_int_equal(send(f->fd, REVOKED, strlen(REVOKED), 0), strlen(REVOKED));
        run(f, &f->packets, 2);
        assert_int_equal(f->ready, 2);
        assert_int_equal(f->lost, 1);
        assert_true(act_client_is_ready(f->client));
}

static void test_queued_packets_go_out_in_order(void **state)
{
        struct fixture *f = *state;
        open_socket(f);
        connect_client(f, 1);
        uint64_t sent = 0, received = 0;
        struct effect e = {.type = EFFECT_PROBE};
        for (; sent < 300; sent++) { /* more than the socket takes at once, less than socket and queue together */
                e.ticket = sent + 1;
                act_client_send(f->client, &e);
                if (f->lost)
                        break;
                if (sent > 100) { /* the helper reads slowly */
                        char text[ACT_PACKET_MAX], expected[64];
                        ssize_t n = recv(f->fd, text, sizeof text - 1, MSG_DONTWAIT);
                        if (n > 0) {
                                text[n] = '\0';
                                (void)snprintf(expected, sizeof expected, "\"ticket\":\"%llu\"", (unsigned long long)++received);
                                assert_non_null(strstr(text, expected));
                        }
                        assert_true(sd_event_run(f->loop, 0) >= 0);
                }
        }
        assert_int_equal(f->lost, 0);
        for (int i = 0; i < 5000 && received < sent; i++) {
                char text[ACT_PACKET_MAX], expected[64];
                ssize_t n = recv(f->fd, text, sizeof text - 1, MSG_DONTWAIT);
                if (n > 0) {
                        text[n] = '\0';
                        (void)snprintf(expected, sizeof expected, "\"ticket\":\"%llu\"", (unsigned long long)++received);
                        assert_non_null(strstr(text, expected));
                }
                assert_true(sd_event_run(f->loop, 0) >= 0);
        }
        assert_int_equal(received, sent);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_found_late_lost_and_found_again, setup, teardown),
                cmocka_unit_test_setup_teardown(test_broken_packets_are_ignored, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_stuck_helper_is_given_up, setup, teardown),
                cmocka_unit_test_setup_teardown(test_one_that_hangs_is_gone_until_it_speaks, setup, teardown),
                cmocka_unit_test_setup_teardown(test_queued_packets_go_out_in_order, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
