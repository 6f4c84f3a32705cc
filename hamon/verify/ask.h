/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What hamon asks hamon-act about the own disk, on a socket beside act.sock: what is on it, while a mirror is verified for digests of the own leg, and
 * on the primary for a window in which nobody writes. Codec of both sides; one JSON object a packet, one answer for each question.
 *
 *     {"ask": "digests", "mirror", "leg", "key", "offset", "block", "count", "paced"} -> {"error", "detail", "size", "digests", "latency_us", "limit_kib"}
 *     {"ask": "disk", "mirror"}                                       -> {"error", "detail", "disk_bytes", "room_bytes", "needs_bytes", "holds"}
 *     {"ask": "hold", "mirror", "offset", "size"} | {"ask": "let-go", "mirror"}       -> {"error", "detail"}
 *
 * Offsets are bytes of the array's data, as an application counts them. A digest is HMAC-SHA256 with a key of this run: who listens on the
 * network cannot try out what a block may hold. Never logs. Pure. Any thread.
 */
#ifndef HAMON_VERIFY_ASK_H
#define HAMON_VERIFY_ASK_H

#include "base/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERIFY_SOCKET "verify.sock" /* in the folder of act.sock */

enum {
        DIGEST_BYTES = 32,
        DIGEST_KEY_BYTES = 32,
        DIGESTS_MAX = 64,             /* of one question */
        DIGEST_BLOCK_LEAST = 4096,    /* a block is a multiple of that */
        DIGEST_BLOCK_MOST = 64 << 10,
        VERIFY_PACKET_MAX = 8192,
        VERIFY_HOLD_MS = 2000,        /* a window that nobody ends is ended by hamon-act */
};

enum verify_asked { ASK_DIGESTS, ASK_HOLD, ASK_LET_GO, ASK_DISK };

struct verify_ask {
        enum verify_asked asked;
        char mirror[32];
        struct uuid leg;      /* DIGESTS: the leg that is meant */
        uint8_t key[DIGEST_KEY_BYTES];
        uint64_t offset_bytes;
        uint32_t block_bytes; /* DIGESTS; the last block of the array may be shorter */
        uint32_t count;       /* DIGESTS: 0 asks for the size alone */
        uint32_t size_bytes;  /* HOLD */
        bool paced;           /* DIGESTS: as slowly as the application's latency wants it */
};

struct verify_answer {
        int error; /* 0 or negative errno */
        char detail[128];
        uint64_t size_bytes; /* of the array's data on this leg */
        uint32_t count;
        uint8_t digest[DIGESTS_MAX][DIGEST_BYTES];
        uint32_t latency_us, limit_kib; /* of the pace; 0: not known */
        uint64_t disk_bytes, room_bytes; /* DISK: its size, and what of it a leg has for md */
        uint64_t needs_bytes;            /* DISK: what md needs of a leg of this array; 0: no such leg is here */
        char holds[96];                  /* DISK: for people */
};

/* A packet without its NUL, to be freed; NULL: out of memory. */
char *verify_ask_encode(const struct verify_ask *ask);
char *verify_answer_encode(enum verify_asked to, const struct verify_answer *answer);

/* 0; -EPROTO: not such a packet, or a number out of range. */
int verify_ask_decode(const char *text, size_t size_bytes, struct verify_ask *ret);
int verify_answer_decode(enum verify_asked to, const char *text, size_t size_bytes, struct verify_answer *ret);

/* Hex of digests and keys. False: not exactly `size_bytes` of them. */
void verify_hex(const uint8_t *bytes, size_t size_bytes, char *ret_text); /* 2 * size_bytes + 1 */
bool verify_unhex(const char *text, size_t size_bytes, uint8_t *ret);

#endif
