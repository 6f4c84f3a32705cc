/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hamon-act's codec held against hamon's (hamon/driver/act_codec.h): what one side writes the other reads as the same
 * thing. */
#include "tests/unit/cmocka_all.h"

#include "hamon/act/progress.h"
#include "hamon/act/protocol.h"
#include "hamon/driver/act_codec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct config config = {.mirrors = 2, .mirror = {{.name = "data", .label = "data"}, {.name = "logs", .label = "logs"}}};

static void every_effect_arrives(void **state)
{
        (void)state;
        for (int type = 0; type < EFFECT_TYPES; type++) {
                struct effect e = {.type = (enum effect_type)type,
                                   .mirror = 1,
                                   .ticket = UINT64_MAX,
                                   .epoch = 7,
                                   .session = {{1}},
                                   .leg = {{2}},
                                   .version = 9,
                                   .whole = true,
                                   .lifetime_ms = 1000,
                                   .leg_bytes = type == EFFECT_ARRAY_CREATE ? 5ull << 40 : 0,
                                   .until_ms = type % 2 ? 1ull << 40 : 0},
                              back;

                if (type == EFFECT_RESYNC_CONTROL)
                        e.order = (struct resync_order){.wish = RESYNC_RATE, .for_s = RESYNC_PAUSE_MOST_S, .rate_kib = RESYNC_RATE_MOST_KIB};
                char *text, reason[128];
                uint64_t ticket;

                assert_int_equal(act_encode_effect(&config, &e, &text), 0);
                assert_int_equal(protocol_decode(&config, text, strlen(text), &back, &ticket, reason, sizeof reason),
                                 0);
                assert_memory_equal(&e, &back, sizeof e);
                assert_true(ticket == UINT64_MAX);
                free(text);
        }
}

static void every_result_arrives(void **state)
{
        (void)state;
        for (int type = 0; type < EFFECT_TYPES; type++) {
                struct effect_result r = {.type = (enum effect_type)type, .mirror = 0, .ticket = 17};
                struct act_packet back;

                if (type == EFFECT_LEG_OPEN || type == EFFECT_LEG_CREATE || type == EFFECT_ARRAY_CREATE) {
                        r.leg.present = r.leg.has_superblock = r.leg.note = r.leg.array_running = true;
                        r.leg.uuid.bytes[0] = 3;
                        r.leg.last_epoch = 12;
                        r.leg.updated_s = 1764400000;
                        r.leg.md_events = 1ull << 60;
                }
                r.permits = type == EFFECT_CHECK_LEG;
                r.known = r.blank = type == EFFECT_DEBT_UNION;
                char *text = protocol_encode_result(&config, &r);
                assert_int_equal(act_decode(&config, text, strlen(text), &back), 0);
                assert_int_equal(back.type, ACT_PACKET_RESULT);
                assert_memory_equal(&back.result, &r, sizeof r);
                free(text);
        }
        struct effect_result failed = {.type = EFFECT_ATTACH, .ticket = 1, .error = -EIO, .detail = "no \xff way"};
        struct act_packet back;
        char *text = protocol_encode_result(&config, &failed);
        assert_int_equal(act_decode(&config, text, strlen(text), &back), 0);
        assert_int_equal(back.result.error, -EIO);
        assert_string_equal(back.result.detail, "no ? way");
        free(text);
}

static void an_observation_arrives(void **state)
{
        struct observation o = {.mirror = 1,
                                .settled = 1ull << 50,
                                .array_running = true,
                                .own_in_sync = true,
                                .peer_in_array = true,
                                .resync_done_sectors = 5,
                                .resync_total_sectors = 1ull << 40,
                                .resync = {true, UINT32_MAX, true, 1, 2, 3, UINT32_MAX},
                                .discards = DISCARDS_PEER,
                                .attached = true,
                                .leg_oldest_ms = UINT32_MAX,
                                .service_running = true};
        struct service_seen seen = {.mounted = 1, .turned_read_only = 1,
                                    .unit = {{.active = "failed", .result = "exit-code", .ended = "exited", .status = 3}, {.load = "not-found"}},
                                    .health = {.failures = 3, .status = -1, .detail = "no end", .checked = true, .unhealthy = true}};
        struct act_packet back;

        (void)state;
        config.mirror[1].service.present = false;
        char *text = protocol_encode_observation(&config, &o, &seen);
        assert_int_equal(act_decode(&config, text, strlen(text), &back), 0);
        assert_int_equal(back.type, ACT_PACKET_OBSERVATION);
        assert_memory_equal(&back.observed, &o, sizeof o);
        assert_false(back.has_service);
        free(text);
        config.mirror[1].service.present = true;
        config.mirror[1].service.units = 2;
        text = protocol_encode_observation(&config, &o, &seen);
        assert_int_equal(act_decode(&config, text, strlen(text), &back), 0);
        assert_true(back.has_service && back.observed.service_unhealthy);
        assert_memory_equal(&back.service, &seen, sizeof seen);
        config.mirror[1].service.units = 1; /* hamon has read another file */
        assert_int_equal(act_decode(&config, text, strlen(text), &back), -EPROTO);
        free(text);
}

static void refuse(const char *text, uint64_t expected_ticket)
{
        struct effect e;
        char reason[128];
        uint64_t ticket;

        assert_int_equal(protocol_decode(&config, text, strlen(text), &e, &ticket, reason, sizeof reason), -EPROTO);
        assert_true(reason[0] != '\0');
        assert_true(ticket == expected_ticket);
}

#define REST                                                                                                           \
        "\"epoch\":\"0\",\"session\":\"00000000-0000-0000-0000-000000000000\",\"leg\":\"00000000-0000-0000-0000-"      \
        "000000000000\","                                                                                              \
        "\"version\":\"0\",\"whole\":false,\"overwrite\":false,\"lifetime_ms\":0}"

static void bad_commands_are_refused(void **state)
{
        (void)state;
        refuse("", 0);
        refuse("[]", 0);
        refuse("{}", 0);
        refuse("{\"do\":\"probe\"}", 0);
        refuse("{\"do\":\"format-c\",\"mirror\":\"data\",\"ticket\":\"4\"," REST, 4);
        refuse("{\"do\":\"probe\",\"mirror\":\"other\",\"ticket\":\"4\"," REST, 4);
        refuse("{\"do\":\"probe\",\"mirror\":\"data\",\"ticket\":\"0\"," REST, 0);
        refuse("{\"do\":\"probe\",\"mirror\":\"data\",\"ticket\":4," REST, 0);
        refuse("{\"do\":\"probe\",\"mirror\":\"data\",\"ticket\":\"4\",\"more\":1," REST, 4);
        refuse("{\"do\":\"probe\",\"mirror\":\"data\",\"ticket\":\"4\",\"wish\":0,\"for_s\":0,\"rate_kib\":0," REST, 4);
        refuse("{\"do\":\"resync-control\",\"mirror\":\"data\",\"ticket\":\"4\"," REST, 4);
        refuse("{\"do\":\"resync-control\",\"mirror\":\"data\",\"ticket\":\"4\",\"wish\":3,\"for_s\":0,\"rate_kib\":0," REST, 4);
        refuse("{\"do\":\"probe\",\"do\":\"reboot\",\"mirror\":\"data\",\"ticket\":\"4\"," REST, 0);
        char *text = protocol_encode_refusal(4, "x");
        assert_string_equal(text, "{\"ticket\":\"4\",\"error\":-71,\"detail\":\"x\"}");
        free(text);
}

/* Two windows with requests, one without any, and another device under the same name. */
static void a_request_takes_its_mean(void **state)
{
        struct request_time t = {0};
        struct progress_counters c = {.completed = 1000, .waited_ms = 70000};

        (void)state;
        assert_int_equal(request_time_look(&t, &c, 1000), 0); /* what was before nobody knows */
        c = (struct progress_counters){.completed = 1100, .waited_ms = 70040};
        assert_int_equal(request_time_look(&t, &c, 1000 + PROGRESS_WINDOW_MS - 1), 0);
        assert_int_equal(request_time_look(&t, &c, 1000 + PROGRESS_WINDOW_MS), 400);
        c = (struct progress_counters){.completed = 1110, .waited_ms = 71040};
        assert_int_equal(request_time_look(&t, &c, 7000), 400);
        assert_int_equal(request_time_look(&t, &c, 11000), 100000);
        assert_int_equal(request_time_look(&t, &c, 16000), 0);
        c = (struct progress_counters){.completed = 5, .waited_ms = 1};
        assert_int_equal(request_time_look(&t, &c, 22000), 0);
        c.completed = 6, c.waited_ms = 3;
        assert_int_equal(request_time_look(&t, &c, 27000), 2000);
}

static void requests_without_progress_age(void **state)
{
        struct progress p = {0};
        struct progress_counters c;

        (void)state;
        assert_int_equal(progress_parse("   100  0 800 5   50  0 400 9   2  10 14   3 0 0 0   7 1\n", &c), 0);
        assert_true(c.completed == 160 && c.in_flight == 2 && c.waited_ms == 15);
        assert_int_equal(progress_parse("1 2 3", &c), -EBADMSG);
        assert_int_equal(progress_look(&p, &c, 1000), 0);
        assert_int_equal(progress_look(&p, &c, 1500), 500);
        assert_int_equal(progress_look(&p, &c, 7000), 6000);
        c.completed++;
        assert_int_equal(progress_look(&p, &c, 7100), 0);
        c.in_flight = 0;
        assert_int_equal(progress_look(&p, &c, 9000), 0);
        c.in_flight = 1;
        assert_int_equal(progress_look(&p, &c, 9100), 100);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(every_effect_arrives),          cmocka_unit_test(every_result_arrives),
            cmocka_unit_test(an_observation_arrives),        cmocka_unit_test(bad_commands_are_refused),
            cmocka_unit_test(a_request_takes_its_mean),
                cmocka_unit_test(requests_without_progress_age),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
