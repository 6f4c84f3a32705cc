/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client's half of the NBD handshake, without a socket: fixed newstyle, STARTTLS if wanted, then GO (or LIST), EXPORT_NAME where GO is
 * not known.
 *
 *   bytes in    negotiate_room() says how many bytes are wanted next and where to put them; never one more than the
 * handshake has, for what follows belongs to the kernel; negotiate_received() takes them in bytes out
 * negotiate_output() / negotiate_sent() end         `verdict` leaves NEGOTIATE_GOING; what the server offers is in
 * `info`, or one sentence with the next step in `error`
 *
 * Whatever a server sends, this ends: replies have a greatest length and a greatest count. No allocation, no logging,
 * no clock: the caller owns the time-out. One thread at a time.
 */
#ifndef NBDD_NBDC_NEGOTIATE_H
#define NBDD_NBDC_NEGOTIATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nbdc/nbdc_client.h"
#include "wire/export_name.h"
#include "wire/nbd_wire.h"

#define NEGOTIATE_REPLY_BYTES_MAX (NBD_STRING_MAX * 2 + 16) /* one option reply's data: a name and a description */
#define NEGOTIATE_REPLIES_MAX 32u                           /* replies to GO: there are four kinds of information */
#define NEGOTIATE_LIST_MAX 10000u                           /* replies to LIST: one for each export */

enum negotiate_verdict {
        NEGOTIATE_GOING,
        NEGOTIATE_SECURE,  /* the next byte is the first of TLS: shake hands, then negotiate_secured() */
        NEGOTIATE_DONE,    /* GO: the next byte is the first of transmission. LIST: the list is complete */
        NEGOTIATE_REFUSED, /* the server said no; trying the same again soon will not help */
        NEGOTIATE_LATER,   /* the server is going down: try again */
        NEGOTIATE_BROKEN,  /* it does not speak this protocol */
};

enum negotiate_mode { NEGOTIATE_ATTACH, NEGOTIATE_LIST };

enum negotiate_step { STEP_GREETING, STEP_REPLY_HEADER, STEP_REPLY_DATA, STEP_EXPORT_NAME };

struct negotiate {
        enum negotiate_verdict verdict;
        struct nbd_export_info info;
        char error[NBDC_ERROR_SIZE];

        /* LIST: called for each export; the name is a slice. Set after negotiate_start(). */
        void (*on_export)(void *userdata, const char *name, size_t name_bytes);
        void *userdata;

        bool tls; /* STARTTLS comes first, and there is no going on without it. Set after negotiate_start(). */

        /* private */
        enum negotiate_mode mode;
        enum negotiate_step step;
        char name[EXPORT_NAME_TEXT_SIZE];
        bool no_zeroes;
        uint32_t option;
        struct nbd_option_reply reply;
        unsigned reply_count;
        size_t want_bytes, have_bytes;
        uint8_t in[NEGOTIATE_REPLY_BYTES_MAX];
        size_t out_bytes, out_offset_bytes;
        uint8_t out[512];
};

/* `name` may be NULL for NEGOTIATE_LIST. */
void negotiate_start(struct negotiate *n, enum negotiate_mode mode, const struct export_name *name);

/* TLS is on: from here on all bytes are inside it. */
void negotiate_secured(struct negotiate *n);

/* Where the next bytes go, and how many are wanted at most (0: none, the verdict is there). */
uint8_t *negotiate_room(struct negotiate *n, size_t *ret_bytes);
void negotiate_received(struct negotiate *n, size_t bytes);

/* What is to be sent; 0 bytes when nothing is. */
const uint8_t *negotiate_output(const struct negotiate *n, size_t *ret_bytes);
void negotiate_sent(struct negotiate *n, size_t bytes);

/* The peer closed the connection: a verdict with the sentence that fits the step. */
void negotiate_closed(struct negotiate *n);

#endif
