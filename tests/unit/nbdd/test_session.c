/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The session state machine without a socket: handshakes, refusals, request checks, pieces of any size; the fuzzer's corpus. */
#include "../cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "corpus.h"
#include "nbdd/session.h"

#define SIZE (1u << 20)

static const struct nbd_export_info plain = {
    .size_bytes = SIZE,
    .transmission_flags = NBD_TFLAG_HAS_FLAGS | NBD_TFLAG_SEND_FLUSH | NBD_TFLAG_SEND_FUA | NBD_TFLAG_SEND_TRIM | NBD_TFLAG_SEND_WRITE_ZEROES,
    .block_minimum_bytes = 1,
    .block_preferred_bytes = 4096,
    .block_maximum_bytes = NBD_PAYLOAD_MAX,
};

struct fixture {
        struct session s;
        uint8_t in[1 << 17];
        struct bwriter w;
        size_t taken;
};

static int setup(void **state)
{
        struct fixture *f = calloc(1, sizeof *f);
        session_init(&f->s);
        f->w = bwriter_of(f->in, sizeof f->in);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        session_release(&f->s);
        free(f);
        return 0;
}

static struct session_event next(struct fixture *f)
{
        struct session_event event;
        f->taken += session_input(&f->s, f->in + f->taken, f->w.offset_bytes - f->taken, &event);
        return event;
}

/* The pending output must begin with this option reply; drops it, returns the type. */
static uint32_t reply_type(struct fixture *f, uint32_t option)
{
        size_t bytes;
        uint8_t *output = session_take_output(&f->s, &bytes);
        struct breader r = breader_of(output, bytes);
        struct nbd_option_reply reply;
        assert_non_null(output);
        assert_int_equal(nbd_option_reply_header_decode(&r, &reply), 0);
        assert_int_equal(reply.option, option);
        free(output);
        return reply.type;
}

static void hello(struct fixture *f)
{
        size_t bytes;
        free(session_take_output(&f->s, &bytes));
        assert_int_equal(bytes, NBD_GREETING_BYTES);
        nbd_client_flags_encode(&f->w, NBD_HANDSHAKE_FIXED_NEWSTYLE | NBD_HANDSHAKE_NO_ZEROES);
}

static void go(struct fixture *f, uint32_t option, bool block_size)
{
        const struct nbd_option_go data = {.name = "0x1", .name_bytes = 3, .infos = {NBD_INFO_BLOCK_SIZE}, .info_count = block_size};
        nbd_option_go_encode(&f->w, option, &data);
}

static void attach(struct fixture *f, const struct nbd_export_info *info)
{
        size_t bytes;
        hello(f);
        go(f, NBD_OPT_GO, true);
        struct session_event event = next(f);
        assert_int_equal(event.type, SESSION_ATTACH);
        assert_memory_equal(event.name, "0x1", 3);
        session_attached(&f->s, info);
        free(session_take_output(&f->s, &bytes));
        assert_int_equal(f->s.phase, SESSION_PHASE_TRANSMISSION);
}

static struct session_event request(struct fixture *f, uint16_t command, uint64_t offset, uint32_t length, uint16_t flags)
{
        nbd_request_encode(&f->w, &(struct nbd_request){flags, command, 42, offset, length});
        return next(f);
}

static void nothing_is_decided_before_the_last_byte(void **state)
{
        struct fixture *f = *state;
        hello(f);
        go(f, NBD_OPT_GO, false);
        size_t whole = f->w.offset_bytes;
        for (size_t n = 0; n < whole; n++) {
                f->w.offset_bytes = n;
                assert_int_equal(next(f).type, SESSION_MORE);
        }
        f->w.offset_bytes = whole;
        assert_int_equal(next(f).type, SESSION_ATTACH);
        assert_int_equal(f->taken, whole);
        assert_int_equal(next(f).type, SESSION_MORE); /* and nothing while it waits for the answer */
}

static void waits_for_the_answer_whatever_else_comes(void **state)
{
        struct fixture *f = *state;
        hello(f);
        go(f, NBD_OPT_GO, false);
        nbd_request_encode(&f->w, &(struct nbd_request){.command = NBD_COMMAND_READ, .length_bytes = 4});
        assert_int_equal(next(f).type, SESSION_ATTACH);
        assert_int_equal(next(f).type, SESSION_MORE);
        session_attached(&f->s, &plain);
        assert_int_equal(next(f).type, SESSION_REQUEST);
}

static void refusal_and_another_try(void **state)
{
        struct fixture *f = *state;
        hello(f);
        go(f, NBD_OPT_INFO, true);
        assert_int_equal(next(f).type, SESSION_INFO);
        session_refused(&f->s, NBD_REP_ERR_POLICY, "because");
        assert_int_equal(reply_type(f, NBD_OPT_INFO), NBD_REP_ERR_POLICY);
        go(f, NBD_OPT_GO, true);
        assert_int_equal(next(f).type, SESSION_ATTACH);
        session_attached(&f->s, &plain);
        assert_int_equal(reply_type(f, NBD_OPT_GO), NBD_REP_INFO);
}

static void export_name_refused_closes(void **state)
{
        struct fixture *f = *state;
        hello(f);
        nbd_option_encode(&f->w, NBD_OPT_EXPORT_NAME, "7", 1);
        assert_int_equal(next(f).type, SESSION_ATTACH);
        session_refused(&f->s, NBD_REP_ERR_UNKNOWN, "no");
        assert_int_equal(f->s.phase, SESSION_PHASE_CLOSED);
        size_t bytes;
        assert_null(session_take_output(&f->s, &bytes));
}

static void info_and_go_say_the_same(void **state)
{
        struct fixture *f = *state;
        size_t first, second;
        hello(f);
        go(f, NBD_OPT_INFO, true);
        assert_int_equal(next(f).type, SESSION_INFO);
        session_described(&f->s, &plain);
        uint8_t *a = session_take_output(&f->s, &first);
        go(f, NBD_OPT_GO, true);
        assert_int_equal(next(f).type, SESSION_ATTACH);
        session_attached(&f->s, &plain);
        uint8_t *b = session_take_output(&f->s, &second);
        assert_int_equal(first, second);
        for (size_t i = 0; i < first; i++) /* but for the option's number in each reply */
                if (a[i] != b[i])
                        assert_true(a[i] == NBD_OPT_INFO && b[i] == NBD_OPT_GO);
        free(a);
        free(b);
}

static void requests_are_checked(void **state)
{
        static const struct {
                uint16_t command, flags;
                uint64_t offset;
                uint32_t length, error;
        } cases[] = {
            {NBD_COMMAND_READ, 0, 0, SIZE, 0},
            {NBD_COMMAND_READ, 0, SIZE, 0, 0},
            {NBD_COMMAND_READ, 0, SIZE, 1, NBD_ERROR_EINVAL},
            {NBD_COMMAND_READ, 0, UINT64_MAX, UINT32_MAX, NBD_ERROR_EINVAL},
            {NBD_COMMAND_READ, NBD_CMDFLAG_DF, 0, 1, NBD_ERROR_EINVAL},
            {NBD_COMMAND_READ, NBD_CMDFLAG_FUA, 0, 1, 0},
            {NBD_COMMAND_WRITE_ZEROES, NBD_CMDFLAG_NO_HOLE | NBD_CMDFLAG_FUA, 0, SIZE, 0},
            {NBD_COMMAND_WRITE_ZEROES, NBD_CMDFLAG_FAST_ZERO, 0, 1, NBD_ERROR_EINVAL},
            {NBD_COMMAND_WRITE_ZEROES, 0, 1, SIZE, NBD_ERROR_ENOSPC},
            {NBD_COMMAND_TRIM, NBD_CMDFLAG_NO_HOLE, 0, 1, NBD_ERROR_EINVAL},
            {NBD_COMMAND_TRIM, 0, SIZE - 1, 2, NBD_ERROR_EINVAL},
            {NBD_COMMAND_FLUSH, 0, 0, 0, 0},
            {NBD_COMMAND_FLUSH, 0, 0, 1, NBD_ERROR_EINVAL},
            {NBD_COMMAND_CACHE, 0, 0, 1, NBD_ERROR_EINVAL},
            {NBD_COMMAND_BLOCK_STATUS, 0, 0, 1, NBD_ERROR_EINVAL},
            {99, 0, 0, 0, NBD_ERROR_EINVAL},
        };
        struct fixture *f = *state;
        attach(f, &plain);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct session_event event = request(f, cases[i].command, cases[i].offset, cases[i].length, cases[i].flags);
                if (event.error != cases[i].error)
                        fail_msg("case %zu: error %u", i, event.error);
                assert_int_equal(event.type, cases[i].error ? SESSION_REJECT : SESSION_REQUEST);
                assert_int_equal(event.request.cookie, 42);
        }
}

/* Sends an option without data; its reply's type. */
static uint32_t plain_option(struct fixture *f, uint32_t option)
{
        nbd_option_encode(&f->w, option, NULL, 0);
        assert_int_equal(next(f).type, SESSION_MORE);
        return reply_type(f, option);
}

static void df_goes_with_structured_replies(void **state)
{
        struct fixture *f = *state;
        hello(f);
        nbd_option_encode(&f->w, NBD_OPT_STRUCTURED_REPLY, "x", 1);
        assert_int_equal(next(f).type, SESSION_MORE);
        assert_int_equal(reply_type(f, NBD_OPT_STRUCTURED_REPLY), NBD_REP_ERR_INVALID);
        assert_false(f->s.structured_replies);
        assert_int_equal(plain_option(f, NBD_OPT_STRUCTURED_REPLY), NBD_REP_ACK);
        assert_int_equal(plain_option(f, NBD_OPT_STARTTLS), NBD_REP_ERR_UNSUP);
        go(f, NBD_OPT_GO, true);
        assert_int_equal(next(f).type, SESSION_ATTACH);
        session_attached(&f->s, &plain);
        assert_true(f->s.structured_replies);
        assert_int_equal(f->s.info.transmission_flags, plain.transmission_flags | NBD_TFLAG_SEND_DF);
        assert_int_equal(request(f, NBD_COMMAND_READ, 0, 512, NBD_CMDFLAG_DF).type, SESSION_REQUEST);
        assert_int_equal(request(f, NBD_COMMAND_TRIM, 0, 512, NBD_CMDFLAG_DF).error, NBD_ERROR_EINVAL);
        assert_int_equal(request(f, NBD_COMMAND_READ, 0, 512, NBD_CMDFLAG_REQ_ONE).error, NBD_ERROR_EINVAL);
}

static void starttls_wipes_the_slate(void **state)
{
        struct fixture *f = *state;
        f->s.tls = SESSION_TLS_OFFERED;
        hello(f);
        assert_int_equal(plain_option(f, NBD_OPT_STRUCTURED_REPLY), NBD_REP_ACK);
        nbd_option_encode(&f->w, NBD_OPT_STARTTLS, NULL, 0);
        assert_int_equal(next(f).type, SESSION_STARTTLS);
        assert_int_equal(reply_type(f, NBD_OPT_STARTTLS), NBD_REP_ACK);
        nbd_option_encode(&f->w, NBD_OPT_LIST, NULL, 0);
        assert_int_equal(next(f).type, SESSION_MORE); /* until TLS is on nothing is looked at */
        session_secured(&f->s);
        assert_false(f->s.structured_replies);
        assert_int_equal(next(f).type, SESSION_LIST);
        session_list_end(&f->s);
        assert_int_equal(reply_type(f, NBD_OPT_LIST), NBD_REP_ACK);
        assert_int_equal(plain_option(f, NBD_OPT_STARTTLS), NBD_REP_ERR_INVALID);
}

static void forced_tls_lets_two_options_through(void **state)
{
        static const uint32_t gated[] = {NBD_OPT_LIST, NBD_OPT_INFO, NBD_OPT_GO, NBD_OPT_STRUCTURED_REPLY, NBD_OPT_SET_META_CONTEXT, 77};
        struct fixture *f = *state;
        f->s.tls = SESSION_TLS_REQUIRED;
        hello(f);
        for (size_t i = 0; i < sizeof gated / sizeof *gated; i++)
                assert_int_equal(plain_option(f, gated[i]), NBD_REP_ERR_TLS_REQD);
        nbd_option_encode(&f->w, NBD_OPT_EXPORT_NAME, "0x1", 3);
        assert_int_equal(next(f).type, SESSION_DROP);
}

static void plain_bytes_behind_starttls_drop(void **state)
{
        struct fixture *f = *state;
        f->s.tls = SESSION_TLS_REQUIRED;
        hello(f);
        nbd_option_encode(&f->w, NBD_OPT_STARTTLS, NULL, 0);
        nbd_option_encode(&f->w, NBD_OPT_STRUCTURED_REPLY, NULL, 0);
        f->w.offset_bytes -= 15; /* one byte is enough */
        assert_int_equal(next(f).type, SESSION_DROP);
}

static void set_context(struct fixture *f, const char *name, const char *query)
{
        nbd_option_meta_encode(&f->w, NBD_OPT_SET_META_CONTEXT, name, &query, 1);
}

static void block_status_needs_a_context_of_this_export(void **state)
{
        static const struct {
                const char *name, *query;
                bool negotiated;
        } cases[] = {{"0x1", NBD_CONTEXT_ALLOCATION, true}, {"0x1", "base:", false}, {"1", NBD_CONTEXT_ALLOCATION, false}};
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                teardown(state);
                setup(state);
                struct fixture *f = *state;
                hello(f);
                assert_int_equal(plain_option(f, NBD_OPT_SET_META_CONTEXT), NBD_REP_ERR_INVALID); /* too early */
                assert_int_equal(plain_option(f, NBD_OPT_STRUCTURED_REPLY), NBD_REP_ACK);
                set_context(f, cases[i].name, cases[i].query);
                assert_int_equal(next(f).type, SESSION_INFO);
                session_described(&f->s, &plain);
                bool selected = strcmp(cases[i].query, NBD_CONTEXT_ALLOCATION) == 0;
                assert_int_equal(reply_type(f, NBD_OPT_SET_META_CONTEXT), selected ? NBD_REP_META_CONTEXT : NBD_REP_ACK);
                go(f, NBD_OPT_GO, true);
                assert_int_equal(next(f).type, SESSION_ATTACH);
                session_attached(&f->s, &plain);
                assert_int_equal(f->s.block_status, cases[i].negotiated);
                struct session_event event = request(f, NBD_COMMAND_BLOCK_STATUS, 0, 512, NBD_CMDFLAG_REQ_ONE);
                assert_int_equal(event.error, cases[i].negotiated ? NBD_ERROR_OK : NBD_ERROR_EINVAL);
                assert_int_equal(request(f, NBD_COMMAND_BLOCK_STATUS, 0, 0, 0).error, NBD_ERROR_EINVAL);
                assert_int_equal(request(f, NBD_COMMAND_BLOCK_STATUS, SIZE, 1, 0).error, NBD_ERROR_EINVAL);
        }
}

static void a_refused_selection_forgets_the_one_before(void **state)
{
        struct fixture *f = *state;
        hello(f);
        assert_int_equal(plain_option(f, NBD_OPT_STRUCTURED_REPLY), NBD_REP_ACK);
        set_context(f, "0x1", NBD_CONTEXT_ALLOCATION);
        assert_int_equal(next(f).type, SESSION_INFO);
        session_described(&f->s, &plain);
        set_context(f, "0x2", NBD_CONTEXT_ALLOCATION);
        assert_int_equal(next(f).type, SESSION_INFO);
        session_refused(&f->s, NBD_REP_ERR_UNKNOWN, "no");
        assert_null(f->s.context_export);
        go(f, NBD_OPT_GO, true);
        assert_int_equal(next(f).type, SESSION_ATTACH);
        session_attached(&f->s, &plain);
        assert_false(f->s.block_status);
}

static void cache_and_fast_zero_when_offered(void **state)
{
        struct fixture *f = *state;
        struct nbd_export_info info = plain;
        info.transmission_flags |= NBD_TFLAG_SEND_CACHE | NBD_TFLAG_SEND_FAST_ZERO;
        attach(f, &info);
        assert_int_equal(request(f, NBD_COMMAND_CACHE, 0, SIZE, 0).type, SESSION_REQUEST);
        assert_int_equal(request(f, NBD_COMMAND_CACHE, 1, SIZE, 0).error, NBD_ERROR_EINVAL);
        assert_int_equal(request(f, NBD_COMMAND_CACHE, 0, 1, NBD_CMDFLAG_NO_HOLE).error, NBD_ERROR_EINVAL);
        assert_int_equal(request(f, NBD_COMMAND_WRITE_ZEROES, 0, 1, NBD_CMDFLAG_FAST_ZERO | NBD_CMDFLAG_NO_HOLE).type, SESSION_REQUEST);
        assert_int_equal(request(f, NBD_COMMAND_TRIM, 0, 1, NBD_CMDFLAG_FAST_ZERO).error, NBD_ERROR_EINVAL);
}

static void payload_of_a_rejected_write_is_skipped(void **state)
{
        struct fixture *f = *state;
        attach(f, &plain);
        struct session_event event = request(f, NBD_COMMAND_WRITE, SIZE - 1, 1000, 0);
        assert_int_equal(event.type, SESSION_REJECT);
        assert_int_equal(event.error, NBD_ERROR_ENOSPC);
        memset(bwriter_take(&f->w, 400), 0xff, 400);
        assert_int_equal(next(f).type, SESSION_MORE);
        assert_int_equal(f->taken, f->w.offset_bytes);
        memset(bwriter_take(&f->w, 600), 0xff, 600);
        assert_int_equal(request(f, NBD_COMMAND_FLUSH, 0, 0, 0).type, SESSION_REQUEST);
}

static void read_only_and_aligned_exports(void **state)
{
        struct fixture *f = *state;
        struct nbd_export_info info = plain;
        info.block_minimum_bytes = 512;
        info.transmission_flags |= NBD_TFLAG_READ_ONLY;
        attach(f, &info);
        assert_int_equal(request(f, NBD_COMMAND_READ, 512, 512, 0).type, SESSION_REQUEST);
        assert_int_equal(request(f, NBD_COMMAND_READ, 511, 512, 0).error, NBD_ERROR_EINVAL);
        assert_int_equal(request(f, NBD_COMMAND_READ, 512, 511, 0).error, NBD_ERROR_EINVAL);
        assert_int_equal(request(f, NBD_COMMAND_WRITE_ZEROES, 0, 512, 0).error, NBD_ERROR_EPERM);
        assert_int_equal(request(f, NBD_COMMAND_TRIM, 0, 512, 0).error, NBD_ERROR_EPERM);
        assert_int_equal(request(f, NBD_COMMAND_FLUSH, 0, 0, 0).type, SESSION_REQUEST);
}

static void hostile_bytes_drop(void **state)
{
        struct fixture *f = *state;
        attach(f, &plain);
        memset(bwriter_take(&f->w, NBD_REQUEST_BYTES), 0xaa, NBD_REQUEST_BYTES);
        struct session_event event = next(f);
        assert_int_equal(event.type, SESSION_DROP);
        assert_non_null(event.reason);
        assert_int_equal(next(f).type, SESSION_MORE);
}

static void too_long_a_write_drops_and_32_mib_does_not(void **state)
{
        struct fixture *f = *state;
        struct nbd_export_info info = plain;
        info.size_bytes = 1ull << 40;
        attach(f, &info);
        assert_int_equal(request(f, NBD_COMMAND_READ, 0, NBD_PAYLOAD_MAX, 0).type, SESSION_REQUEST);
        assert_int_equal(request(f, NBD_COMMAND_READ, 0, NBD_PAYLOAD_MAX + 1, 0).type, SESSION_REJECT);
        assert_int_equal(request(f, NBD_COMMAND_WRITE_ZEROES, 0, UINT32_MAX, 0).type, SESSION_REQUEST);
        assert_int_equal(request(f, NBD_COMMAND_WRITE, 0, NBD_PAYLOAD_MAX + 1, 0).type, SESSION_DROP);
}

static void endless_haggling_ends(void **state)
{
        struct fixture *f = *state;
        struct session_event event = {0};
        hello(f);
        for (unsigned n = 0; n <= SESSION_OPTIONS_MAX && event.type != SESSION_DROP; n++) {
                nbd_option_encode(&f->w, NBD_OPT_STRUCTURED_REPLY, NULL, 0);
                event = next(f);
        }
        assert_int_equal(event.type, SESSION_DROP);
}

static void disc_and_abort_finish(void **state)
{
        struct fixture *f = *state;
        attach(f, &plain);
        assert_int_equal(request(f, NBD_COMMAND_DISC, 0, 0, 0).type, SESSION_DISCONNECT);
        assert_int_equal(f->s.phase, SESSION_PHASE_CLOSED);
}

static void corpus(void **state)
{
        (void)state;
        assert_true(corpus_replay("tests/fuzz/corpus/nbd_session") >= 15);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
            TEST(nothing_is_decided_before_the_last_byte), TEST(waits_for_the_answer_whatever_else_comes),
            TEST(refusal_and_another_try), TEST(export_name_refused_closes), TEST(info_and_go_say_the_same),
            TEST(requests_are_checked), TEST(df_goes_with_structured_replies), TEST(starttls_wipes_the_slate),
            TEST(forced_tls_lets_two_options_through), TEST(plain_bytes_behind_starttls_drop), TEST(block_status_needs_a_context_of_this_export),
            TEST(a_refused_selection_forgets_the_one_before), TEST(cache_and_fast_zero_when_offered),
            TEST(payload_of_a_rejected_write_is_skipped), TEST(read_only_and_aligned_exports),
            TEST(hostile_bytes_drop), TEST(too_long_a_write_drops_and_32_mib_does_not), TEST(endless_haggling_ends),
            TEST(disc_and_abort_finish), cmocka_unit_test(corpus),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
