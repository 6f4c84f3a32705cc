/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many TLS records has a connection used at most, in either direction? AES-GCM protects 2^24.5 of them with one key (RFC 8446, 5.5), and kernels before
 * 6.14 cannot change the key of a running session.
 *
 * The kernel counts no records, but it counts bytes. A record costs 22 bytes that are no data, so that the bytes that are neither data nor requests
 * bound their number; and the driver makes at most two sends of a request and one for each page of its data. Both bounds hold, the smaller one
 * counts. Without a beginning (a connection that was taken over) only the bytes since it was opened are known: the bound is then far too
 * high, and the connection is changed early, once.
 *
 * Pure.
 */
#ifndef NBDD_NBDC_RECORDS_H
#define NBDD_NBDC_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "nbdc/account.h"

#define RECORDS_OVERHEAD_BYTES 22u
#define RECORDS_PAGE_BYTES 4096u
#define RECORDS_IN_FLIGHT 512u /* requests that were sent and are not completed: the driver has 128 at a time */

struct records_point {
        struct account account;
        uint64_t completed; /* requests of the device */
};

static inline uint64_t records_one_way(uint64_t bytes, uint64_t data_bytes, uint64_t requests)
{
        uint64_t by_overhead = (bytes > data_bytes ? bytes - data_bytes : 0) / RECORDS_OVERHEAD_BYTES + 1;
        uint64_t by_requests = 2 * (requests + RECORDS_IN_FLIGHT) + bytes / RECORDS_PAGE_BYTES;
        return by_overhead < by_requests ? by_overhead : by_requests;
}

/* `start` NULL: the beginning was not seen. */
static inline uint64_t records_bound(const struct records_point *start, const struct records_point *now)
{
        static const struct records_point none = {0};
        const struct records_point *from = start ? start : &none;
        uint64_t requests = start ? now->completed - from->completed : UINT64_MAX / 4;
        uint64_t written = start ? now->account.written_bytes - from->account.written_bytes : 0;
        uint64_t read = start ? now->account.read_bytes - from->account.read_bytes : 0;
        uint64_t sent = records_one_way(now->account.sent_bytes - from->account.sent_bytes, written, requests);
        uint64_t received = records_one_way(now->account.received_bytes - from->account.received_bytes, read, requests);
        return sent > received ? sent : received;
}

#endif
