/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may use an export: a list of networks and of client identities, as a person writes it: "10.0.0.0/8, fd00::/8, cn=node-a, psk=backup".
 *
 * A client passes when its address is in one of the networks (or the list names none) and one of its identities is named (or the list names
 * none). `cn=` is the name in a verified X.509 client certificate, `psk=` the identity of a TLS pre-shared key; a connection without
 * TLS has neither. The word `tls` alone asks for TLS and any identity. Pure; any thread.
 */
#ifndef NBDD_ALLOW_H
#define NBDD_ALLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALLOW_RULES_MAX 64u
#define ALLOW_NAME_SIZE 128u /* of an identity, with its NUL */

/* An address without its port; IPv4 also when it came mapped into IPv6. Comparable with memcmp(). */
struct net_address {
        uint8_t bits;      /* 32, 128; 0: neither IPv4 nor IPv6 */
        uint8_t bytes[16]; /* network order, the rest zero */
};

/* What is known about a client. The identities are "" until TLS has verified them. */
struct client_identity {
        struct net_address address;
        bool tls; /* the connection is encrypted */
        char cn[ALLOW_NAME_SIZE];
        char psk[ALLOW_NAME_SIZE];
};

enum allow_kind { ALLOW_NETWORK, ALLOW_CN, ALLOW_PSK, ALLOW_TLS };

struct allow_rule {
        enum allow_kind kind;
        struct net_address network;
        unsigned prefix_bits;
        char name[ALLOW_NAME_SIZE];
};

struct allow_list {
        struct allow_rule *rules; /* malloc'ed */
        size_t count;             /* 0: everybody */
};

/* -EINVAL and a sentence in `reason`: which entry, and what is wrong with it. -ENOMEM. "" is the empty list. */
int allow_parse(const char *text, struct allow_list *ret, char *reason, size_t reason_size);
void allow_release(struct allow_list *list);

/* Whether nobody without TLS passes. */
bool allow_needs_tls(const struct allow_list *list);

bool allow_passes(const struct allow_list *list, const struct client_identity *client);

/* From the text of listen_accept(): "192.0.2.1:5000", "[2001:db8::1%eth0]:5000". Anything else is an address of 0 bits, which no network has. */
struct net_address net_address_of(const char *text);

#endif
