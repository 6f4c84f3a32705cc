/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/releases/recorded.h"

#include "hamon/net/seal.h"
#include "wire/hamon_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct uuid cluster = {{0xc1, 0xc2}}, boot = {{0xb0, 1}}, session = {{0x5e, 2}}, leg_a = {{0xa, 3}}, leg_b = {{0xb, 4}};
static const uint8_t key[SEAL_KEY_BYTES] = {1, 2, 3, 4, 5};
static const struct ballot ballot = {.n = 7, .node = 1, .start = 0x0102030405060708}, higher = {.n = 9, .node = 0, .start = 11};

static struct record record(void)
{
        return (struct record){.version = 12, .epoch = 3, .primary = 1, .primary_boot = boot, .maintenance_until_s = 1767225600, .voters_generation = 2,
                               .legs = {{.uuid = leg_a, .in_sync = true}, {.uuid = leg_b, .inconsistent = true, .doubtful = true}},
                               .voters = {{{1}}, {{2}}, {{3}}}, .change = {{0xcc}}};
}

static struct message example(unsigned type)
{
        struct message m;
        memset(&m, 0, sizeof m);
        m.type = (enum message_type)type;
        m.from = 1;
        m.to = 2;
        m.mirror = 3;
        m.voters_generation = 2;
        switch (type) {
        case MESSAGE_HEARTBEAT:
                m.heartbeat.boot = boot;
                m.heartbeat.start = 0x1112131415161718;
                m.heartbeat.sequence = 99;
                m.heartbeat.leaving = true;
                m.heartbeat.mirrors = 2;
                m.heartbeat.mirror[0] = (struct mirror_summary){.role = ROLE_PRIMARY, .record_version = 12, .epoch = 3, .leg = leg_a, .leg_ready = true, .md_events = 1001};
                m.heartbeat.mirror[1] = (struct mirror_summary){.role = ROLE_STANDBY, .record_version = 1, .epoch = 1, .leg = leg_b, .calls_peer_failed = true,
                                                                .calls_peer_failed_known = true, .offers = true};
                break;
        case MESSAGE_PREVOTE:
                m.prevote.round = 5;
                m.prevote.epoch = 3;
                break;
        case MESSAGE_PREVOTE_REPLY:
                m.prevote_reply.round = 5;
                m.prevote_reply.refusal = REFUSAL_LEASE;
                m.prevote_reply.wait_ms = 1700;
                break;
        case MESSAGE_PREPARE:
                m.prepare.ballot = ballot;
                m.prepare.primacy = true;
                break;
        case MESSAGE_PROMISE:
                m.promise.ballot = ballot;
                m.promise.refusal = REFUSAL_BALLOT;
                m.promise.promised = higher;
                m.promise.accepted = ballot;
                m.promise.value = record();
                m.promise.wait_ms = 20;
                m.promise.voter = (struct uuid){{2}};
                break;
        case MESSAGE_ACCEPT:
                m.accept.ballot = ballot;
                m.accept.primacy = true;
                m.accept.value = record();
                m.accept.admit = (struct uuid){{3}};
                break;
        case MESSAGE_ACCEPTED:
                m.accepted.ballot = ballot;
                m.accepted.refusal = REFUSAL_GENERATION;
                m.accepted.promised = higher;
                m.accepted.wait_ms = 1;
                break;
        case MESSAGE_RENEW:
                m.renew.epoch = 3;
                m.renew.boot = boot;
                m.renew.sequence = 44;
                m.renew.echo = 0xfeed;
                m.renew.release = true;
                break;
        case MESSAGE_RENEWED:
                m.renewed.epoch = 3;
                m.renewed.sequence = 44;
                m.renewed.nonce = 0xbeef;
                m.renewed.refusal = REFUSAL_ECHO;
                break;
        case MESSAGE_GRANT_REQUEST:
                m.grant_request.epoch = 3;
                m.grant_request.boot = boot;
                m.grant_request.session = session;
                m.grant_request.leg = leg_b;
                break;
        case MESSAGE_GRANT_REPLY:
                m.grant_reply.epoch = 3;
                m.grant_reply.session = session;
                m.grant_reply.refusal = REFUSAL_PEER_ALIVE;
                break;
        case MESSAGE_CHECK_REQUEST:
                m.check_request.epoch = 3;
                m.check_request.session = session;
                break;
        default:
                m.check_reply.epoch = 3;
                m.check_reply.session = session;
                m.check_reply.permits = true;
        }
        return m;
}

static int seal(const struct message *m, const struct seal_envelope *e, const char *path)
{
        uint8_t payload[HAMON_WIRE_MAX], datagram[SEAL_DATAGRAM_MAX];
        struct seal *s;
        int r = hamon_wire_encode(m, payload, sizeof payload);
        if (r < 0)
                return r;
        size_t size = (size_t)r;
        r = seal_new(key, &s);
        if (r < 0)
                return r;
        r = seal_close(s, e, payload, size, datagram);
        seal_free(s);
        return r < 0 ? r : recorded_put(path, datagram, (size_t)r);
}

static int write_message(unsigned type, const char *path)
{
        const struct message m = example(type);
        const struct seal_envelope e = {.from = m.from, .to = m.to, .cluster = cluster, .start = 0x2122232425262728, .sequence = 100 + type, .challenge = 31, .echo = 32};
        return seal(&m, &e, path);
}

static int rewrite_message(unsigned type, const char *from, const char *to)
{
        uint8_t *datagram;
        const uint8_t *payload;
        size_t size, payload_size;
        struct seal *s;
        struct seal_envelope e;
        struct message m;
        int r = recorded_get(from, &datagram, &size);
        if (r < 0)
                return r;
        r = seal_new(key, &s);
        if (r == 0) {
                r = seal_open(s, &cluster, datagram, size, &e, &payload, &payload_size) == SEAL_OK ? hamon_wire_decode(payload, payload_size, &m) : -EBADMSG;
                seal_free(s);
        }
        if (r == 0)
                r = m.type == type ? seal(&m, &e, to) : -EPROTO;
        free(datagram);
        return r;
}

#define MESSAGE(name, type) {"message-" name, type, write_message, rewrite_message}
const struct recorded recorded_messages[] = {
    MESSAGE("heartbeat", MESSAGE_HEARTBEAT),
    MESSAGE("prevote", MESSAGE_PREVOTE),
    MESSAGE("prevote-reply", MESSAGE_PREVOTE_REPLY),
    MESSAGE("prepare", MESSAGE_PREPARE),
    MESSAGE("promise", MESSAGE_PROMISE),
    MESSAGE("accept", MESSAGE_ACCEPT),
    MESSAGE("accepted", MESSAGE_ACCEPTED),
    MESSAGE("renew", MESSAGE_RENEW),
    MESSAGE("renewed", MESSAGE_RENEWED),
    MESSAGE("grant-request", MESSAGE_GRANT_REQUEST),
    MESSAGE("grant-reply", MESSAGE_GRANT_REPLY),
    MESSAGE("check-request", MESSAGE_CHECK_REQUEST),
    MESSAGE("check-reply", MESSAGE_CHECK_REPLY),
    {0},
};
_Static_assert(sizeof recorded_messages / sizeof recorded_messages[0] == MESSAGE_TYPE_END, "each type of message is recorded");
