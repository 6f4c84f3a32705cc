/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which of a voter's authentic datagrams are fresh: the replay guard of one sender.
 *
 * A datagram of the start that we know passes when its number was not seen and lies in the window below the highest one. A datagram of
 * another start passes only when it echoes the challenge that we last gave to that sender; with that the new start replaces the old one
 * and we draw a new challenge, so that neither an old recording nor a delayed datagram of an earlier start can come back, not even after
 * our own restart (our challenges die with us). An unproven start is answered with a hello, which carries our challenge.
 *
 * Pure: no clock, socket or randomness (the caller hands in random bits). Called by links.c; one thread.
 */
#ifndef HAMON_NET_SESSION_H
#define HAMON_NET_SESSION_H

#include "hamon/net/seal.h"

#include <stdbool.h>

enum { SESSION_WINDOW = 64 };

struct session {
        bool known;          /* a start was proven */
        uint64_t start;
        uint64_t highest;    /* sequence number */
        uint64_t seen;       /* bit i: highest - i was seen */
        uint64_t challenge;  /* ours, for this sender to echo */
        uint64_t their_challenge; /* to be echoed in what we send */
};

enum session_verdict {
        SESSION_FRESH,     /* believe it */
        SESSION_NEW_START, /* believe it; the sender has restarted, or is heard for the first time */
        SESSION_DUPLICATE, /* came over another link already, or is replayed */
        SESSION_OLD,       /* below the window */
        SESSION_UNPROVEN,  /* another start without our challenge: believe nothing, answer with a hello */
};

/* `random`: used as the first challenge. */
void session_init(struct session *s, uint64_t random);

/* Judges an authentic envelope. `random`: fresh bits, used when a start is proven. */
enum session_verdict session_judge(struct session *s, const struct seal_envelope *e, uint64_t random);

#endif
