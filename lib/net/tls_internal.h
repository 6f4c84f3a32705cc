/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tls.c, tls_keys.c, ktls.c and http_server.c share; nobody else includes this. */
#ifndef NBDD_NET_TLS_INTERNAL_H
#define NBDD_NET_TLS_INTERNAL_H

#include <stdatomic.h>
#include <stdint.h>

#include <gnutls/gnutls.h>

#include "net/psk.h"
#include "net/tls.h"

struct tls_keys {
        atomic_uint holders;
        enum tls_side side;
        struct psk_table psks;
        const struct psk *own; /* client: the one to show */
        char *hostname;
        gnutls_psk_server_credentials_t psk_server;
        gnutls_psk_client_credentials_t psk_client;
        gnutls_certificate_credentials_t certificates;
        int64_t from_s, until_s; /* of the own certificate */
        gnutls_priority_t priority;
};

enum tls_phase { TLS_HANDSHAKING, TLS_OPEN, TLS_ENDED };

struct tls {
        gnutls_session_t session;
        struct tls_keys *keys; /* held */
        enum tls_phase phase;
        bool bulk; /* input need not end at a record's end: it stays with us */

        uint8_t *in;
        size_t in_size, in_start, in_end; /* in_start is at a record's head whenever pull_left is 0 */
        size_t pull_left;                 /* of the record that GnuTLS is reading */
        uint8_t *out; /* GnuTLS appends to it */
        size_t out_size, out_end;
        uint8_t *leaving; /* the caller is sending it: stays where it is until all of it is sent */
        size_t leaving_size, leaving_start, leaving_end;
        uint8_t *plain; /* TLS_RECORD_PLAIN_BYTES: collects small pieces into one record */

        bool unknown_identity;
        char identity[TLS_IDENTITY_SIZE];
        char reason[TLS_REASON_SIZE];
};

#endif
