/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guard disconnects a leg that does not answer, and leaves one alone that does. nbdc is a socket of this test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "hamon/act/peer_guard.h"
#include "tests/unit/cmocka_all.h"

static char folder[] = "/tmp/test_peer_guard.XXXXXX";
static int listener = -1;

static int setup(void **state)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        (void)state;
        assert_non_null(mkdtemp(folder));
        assert_int_equal(setenv("NBDC_RUNDIR", folder, 1), 0);
        snprintf(address.sun_path, sizeof address.sun_path, "%s/nbd7.sock", folder);
        listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(listener >= 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(listen(listener, 4), 0);
        return 0;
}

static int teardown(void **state)
{
        char path[64];

        (void)state;
        close(listener);
        snprintf(path, sizeof path, "%s/nbd7.sock", folder);
        unlink(path);
        return rmdir(folder);
}

static void sleep_ms(unsigned ms)
{
        nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

static void an_effect_in_time_is_left_alone(void **state)
{
        struct peer_guard g;

        (void)state;
        peer_guard_begin(&g, "/dev/nbd7", 10000);
        sleep_ms(20);
        assert_false(peer_guard_end(&g));
        assert_int_equal(accept(listener, NULL, NULL), -1);
}

static void a_leg_that_hangs_is_disconnected(void **state)
{
        struct peer_guard g;
        char packet[512];
        int client = -1;

        (void)state;
        peer_guard_begin(&g, "/dev/nbd7", 50);
        for (int i = 0; i < 500 && client < 0; i++) {
                sleep_ms(10);
                client = accept(listener, NULL, NULL);
        }
        assert_true(client >= 0);
        ssize_t n = recv(client, packet, sizeof packet - 1, 0);
        assert_true(n > 0);
        packet[n] = '\0';
        assert_non_null(strstr(packet, "detach"));
        close(client); /* an nbdc that dies over it: the next one is asked */
        client = -1;
        for (int i = 0; i < 500 && client < 0; i++) {
                sleep_ms(10);
                client = accept(listener, NULL, NULL);
        }
        assert_true(client >= 0);
        close(client);
        assert_true(peer_guard_end(&g));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(an_effect_in_time_is_left_alone),
            cmocka_unit_test(a_leg_that_hangs_is_disconnected),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
