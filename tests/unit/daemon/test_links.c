/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links over loopback: two nodes and a witness in one process, and an intruder with a socket of its own. */
#include "tests/unit/cmocka_all.h"

#include "hamon/net/links.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HELLO_PAUSE_US = 120000 }; /* hellos to one voter are 100 ms apart */

struct voter {
        struct links *links;
        unsigned payloads[VOTERS], alarms[PACKET_KINDS];
        char last[64];
        bool refuse; /* say that the payload is no message */
};

struct fixture {
        struct config config;
        sd_event *loop;
        struct voter voter[VOTERS];
};

static bool on_payload(void *userdata, uint8_t from, const uint8_t *payload, size_t size_bytes)
{
        struct voter *v = userdata;
        v->payloads[from]++;
        assert_true(size_bytes < sizeof v->last);
        memcpy(v->last, payload, size_bytes);
        v->last[size_bytes] = '\0';
        return !v->refuse;
}

static void on_alarm(void *userdata, enum packet_kind kind, const char *from, uint64_t count)
{
        (void)from, (void)count;
        ((struct voter *)userdata)->alarms[kind]++;
}

static uint16_t free_port(void)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htobe32(INADDR_LOOPBACK)};
        socklen_t size = sizeof a;
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
        close(fd);
        return be16toh(a.sin_port);
}

static void add_link(struct config_voter *v, const char *text)
{
        struct config_address *a = &v->link[v->links++];
        a->family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, text, a->bytes), 1);
        strcpy(a->text, text);
}

static void start(struct fixture *f, uint8_t voter, uint64_t start_id, uint8_t key_fill)
{
        uint8_t key[SEAL_KEY_BYTES];
        struct links_handler h = {.payload = on_payload, .alarm = on_alarm, .userdata = &f->voter[voter]};
        memset(key, key_fill, sizeof key);
        links_free(f->voter[voter].links);
        f->voter[voter].links = NULL;
        assert_int_equal(links_new(f->loop, &f->config, voter, start_id, key, &h, &f->voter[voter].links), 0);
}

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof *f);
        strcpy(f->config.cluster, "demo");
        f->config.port = free_port();
        f->config.has_witness = true;
        add_link(&f->config.voters[0], "127.0.0.1");
        add_link(&f->config.voters[0], "127.0.1.1");
        add_link(&f->config.voters[1], "127.0.0.2");
        add_link(&f->config.voters[1], "127.0.1.2");
        add_link(&f->config.voters[WITNESS], "127.0.0.3");
        assert_int_equal(sd_event_new(&f->loop), 0);
        for (uint8_t v = 0; v < VOTERS; v++)
                start(f, v, 100u + v, 7);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        for (int v = 0; v < VOTERS; v++)
                links_free(f->voter[v].links);
        sd_event_unref(f->loop);
        free(f);
        return 0;
}

static void settle(struct fixture *f)
{
        while (sd_event_run(f->loop, 20000) > 0)
                ;
}

static void send_text(struct fixture *f, uint8_t from, uint8_t to, const char *text)
{
        assert_int_equal(links_send(f->voter[from].links, to, text, strlen(text)), 0);
        settle(f);
}

static uint64_t counted(struct fixture *f, uint8_t voter, enum packet_kind kind)
{
        struct links_view view;
        links_view(f->voter[voter].links, &view);
        return view.count[kind];
}

static void introduce(struct fixture *f, uint8_t a, uint8_t b)
{
        send_text(f, a, b, "hello");
        send_text(f, a, b, "again");
}

static void test_both_links_one_payload(void **state)
{
        struct fixture *f = *state;
        introduce(f, 0, 1);
        unsigned before = f->voter[1].payloads[0];
        send_text(f, 0, 1, "one");
        assert_int_equal(f->voter[1].payloads[0], before + 1); /* sent twice, believed once */
        assert_string_equal(f->voter[1].last, "one");
        struct links_view view;
        links_view(f->voter[1].links, &view);
        assert_int_equal(view.paths[0], 2);
        assert_true(view.path[0][0].heard && view.path[0][1].heard);
        assert_string_equal(view.path[0][1].local, "127.0.1.2");
        assert_true(view.count[PACKET_DUPLICATE] >= 1);
        send_text(f, 1, 0, "back"); /* the first contact introduced both sides */
        assert_string_equal(f->voter[0].last, "back");
}

static void test_the_first_message_of_a_start_is_lost_at_most(void **state)
{
        struct fixture *f = *state;
        send_text(f, 0, 1, "hello");
        assert_int_equal(f->voter[1].payloads[0], 0); /* unproven */
        assert_true(counted(f, 1, PACKET_UNPROVEN) >= 1);
        send_text(f, 0, 1, "again");
        assert_int_equal(f->voter[1].payloads[0], 1);
        usleep(HELLO_PAUSE_US);
        start(f, 0, 555, 7); /* node 0 restarts */
        send_text(f, 0, 1, "new");
        send_text(f, 0, 1, "newer");
        assert_string_equal(f->voter[1].last, "newer");
        usleep(HELLO_PAUSE_US);
        start(f, 1, 556, 7); /* and node 1 */
        send_text(f, 0, 1, "x");
        send_text(f, 0, 1, "y");
        assert_string_equal(f->voter[1].last, "y");
}

static void test_the_witness_answers_to_where_it_heard_from(void **state)
{
        struct fixture *f = *state;
        send_text(f, WITNESS, 0, "too early");
        assert_int_equal(f->voter[0].payloads[WITNESS], 0);
        introduce(f, 0, WITNESS);
        assert_string_equal(f->voter[WITNESS].last, "again");
        send_text(f, WITNESS, 0, "vote");
        assert_string_equal(f->voter[0].last, "vote");
        struct links_view view;
        links_view(f->voter[WITNESS].links, &view);
        assert_int_equal(view.paths[0], 2); /* both links of the node lead to the witness's one */
        assert_int_equal(view.paths[1], 0);
}

/* A bare socket at an address of nobody. */
static void intrude(struct fixture *f, const char *to, const void *datagram, size_t size_bytes)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htobe16(f->config.port)};
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        assert_int_equal(inet_pton(AF_INET, to, &a.sin_addr), 1);
        assert_int_equal(sendto(fd, datagram, size_bytes, 0, (struct sockaddr *)&a, sizeof a), (ssize_t)size_bytes);
        close(fd);
        settle(f);
}

static void test_refused_by_kind(void **state)
{
        struct fixture *f = *state;
        introduce(f, 0, 1);
        unsigned payloads = f->voter[1].payloads[0];
        intrude(f, "127.0.0.2", "nonsense", 8);
        static uint8_t large[3000];
        intrude(f, "127.0.0.2", large, sizeof large);
        assert_int_equal(counted(f, 1, PACKET_MALFORMED), 2);
        assert_int_equal(f->voter[1].alarms[PACKET_MALFORMED], 1); /* one line, not one for each */
        uint8_t newer[200] = {'H', 'A', 'M', 'N', 0, SEAL_VERSION + 1};
        intrude(f, "127.0.0.2", newer, sizeof newer);
        assert_int_equal(counted(f, 1, PACKET_NEWER), 1);
        start(f, 0, 900, 8); /* another key */
        send_text(f, 0, 1, "evil");
        assert_true(counted(f, 1, PACKET_BAD_KEY) >= 1);
        strcpy(f->config.cluster, "other");
        start(f, 0, 901, 7);
        strcpy(f->config.cluster, "demo");
        send_text(f, 0, 1, "lost");
        assert_true(counted(f, 1, PACKET_OTHER_CLUSTER) >= 1);
        assert_int_equal(f->voter[1].payloads[0], payloads); /* and nothing of it was believed */
        struct links_view view;
        links_view(f->voter[1].links, &view);
        assert_non_null(strstr(view.last_from[PACKET_BAD_KEY], "127.0."));
}

/* The witness speaks to nobody by itself: a node that it does not believe hears from it why, and nothing in that is believed. */
static void test_both_sides_know_of_a_wrong_key(void **state)
{
        struct fixture *f = *state;
        introduce(f, 0, WITNESS);
        unsigned payloads = f->voter[0].payloads[WITNESS];
        start(f, WITNESS, 900, 8);
        for (int i = 0; i < 5; i++)
                send_text(f, 0, WITNESS, "vote for me");
        assert_true(counted(f, WITNESS, PACKET_BAD_KEY) >= 5);
        assert_int_equal(counted(f, 0, PACKET_BAD_KEY), 1); /* at most one a second */
        assert_int_equal(f->voter[0].alarms[PACKET_BAD_KEY], 1);
        struct links_view view;
        links_view(f->voter[0].links, &view);
        assert_non_null(strstr(view.last_from[PACKET_BAD_KEY], "127.0.0.3:"));
        assert_int_equal(counted(f, WITNESS, PACKET_BAD_KEY), 10); /* two links, five messages: nobody answers to an answer */
        start(f, WITNESS, 901, 7);
        introduce(f, 0, WITNESS);
        send_text(f, WITNESS, 0, "vote");
        assert_int_equal(f->voter[0].payloads[WITNESS], payloads + 1);
}

static void test_both_sides_know_of_another_list_of_nodes(void **state)
{
        struct fixture *f = *state;
        unsigned links = f->config.voters[1].links;
        f->config.voters[1].links = 0; /* the witness's configuration has no node 1 */
        start(f, WITNESS, 900, 7);
        f->config.voters[1].links = links;
        assert_int_equal(links_send(f->voter[1].links, WITNESS, "vote", 4), 0);
        f->config.voters[1].links = 0;
        settle(f);
        f->config.voters[1].links = links;
        assert_true(counted(f, WITNESS, PACKET_MISADDRESSED) >= 1);
        settle(f);
        assert_true(counted(f, 1, PACKET_MISADDRESSED) >= 1);
        assert_int_equal(f->voter[1].payloads[WITNESS], 0);
}

static void test_the_witness_answers_no_short_datagram(void **state)
{
        struct fixture *f = *state;
        uint8_t newer[SEAL_HEADER_BYTES + SEAL_MAC_BYTES] = {'H', 'A', 'M', 'N', 0, SEAL_VERSION + 1, 0};
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htobe16(f->config.port)};
        assert_int_equal(inet_pton(AF_INET, "127.0.0.3", &to.sin_addr), 1);
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        uint8_t answer[SEAL_DATAGRAM_MAX];
        assert_int_equal(sendto(fd, newer, sizeof newer - 1, 0, (struct sockaddr *)&to, sizeof to), sizeof newer - 1);
        settle(f);
        assert_int_equal(recv(fd, answer, sizeof answer, 0), -1);
        newer[SEAL_FROM_OFFSET] = VOTERS; /* nobody of ours */
        assert_int_equal(sendto(fd, newer, sizeof newer, 0, (struct sockaddr *)&to, sizeof to), sizeof newer);
        settle(f);
        assert_int_equal(recv(fd, answer, sizeof answer, 0), -1);
        newer[SEAL_FROM_OFFSET] = 1;
        assert_int_equal(sendto(fd, newer, sizeof newer, 0, (struct sockaddr *)&to, sizeof to), sizeof newer);
        settle(f);
        assert_int_equal(recv(fd, answer, sizeof answer, 0), sizeof newer); /* not a byte more */
        close(fd);
}

static void test_a_replayed_datagram_is_refused(void **state)
{
        struct fixture *f = *state;
        uint8_t key[SEAL_KEY_BYTES], d[SEAL_DATAGRAM_MAX];
        struct seal *s;
        memset(key, 7, sizeof key);
        assert_int_equal(seal_new(key, &s), 0);
        introduce(f, 0, 1);
        /* Somebody with the key, but an old recording: right cluster, sender 0, a start that is not running. */
        struct seal_envelope e = {.from = 0, .to = 1, .start = 42, .sequence = 1000000};
        memcpy(e.cluster.bytes, "\x00", 1);
        int n = seal_close(s, &e, "old", 3, d);
        intrude(f, "127.0.0.2", d, (size_t)n);
        assert_int_equal(counted(f, 1, PACKET_OTHER_CLUSTER), 1); /* an envelope without the cluster's id */
        seal_free(s);
        unsigned payloads = f->voter[1].payloads[0];
        send_text(f, 0, 1, "alive");
        assert_int_equal(f->voter[1].payloads[0], payloads + 1);
}

static void test_undecodable_is_counted(void **state)
{
        struct fixture *f = *state;
        introduce(f, 0, 1);
        f->voter[1].refuse = true;
        send_text(f, 0, 1, "future");
        assert_int_equal(counted(f, 1, PACKET_UNDECODABLE), 1);
        assert_int_equal(f->voter[1].alarms[PACKET_UNDECODABLE], 1);
}

static void test_a_voter_that_the_configuration_has_not(void **state)
{
        struct fixture *f = *state;
        start(f, WITNESS, 1, 7);
        introduce(f, 1, WITNESS);
        unsigned links = f->config.voters[WITNESS].links;
        f->config.voters[WITNESS].links = 0; /* node 0's configuration has no witness */
        send_text(f, WITNESS, 1, "who");
        f->config.voters[WITNESS].links = links;
        assert_int_equal(f->voter[1].payloads[WITNESS], 0);
        assert_true(counted(f, 1, PACKET_MISADDRESSED) >= 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_both_links_one_payload, setup, teardown),
                cmocka_unit_test_setup_teardown(test_the_first_message_of_a_start_is_lost_at_most, setup, teardown),
                cmocka_unit_test_setup_teardown(test_the_witness_answers_to_where_it_heard_from, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refused_by_kind, setup, teardown),
                cmocka_unit_test_setup_teardown(test_both_sides_know_of_a_wrong_key, setup, teardown),
                cmocka_unit_test_setup_teardown(test_both_sides_know_of_another_list_of_nodes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_the_witness_answers_no_short_datagram, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_replayed_datagram_is_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(test_undecodable_is_counted, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_voter_that_the_configuration_has_not, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
