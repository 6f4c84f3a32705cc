/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bytes of every struct message between hamons: the payload of a sealed datagram (hamon/net/seal.h adds cluster, start, sequence and
 * HMAC around it).
 *
 * Layout, big endian. ballot = n u64, node u8, start u64 (17 bytes). uuid = 16 bytes. bool and enums = u8.
 *
 *      0  version u8 = 1 | type u8 | from u8 | to u8 | mirror u8 | voters_generation u32        head, 9 bytes
 *
 *     HEARTBEAT      boot uuid, start u64, sequence u64, leaving bool, mirrors u8, then for each of them
 *                    role u8, record_version u64, epoch u64, leg uuid, flags u8 (1 leg_ready, 2 calls_peer_failed, 4 ..._known, 8 offers), md_events u64
 *     PREVOTE        round u64, epoch u64                PREVOTE_REPLY  round u64, refusal u8, wait_ms u32
 *     PREPARE        ballot, primacy bool                PROMISE        ballot, refusal u8, promised ballot, accepted ballot, wait_ms u32,
 *     ACCEPT         ballot, primacy bool, admit uuid,                  voter uuid, record
 *                    record                              ACCEPTED       ballot, refusal u8, promised ballot, wait_ms u32
 *     RENEW          epoch u64, boot uuid, sequence u64, echo u64, release bool
 *     RENEWED        epoch u64, sequence u64, nonce u64, refusal u8
 *     GRANT_REQUEST  epoch u64, boot uuid, session uuid, leg uuid
 *     GRANT_REPLY    epoch u64, session uuid, refusal u8
 *     CHECK_REQUEST  epoch u64, session uuid             CHECK_REPLY    epoch u64, session uuid, permits bool
 *
 *     record         version u64, epoch u64, primary u8, primary_boot uuid, 2 x (uuid, flags u8: 1 in_sync, 2 inconsistent, 4 doubtful), maintenance bool (and if so: until u64, seconds since 1970),
 *                    voters_generation u32, 3 x voter uuid, change uuid
 *
 * Decoding is strict: another version, an unknown type, a value out of range, a missing or a surplus byte is refused as a whole. The other
 * fields of the result are zero, so equal messages are equal in each field. Pure, no allocation; any thread.
 */
#ifndef NBDD_WIRE_HAMON_WIRE_H
#define NBDD_WIRE_HAMON_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "hamon/core/message.h"

enum {
        HAMON_WIRE_VERSION = 1,
        HAMON_WIRE_MAX = 1200, /* of any message, a heartbeat of MIRRORS_MAX mirrors; each fits one datagram */
};

/* Returns the size in bytes, -ENOBUFS when `size_bytes` is too small, -EINVAL for a message that decoding would refuse. */
int hamon_wire_encode(const struct message *m, uint8_t *ret_bytes, size_t size_bytes);

/* 0; -EPROTONOSUPPORT for another version (older or newer), -EBADMSG for anything else. *ret is set only on success. */
int hamon_wire_decode(const uint8_t *bytes, size_t size_bytes, struct message *ret);

#endif
