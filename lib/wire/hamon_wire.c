/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One description of each message serves both directions: the body functions below take a `struct codec` that either writes the field or
 * reads and checks it. So the layouts of encode and decode cannot differ, and encode refuses what decode would.
 */
#include "wire/hamon_wire.h"

#include <errno.h>

#include "base/bytes.h"

struct codec {
        bool writing;
        bool bad; /* a value out of range */
        struct bwriter w;
        struct breader r;
};

static void u8(struct codec *k, uint8_t *v)
{
        if (k->writing)
                bwriter_u8(&k->w, *v);
        else
                *v = breader_u8(&k->r);
}

static void u32(struct codec *k, uint32_t *v)
{
        if (k->writing)
                bwriter_be32(&k->w, *v);
        else
                *v = breader_be32(&k->r);
}

static void u64(struct codec *k, uint64_t *v)
{
        if (k->writing)
                bwriter_be64(&k->w, *v);
        else
                *v = breader_be64(&k->r);
}

static void uuid(struct codec *k, struct uuid *v)
{
        if (k->writing)
                bwriter_copy(&k->w, v->bytes, sizeof v->bytes);
        else
                breader_copy(&k->r, v->bytes, sizeof v->bytes);
}

/* A u8 below `end`. */
static void below(struct codec *k, uint8_t *v, unsigned end)
{
        u8(k, v);
        k->bad = k->bad || *v >= end;
}

static void boolean(struct codec *k, bool *v)
{
        uint8_t byte = *v;
        below(k, &byte, 2);
        *v = byte == 1;
}

static void node_or_none(struct codec *k, uint8_t *v)
{
        u8(k, v);
        k->bad = k->bad || (*v >= NODES && *v != NO_NODE);
}

static void refusal(struct codec *k, enum refusal *v)
{
        uint8_t byte = (unsigned)*v < REFUSAL_END ? (uint8_t)*v : REFUSAL_END;
        below(k, &byte, REFUSAL_END);
        *v = (enum refusal)byte;
}

/* Null, or of a node: the witness never proposes. */
static void ballot(struct codec *k, struct ballot *v)
{
        u64(k, &v->n);
        u8(k, &v->node);
        u64(k, &v->start);
        k->bad = k->bad || v->node >= NODES || (v->n == 0 && (v->node != 0 || v->start != 0));
}

static void proposers_ballot(struct codec *k, struct ballot *v)
{
        ballot(k, v);
        k->bad = k->bad || v->n == 0;
}

static void record_leg(struct codec *k, struct record_leg *v)
{
        uint8_t flags = (uint8_t)(v->in_sync | v->inconsistent << 1 | v->doubtful << 2);

        uuid(k, &v->uuid);
        below(k, &flags, 8);
        v->in_sync = flags & 1;
        v->inconsistent = flags >> 1 & 1;
        v->doubtful = flags >> 2 & 1;
}

/* Its end follows only where there is one: without maintenance these bytes are what they always were. */
static void maintenance(struct codec *k, uint64_t *until_s)
{
        bool on = *until_s != 0;

        boolean(k, &on);
        if (on)
                u64(k, until_s);
        k->bad = k->bad || (on && *until_s == 0);
}

static void record(struct codec *k, struct record *v)
{
        u64(k, &v->version);
        u64(k, &v->epoch);
        node_or_none(k, &v->primary);
        uuid(k, &v->primary_boot);
        for (int i = 0; i < NODES; i++)
                record_leg(k, &v->legs[i]);
        maintenance(k, &v->maintenance_until_s);
        u32(k, &v->voters_generation);
        for (int i = 0; i < VOTERS; i++)
                uuid(k, &v->voters[i]);
        uuid(k, &v->change);
}

static void summary(struct codec *k, struct mirror_summary *v)
{
        uint8_t flags = (uint8_t)(v->leg_ready | v->calls_peer_failed << 1 | v->calls_peer_failed_known << 2 | v->offers << 3);

        below(k, &v->role, ROLE_DEPOSED + 1);
        u64(k, &v->record_version);
        u64(k, &v->epoch);
        uuid(k, &v->leg);
        below(k, &flags, 16);
        v->leg_ready = flags & 1;
        v->calls_peer_failed = flags >> 1 & 1;
        v->calls_peer_failed_known = flags >> 2 & 1;
        v->offers = flags >> 3 & 1;
        u64(k, &v->md_events);
}

static void heartbeat(struct codec *k, struct heartbeat *v)
{
        uuid(k, &v->boot);
        u64(k, &v->start);
        u64(k, &v->sequence);
        boolean(k, &v->leaving);
        below(k, &v->mirrors, MIRRORS_MAX + 1);
        for (int i = 0; i < v->mirrors && i < MIRRORS_MAX; i++)
                summary(k, &v->mirror[i]);
}

static void body(struct codec *k, struct message *m)
{
        switch (m->type) {
        case MESSAGE_HEARTBEAT:
                heartbeat(k, &m->heartbeat);
                return;
        case MESSAGE_PREVOTE:
                u64(k, &m->prevote.round);
                u64(k, &m->prevote.epoch);
                return;
        case MESSAGE_PREVOTE_REPLY:
                u64(k, &m->prevote_reply.round);
                refusal(k, &m->prevote_reply.refusal);
                u32(k, &m->prevote_reply.wait_ms);
                return;
        case MESSAGE_PREPARE:
                proposers_ballot(k, &m->prepare.ballot);
                boolean(k, &m->prepare.primacy);
                return;
        case MESSAGE_PROMISE:
                proposers_ballot(k, &m->promise.ballot);
                refusal(k, &m->promise.refusal);
                ballot(k, &m->promise.promised);
                ballot(k, &m->promise.accepted);
                u32(k, &m->promise.wait_ms);
                uuid(k, &m->promise.voter);
                record(k, &m->promise.value);
                return;
        case MESSAGE_ACCEPT:
                proposers_ballot(k, &m->accept.ballot);
                boolean(k, &m->accept.primacy);
                uuid(k, &m->accept.admit);
                record(k, &m->accept.value);
                k->bad = k->bad || m->accept.value.version == 0;
                return;
        case MESSAGE_ACCEPTED:
                proposers_ballot(k, &m->accepted.ballot);
                refusal(k, &m->accepted.refusal);
                ballot(k, &m->accepted.promised);
                u32(k, &m->accepted.wait_ms);
                return;
        case MESSAGE_RENEW:
                u64(k, &m->renew.epoch);
                uuid(k, &m->renew.boot);
                u64(k, &m->renew.sequence);
                u64(k, &m->renew.echo);
                boolean(k, &m->renew.release);
                return;
        case MESSAGE_RENEWED:
                u64(k, &m->renewed.epoch);
                u64(k, &m->renewed.sequence);
                u64(k, &m->renewed.nonce);
                refusal(k, &m->renewed.refusal);
                return;
        case MESSAGE_GRANT_REQUEST:
                u64(k, &m->grant_request.epoch);
                uuid(k, &m->grant_request.boot);
                uuid(k, &m->grant_request.session);
                uuid(k, &m->grant_request.leg);
                return;
        case MESSAGE_GRANT_REPLY:
                u64(k, &m->grant_reply.epoch);
                uuid(k, &m->grant_reply.session);
                refusal(k, &m->grant_reply.refusal);
                return;
        case MESSAGE_CHECK_REQUEST:
                u64(k, &m->check_request.epoch);
                uuid(k, &m->check_request.session);
                return;
        case MESSAGE_CHECK_REPLY:
                u64(k, &m->check_reply.epoch);
                uuid(k, &m->check_reply.session);
                boolean(k, &m->check_reply.permits);
                return;
        case MESSAGE_TYPE_END:
                break;
        }
        k->bad = true;
}

/* Everything behind the version byte. */
static void message(struct codec *k, struct message *m)
{
        uint8_t type = (unsigned)m->type < MESSAGE_TYPE_END ? (uint8_t)m->type : MESSAGE_TYPE_END;

        below(k, &type, MESSAGE_TYPE_END);
        m->type = (enum message_type)type;
        below(k, &m->from, VOTERS);
        below(k, &m->to, VOTERS);
        below(k, &m->mirror, MIRRORS_MAX);
        u32(k, &m->voters_generation);
        if (!k->bad)
                body(k, m);
}

int hamon_wire_encode(const struct message *m, uint8_t *ret_bytes, size_t size_bytes)
{
        struct codec k = {.writing = true, .w = bwriter_of(ret_bytes, size_bytes)};
        struct message copy = *m;

        bwriter_u8(&k.w, HAMON_WIRE_VERSION);
        message(&k, &copy);
        if (k.bad)
                return -EINVAL;
        return k.w.bad ? -ENOBUFS : (int)k.w.offset_bytes;
}

int hamon_wire_decode(const uint8_t *bytes, size_t size_bytes, struct message *ret)
{
        struct codec k = {.r = breader_of(bytes, size_bytes)};
        struct message m;

        memset(&m, 0, sizeof m);
        uint8_t version = breader_u8(&k.r);
        if (!k.r.bad && version != HAMON_WIRE_VERSION)
                return -EPROTONOSUPPORT;
        message(&k, &m);
        if (k.bad || k.r.bad || breader_left(&k.r) != 0)
                return -EBADMSG;
        *ret = m;
        return 0;
}
