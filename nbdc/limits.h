/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every time-out, retry and bound of nbdc: name, unit, default, reason.
 */
#ifndef NBDD_NBDC_LIMITS_H
#define NBDD_NBDC_LIMITS_H

/* Kernel: how long requests wait for a new connection. "Never", yet small enough for seconds * HZ in a signed long. */
#define NBDC_DEAD_CONN_TIMEOUT_S (10ull * 365 * 24 * 3600)

/*
 * queue/io_timeout. The kernel looks at each waiting request this often; one whose connection is gone leaves it. With
 * NBD's own time-out at 0 (netlink.h) an old request on a live connection is left alone, at the price of one line in
 * the kernel's log for each look. The block layer rounds the first look up to whole seconds of its own clock: 200 ms
 * gave 0.3 to 1.3 s, with five lines a second for each of many waiting requests.
 */
#define NBDC_REQUEST_TIMEOUT_DEFAULT_MS 500u

/* Reconnecting: at once after LINK_DEAD, then ever more slowly (by a quarter each time). A connection that lived
 * shorter than STABLE counts as a failed attempt. */
#define NBDC_BACKOFF_MIN_MS 50u
#define NBDC_BACKOFF_MAX_MS 1000u
#define NBDC_STABLE_MS 1000u
/* A server that says no is asked again, but ever more slowly: a restarting nbdd may refuse for a moment, a revoked
 * grant for good. */
#define NBDC_REFUSED_MIN_MS 250u
#define NBDC_REFUSED_MAX_MS 5000u
/* The kernel says LINK_DEAD about 10 ms after a shutdown; after this long RECONFIGURE is tried without it. */
#define NBDC_DEAD_GRACE_MS 1000u

/* One attempt on one address. GO may rightly take long: a server that fences drains the older session first. */
#define NBDC_DIAL_CONNECT_MS 2000u
#define NBDC_DIAL_CONNECT_ONE_OF_MANY_MS 700u /* another address waits for its turn */
#define NBDC_DIAL_GREETING_MS 3000u
#define NBDC_DIAL_GO_MS 30000u
#define NBDC_ADDRESSES_MAX 16u

/*
 * A live connection is one whose TCP still gets acknowledgements. Looked at every PROBE; lost when data was
 * retransmitted RETRANSMITS times and nothing came back for DEAD. Not TCP_USER_TIMEOUT: that one also cuts a peer that
 * answers every window probe but reads slowly, which is the slow leg that must not be cycled (R8c). Idle links:
 * keepalive, 1 s + 3 * 1 s.
 */
#define NBDC_PROBE_MS 250u
#define NBDC_LINK_DEAD_MS 3000u
#define NBDC_LINK_RETRANSMITS 3u
/*
 * With another address to go to (liveness.h): lost after MOVE of silence, in which TCP sends again at least once (200
 * ms after the first, 400 ms when one segment was under way); with the next PROBE, and a round trip or two for the new
 * connection, the leg moves within a second. On an idle link a keepalive probe, sent after 1 s, must be without an
 * answer for ANSWER. REST is longer than one move, so that most of the time is spent on requests.
 */
#define NBDC_PROBE_ONE_OF_MANY_MS 100u
#define NBDC_LINK_MOVE_MS 600u
#define NBDC_LINK_ANSWER_MS 300u
#define NBDC_LINK_MOVE_REST_MS 10000u
#define NBDC_KEEPALIVE_IDLE_S 1
#define NBDC_KEEPALIVE_INTERVAL_S 1
#define NBDC_KEEPALIVE_COUNT 3
#define NBDC_HANDSHAKE_USER_TIMEOUT_MS 3000u

/* Several connections of one plain attach: more than the driver has queues do not help (nbd.ko makes one for each). */
#define NBDC_CONNECTIONS_MAX 16u

/* A keeper process that died is replaced at the next tick, but not more often than this. */
#define NBDC_KEEPER_RETRY_MS 2000u

/* Taken and locked before the first attach (process.c): what a reconnect with TLS needs, several times over. */
#define NBDC_HEAP_BYTES (1u << 20)
#define NBDC_STACK_BYTES (96u << 10)

/*
 * TLS records under one key before the connection is replaced: RFC 8446 5.5 allows 2^24.5, and 2^24 minus what a fast link may do between two looks
 * is kept to. NBDC_TEST_TLS_RECORDS in the environment lowers it.
 */
#define NBDC_TLS_RECORDS_MAX ((1ull << 24) - (1ull << 18))
#define NBDC_TLS_RECORDS_ENV "NBDC_TEST_TLS_RECORDS"

/* Detach: an answer comes within this, even if the kernel does not return. */
#define NBDC_DETACH_MS 2500u
#define NBDC_REQUIRED_SENTENCE                                                                                         \
        "it is required: name the decided record version that leaves it out (--decided VERSION), or, when it is no "   \
        "mirror's leg, make it optional first (nbdc --policy optional DEVICE)"
#define NBDC_CONTROL_CLIENTS_MAX 16u

/* Request sizes: large enough for streaming, small enough that one does not hold a slow link for long. */
#define NBDC_MAX_SECTORS_KB 1024u
/* Linux 6.1 offers 2 TiB discards although the protocol's length has 32 bits. */
#define NBDC_DISCARD_MAX_BYTES (1u << 30)

#endif
