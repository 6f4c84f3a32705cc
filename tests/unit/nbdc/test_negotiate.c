/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client's handshake against scripted servers: what it sends, what it makes of honest answers, and that no hostile
 * one makes it read past the handshake, run for ever or crash. Every script is fed whole and one byte at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "nbdc/negotiate.h"

static const struct export_name name = {.id = 0x12345678};

struct script {
        uint8_t bytes[1 << 20];
        struct bwriter w;
};

static struct script *script_new(uint16_t handshake_flags)
{
        struct script *s = calloc(1, sizeof *s);
        assert_non_null(s);
        s->w = bwriter_of(s->bytes, sizeof s->bytes);
        nbd_greeting_encode(&s->w, handshake_flags);
        return s;
}

static void reply_text(struct script *s, uint32_t option, uint32_t type, const char *text)
{
        nbd_option_reply_encode(&s->w, option, type, text, strlen(text));
}

static bool with_tls;

/* Feeds the script in pieces of at most `piece` bytes; returns how many bytes the client took. The peer then closes. */
static size_t play(struct negotiate *n, enum negotiate_mode mode, const struct script *s, size_t piece, char *sent,
                   size_t *sent_bytes)
{
        size_t offset = 0, total = s->w.offset_bytes, out;
        void (*on_export)(void *, const char *, size_t) = n->on_export;
        void *userdata = n->userdata;
        negotiate_start(n, mode, &name);
        n->tls = with_tls;
        n->on_export = on_export;
        n->userdata = userdata;
        *sent_bytes = 0;
        while (n->verdict == NEGOTIATE_GOING) {
                const uint8_t *data = negotiate_output(n, &out);
                if (out) {
                        assert_true(*sent_bytes + out <= 4096);
                        memcpy(sent + *sent_bytes, data, out);
                        *sent_bytes += out;
                        negotiate_sent(n, out);
                }
                size_t room;
                uint8_t *to = negotiate_room(n, &room);
                assert_true(room > 0);
                size_t take = room < piece ? room : piece;
                if (take > total - offset)
                        take = total - offset;
                if (take == 0) {
                        negotiate_closed(n);
                        break;
                }
                memcpy(to, s->bytes + offset, take);
                offset += take;
                negotiate_received(n, take);
        }
        assert_int_not_equal(n->verdict, NEGOTIATE_GOING);
        size_t room;
        negotiate_room(n, &room);
        assert_int_equal(room, 0);
        return offset;
}

/* Plays it both ways, expects the verdict, and words in the sentence. Frees the script. */
static void expect(struct script *s, enum negotiate_verdict verdict, const char *words)
{
        static struct negotiate n;
        char sent[4096];
        size_t sent_bytes, pieces[] = {SIZE_MAX, 1};
        assert_false(s->w.bad);
        for (size_t i = 0; i < 2; i++) {
                n.on_export = NULL;
                play(&n, NEGOTIATE_ATTACH, s, pieces[i], sent, &sent_bytes);
                assert_int_equal(n.verdict, verdict);
                if (words && !strstr(n.error, words))
                        fail_msg("'%s' does not have '%s'", n.error, words);
                if (verdict != NEGOTIATE_DONE)
                        assert_true(strlen(n.error) > 10);
        }
        free(s);
}

static void info(struct script *s, uint64_t size_bytes, uint16_t flags)
{
        struct nbd_export_info i = {.size_bytes = size_bytes, .transmission_flags = flags, .has_export = true};
        nbd_info_export_encode(&s->w, NBD_OPT_GO, &i);
}

#define FIXED (NBD_HANDSHAKE_FIXED_NEWSTYLE | NBD_HANDSHAKE_NO_ZEROES)

static void test_go(void **state)
{
        (void)state;
        static struct negotiate n;
        char sent[4096];
        size_t sent_bytes;
        struct script *s = script_new(FIXED);
        struct nbd_export_info i = {.size_bytes = 1 << 30,
                                    .transmission_flags = NBD_TFLAG_HAS_FLAGS | NBD_TFLAG_SEND_FLUSH,
                                    .has_export = true,
                                    .block_minimum_bytes = 4096,
                                    .block_preferred_bytes = 4096,
                                    .block_maximum_bytes = 1 << 20,
                                    .has_block_size = true};
        nbd_info_export_encode(&s->w, NBD_OPT_GO, &i);
        nbd_info_block_size_encode(&s->w, NBD_OPT_GO, &i);
        reply_text(s, NBD_OPT_GO, NBD_REP_ACK, "");
        size_t handshake = s->w.offset_bytes;
        bwriter_be64(&s->w, 0x1122334455667788); /* transmission: not ours */
        for (size_t piece = 1; piece < 40; piece += 19) {
                size_t took = play(&n, NEGOTIATE_ATTACH, s, piece, sent, &sent_bytes);
                assert_int_equal(n.verdict, NEGOTIATE_DONE);
                assert_int_equal(took, handshake);
                assert_int_equal(n.info.size_bytes, 1 << 30);
                assert_int_equal(n.info.block_minimum_bytes, 4096);
                assert_int_equal(n.info.block_maximum_bytes, 1 << 20);
                assert_int_equal(n.info.transmission_flags, NBD_TFLAG_HAS_FLAGS | NBD_TFLAG_SEND_FLUSH);
        }
        /* client flags, then GO with the name */
        struct breader r = breader_of(sent, sent_bytes);
        assert_int_equal(breader_be32(&r), FIXED);
        struct nbd_option_header h;
        assert_int_equal(nbd_option_header_decode(&r, &h), 0);
        assert_int_equal(h.option, NBD_OPT_GO);
        struct nbd_option_go go;
        assert_int_equal(nbd_option_go_decode(breader_take(&r, h.length_bytes), h.length_bytes, &go), 0);
        assert_int_equal(go.name_bytes, strlen("0x12345678"));
        assert_memory_equal(go.name, "0x12345678", go.name_bytes);
        assert_int_equal(breader_left(&r), 0);
        free(s);
}

static void test_session_is_in_the_name(void **state)
{
        (void)state;
        struct export_name fenced = {.id = 5, .has_session = true, .epoch = 7};
        assert_int_equal(uuid_parse("123e4567-e89b-12d3-a456-426614174000", &fenced.session), 0);
        static struct negotiate n;
        negotiate_start(&n, NEGOTIATE_ATTACH, &fenced);
        assert_string_equal(n.name, "0x5?epoch=7&session=123e4567-e89b-12d3-a456-426614174000");
}

static void test_export_name_where_go_is_unknown(void **state)
{
        (void)state;
        for (int no_zeroes = 0; no_zeroes < 2; no_zeroes++) {
                struct script *s = script_new(no_zeroes ? FIXED : NBD_HANDSHAKE_FIXED_NEWSTYLE);
                struct nbd_export_info i = {
                    .size_bytes = 4096, .transmission_flags = NBD_TFLAG_HAS_FLAGS, .has_export = true};
                reply_text(s, NBD_OPT_GO, NBD_REP_ERR_UNSUP, "");
                nbd_export_name_reply_encode(&s->w, &i, no_zeroes);
                expect(s, NEGOTIATE_DONE, NULL);
        }
        struct script *s = script_new(FIXED);
        reply_text(s, NBD_OPT_GO, NBD_REP_ERR_UNSUP, "what?");
        expect(s, NEGOTIATE_REFUSED, "has no export '0x12345678'");
}

static void test_refusals_are_sentences(void **state)
{
        (void)state;
        static const struct {
                uint32_t type;
                enum negotiate_verdict verdict;
                const char *words;
        } cases[] = {
            {NBD_REP_ERR_UNKNOWN, NEGOTIATE_REFUSED, "has no export '0x12345678'"},
            {NBD_REP_ERR_UNKNOWN, NEGOTIATE_REFUSED, "nbdc --list"},
            {NBD_REP_ERR_POLICY, NEGOTIATE_REFUSED, "refuses export '0x12345678': stale epoch 6"},
            {NBD_REP_ERR_TLS_REQD, NEGOTIATE_REFUSED, "TLS"},
            {NBD_REP_ERR_BLOCK_SIZE_REQD, NEGOTIATE_REFUSED, "block size"},
            {NBD_REP_ERR_SHUTDOWN, NEGOTIATE_LATER, "shutting down"},
            {NBD_REP_ERR_INVALID, NEGOTIATE_REFUSED, "see its log"},
            {NBD_REP_ERR_PLATFORM, NEGOTIATE_REFUSED, "stale epoch 6"},
            {0xffffffff, NEGOTIATE_REFUSED, "see its log"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                struct script *s = script_new(FIXED);
                reply_text(s, NBD_OPT_GO, cases[i].type, "stale epoch 6");
                expect(s, cases[i].verdict, cases[i].words);
        }
}

static void test_server_text_stays_on_one_line(void **state)
{
        (void)state;
        static struct negotiate n;
        char sent[4096], text[4000];
        size_t sent_bytes;
        struct script *s = script_new(FIXED);
        memset(text, '\n', sizeof text - 1);
        text[0] = '\x1b';
        text[sizeof text - 1] = '\0';
        reply_text(s, NBD_OPT_GO, NBD_REP_ERR_POLICY, text);
        play(&n, NEGOTIATE_ATTACH, s, SIZE_MAX, sent, &sent_bytes);
        assert_int_equal(n.verdict, NEGOTIATE_REFUSED);
        assert_null(strchr(n.error, '\n'));
        assert_null(strchr(n.error, '\x1b'));
        free(s);
}

static void test_not_an_nbd_server(void **state)
{
        (void)state;
        struct script *s = calloc(1, sizeof *s);
        static const char http[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
        s->w = bwriter_of(s->bytes, sizeof s->bytes);
        bwriter_copy(&s->w, http, sizeof http - 1);
        expect(s, NEGOTIATE_BROKEN, "not an NBD server");
        s = script_new(0);
        expect(s, NEGOTIATE_BROKEN, "too old");
        s = calloc(1, sizeof *s);
        s->w = bwriter_of(s->bytes, sizeof s->bytes);
        expect(s, NEGOTIATE_LATER, "before it said anything");
}

static void test_impossible_exports(void **state)
{
        (void)state;
        struct script *s = script_new(FIXED);
        reply_text(s, NBD_OPT_GO, NBD_REP_ACK, "");
        expect(s, NEGOTIATE_BROKEN, "without telling its size");
        s = script_new(FIXED);
        info(s, 0, NBD_TFLAG_HAS_FLAGS);
        reply_text(s, NBD_OPT_GO, NBD_REP_ACK, "");
        expect(s, NEGOTIATE_REFUSED, "impossible size of 0 bytes");
        s = script_new(FIXED);
        info(s, UINT64_MAX, NBD_TFLAG_HAS_FLAGS);
        reply_text(s, NBD_OPT_GO, NBD_REP_ACK, "");
        expect(s, NEGOTIATE_REFUSED, "impossible size");
        s = script_new(FIXED);
        info(s, 4096, 0);
        reply_text(s, NBD_OPT_GO, NBD_REP_ACK, "");
        expect(s, NEGOTIATE_BROKEN, "no transmission flags");
}

static void test_hostile_lengths(void **state)
{
        (void)state;
        static const uint32_t lengths[] = {NEGOTIATE_REPLY_BYTES_MAX + 1, 1u << 24, UINT32_MAX};
        for (size_t i = 0; i < 3; i++) {
                struct script *s = script_new(FIXED);
                nbd_option_reply_header_encode(
                    &s->w,
                    &(struct nbd_option_reply){.option = NBD_OPT_GO, .type = NBD_REP_INFO, .length_bytes = lengths[i]});
                expect(s, NEGOTIATE_BROKEN, "at most");
        }
        struct script *s = script_new(FIXED); /* information that is too short for its type */
        nbd_option_reply_encode(&s->w, NBD_OPT_GO, NBD_REP_INFO, "\0\0\1", 3);
        expect(s, NEGOTIATE_BROKEN, "malformed");
        s = script_new(FIXED);
        nbd_option_reply_encode(&s->w, NBD_OPT_GO, NBD_REP_INFO, "", 0);
        expect(s, NEGOTIATE_BROKEN, "malformed");
}

static void test_wrong_magic_and_wrong_option(void **state)
{
        (void)state;
        struct script *s = script_new(FIXED);
        bwriter_be64(&s->w, 42);
        bwriter_be64(&s->w, 42);
        bwriter_be64(&s->w, 42);
        expect(s, NEGOTIATE_BROKEN, "out of turn");
        s = script_new(FIXED);
        reply_text(s, NBD_OPT_LIST, NBD_REP_ACK, "");
        expect(s, NEGOTIATE_BROKEN, "out of turn");
}

static void test_endless_replies(void **state)
{
        (void)state;
        struct script *s = script_new(FIXED);
        for (int i = 0; i < 1000; i++)
                info(s, 4096, NBD_TFLAG_HAS_FLAGS);
        expect(s, NEGOTIATE_BROKEN, "more than");
        s = script_new(FIXED); /* replies of an unknown kind are passed over, but not for ever */
        for (int i = 0; i < 1000; i++)
                reply_text(s, NBD_OPT_GO, 77, "x");
        expect(s, NEGOTIATE_BROKEN, "more than");
        s = script_new(FIXED); /* UNSUP again and again: one fallback, no loop */
        for (int i = 0; i < 1000; i++)
                reply_text(s, NBD_OPT_GO, NBD_REP_ERR_UNSUP, "");
        expect(s, NEGOTIATE_BROKEN, NULL);
}

static void test_every_cut(void **state)
{
        (void)state;
        struct script *s = script_new(FIXED);
        info(s, 4096, NBD_TFLAG_HAS_FLAGS);
        reply_text(s, NBD_OPT_GO, NBD_REP_ACK, "");
        static struct negotiate n;
        char sent[4096];
        size_t sent_bytes, total = s->w.offset_bytes;
        for (size_t cut = 0; cut < total; cut++) {
                s->w.offset_bytes = cut;
                play(&n, NEGOTIATE_ATTACH, s, SIZE_MAX, sent, &sent_bytes);
                assert_int_equal(n.verdict, NEGOTIATE_LATER);
        }
        free(s);
}

static void test_random_bytes(void **state)
{
        (void)state;
        static struct negotiate n;
        char sent[4096];
        size_t sent_bytes;
        uint32_t seed = 1;
        struct script *s = calloc(1, sizeof *s);
        for (int round = 0; round < 20000; round++) {
                s->w = bwriter_of(s->bytes, 400);
                if (round % 3)
                        nbd_greeting_encode(&s->w, FIXED);
                struct nbd_option_reply reply = {
                    .option = NBD_OPT_GO, .type = NBD_REP_INFO, .length_bytes = (uint32_t)(round % 40)};
                while (!s->w.bad && s->w.offset_bytes < 390) {
                        seed = seed * 1103515245u + 12345u;
                        if (round % 2 && seed % 7 == 0)
                                nbd_option_reply_header_encode(&s->w, &reply);
                        else
                                bwriter_u8(&s->w, (uint8_t)(seed >> 24));
                }
                if (s->w.bad)
                        continue;
                play(&n, round % 5 ? NEGOTIATE_ATTACH : NEGOTIATE_LIST, s, 1 + seed % 64, sent, &sent_bytes);
        }
        free(s);
}

struct listed {
        unsigned count;
        char last[64];
};

static void on_export(void *userdata, const char *export, size_t bytes)
{
        struct listed *l = userdata;
        l->count++;
        assert_true(bytes < sizeof l->last);
        memcpy(l->last, export, bytes);
        l->last[bytes] = '\0';
}

static void test_list(void **state)
{
        (void)state;
        static struct negotiate n;
        struct listed l = {0};
        char sent[4096];
        size_t sent_bytes;
        struct script *s = script_new(FIXED);
        nbd_rep_server_encode(&s->w, "0x1", 3, NULL);
        nbd_rep_server_encode(&s->w, "0x12345678", 10, "a disk");
        reply_text(s, NBD_OPT_LIST, NBD_REP_ACK, "");
        n.on_export = on_export;
        n.userdata = &l;
        play(&n, NEGOTIATE_LIST, s, SIZE_MAX, sent, &sent_bytes);
        assert_int_equal(n.verdict, NEGOTIATE_DONE);
        assert_int_equal(l.count, 2);
        assert_string_equal(l.last, "0x12345678");
        free(s);

        s = script_new(FIXED);
        reply_text(s, NBD_OPT_LIST, NBD_REP_ERR_POLICY, "secret");
        play(&n, NEGOTIATE_LIST, s, SIZE_MAX, sent, &sent_bytes);
        assert_int_equal(n.verdict, NEGOTIATE_REFUSED);
        free(s);

        s = script_new(FIXED); /* a list without an end */
        for (unsigned i = 0; i <= NEGOTIATE_LIST_MAX; i++)
                nbd_rep_server_encode(&s->w, "0x1", 3, NULL);
        assert_false(s->w.bad);
        play(&n, NEGOTIATE_LIST, s, SIZE_MAX, sent, &sent_bytes);
        assert_int_equal(n.verdict, NEGOTIATE_BROKEN);
        free(s);
}

/* The option of the last thing in the output, and nothing else behind it. */
static uint32_t last_option(const struct negotiate *n)
{
        size_t bytes;
        const uint8_t *data = negotiate_output(n, &bytes);
        struct breader r = breader_of(data, bytes);
        struct nbd_option_header h = {0};
        uint32_t flags;
        if (bytes > NBD_OPTION_HEADER_BYTES && data[0] == 0)
                (void)nbd_client_flags_decode(&r, &flags);
        assert_int_equal(nbd_option_header_decode(&r, &h), 0);
        assert_int_equal(breader_left(&r), h.length_bytes);
        return h.option;
}

static void test_tls_first_or_not_at_all(void **state)
{
        (void)state;
        static struct negotiate n;
        with_tls = true;
        struct script *s = script_new(FIXED);
        size_t offset = 0, room, bytes;
        negotiate_start(&n, NEGOTIATE_ATTACH, &name);
        n.tls = true;
        reply_text(s, NBD_OPT_STARTTLS, NBD_REP_ACK, "");
        for (uint8_t *to; to = negotiate_room(&n, &room), room > 0; offset += room) {
                if (offset == NBD_GREETING_BYTES) { /* flags and STARTTLS, and nothing that a listener may learn from */
                        assert_int_equal(last_option(&n), NBD_OPT_STARTTLS);
                        (void)negotiate_output(&n, &bytes);
                        negotiate_sent(&n, bytes);
                }
                memcpy(to, s->bytes + offset, room);
                negotiate_received(&n, room);
        }
        assert_int_equal(n.verdict, NEGOTIATE_SECURE);
        assert_int_equal(offset, s->w.offset_bytes);
        free(s);
        negotiate_secured(&n);
        assert_int_equal(n.verdict, NEGOTIATE_GOING);
        assert_int_equal(last_option(&n), NBD_OPT_GO);

        static const uint32_t refusals[] = {NBD_REP_ERR_UNSUP, NBD_REP_ERR_POLICY, NBD_REP_ERR_INVALID, NBD_REP_ERR_SHUTDOWN};
        for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
                s = script_new(FIXED);
                reply_text(s, NBD_OPT_STARTTLS, refusals[i], "no");
                expect(s, NEGOTIATE_REFUSED, "nothing was sent in the clear");
        }
        with_tls = false;
        s = script_new(FIXED);
        reply_text(s, NBD_OPT_GO, NBD_REP_ERR_TLS_REQD, "");
        expect(s, NEGOTIATE_REFUSED, "the server wants TLS: give --tls-psk");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_go),
            cmocka_unit_test(test_session_is_in_the_name),
            cmocka_unit_test(test_export_name_where_go_is_unknown),
            cmocka_unit_test(test_refusals_are_sentences),
            cmocka_unit_test(test_server_text_stays_on_one_line),
            cmocka_unit_test(test_not_an_nbd_server),
            cmocka_unit_test(test_impossible_exports),
            cmocka_unit_test(test_hostile_lengths),
            cmocka_unit_test(test_wrong_magic_and_wrong_option),
            cmocka_unit_test(test_endless_replies),
            cmocka_unit_test(test_every_cut),
            cmocka_unit_test(test_random_bytes),
            cmocka_unit_test(test_list),
            cmocka_unit_test(test_tls_first_or_not_at_all),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
