/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The codec of hamon's messages: round trips, strictness, and the fuzzer's corpus. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/cmocka_all.h"
#include "wire/hamon_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* tests/fuzz/fuzz_hamon_wire.c */

static uint64_t seed = 1;

static uint64_t any(void)
{
        uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
}

static struct uuid any_uuid(void)
{
        struct uuid u;
        for (int i = 0; i < 16; i++)
                u.bytes[i] = (uint8_t)any();
        return u;
}

static struct ballot any_ballot(void)
{
        return (struct ballot){.n = any() | 1, .node = any() & 1, .start = any()};
}

static enum refusal any_refusal(void)
{
        return (enum refusal)(any() % REFUSAL_END);
}

static struct record any_record(void)
{
        struct record v = {.version = any() | 1, .epoch = any(), .primary = any() & 1, .primary_boot = any_uuid(), .maintenance_until_s = any() & 1 ? 0 : any() | 1,
                           .voters_generation = (uint32_t)any(), .change = any_uuid()};
        if (any() % 4 == 0)
                v.primary = NO_NODE;
        for (int i = 0; i < NODES; i++)
                v.legs[i] = (struct record_leg){.uuid = any_uuid(), .in_sync = any() & 1, .inconsistent = any() & 1, .doubtful = any() & 1};
        for (int i = 0; i < VOTERS; i++)
                v.voters[i] = any_uuid();
        return v;
}

static void fill_heartbeat(struct heartbeat *h)
{
        h->boot = any_uuid();
        h->start = any();
        h->sequence = any();
        h->leaving = any() & 1;
        h->mirrors = (uint8_t)(any() % (MIRRORS_MAX + 1));
        for (int i = 0; i < h->mirrors; i++)
                h->mirror[i] = (struct mirror_summary){.role = (uint8_t)(any() % (ROLE_DEPOSED + 1)), .record_version = any(), .epoch = any(),
                                                       .leg = any_uuid(), .leg_ready = any() & 1, .calls_peer_failed = any() & 1,
                                                       .calls_peer_failed_known = any() & 1, .md_events = any()};
}

/* Every field of the type is set, the rest is zero. */
static void fill(struct message *m, enum message_type type)
{
        memset(m, 0, sizeof *m);
        m->type = type;
        m->from = (uint8_t)(any() % VOTERS);
        m->to = (uint8_t)(any() % VOTERS);
        m->mirror = (uint8_t)(any() % MIRRORS_MAX);
        m->voters_generation = (uint32_t)any();
        switch (type) {
        case MESSAGE_HEARTBEAT:
                fill_heartbeat(&m->heartbeat);
                return;
        case MESSAGE_PREVOTE:
                m->prevote.round = any();
                m->prevote.epoch = any();
                return;
        case MESSAGE_PREVOTE_REPLY:
                m->prevote_reply.round = any();
                m->prevote_reply.refusal = any_refusal();
                m->prevote_reply.wait_ms = (uint32_t)any();
                return;
        case MESSAGE_PREPARE:
                m->prepare.ballot = any_ballot();
                m->prepare.primacy = any() & 1;
                return;
        case MESSAGE_PROMISE:
                m->promise.ballot = any_ballot();
                m->promise.refusal = any_refusal();
                m->promise.promised = any_ballot();
                if (any() & 1)
                        m->promise.accepted = any_ballot();
                m->promise.value = any_record();
                m->promise.wait_ms = (uint32_t)any();
                m->promise.voter = any_uuid();
                return;
        case MESSAGE_ACCEPT:
                m->accept.ballot = any_ballot();
                m->accept.primacy = any() & 1;
                m->accept.value = any_record();
                m->accept.admit = any_uuid();
                return;
        case MESSAGE_ACCEPTED:
                m->accepted.ballot = any_ballot();
                m->accepted.refusal = any_refusal();
                m->accepted.promised = any_ballot();
                m->accepted.wait_ms = (uint32_t)any();
                return;
        case MESSAGE_RENEW:
                m->renew.epoch = any();
                m->renew.boot = any_uuid();
                m->renew.sequence = any();
                m->renew.echo = any();
                return;
        case MESSAGE_RENEWED:
                m->renewed.epoch = any();
                m->renewed.sequence = any();
                m->renewed.nonce = any();
                m->renewed.refusal = any_refusal();
                return;
        case MESSAGE_GRANT_REQUEST:
                m->grant_request.epoch = any();
                m->grant_request.boot = any_uuid();
                m->grant_request.session = any_uuid();
                m->grant_request.leg = any_uuid();
                return;
        case MESSAGE_GRANT_REPLY:
                m->grant_reply.epoch = any();
                m->grant_reply.session = any_uuid();
                m->grant_reply.refusal = any_refusal();
                return;
        case MESSAGE_CHECK_REQUEST:
                m->check_request.epoch = any();
                m->check_request.session = any_uuid();
                return;
        case MESSAGE_CHECK_REPLY:
                m->check_reply.epoch = any();
                m->check_reply.session = any_uuid();
                m->check_reply.permits = any() & 1;
                return;
        case MESSAGE_TYPE_END:
                break;
        }
        fail();
}

static void round_trips(void **state)
{
        struct message m, n;
        uint8_t bytes[HAMON_WIRE_MAX], again[HAMON_WIRE_MAX];

        (void)state;
        for (int type = 1; type < MESSAGE_TYPE_END; type++)
                for (int i = 0; i < 500; i++) {
                        fill(&m, (enum message_type)type);
                        int size = hamon_wire_encode(&m, bytes, sizeof bytes);
                        assert_true(size > 0);
                        assert_int_equal(hamon_wire_decode(bytes, (size_t)size, &n), 0);
                        assert_int_equal(hamon_wire_encode(&n, again, sizeof again), size);
                        assert_memory_equal(bytes, again, (size_t)size);
                        assert_int_equal(n.type, m.type);
                        if (type == MESSAGE_ACCEPT)
                                assert_true(record_equal(&m.accept.value, &n.accept.value));
                        if (type == MESSAGE_PROMISE)
                                assert_true(record_equal(&m.promise.value, &n.promise.value) &&
                                            ballot_compare(&m.promise.accepted, &n.promise.accepted) == 0);
                        if (type == MESSAGE_HEARTBEAT)
                                assert_int_equal(m.heartbeat.mirror[MIRRORS_MAX - 1].md_events, n.heartbeat.mirror[MIRRORS_MAX - 1].md_events);
                }
}

static void every_truncation_and_every_surplus_byte_is_refused(void **state)
{
        struct message m, n;
        uint8_t bytes[HAMON_WIRE_MAX + 1];

        (void)state;
        for (int type = 1; type < MESSAGE_TYPE_END; type++) {
                fill(&m, (enum message_type)type);
                int size = hamon_wire_encode(&m, bytes, sizeof bytes);
                for (int cut = 0; cut < size; cut++) {
                        uint8_t exact[HAMON_WIRE_MAX];
                        memcpy(exact, bytes, (size_t)cut);
                        assert_int_equal(hamon_wire_decode(exact, (size_t)cut, &n), -EBADMSG);
                        assert_int_equal(hamon_wire_encode(&m, exact, (size_t)cut), -ENOBUFS);
                }
                bytes[size] = 0;
                assert_int_equal(hamon_wire_decode(bytes, (size_t)size + 1, &n), -EBADMSG);
        }
}

static void refuse_byte(const struct message *m, size_t offset, uint8_t value)
{
        uint8_t bytes[HAMON_WIRE_MAX];
        struct message n;
        int size = hamon_wire_encode(m, bytes, sizeof bytes);

        assert_true(size > (int)offset);
        bytes[offset] = value;
        assert_int_equal(hamon_wire_decode(bytes, (size_t)size, &n), -EBADMSG);
}

static void values_out_of_range_are_refused(void **state)
{
        struct message m;
        enum { HEAD = 9, BALLOT = 17, UUID = 16 };

        (void)state;
        fill(&m, MESSAGE_PREPARE);
        refuse_byte(&m, 1, 0);                  /* type */
        refuse_byte(&m, 1, MESSAGE_TYPE_END);
        refuse_byte(&m, 2, VOTERS);             /* from */
        refuse_byte(&m, 3, 0xff);               /* to */
        refuse_byte(&m, 4, MIRRORS_MAX);        /* mirror */
        refuse_byte(&m, HEAD + 8, WITNESS);     /* ballot of the witness */
        refuse_byte(&m, HEAD + BALLOT, 2);      /* primacy */
        fill(&m, MESSAGE_PREVOTE_REPLY);
        refuse_byte(&m, HEAD + 8, REFUSAL_END);
        fill(&m, MESSAGE_ACCEPT);
        size_t record = HEAD + BALLOT + 1 + UUID;
        refuse_byte(&m, record + 16, WITNESS);                       /* primary */
        refuse_byte(&m, record + 17 + UUID + UUID, 8);               /* flags of leg 0 */
        refuse_byte(&m, record + 17 + UUID + 2 * (UUID + 1), 2);     /* maintenance */
        fill(&m, MESSAGE_HEARTBEAT);
        m.heartbeat.mirrors = 1;
        refuse_byte(&m, HEAD + UUID + 16, 2);                        /* leaving */
        refuse_byte(&m, HEAD + UUID + 17, MIRRORS_MAX + 1);
        refuse_byte(&m, HEAD + UUID + 18, ROLE_DEPOSED + 1);
}

static void encode_refuses_what_decode_would(void **state)
{
        struct message m;
        uint8_t bytes[HAMON_WIRE_MAX];

        (void)state;
        fill(&m, MESSAGE_ACCEPT);
        m.accept.value.version = 0;
        assert_int_equal(hamon_wire_encode(&m, bytes, sizeof bytes), -EINVAL);
        fill(&m, MESSAGE_PREPARE);
        m.prepare.ballot.n = 0;
        assert_int_equal(hamon_wire_encode(&m, bytes, sizeof bytes), -EINVAL);
        fill(&m, MESSAGE_RENEW);
        m.from = VOTERS;
        assert_int_equal(hamon_wire_encode(&m, bytes, sizeof bytes), -EINVAL);
        fill(&m, MESSAGE_RENEWED);
        m.renewed.refusal = REFUSAL_END;
        assert_int_equal(hamon_wire_encode(&m, bytes, sizeof bytes), -EINVAL);
        memset(&m, 0, sizeof m);
        assert_int_equal(hamon_wire_encode(&m, bytes, sizeof bytes), -EINVAL);
}

static void another_version_is_told_apart(void **state)
{
        struct message m, n;
        uint8_t bytes[HAMON_WIRE_MAX];

        (void)state;
        fill(&m, MESSAGE_HEARTBEAT);
        int size = hamon_wire_encode(&m, bytes, sizeof bytes);
        bytes[0] = HAMON_WIRE_VERSION + 1;
        assert_int_equal(hamon_wire_decode(bytes, (size_t)size, &n), -EPROTONOSUPPORT);
        assert_int_equal(hamon_wire_decode(bytes, 0, &n), -EBADMSG);
}

/* The fuzzer's checks on random and on damaged input, so that they run without clang too. */
static void damaged_bytes_do_no_harm(void **state)
{
        struct message m;
        uint8_t bytes[HAMON_WIRE_MAX];

        (void)state;
        for (int i = 0; i < 20000; i++) {
                fill(&m, (enum message_type)(1 + any() % (MESSAGE_TYPE_END - 1)));
                int size = hamon_wire_encode(&m, bytes, sizeof bytes);
                for (int flips = (int)(any() % 4); flips >= 0; flips--)
                        bytes[any() % (uint64_t)size] = (uint8_t)any();
                assert_int_equal(LLVMFuzzerTestOneInput(bytes, (size_t)size), 0);
        }
}

static void corpus_replay(void **state)
{
        const char *const folder = "tests/fuzz/corpus/hamon_wire";
        DIR *dir = opendir(folder);
        int files = 0;

        (void)state;
        assert_non_null(dir);
        for (const struct dirent *entry; (entry = readdir(dir));) {
                uint8_t bytes[4096];
                char path[512];
                if (entry->d_name[0] == '.')
                        continue;
                snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
                FILE *f = fopen(path, "rb");
                assert_non_null(f);
                size_t size = fread(bytes, 1, sizeof bytes, f);
                fclose(f);
                assert_int_equal(LLVMFuzzerTestOneInput(bytes, size), 0);
                files++;
        }
        closedir(dir);
        assert_true(files >= MESSAGE_TYPE_END - 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(round_trips),
            cmocka_unit_test(every_truncation_and_every_surplus_byte_is_refused),
            cmocka_unit_test(values_out_of_range_are_refused),
            cmocka_unit_test(encode_refuses_what_decode_would),
            cmocka_unit_test(another_version_is_told_apart),
            cmocka_unit_test(damaged_bytes_do_no_harm),
            cmocka_unit_test(corpus_replay),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
