/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listening TCP sockets of the NBD service, and the addresses of their clients as text. Main thread. */
#ifndef NBDD_LISTEN_H
#define NBDD_LISTEN_H

#include <stddef.h>
#include <sys/socket.h>

#include "nbdd/listen_word.h"

#define LISTEN_SOCKETS_MAX 32u
#define LISTEN_ADDRESS_SIZE 96

struct listen_socket {
        int fd;
        int tls; /* the caller's: enum session_tls, or SECURITY_DEFAULT */
        char word[LISTEN_WORD_SIZE]; /* the caller's: what it was opened for */
        char address[LISTEN_ADDRESS_SIZE]; /* as bound: "127.0.0.1:4343", "[::1]:4343" */
};

/*
 * "ADDR:PORT", "ADDR", "[IPV6]:PORT", ":PORT" or "PORT" (all addresses); port 0: any free one. One word may give several sockets (a name, or all
 * addresses). Appends to `sockets` up to LISTEN_SOCKETS_MAX. On error -errno and a sentence; what was appended before stays the caller's.
 */
int listen_open(const char *word, struct listen_socket *sockets, size_t *count, char *reason, size_t reason_size);

/* Takes a waiting client: a CLOEXEC socket tuned for NBD, and its address. -EAGAIN: nobody waits (any more). */
int listen_accept(int fd, int *ret_fd, char ret_address[LISTEN_ADDRESS_SIZE]);

#endif
