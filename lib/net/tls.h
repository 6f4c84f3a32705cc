/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One TLS 1.3 session over byte slices (RFC 8446; GnuTLS): the caller moves ciphertext between socket and session.
 *
 *   in    tls_room() says where received bytes go and how many at most, tls_received() takes them in
 *   out   tls_output() / tls_sent()
 *
 * TLS 1.3 with AES-128-GCM alone, which is what kernels can take over; pre-shared keys always with a fresh Diffie-Hellman exchange. Until tls_bulk()
 * never a byte past the present record is asked for, so that what follows stays in the socket for tls_to_kernel(). No session tickets are
 * given out; a server's are read and dropped.
 * Never sees a socket but in tls_to_kernel(), never blocks, never logs. One thread at a time.
 */
#ifndef NBDD_NET_TLS_H
#define NBDD_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "net/tls_keys.h"

#define TLS_IDENTITY_SIZE 128
#define TLS_REASON_SIZE 256
#define TLS_RECORD_HEADER_BYTES 5u
#define TLS_RECORD_PLAIN_BYTES 16384u
#define TLS_RECORD_BYTES_MAX (TLS_RECORD_HEADER_BYTES + TLS_RECORD_PLAIN_BYTES + 256u) /* RFC 8446, 5.2 */
#define TLS_RECORD_OVERHEAD_BYTES 22u /* of AES-GCM: header, content type, tag */
#define TLS_OUTPUT_BYTES (256u << 10) /* tls_write() takes no more while this much waits to be sent */
#define TLS_RECORDS_MAX (1ull << 24)  /* under one key; RFC 8446, 5.5 puts the limit at 2^24.5 */

struct tls;

/* The session holds the keys, too. -ENOMEM. */
int tls_new(const struct tls_keys *keys, struct tls **ret);
/* Wipes what it held. NULL is fine. */
void tls_free(struct tls *t);

/* Where ciphertext goes; *ret_bytes is 0 when there is no room before tls_read(). */
uint8_t *tls_room(struct tls *t, size_t *ret_bytes);
void tls_received(struct tls *t, size_t bytes);
/* What is to be sent; it stays in its place until tls_sent() has had all of it, whatever else is called. */
const uint8_t *tls_output(struct tls *t, size_t *ret_bytes);
void tls_sent(struct tls *t, size_t bytes);

/*
 * 0: both sides have proved themselves. -EAGAIN: more bytes are needed. -EACCES: the other side did not prove itself. -EPROTO: it does not speak
 * this TLS. After an error tls_reason() has the sentence, and tls_output() the alert for the other side.
 */
int tls_handshake(struct tls *t);
const char *tls_reason(const struct tls *t);

/*
 * Who the client is, after the handshake: its key's identity, or its certificate's common name (where it has none, its first DNS name). "" at a
 * client. A name of the one kind is no name of the other: see tls_is_psk().
 */
const char *tls_identity(const struct tls *t);
bool tls_is_psk(const struct tls *t);

/* From here on the session reads as much as it has room for; tls_to_kernel() is no longer possible. */
int tls_bulk(struct tls *t);

/* Plain bytes: a count; 0: the other side ended it; -EAGAIN: more ciphertext is needed; -EPROTO: forged, or not TLS;
 * -EACCES: an alert. */
ssize_t tls_read(struct tls *t, void *to, size_t bytes);

/* Plain bytes taken of the slices: less than all of them when TLS_OUTPUT_BYTES are waiting; -EPROTO, -ENOMEM. */
ssize_t tls_write(struct tls *t, const struct iovec *iov, size_t count);

/* ---- ktls.c ---- */

/* 0: this kernel has a TLS record layer. -ENOENT: it has not (CONFIG_TLS, module tls). May load the module. */
int ktls_available(void);

/*
 * Has the kernel load its ciphers now, by an encrypted connection to ourselves that carries nothing: the first use after a boot may take seconds on
 * a slow machine, and would keep a worker or a handshake waiting. Blocks; for the start of a program.
 */
void ktls_warm_up(void);

/*
 * Gives the record layer of `fd` to the kernel: plain bytes on the socket from then on, and the session is of no more use. Only between records,
 * with all output sent. -ENOENT, -ENOPROTOOPT and the like: the kernel does not, and nothing has changed. -EPROTO: the session is in the middle
 * of something, or the kernel took one half only: close the connection.
 */
int tls_to_kernel(struct tls *t, int fd);

/* Whether the kernel has the record layer of a socket. */
bool ktls_is_on(int fd);

#endif
