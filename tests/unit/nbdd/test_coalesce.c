/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a worker lets requests gather: only for a client that is ahead of it, and no longer than a batch takes. */
#include "../cmocka_all.h"

#include "nbdd/coalesce.h"

#define LIMIT_NS 40000u
#define SERVED_NS 1500u
#define TURN_NS 3000u /* what a turn costs beside its requests: system calls, and waking the client */

/* A client that sends a request each `each_ns` while it has less than `depth` unanswered. */
struct client {
        unsigned depth, each_ns;
        uint32_t payload_bytes;
        bool writes;
};

/* How many it sends in that time; what is left of the time counts for the next. */
static unsigned sends(const struct client *client, unsigned time_ns, unsigned *rest_ns, unsigned unanswered)
{
        unsigned n = (time_ns + *rest_ns) / client->each_ns;

        *rest_ns = (time_ns + *rest_ns) % client->each_ns;
        return n < client->depth - unanswered ? n : client->depth - unanswered;
}

/* The pause that a worker comes to, in ns. */
static uint32_t settles_at(const struct client *client, unsigned *ret_batch)
{
        struct coalesce c = {0};
        uint32_t pause_ns = 0, sum_ns = 0;
        unsigned waiting = 1, batches = 0, rest_ns = 0;

        for (unsigned turn = 0; turn < 20000; turn++) {
                unsigned took = waiting;
                waiting = sends(client, TURN_NS + took * SERVED_NS, &rest_ns, took); /* until its replies go out */
                unsigned weight = took * coalesce_weight(client->payload_bytes, client->writes);
                pause_ns = coalesce_looks(&c) ? coalesce_pause(&c, weight, waiting > 0, LIMIT_NS) : 0;
                waiting += sends(client, pause_ns, &rest_ns, waiting);
                if (waiting == 0) { /* the turn lasts until something comes */
                        waiting = 1;
                        rest_ns = 0;
                }
                if (turn >= 10000) {
                        sum_ns += pause_ns;
                        batches += took;
                }
        }
        *ret_batch = batches / 10000;
        return sum_ns / 10000;
}

static void a_client_that_waits_for_each_reply_is_never_kept_waiting(void **state)
{
        unsigned batch;
        (void)state;
        assert_int_equal(settles_at(&(struct client){1, 2000, 4096, true}, &batch), 0);
        assert_int_equal(batch, 1);
}

static void requests_of_a_deep_queue_gather(void **state)
{
        unsigned reads, writes;
        (void)state;
        assert_in_range(settles_at(&(struct client){64, 2000, 4096, false}, &reads), 5000, LIMIT_NS);
        assert_in_range(settles_at(&(struct client){64, 2000, 4096, true}, &writes), 1000, LIMIT_NS);
        assert_in_range(reads, 8, 32);
        assert_in_range(writes, 5, 16); /* no more than the socket's buffers hold */
        assert_true(writes < reads);
}

static void large_requests_are_taken_at_once(void **state)
{
        unsigned batch;
        (void)state;
        assert_int_equal(settles_at(&(struct client){8, 10000, 1u << 20, true}, &batch), 0);
        assert_int_equal(settles_at(&(struct client){8, 10000, 1u << 20, false}, &batch), 0);
}

static void a_client_that_falls_silent_is_waited_for_a_few_times_only(void **state)
{
        struct coalesce c = {0};
        unsigned paused = 0;
        (void)state;
        for (int i = 0; i < 1000; i++)
                (void)coalesce_pause(&c, 2, true, LIMIT_NS);
        assert_int_equal(c.pause_ns, LIMIT_NS);
        while (coalesce_pause(&c, 1, false, LIMIT_NS) > 0)
                paused++;
        assert_in_range(paused, 1, 3);
}

static void of_a_client_that_waits_it_is_seldom_asked(void **state)
{
        struct coalesce c = {0};
        unsigned looks = 0;
        (void)state;
        for (int i = 0; i < 1600; i++) {
                if (!coalesce_looks(&c))
                        continue;
                (void)coalesce_pause(&c, 1, false, LIMIT_NS);
                looks++;
        }
        assert_in_range(looks, 50, 200);
}

static void zero_switches_it_off_at_once(void **state)
{
        struct coalesce c = {.pause_ns = LIMIT_NS};
        (void)state;
        assert_int_equal(coalesce_pause(&c, 1, true, 0), 0);
        assert_int_equal(coalesce_pause(&c, 1, true, 0), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_client_that_waits_for_each_reply_is_never_kept_waiting),
            cmocka_unit_test(requests_of_a_deep_queue_gather),
            cmocka_unit_test(large_requests_are_taken_at_once),
            cmocka_unit_test(a_client_that_falls_silent_is_waited_for_a_few_times_only),
            cmocka_unit_test(of_a_client_that_waits_it_is_seldom_asked),
            cmocka_unit_test(zero_switches_it_off_at_once),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
