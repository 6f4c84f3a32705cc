/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NBD codecs: golden bytes, round trips, truncation at every byte, lengths that lie; export names; the client fuzzer's corpus. */
#include "../cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../nbdd/corpus.h"
#include "wire/export_name.h"
#include "wire/nbd_wire.h"

static void greeting_is_the_specifications_bytes(void **state)
{
        (void)state;
        uint8_t buffer[NBD_GREETING_BYTES];
        struct bwriter w = bwriter_of(buffer, sizeof buffer);
        uint16_t flags = 0;

        nbd_greeting_encode(&w, 3);
        assert_false(w.bad);
        assert_memory_equal(buffer, "NBDMAGICIHAVEOPT\0\3", sizeof buffer);
        struct breader r = breader_of(buffer, sizeof buffer);
        assert_int_equal(nbd_greeting_decode(&r, &flags), 0);
        assert_int_equal(flags, 3);
        buffer[3] ^= 1;
        r = breader_of(buffer, sizeof buffer);
        assert_int_equal(nbd_greeting_decode(&r, &flags), -EBADMSG);
}

static void request_is_the_specifications_bytes(void **state)
{
        (void)state;
        static const uint8_t golden[NBD_REQUEST_BYTES] = {0x25, 0x60, 0x95, 0x13, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6,
                                                          7,    8,    0x11, 0x12, 0, 0, 0, 0, 0, 9, 0, 0, 0x20, 0};
        const struct nbd_request q = {.flags = NBD_CMDFLAG_FUA,
                                      .command = NBD_COMMAND_WRITE_ZEROES,
                                      .cookie = 0x0102030405060708,
                                      .offset_bytes = 0x1112000000000009,
                                      .length_bytes = 8192};
        uint8_t buffer[NBD_REQUEST_BYTES];
        struct bwriter w = bwriter_of(buffer, sizeof buffer);
        struct nbd_request back;

        nbd_request_encode(&w, &q);
        assert_memory_equal(buffer, golden, sizeof golden);
        struct breader r = breader_of(golden, sizeof golden);
        assert_int_equal(nbd_request_decode(&r, &back), 0);
        assert_int_equal(back.cookie, q.cookie);
        assert_int_equal(back.offset_bytes, q.offset_bytes);
        assert_int_equal(back.length_bytes, q.length_bytes);
        assert_int_equal(back.command, q.command);
        for (size_t n = 0; n < sizeof golden; n++) {
                r = breader_of(golden, n);
                assert_int_equal(nbd_request_decode(&r, &back), -EBADMSG);
        }
}

static void meta_contexts_round_trip_and_lengths_that_lie(void **state)
{
        (void)state;
        static const char *const queries[] = {"base:allocation", "", "x:y"};
        uint8_t buffer[128];
        struct bwriter w = bwriter_of(buffer, sizeof buffer);
        struct nbd_option_meta meta;
        const char *query;
        size_t n;

        nbd_option_meta_encode(&w, NBD_OPT_LIST_META_CONTEXT, "0x1", queries, 3);
        const uint8_t *data = buffer + NBD_OPTION_HEADER_BYTES;
        size_t size = w.offset_bytes - NBD_OPTION_HEADER_BYTES;
        assert_int_equal(nbd_option_meta_decode(data, size, &meta), 0);
        assert_int_equal(meta.name_bytes, 3);
        for (size_t i = 0; i < 3; i++) {
                assert_true(nbd_option_meta_next(&meta, &query, &n));
                assert_int_equal(n, strlen(queries[i]));
                assert_memory_equal(query, queries[i], n);
        }
        assert_false(nbd_option_meta_next(&meta, &query, &n));
        for (size_t shorter = 0; shorter < size; shorter++)
                assert_int_equal(nbd_option_meta_decode(data, shorter, &meta), -EBADMSG);
        assert_int_equal(nbd_option_meta_decode(data, size + 1, &meta), -EBADMSG);
        buffer[NBD_OPTION_HEADER_BYTES + 4 + 3] = 0xff; /* four thousand million queries */
        assert_int_equal(nbd_option_meta_decode(data, size, &meta), -EBADMSG);
}

static void chunks_are_the_specifications_bytes(void **state)
{
        (void)state;
        static const uint8_t golden[] = {
            0x66, 0x8e, 0x33, 0xef, 0, 1, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 22, 0, 3,       /* error, 3 bytes of text */
            0x66, 0x8e, 0x33, 0xef, 0, 0, 0,    1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 2, 8, 0, 0, 0, 0,  0, 0, 0x10, 0, /* data */
            0x66, 0x8e, 0x33, 0xef, 0, 1, 0,    2, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 2, 0, /* hole */
            0x66, 0x8e, 0x33, 0xef, 0, 1, 0,    5, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 20, 0, 0, 0, 1, /* status of 2 extents */
            0x66, 0x8e, 0x33, 0xef, 0, 1, 0,    0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, /* none */
        };
        uint8_t buffer[sizeof golden];
        struct bwriter w = bwriter_of(buffer, sizeof buffer);

        nbd_chunk_error_encode(&w, 7, NBD_ERROR_EINVAL, 3);
        nbd_chunk_data_encode(&w, 7, 0, 4096, 512);
        nbd_chunk_hole_encode(&w, 7, NBD_CHUNK_FLAG_DONE, 4096, 512);
        nbd_chunk_status_encode(&w, 7, 1, 2);
        nbd_chunk_none_encode(&w, 7);
        assert_false(w.bad);
        assert_int_equal(w.offset_bytes, sizeof golden);
        assert_memory_equal(buffer, golden, sizeof golden);
}

static void replies_round_trip(void **state)
{
        (void)state;
        uint8_t buffer[64];
        struct bwriter w = bwriter_of(buffer, sizeof buffer);
        uint64_t cookie;
        uint32_t error;
        struct nbd_chunk chunk = {.flags = NBD_CHUNK_FLAG_DONE, .type = NBD_CHUNK_OFFSET_DATA, .cookie = 9, .length_bytes = 12}, back;

        nbd_simple_reply_encode(&w, 77, NBD_ERROR_ENOSPC);
        assert_memory_equal(buffer, "\x67\x44\x66\x98\0\0\0\x1c\0\0\0\0\0\0\0\x4d", NBD_SIMPLE_REPLY_BYTES);
        nbd_chunk_header_encode(&w, &chunk);
        assert_int_equal(w.offset_bytes, NBD_SIMPLE_REPLY_BYTES + NBD_CHUNK_HEADER_BYTES);
        struct breader r = breader_of(buffer, w.offset_bytes);
        assert_int_equal(nbd_simple_reply_decode(&r, &cookie, &error), 0);
        assert_int_equal(cookie, 77);
        assert_int_equal(error, NBD_ERROR_ENOSPC);
        assert_int_equal(nbd_chunk_header_decode(&r, &back), 0);
        assert_int_equal(back.flags, chunk.flags);
        assert_int_equal(back.type, chunk.type);
        assert_int_equal(back.cookie, chunk.cookie);
        assert_int_equal(back.length_bytes, chunk.length_bytes);
}

static void go_round_trips_and_refuses_lengths_that_lie(void **state)
{
        (void)state;
        const struct nbd_option_go go = {.name = "0x12", .name_bytes = 4, .infos = {NBD_INFO_BLOCK_SIZE, 77}, .info_count = 2};
        uint8_t buffer[128];
        struct bwriter w = bwriter_of(buffer, sizeof buffer);
        struct nbd_option_header h;
        struct nbd_option_go back;

        nbd_option_go_encode(&w, NBD_OPT_GO, &go);
        struct breader r = breader_of(buffer, w.offset_bytes);
        assert_int_equal(nbd_option_header_decode(&r, &h), 0);
        assert_int_equal(h.option, NBD_OPT_GO);
        assert_int_equal(h.length_bytes, breader_left(&r));
        const uint8_t *data = r.data + r.offset_bytes;
        assert_int_equal(nbd_option_go_decode(data, h.length_bytes, &back), 0);
        assert_int_equal(back.name_bytes, 4);
        assert_memory_equal(back.name, "0x12", 4);
        assert_int_equal(back.info_count, 2);
        assert_int_equal(back.infos[1], 77);
        for (size_t n = 0; n < h.length_bytes; n++)
                assert_int_equal(nbd_option_go_decode(data, n, &back), -EBADMSG);
        buffer[sizeof buffer - 1] = 0;
        assert_int_equal(nbd_option_go_decode(data, h.length_bytes + 1, &back), -EBADMSG);
}

static void infos_decode_and_refuse_nonsense(void **state)
{
        (void)state;
        const struct nbd_export_info info = {.size_bytes = 1 << 20,
                                             .transmission_flags = 0x103,
                                             .block_minimum_bytes = 512,
                                             .block_preferred_bytes = 4096,
                                             .block_maximum_bytes = NBD_PAYLOAD_MAX};
        struct nbd_export_info back = {0};
        uint8_t buffer[128];
        struct bwriter w = bwriter_of(buffer, sizeof buffer);

        nbd_info_export_encode(&w, NBD_OPT_GO, &info);
        nbd_info_block_size_encode(&w, NBD_OPT_GO, &info);
        struct breader r = breader_of(buffer, w.offset_bytes);
        for (int n = 0; n < 2; n++) {
                struct nbd_option_reply reply;
                assert_int_equal(nbd_option_reply_header_decode(&r, &reply), 0);
                assert_int_equal(reply.type, NBD_REP_INFO);
                const uint8_t *data = breader_take(&r, reply.length_bytes);
                assert_non_null(data);
                for (size_t cut = 0; cut < reply.length_bytes; cut++)
                        assert_int_equal(nbd_info_decode(data, cut, &back), -EBADMSG);
                assert_int_equal(nbd_info_decode(data, reply.length_bytes, &back), 0);
        }
        assert_true(back.has_export && back.has_block_size);
        assert_int_equal(back.size_bytes, info.size_bytes);
        assert_int_equal(back.block_minimum_bytes, 512);
        assert_int_equal(nbd_info_decode("\0\3\0\0\0\0\0\0\x10\0\2\0\0\0", 14, &back), -EBADMSG); /* a minimum of 0 */
        assert_int_equal(nbd_info_decode("\0\3\0\0\2\1\0\0\x10\0\2\0\0\0", 14, &back), -EBADMSG); /* not a power of two */
        assert_int_equal(nbd_info_decode("\0\x63", 2, &back), 0);                                 /* unknown: ignored */
}

static void errors_have_the_protocols_numbers(void **state)
{
        (void)state;
        assert_int_equal(nbd_error_from_errno(0), 0);
        assert_int_equal(nbd_error_from_errno(EROFS), NBD_ERROR_EPERM);
        assert_int_equal(nbd_error_from_errno(EDQUOT), NBD_ERROR_ENOSPC);
        assert_int_equal(nbd_error_from_errno(EREMOTEIO), NBD_ERROR_EIO);
        assert_int_equal(nbd_error_from_errno(EOPNOTSUPP), NBD_ERROR_ENOTSUP);
        assert_int_equal(nbd_error_to_errno(4711), EIO);
        for (int e = 0; e < 200; e++)
                assert_int_equal(nbd_error_from_errno(nbd_error_to_errno(nbd_error_from_errno(e))), nbd_error_from_errno(e));
}

static void export_names_parse(void **state)
{
        (void)state;
        static const char *const good[][2] = {
            {"1", "0x1"},
            {"0x12345678", "0x12345678"},
            {"305419896", "0x12345678"},
            {"0xFFFFFFFFFFFFFFFF", "0xffffffffffffffff"},
            {"0xd1?epoch=7&session=11111111-2222-4333-8444-55555555AAAA",
             "0xd1?epoch=7&session=11111111-2222-4333-8444-55555555aaaa"},
            {"0xd1?session=11111111-2222-4333-8444-555555555555&epoch=18446744073709551615",
             "0xd1?epoch=18446744073709551615&session=11111111-2222-4333-8444-555555555555"},
        };
        static const char *const bad[] = {
            "", "0", "x", "0x", "1 ", "-1", "18446744073709551616", "1?", "1?epoch=7", "1?session=11111111-2222-4333-8444-555555555555",
            "1?epoch=0&session=11111111-2222-4333-8444-555555555555", "1?epoch=07&session=11111111-2222-4333-8444-555555555555",
            "1?epoch=18446744073709551616&session=11111111-2222-4333-8444-555555555555", "1?epoch=1&session=1",
            "1?epoch=1&session=00000000-0000-0000-0000-000000000000", "1?epoch=1&epoch=1&session=11111111-2222-4333-8444-555555555555",
            "1?epoch=1&session=11111111-2222-4333-8444-555555555555&", "1?epoch=1&session=11111111-2222-4333-8444-555555555555&a=b",
            "1?Epoch=1&session=11111111-2222-4333-8444-555555555555", "1?epoch&session", "1?epoch=&session="};
        struct export_name name;
        char reason[256], text[EXPORT_NAME_TEXT_SIZE];

        for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
                assert_int_equal(export_name_parse(good[i][0], strlen(good[i][0]), &name, reason, sizeof reason), 0);
                export_name_format(&name, text);
                assert_string_equal(text, good[i][1]);
        }
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
                reason[0] = '\0';
                if (export_name_parse(bad[i], strlen(bad[i]), &name, reason, sizeof reason) != -EINVAL)
                        fail_msg("accepted \"%s\"", bad[i]);
                assert_true(reason[0]);
        }
        assert_int_equal(export_name_parse("1\0a", 3, &name, reason, sizeof reason), -EINVAL);
        char longest[EXPORT_NAME_MAX + 2];
        memset(longest, '1', sizeof longest);
        assert_int_equal(export_name_parse(longest, sizeof longest, &name, reason, sizeof reason), -EINVAL);
}

static void corpus(void **state)
{
        (void)state;
        assert_true(corpus_replay("tests/fuzz/corpus/nbd_client") >= 9);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(greeting_is_the_specifications_bytes),
            cmocka_unit_test(request_is_the_specifications_bytes),
            cmocka_unit_test(replies_round_trip), cmocka_unit_test(meta_contexts_round_trip_and_lengths_that_lie),
            cmocka_unit_test(chunks_are_the_specifications_bytes),
            cmocka_unit_test(go_round_trips_and_refuses_lengths_that_lie),
            cmocka_unit_test(infos_decode_and_refuse_nonsense),
            cmocka_unit_test(errors_have_the_protocols_numbers),
            cmocka_unit_test(export_names_parse),
            cmocka_unit_test(corpus),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
