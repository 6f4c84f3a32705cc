/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The relay between two socket pairs: what leaves on the other side, in both directions, byte by byte. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/classic_relay.h"
#include "net/whole_io.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/nbdd/corpus.h"
#include "wire/classic_wire.h"
#include "wire/nbd_wire.h"

#define PATIENCE_MS 10000u

struct bench {
        struct classic_relay relay;
        int client, server; /* our ends */
        pthread_t thread;
        int result;
        const char *why;
};

static void *relay_main(void *userdata)
{
        struct bench *b = userdata;
        b->result = classic_relay_run(&b->relay, &b->why);
        return NULL;
}

static void start(struct bench *b, enum classic_direction direction, bool read_only, bool fua)
{
        int front[2], back[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, front), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, back), 0);
        *b = (struct bench){.client = front[0], .server = back[0]};
        b->relay = (struct classic_relay){.direction = direction,
                                          .request_fd = front[1],
                                          .server_fd = back[1],
                                          .size_bytes = CLASSIC_SIZE_MAX,
                                          .read_only = read_only,
                                          .fua = fua};
        assert_int_equal(pthread_create(&b->thread, NULL, relay_main, b), 0);
}

static void join(struct bench *b)
{
        (void)pthread_join(b->thread, NULL);
        (void)close(b->client);
        (void)close(b->server);
        (void)close(b->relay.request_fd);
        (void)close(b->relay.server_fd);
}

static void put(int fd, const void *data, size_t size_bytes)
{
        assert_int_equal(send_whole(fd, data, size_bytes, whole_io_deadline(PATIENCE_MS)), 0);
}

static void take(int fd, void *data, size_t size_bytes)
{
        assert_int_equal(receive_whole(fd, data, size_bytes, whole_io_deadline(PATIENCE_MS)), 0);
}

static void put_classic(int fd, uint32_t type, uint32_t from, uint32_t length, uint64_t handle)
{
        uint8_t raw[CLASSIC_REQUEST_BYTES];
        struct bwriter w = bwriter_of(raw, sizeof raw);
        classic_request_encode(&w, &(struct classic_request){.type = type, .from_bytes = from, .length_bytes = length, .handle = handle});
        put(fd, raw, sizeof raw);
}

static struct nbd_request take_nbd(int fd)
{
        uint8_t raw[NBD_REQUEST_BYTES];
        struct breader r = breader_of(raw, sizeof raw);
        struct nbd_request q;
        take(fd, raw, sizeof raw);
        assert_int_equal(nbd_request_decode(&r, &q), 0);
        return q;
}

static void put_nbd_reply(int fd, uint64_t cookie, uint32_t error)
{
        uint8_t raw[NBD_SIMPLE_REPLY_BYTES];
        struct bwriter w = bwriter_of(raw, sizeof raw);
        nbd_simple_reply_encode(&w, cookie, error);
        put(fd, raw, sizeof raw);
}

static void expect_classic_reply(int fd, uint64_t handle, uint32_t error)
{
        uint8_t raw[CLASSIC_REPLY_BYTES];
        struct breader r = breader_of(raw, sizeof raw);
        uint64_t got;
        uint32_t got_error;
        take(fd, raw, sizeof raw);
        assert_int_equal(classic_reply_decode(&r, &got, &got_error), 0);
        assert_int_equal(got, handle);
        assert_int_equal(got_error, error);
}

static void test_the_bytes_of_appendix_a(void **state)
{
        static const uint8_t request[] = {0x12, 0x56, 0x09, 0x53, 0xff, 0xff, 0xf0, 0, 0, 0, 0x10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1};
        static const uint8_t reply[] = {0x96, 0x74, 0x46, 0x68, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 5};
        struct breader r = breader_of(request, sizeof request);
        struct classic_request q;
        uint8_t out[32];
        struct bwriter w = bwriter_of(out, sizeof out);

        (void)state;
        assert_int_equal(classic_request_decode(&r, &q), 0);
        assert_int_equal(q.from_bytes, 0xfffff000u);
        assert_int_equal(q.length_bytes, 4096);
        assert_int_equal(q.handle, 0x0102030405060708u);
        assert_int_equal(q.type, CLASSIC_WRITE);
        classic_request_encode(&w, &q);
        assert_int_equal(w.offset_bytes, sizeof request);
        assert_memory_equal(out, request, sizeof request);
        w = bwriter_of(out, sizeof out);
        classic_reply_encode(&w, q.handle, 5);
        assert_int_equal(w.offset_bytes, sizeof reply);
        assert_memory_equal(out, reply, sizeof reply);
}

static void test_write_is_durable_before_its_reply(void **state)
{
        struct bench b;
        uint8_t data[512], got[512];
        (void)state;
        memset(data, 0x5a, sizeof data);
        start(&b, CLASSIC_TO_NBD, false, true);
        put_classic(b.client, CLASSIC_WRITE, 0xfffffe00u, 512, UINT64_MAX);
        put(b.client, data, sizeof data);
        struct nbd_request q = take_nbd(b.server);
        assert_int_equal(q.command, NBD_COMMAND_WRITE);
        assert_int_equal(q.flags, NBD_CMDFLAG_FUA);
        assert_int_equal(q.offset_bytes, 0xfffffe00u);
        take(b.server, got, sizeof got);
        assert_memory_equal(got, data, sizeof data);
        put_nbd_reply(b.server, q.cookie, 0);
        expect_classic_reply(b.client, UINT64_MAX, 0);
        (void)shutdown(b.client, SHUT_WR);
        assert_int_equal(take_nbd(b.server).command, NBD_COMMAND_DISC);
        join(&b);
        assert_int_equal(b.result, 0);
}

static void test_replies_in_another_order(void **state)
{
        struct bench b;
        uint8_t got[3];
        (void)state;
        start(&b, CLASSIC_TO_NBD, false, false);
        put_classic(b.client, CLASSIC_READ, 0, 3, 9);
        put_classic(b.client, CLASSIC_READ, 10, 2, 9);
        struct nbd_request first = take_nbd(b.server), second = take_nbd(b.server);
        put_nbd_reply(b.server, second.cookie, 0);
        put(b.server, "zz", 2);
        put_nbd_reply(b.server, first.cookie, NBD_ERROR_EIO);
        expect_classic_reply(b.client, 9, 0);
        take(b.client, got, 2);
        assert_memory_equal(got, "zz", 2);
        expect_classic_reply(b.client, 9, NBD_ERROR_EIO);
        (void)close(b.server);
        b.server = -1;
        join(&b);
}

static void test_reply_that_nobody_asked_for_ends_it(void **state)
{
        static const uint64_t cookies[] = {0, 1, 1000, UINT64_MAX};
        (void)state;
        for (size_t i = 0; i < sizeof cookies / sizeof cookies[0]; i++) {
                struct bench b;
                start(&b, CLASSIC_TO_NBD, false, false);
                put_nbd_reply(b.server, cookies[i], 0);
                join(&b);
                assert_int_equal(b.result, -EPROTO);
                assert_string_equal(b.why, "a reply that belongs to no request");
        }
}

static void test_towards_an_old_server(void **state)
{
        struct bench b;
        uint8_t raw[NBD_REQUEST_BYTES], old[CLASSIC_REQUEST_BYTES], data[4] = "abcd", got[4];
        struct bwriter w = bwriter_of(raw, sizeof raw);
        struct breader r = breader_of(old, sizeof old);
        struct classic_request q;
        (void)state;
        start(&b, NBD_TO_CLASSIC, false, false);
        nbd_request_encode(&w, &(struct nbd_request){.command = NBD_COMMAND_WRITE, .cookie = 77, .offset_bytes = 8, .length_bytes = 4});
        put(b.client, raw, sizeof raw);
        put(b.client, data, sizeof data);
        take(b.server, old, sizeof old);
        assert_int_equal(classic_request_decode(&r, &q), 0);
        assert_int_equal(q.type, CLASSIC_WRITE);
        assert_int_equal(q.from_bytes, 8);
        take(b.server, got, sizeof got);
        assert_memory_equal(got, data, 4);
        uint8_t reply[CLASSIC_REPLY_BYTES];
        w = bwriter_of(reply, sizeof reply);
        classic_reply_encode(&w, q.handle, 0);
        put(b.server, reply, sizeof reply);
        uint8_t simple[NBD_SIMPLE_REPLY_BYTES];
        uint64_t cookie;
        uint32_t error;
        take(b.client, simple, sizeof simple);
        r = breader_of(simple, sizeof simple);
        assert_int_equal(nbd_simple_reply_decode(&r, &cookie, &error), 0);
        assert_int_equal(cookie, 77);
        assert_int_equal(error, 0);
        w = bwriter_of(raw, sizeof raw);
        nbd_request_encode(&w, &(struct nbd_request){.command = NBD_COMMAND_DISC});
        put(b.client, raw, sizeof raw);
        join(&b);
        assert_int_equal(b.result, 0);
}

static void test_what_0_2_cannot_say_is_refused_here(void **state)
{
        static const struct {
                uint16_t command;
                uint64_t offset;
                uint32_t length, error;
        } cases[] = {
            {NBD_COMMAND_FLUSH, 0, 0, NBD_ERROR_EINVAL},
            {NBD_COMMAND_TRIM, 0, 512, NBD_ERROR_EINVAL},
            {NBD_COMMAND_READ, CLASSIC_SIZE_MAX - 1, 2, NBD_ERROR_EINVAL},
            {NBD_COMMAND_WRITE, CLASSIC_SIZE_MAX, 1, NBD_ERROR_EPERM},
            {NBD_COMMAND_READ, UINT64_MAX, 1, NBD_ERROR_EINVAL},
        };
        struct bench b;
        (void)state;
        start(&b, NBD_TO_CLASSIC, true, false);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                uint8_t raw[NBD_REQUEST_BYTES], simple[NBD_SIMPLE_REPLY_BYTES];
                struct bwriter w = bwriter_of(raw, sizeof raw);
                struct breader r = breader_of(simple, sizeof simple);
                uint64_t cookie;
                uint32_t error;
                nbd_request_encode(&w, &(struct nbd_request){.command = cases[i].command,
                                                             .cookie = i,
                                                             .offset_bytes = cases[i].offset,
                                                             .length_bytes = cases[i].length});
                put(b.client, raw, sizeof raw);
                if (cases[i].command == NBD_COMMAND_WRITE)
                        put(b.client, "x", 1);
                take(b.client, simple, sizeof simple);
                assert_int_equal(nbd_simple_reply_decode(&r, &cookie, &error), 0);
                assert_int_equal(cookie, i);
                assert_int_equal(error, cases[i].error);
        }
        (void)close(b.client);
        b.client = -1;
        join(&b);
}

static void test_fuzz_corpus(void **state)
{
        (void)state;
        assert_true(corpus_replay("tests/fuzz/corpus/classic") >= 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_the_bytes_of_appendix_a),
            cmocka_unit_test(test_write_is_durable_before_its_reply),
            cmocka_unit_test(test_replies_in_another_order),
            cmocka_unit_test(test_reply_that_nobody_asked_for_ends_it),
            cmocka_unit_test(test_towards_an_old_server),
            cmocka_unit_test(test_what_0_2_cannot_say_is_refused_here),
            cmocka_unit_test(test_fuzz_corpus),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
