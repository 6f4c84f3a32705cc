/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys and certificates of one side, loaded once and shared by its sessions (tls.h).
 *
 * Files are read at load time only. A secret file (pre-shared keys, private key) that its group or others may read is refused; that of TLS_WEB its group
 * may read, for its server is no root. A name without '/' is a systemd credential when $CREDENTIALS_DIRECTORY is set. Never logs; sentences name the file and the remedy, never a secret. They are never
 * changed, only replaced, and counted: each session holds those that it began with. Any thread.
 */
#ifndef NBDD_NET_TLS_KEYS_H
#define NBDD_NET_TLS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tls_side { TLS_SERVER, TLS_CLIENT, TLS_WEB /* a server that asks no client for a certificate (http_server.h) */ };

/* What a person named; NULL: not given. */
struct tls_files {
        const char *psk;         /* key file (psk.h) */
        const char *identity;    /* client: which of its keys; NULL: the only one */
        const char *ca;          /* PEM: who signs the other side's certificate */
        const char *certificate; /* PEM: own one, with its chain */
        const char *key;         /* PEM: its private key */
        const char *hostname;    /* client: what the server's certificate must be made out to */
};

struct tls_keys;

/* Anything given at all? */
bool tls_files_given(const struct tls_files *f);

/*
 * 0, or -errno and a sentence. A server needs `psk`, or `certificate`, `key` and `ca` (clients must then show a certificate), or all of them. A
 * client needs `psk` or `ca` (with `hostname`, and `certificate` and `key` where the server asks for one), not both. TLS_WEB needs `certificate` and
 * `key`, which may be one file, and nothing else.
 */
int tls_keys_load(enum tls_side side, const struct tls_files *files, struct tls_keys **ret, char *reason, size_t reason_size);
/* One more holder; whoever holds them calls tls_keys_free(), and the last one wipes them. NULL is fine. */
struct tls_keys *tls_keys_hold(const struct tls_keys *k);
void tls_keys_free(struct tls_keys *k);

/* When the own certificate and its chain are good, in seconds since 1970; INT64_MAX: it has no end. Only of keys that have a certificate. */
void tls_keys_period(const struct tls_keys *k, int64_t *ret_from_s, int64_t *ret_until_s);

#endif
