/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The control socket's messages: round trips, refusals with a reason, and device names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nbdc/control_codec.h"

static int decode(const char *text, struct control_request *r, char *reason)
{
        memset(r, 0, sizeof *r);
        reason[0] = '\0';
        return control_request_decode(text, strlen(text), r, reason, NBDC_ERROR_SIZE);
}

static void test_requests(void **state)
{
        (void)state;
        const struct control_request requests[] = {
            {.op = CONTROL_STATUS},
            {.op = CONTROL_POLICY, .policy = NBDC_OPTIONAL},
            {.op = CONTROL_POLICY, .policy = NBDC_REQUIRED},
            {.op = CONTROL_DETACH},
            {.op = CONTROL_DETACH, .has_decided_version = true, .decided_version = UINT64_MAX},
            {.op = CONTROL_TIMEOUT, .timeout_ms = 5000},
        };
        for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
                char text[CONTROL_MESSAGE_MAX], reason[NBDC_ERROR_SIZE];
                struct control_request back;
                assert_true(control_request_encode(&requests[i], text, sizeof text) > 0);
                assert_int_equal(decode(text, &back, reason), 0);
                assert_int_equal(back.op, requests[i].op);
                assert_int_equal(back.policy, requests[i].policy);
                assert_int_equal(back.has_decided_version, requests[i].has_decided_version);
                assert_true(back.decided_version == requests[i].decided_version);
                assert_true(back.timeout_ms == requests[i].timeout_ms);
        }
}

static void test_bad_requests(void **state)
{
        (void)state;
        static const char *const texts[] = {
            "",
            "x",
            "[]",
            "{}",
            "{\"op\":1}",
            "{\"op\":\"fly\"}",
            "{\"op\":\"status\",\"op\":\"detach\"}",
            "{\"op\":\"status\",\"value\":1}",
            "{\"op\":\"policy\"}",
            "{\"op\":\"policy\",\"value\":\"maybe\"}",
            "{\"op\":\"detach\",\"decided_version\":7}",
            "{\"op\":\"detach\",\"decided_version\":\"-7\"}",
            "{\"op\":\"detach\",\"decided_version\":\"18446744073709551616\"}",
            "{\"op\":\"detach\",\"decided_version\":\"\"}",
            "{\"op\":\"timeout\",\"ms\":99}",
            "{\"op\":\"timeout\",\"ms\":3600001}",
            "{\"op\":\"timeout\",\"ms\":\"500\"}",
        };
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                struct control_request r;
                char reason[NBDC_ERROR_SIZE];
                assert_int_not_equal(decode(texts[i], &r, reason), 0);
                assert_true(strlen(reason) > 5);
        }
        /* longer than a message may be */
        static char big[CONTROL_MESSAGE_MAX + 1];
        struct control_request r;
        char reason[NBDC_ERROR_SIZE];
        memset(big, ' ', sizeof big);
        assert_int_not_equal(control_request_decode(big, sizeof big, &r, reason, sizeof reason), 0);
}

static struct nbdc_status sample(void)
{
        struct nbdc_status s = {
            .device = "/dev/nbd3",
            .state = NBDC_RECONNECTING,
            .connected = false,
            .refused = true,
            .host = "10.0.0.2,10.0.1.2",
            .port = 4343,
            .address = "[fd00::2]:4343",
            .id = UINT64_MAX,
            .has_epoch = true,
            .epoch = UINT64_MAX,
            .session = "123e4567-e89b-12d3-a456-426614174000",
            .policy = NBDC_OPTIONAL,
            .read_only = true,
            .tls = true,
            .size_bytes = 1ull << 40,
            .reconnects = 12,
            .last_error = "10.0.0.2:4343: Connection refused",
            .disconnected_ms = 5000,
            .oldest_request_ms = 4321,
            .request_timeout_ms = 500,
            .pid = 77,
        };
        return s;
}

static void test_status(void **state)
{
        (void)state;
        struct control_answer answer = {.ok = true, .has_status = true, .status = sample()}, back;
        char text[CONTROL_MESSAGE_MAX], reason[NBDC_ERROR_SIZE];
        int n = control_answer_encode(&answer, text, sizeof text);
        assert_true(n > 0);
        assert_non_null(strstr(text, "\"epoch\":\"18446744073709551615\""));
        assert_non_null(strstr(text, "\"id\":\"0xffffffffffffffff\""));
        assert_int_equal(control_answer_decode(text, (size_t)n, &back, reason, sizeof reason), 0);
        assert_true(back.ok && back.has_status);
        assert_string_equal(back.status.device, answer.status.device);
        assert_string_equal(back.status.host, answer.status.host);
        assert_string_equal(back.status.session, answer.status.session);
        assert_string_equal(back.status.address, answer.status.address);
        assert_string_equal(back.status.last_error, answer.status.last_error);
        assert_int_equal(back.status.state, NBDC_RECONNECTING);
        assert_int_equal(back.status.policy, NBDC_OPTIONAL);
        assert_true(back.status.id == UINT64_MAX && back.status.epoch == UINT64_MAX && back.status.has_epoch &&
                    back.status.read_only && back.status.tls && back.status.refused);
        assert_true(back.status.size_bytes == 1ull << 40 && back.status.reconnects == 12 && back.status.pid == 77);
        assert_true(back.status.disconnected_ms == 5000 && back.status.oldest_request_ms == 4321 &&
                    back.status.request_timeout_ms == 500);

        answer.status.has_epoch = false;
        answer.status.epoch = 0;
        answer.status.session[0] = '\0';
        n = control_answer_encode(&answer, text, sizeof text);
        assert_int_equal(control_answer_decode(text, (size_t)n, &back, reason, sizeof reason), 0);
        assert_false(back.status.has_epoch);
        assert_string_equal(back.status.session, "");
}

static void test_answers(void **state)
{
        (void)state;
        struct control_answer answer = {.refused = true, .error = "the leg is required"}, back;
        char text[CONTROL_MESSAGE_MAX], reason[NBDC_ERROR_SIZE];
        int n = control_answer_encode(&answer, text, sizeof text);
        assert_int_equal(control_answer_decode(text, (size_t)n, &back, reason, sizeof reason), 0);
        assert_true(!back.ok && back.refused);
        assert_string_equal(back.error, answer.error);
        /* what a server sent may be no UTF-8 */
        snprintf(answer.error, sizeof answer.error, "no \xff\xfe");
        n = control_answer_encode(&answer, text, sizeof text);
        assert_true(n > 0);
        assert_int_equal(control_answer_decode(text, (size_t)n, &back, reason, sizeof reason), 0);
        assert_string_equal(back.error, "no ??");
        static const char *const bad[] = {
            "{}", "{\"ok\":1}", "{\"ok\":false}", "{\"ok\":true,\"status\":{}}", "{\"ok\":true,\"status\":3}", "null"};
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                assert_int_not_equal(control_answer_decode(bad[i], strlen(bad[i]), &back, reason, sizeof reason), 0);
        /* a newer nbdc may say more */
        static const char more[] = "{\"ok\":true,\"colour\":\"red\"}";
        assert_int_equal(control_answer_decode(more, sizeof more - 1, &back, reason, sizeof reason), 0);
}

static void test_device_names(void **state)
{
        (void)state;
        static const struct {
                const char *name;
                int index;
        } cases[] = {
            {"/dev/nbd0", 0},         {"/dev/nb0", 0},  {"nbd15", 15},      {"nb3", 3},         {"/dev/nbd0p1", -1},
            {"/dev/nbd", -1},         {"/dev/sda", -1}, {"", -1},           {"/dev/nbd01", -1}, {"/dev/nbd-1", -1},
            {"/dev/nbd65535", 65535}, {"nbd65536", -1}, {"/dev/nbd 1", -1}, {"nbdx", -1},       {"/tmp/nbd0", -1},
        };
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                int index = nbdc_device_index(cases[i].name);
                if (cases[i].index < 0)
                        assert_true(index < 0);
                else
                        assert_int_equal(index, cases[i].index);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_requests), cmocka_unit_test(test_bad_requests), cmocka_unit_test(test_status),
            cmocka_unit_test(test_answers),  cmocka_unit_test(test_device_names),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
