/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One negotiated connection to the server, over whichever of its addresses answers: non-blocking, in the event loop.
 *
 * Addresses are resolved in the first attempt that succeeds in it (it may block in DNS, which is harmless while there
 * is no device), and kept. An attempt tries them in order, beginning with the one after the last that failed, each
 * under its own time-outs, and ends with exactly one call of `on_end`. Sockets come out with keepalive and TCP_NODELAY
 * set. Does not know the kernel's driver. The loop's thread.
 */
#ifndef NBDD_NBDC_DIAL_H
#define NBDD_NBDC_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nbdc/negotiate.h"
#include "wire/export_name.h"

struct dialer;
struct tls_keys;
struct sd_event;

enum dial_result {
        DIAL_DONE,        /* dialer_take_fd() has the socket */
        DIAL_UNREACHABLE, /* no address answered as an NBD server */
        DIAL_REFUSED,     /* the server said no */
};

/* `sentence` says what happened, "" for DIAL_DONE. `info` is the export's. Called from the loop, never from within
 * dialer_start(). */
typedef void (*dial_end)(void *userdata, enum dial_result result, const struct nbd_export_info *info,
                         const char *sentence);

/*
 * `keys`: NULL for a plain connection; else the socket comes out with its record layer in the kernel, or not at all. `classic_secrets`: NULL, or the
 * server speaks 0.2 and the socket is that of a relay (classic.h). `hosts` is "HOST" or "HOST,HOST2", names or addresses; strings and keys must outlive the dialer.
 */
int dialer_new(struct sd_event *event, const char *hosts, uint16_t port, const struct export_name *name,
               const struct tls_keys *keys, const char *classic_secrets, dial_end on_end, void *userdata, struct dialer **ret);

/* Resolves now. Blocks in the resolver. -EHOSTUNREACH with a sentence when a host has no address. */
int dialer_resolve(struct dialer *d, char *ret_reason, size_t size);

/* Ends an attempt that is under way without a word, then begins one. */
void dialer_start(struct dialer *d);
void dialer_stop(struct dialer *d);

/* The address in use is not to be trusted: the next attempt begins with another one, if there is one. Between attempts
 * only. */
void dialer_next_address(struct dialer *d);

/* How many addresses are known; 0 before the first attempt. */
size_t dialer_address_count(const struct dialer *d);

/* After DIAL_DONE: the socket, owned by the caller; -1 when there is none. */
int dialer_take_fd(struct dialer *d);

/* "10.0.0.2:4343": the address of the latest attempt. */
const char *dialer_address(const struct dialer *d);

void dialer_free(struct dialer *d);

#endif
