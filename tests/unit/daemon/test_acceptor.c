/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The payload of the acceptor's state file: what is written is read back, and nothing else is. */
#include "tests/unit/cmocka_all.h"

#include "hamon/driver/acceptor_codec.h"
#include "tests/unit/nbdd/corpus.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct acceptor_state example(void)
{
        struct acceptor_state a = {
                .voter = {{1, 2, 3}},
                .promised = {.n = UINT64_MAX, .node = 1, .start = UINT64_C(0x8000000000000001)},
                .accepted = {.n = 7, .node = 0, .start = 9},
                .value = {.version = 12, .epoch = 3, .primary = 1, .primary_boot = {{4}}, .maintenance_until_s = UINT64_MAX, .voters_generation = UINT32_MAX,
                          .change = {{5}}},
        };
        a.value.legs[0] = (struct record_leg){.uuid = {{6}}, .in_sync = true};
        a.value.legs[1] = (struct record_leg){.uuid = {{7}}, .inconsistent = true, .doubtful = true};
        a.value.voters[2] = (struct uuid){{8}};
        a.seen[2] = (struct voter_seen){.voter = {{8}}, .accepted = {.n = 6, .node = 1, .start = 3}};
        return a;
}

static const char *encoded(const struct acceptor_state *a)
{
        static char copy[4096];
        char *text;
        assert_int_equal(acceptor_encode(a, &text), 0);
        assert_true(strlen(text) < sizeof copy);
        strcpy(copy, text);
        free(text);
        return copy;
}

static void test_round_trip(void **state)
{
        (void)state;
        struct acceptor_state a = example(), b;
        memset(&b, 0xee, sizeof b);
        const char *text = encoded(&a);
        assert_int_equal(acceptor_decode(text, strlen(text), &b), 0);
        assert_true(uuid_equal(&a.voter, &b.voter));
        assert_int_equal(ballot_compare(&a.promised, &b.promised), 0);
        assert_int_equal(ballot_compare(&a.accepted, &b.accepted), 0);
        assert_true(record_equal(&a.value, &b.value));
        for (int i = 0; i < VOTERS; i++) {
                assert_true(uuid_equal(&a.seen[i].voter, &b.seen[i].voter));
                assert_int_equal(ballot_compare(&a.seen[i].accepted, &b.seen[i].accepted), 0);
        }
}

/* A file of version 1 has seen nobody. */
static void test_without_seen(void **state)
{
        (void)state;
        struct acceptor_state a = example(), b;
        json_error_t error;
        json_t *j = json_loads(encoded(&a), 0, &error);
        assert_int_equal(json_object_del(j, "seen"), 0);
        char *text = json_dumps(j, 0);
        assert_int_equal(acceptor_decode(text, strlen(text), &b), 0);
        assert_true(record_equal(&a.value, &b.value));
        assert_true(uuid_is_null(&b.seen[2].voter) && ballot_is_null(&b.seen[2].accepted));
        free(text);
        json_decref(j);
}

static unsigned allocations, failing;

static void *failing_malloc(size_t size)
{
        return allocations++ == failing ? NULL : malloc(size);
}

/* A vote must not go out on a file that the next start would refuse: whichever allocation fails, it shows here. */
static void test_out_of_memory_shows(void **state)
{
        (void)state;
        struct acceptor_state a = example(), b;
        unsigned failed = 0;
        for (failing = 0, allocations = 1; failing < allocations; failing++) {
                char *text;
                allocations = 0;
                json_set_alloc_funcs(failing_malloc, free);
                int r = acceptor_encode(&a, &text);
                json_set_alloc_funcs(malloc, free);
                if (r == -ENOMEM) {
                        failed++;
                        continue;
                }
                assert_int_equal(r, 0);
                assert_int_equal(acceptor_decode(text, strlen(text), &b), 0);
                assert_true(record_equal(&a.value, &b.value));
                free(text);
        }
        assert_true(failed > 50);
}

static void test_empty_state(void **state)
{
        (void)state;
        struct acceptor_state a = {.value = {.primary = NO_NODE}}, b;
        const char *text = encoded(&a);
        assert_int_equal(acceptor_decode(text, strlen(text), &b), 0);
        assert_int_equal(b.value.primary, NO_NODE);
}

/* Replaces `from` by `to` in a good payload; the result must be refused. */
static void refused(const char *from, const char *to)
{
        struct acceptor_state a = example(), b;
        const char *text = encoded(&a);
        char changed[4096];
        const char *at = strstr(text, from);
        assert_non_null(at);
        size_t before = (size_t)(at - text);
        memcpy(changed, text, before);
        (void)snprintf(changed + before, sizeof changed - before, "%s%s", to, at + strlen(from));
        assert_int_equal(acceptor_decode(changed, strlen(changed), &b), -EPROTO);
}

static void test_anything_else_is_refused(void **state)
{
        (void)state;
        refused("\"epoch\": \"3\"", "\"epoch\": 3");
        refused("\"epoch\": \"3\"", "\"epoch\": \"-3\"");
        refused("\"epoch\": \"3\"", "\"epoch\": \"3x\"");
        refused("\"epoch\": \"3\"", "\"epoch\": \"99999999999999999999\"");
        refused("\"epoch\": \"3\",", "");
        refused("\"epoch\": \"3\"", "\"epoch\": \"3\", \"epoch\": \"3\"");
        refused("\"epoch\": \"3\"", "\"epoch\": \"3\", \"more\": \"3\"");
        refused("\"primary\": 1", "\"primary\": 2"); /* the witness is never primary */
        refused("\"primary\": 1", "\"primary\": 256");
        refused("\"primary\": 1", "\"primary\": -1");
        refused("\"node\": 1", "\"node\": 7");
        refused("\"in_sync\": true", "\"in_sync\": 1");
        refused("\"seen\"", "\"saw\"");
        refused("\"n\": \"6\"", "\"n\": 6");
        refused("01020300-", "0102030-");
        refused("}", "");
}

static void test_every_cut_is_refused(void **state)
{
        (void)state;
        struct acceptor_state a = example(), b;
        const char *text = encoded(&a);
        for (size_t n = 0; n < strlen(text); n++)
                assert_int_equal(acceptor_decode(text, n, &b), -EPROTO);
}

static void test_corpus(void **state)
{
        (void)state;
        assert_true(corpus_replay("tests/fuzz/corpus/acceptor") >= 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_without_seen),
                cmocka_unit_test(test_out_of_memory_shows),
                cmocka_unit_test(test_empty_state),
                cmocka_unit_test(test_anything_else_is_refused),
                cmocka_unit_test(test_every_cut_is_refused),
                cmocka_unit_test(test_corpus),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
