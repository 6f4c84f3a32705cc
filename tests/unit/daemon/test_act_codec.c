/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets of hamon-act: decoded exactly, or not at all. */
#include "tests/unit/cmocka_all.h"

#include "hamon/driver/act_codec.h"
#include "tests/unit/nbdd/corpus.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct config config = {.mirrors = 2, .mirror = {{.name = "data", .label = "data"}, {.name = "logs", .label = "logs"}}};

static int decode(const char *text, struct act_packet *p)
{
        return act_decode(&config, text, strlen(text), p);
}

static void test_effect_is_encoded(void **state)
{
        (void)state;
        struct effect e = {.type = EFFECT_ATTACH, .mirror = 1, .ticket = UINT64_MAX, .epoch = 7, .session = {{0xab}}, .leg = {{0xcd}},
                           .version = 3, .whole = true, .lifetime_ms = 1000};
        char *text;
        assert_int_equal(act_encode_effect(&config, &e, &text), 0);
        json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        assert_string_equal(json_string_value(json_object_get(j, "do")), "attach");
        assert_string_equal(json_string_value(json_object_get(j, "mirror")), "logs");
        assert_string_equal(json_string_value(json_object_get(j, "ticket")), "18446744073709551615");
        assert_string_equal(json_string_value(json_object_get(j, "epoch")), "7");
        assert_string_equal(json_string_value(json_object_get(j, "version")), "3");
        assert_string_equal(json_string_value(json_object_get(j, "session")), "ab000000-0000-0000-0000-000000000000");
        assert_string_equal(json_string_value(json_object_get(j, "leg")), "cd000000-0000-0000-0000-000000000000");
        assert_true(json_is_true(json_object_get(j, "whole")));
        assert_true(json_is_false(json_object_get(j, "overwrite")));
        assert_int_equal(json_integer_value(json_object_get(j, "lifetime_ms")), 1000);
        json_decref(j);
        free(text);
}

#define LEG                                                                                                                      \
        "\"leg\":{\"present\":true,\"uuid\":\"01000000-0000-0000-0000-000000000000\",\"last_epoch\":\"4\",\"has_superblock\":true,"  \
        "\"calls_peer_failed\":false,\"clean\":true,\"md_events\":\"99\",\"note\":true,\"debt\":false,\"array_running\":false}"
#define DONE(word, rest) "{\"done\":\"" word "\",\"mirror\":\"logs\",\"ticket\":\"17\",\"error\":0,\"detail\":\"\"" rest "}"

static void test_results(void **state)
{
        (void)state;
        struct act_packet p;
        assert_int_equal(decode(DONE("leg-open", "," LEG), &p), 0);
        assert_int_equal(p.type, ACT_PACKET_RESULT);
        assert_int_equal(p.result.type, EFFECT_LEG_OPEN);
        assert_int_equal(p.result.mirror, 1);
        assert_int_equal(p.result.ticket, 17);
        assert_true(p.result.leg.present && p.result.leg.has_superblock && p.result.leg.clean && p.result.leg.note);
        assert_false(p.result.leg.calls_peer_failed || p.result.leg.debt || p.result.leg.array_running);
        assert_int_equal(p.result.leg.last_epoch, 4);
        assert_int_equal(p.result.leg.md_events, 99);
        assert_int_equal(p.result.leg.uuid.bytes[0], 1);
        assert_int_equal(decode(DONE("check-leg", ",\"permits\":true"), &p), 0);
        assert_true(p.result.permits);
        assert_int_equal(decode(DONE("debt-union", ",\"known\":true"), &p), 0);
        assert_true(p.result.known);
        assert_int_equal(decode(DONE("revoke", ""), &p), 0);
        assert_int_equal(p.result.error, 0);
}

static void test_errors(void **state)
{
        (void)state;
        struct act_packet p;
        assert_int_equal(decode("{\"done\":\"leg-open\",\"mirror\":\"data\",\"ticket\":\"1\",\"error\":-5,\"detail\":\"read '/dev/vdb'\"}", &p), 0);
        assert_int_equal(p.result.error, -5);
        assert_string_equal(p.result.detail, "read '/dev/vdb'");
        char text[1000], filler[300];
        memset(filler, 'x', sizeof filler);
        (void)snprintf(text, sizeof text, "{\"done\":\"probe\",\"mirror\":\"data\",\"ticket\":\"1\",\"error\":-5,\"detail\":\"%.299s\"}", filler);
        assert_int_equal(decode(text, &p), 0);
        assert_int_equal(strlen(p.result.detail), sizeof p.result.detail - 1); /* cut, not refused */
}

#define OBSERVED(rest)                                                                                                           \
        "{\"observed\":\"data\",\"settled\":\"16\",\"array_running\":true,\"own_in_sync\":true,\"own_failed\":false,\"peer_in_array\":true,"          \
        "\"peer_in_sync\":false,\"peer_failed\":false,\"sync_idle\":false,\"resync_done_sectors\":\"10\","                         \
        "\"resync_total_sectors\":\"5000000000\",\"attached\":true,\"leg_connected\":true,\"leg_refused\":false,"                  \
        "\"leg_oldest_ms\":12,\"own_oldest_ms\":0" rest "}"

static void test_observation(void **state)
{
        (void)state;
        struct act_packet p;
        assert_int_equal(decode(OBSERVED(",\"service_running\":true"), &p), 0);
        assert_int_equal(p.type, ACT_PACKET_OBSERVATION);
        assert_int_equal(p.observed.mirror, 0);
        assert_int_equal(p.observed.settled, 16);
        assert_true(p.observed.array_running && p.observed.own_in_sync && p.observed.peer_in_array && p.observed.attached);
        assert_false(p.observed.peer_in_sync || p.observed.sync_idle || p.observed.own_failed);
        assert_int_equal(p.observed.resync_total_sectors, 5000000000);
        assert_int_equal(p.observed.leg_oldest_ms, 12);
        assert_true(p.observed.service_running);
        assert_int_equal(p.observed.leg_request_us, 0); /* of a hamon-act that does not tell */
        assert_int_equal(decode(OBSERVED(",\"service_running\":true,\"leg_request_us\":31000,\"own_request_us\":400"), &p), 0);
        assert_int_equal(p.observed.leg_request_us, 31000);
        assert_int_equal(p.observed.own_request_us, 400);
}

static void test_anything_else_is_refused(void **state)
{
        (void)state;
        static const char *const bad[] = {
                "",
                "null",
                "[]",
                "{}",
                "{\"done\":\"leg-open\"",
                DONE("leg-open", ""),                                /* without its leg */
                DONE("revoke", "," LEG),                             /* with what it has not */
                DONE("revoke", ",\"surplus\":1"),
                DONE("no-such-effect", ""),
                DONE("check-leg", ",\"permits\":1"),
                OBSERVED(""),                                        /* one missing */
                OBSERVED(",\"service_running\":true,\"x\":1"),
                OBSERVED(",\"service_running\":\"true\""),
                "{\"done\":\"revoke\",\"mirror\":\"other\",\"ticket\":\"17\",\"error\":0,\"detail\":\"\"}",
                "{\"done\":\"revoke\",\"mirror\":\"data\",\"ticket\":\"0\",\"error\":0,\"detail\":\"\"}",
                "{\"done\":\"revoke\",\"mirror\":\"data\",\"ticket\":17,\"error\":0,\"detail\":\"\"}",
                "{\"done\":\"revoke\",\"mirror\":\"data\",\"ticket\":\"17\",\"error\":5,\"detail\":\"\"}",
                "{\"done\":\"revoke\",\"mirror\":\"data\",\"ticket\":\"17\",\"error\":-100000,\"detail\":\"\"}",
                "{\"done\":\"revoke\",\"done\":\"revoke\",\"mirror\":\"data\",\"ticket\":\"17\",\"error\":0,\"detail\":\"\"}",
                "{\"observed\":\"data\",\"done\":\"revoke\"}",
        };
        struct act_packet p;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                if (decode(bad[i], &p) != -EPROTO)
                        fail_msg("accepted: %s", bad[i]);
}

static void test_corpus(void **state)
{
        (void)state;
        assert_true(corpus_replay("tests/fuzz/corpus/act_packet") >= 8);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_effect_is_encoded), cmocka_unit_test(test_results),     cmocka_unit_test(test_errors),
                cmocka_unit_test(test_observation),       cmocka_unit_test(test_anything_else_is_refused),
                cmocka_unit_test(test_corpus),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
