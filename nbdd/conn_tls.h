/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TLS of a connection, between conn.c and the backend: the backend moves ciphertext, conn.c sees plain bytes.
 *
 *   CLEAR ─STARTTLS─▶ SHAKING ─both have proved themselves─▶ SETTLING ─the kernel can─▶ KERNEL (the data path is the plain one again)
 *                                                                    └─it cannot──▶ RECORDS (GnuTLS, in the worker's thread)
 *
 * Nothing here waits: a client that stalls its handshake holds a place until LIMIT_HANDSHAKE_MS, and delays nobody. When a connection ends, so does
 * whatever ciphertext of it was not decrypted yet. The worker's thread alone.
 */
#ifndef NBDD_CONN_TLS_H
#define NBDD_CONN_TLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct conn;
struct tls;

enum conn_tls_stage { CONN_CLEAR, CONN_SHAKING, CONN_SETTLING, CONN_RECORDS, CONN_KERNEL };

struct conn_tls {
        enum conn_tls_stage stage;
        struct tls *session;     /* SHAKING to RECORDS */
        struct msghdr plain;     /* RECORDS: of the replies being sent, what is not encrypted yet */
        struct iovec output;     /* ciphertext being sent */
        bool sending_output;     /* what the backend is sending is `output` */
        uint64_t records;        /* KERNEL: sent, at most */
};

/* STARTTLS was answered: the answer goes out in the clear, everything after it is TLS. */
void conn_tls_start(struct conn *c);
void conn_tls_free(struct conn *c);

/* Whether conn.c's plain bytes go through here. */
bool conn_tls_wraps(const struct conn *c);

/* At the beginning of each service: takes up the connection's new record layer once the last bytes of the handshake are out. */
void conn_tls_settle(struct conn *c);

/* Instead of the backend's receive: plain bytes into c->receive_iov, 0: the end; -EAGAIN: the backend is receiving ciphertext, or it was dropped. */
ssize_t conn_tls_receive(struct conn *c);
/* The backend received ciphertext. */
void conn_tls_received(struct conn *c, size_t bytes);

/* Sends ciphertext that is waiting (handshake, alerts, answers to key updates). */
void conn_tls_flush(struct conn *c);
/* Encrypts and sends c->send_msg. */
void conn_tls_send(struct conn *c);
/* The backend sent some of `output`; sends what is left of it and of c->send_msg, if anything is. */
void conn_tls_sent(struct conn *c, size_t bytes);

/* KERNEL: counts records; false when the key is used up and the session must end. */
bool conn_tls_count(struct conn *c, size_t bytes);

#endif
