/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does the server owe an answer that the block layer does not count? Flushes are such requests: a peer that hangs in
 * one would look idle.
 *
 * The bytes of a connection add up. With simple replies each request is 28 bytes, and the data for a write; each reply
 * is 16 bytes, and the data for a read. So with S bytes sent and R received by the driver on this connection, and w and
 * r bytes completed by the device meanwhile (its own counters),
 *
 *      replies = (R - r) / 16              owed = (S - w) / 28 - replies
 *
 * exactly, whenever nothing counted is in flight. An error in r or w is a multiple of 512 and cannot look like a few
 * owed requests, so that an account that does not add up (the connection was taken over, zeroes were written without
 * data) says nothing rather than something wrong.
 *
 * Pure.
 */
#ifndef NBDD_NBDC_ACCOUNT_H
#define NBDD_NBDC_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#define ACCOUNT_REQUEST_BYTES 28u
#define ACCOUNT_REPLY_BYTES 16u
#define ACCOUNT_OWED_MAX 8u /* the block layer has one or two flushes of a device under way */

struct account {
        uint64_t sent_bytes;     /* by the connection, first transmissions only */
        uint64_t received_bytes; /* by the connection */
        uint64_t written_bytes;  /* completed by the device */
        uint64_t read_bytes;     /* completed by the device */
};

/* Flushes owed between two moments of one connection, `start` being its hand-over; 0 also when the account does not add
 * up. */
static inline unsigned account_owed(const struct account *start, const struct account *now)
{
        uint64_t sent = now->sent_bytes - start->sent_bytes, received = now->received_bytes - start->received_bytes;
        uint64_t written = now->written_bytes - start->written_bytes, read = now->read_bytes - start->read_bytes;
        if (received < read || sent < written || (received - read) % ACCOUNT_REPLY_BYTES ||
            (sent - written) % ACCOUNT_REQUEST_BYTES)
                return 0;
        uint64_t replies = (received - read) / ACCOUNT_REPLY_BYTES, requests = (sent - written) / ACCOUNT_REQUEST_BYTES;
        return requests > replies && requests - replies <= ACCOUNT_OWED_MAX ? (unsigned)(requests - replies) : 0;
}

#endif
