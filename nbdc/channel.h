/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bytes of a handshake with a server: plain first, through TLS after channel_secure(). Over a socket that blocks (with time-outs) or not.
 *
 * Does not own the socket. The loop's thread.
 */
#ifndef NBDD_NBDC_CHANNEL_H
#define NBDD_NBDC_CHANNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tls;
struct tls_keys;

struct channel {
        int fd;
        struct tls *tls; /* NULL: plain */
};

/* Begins TLS; then channel_shake() until it says something else than -EAGAIN. -ENOMEM. */
int channel_secure(struct channel *c, const struct tls_keys *keys);
/* 0: the server has proved itself. -EACCES: it has not, or it does not know us. -EAGAIN, -EPROTO, or the socket's error; 0 bytes: -ECONNRESET. */
int channel_shake(struct channel *c);
/* What went wrong in TLS; "" when nothing did. */
const char *channel_reason(const struct channel *c);

/* Bytes; 0: the server closed; -errno. */
ssize_t channel_receive(struct channel *c, void *to, size_t bytes);
/* Bytes taken, or -errno. Never some of them after an error. */
ssize_t channel_send(struct channel *c, const void *from, size_t bytes);

/* Wipes the session; the socket stays open. */
void channel_release(struct channel *c);

#endif
