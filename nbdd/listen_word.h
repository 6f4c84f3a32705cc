/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a listener is written: ADDR:PORT and what of TLS stands behind it. Pure; any thread. */
#ifndef NBDD_LISTEN_WORD_H
#define NBDD_LISTEN_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "nbdd/session.h"

#define LISTEN_WORD_SIZE 256

/* off, offer, require */
bool listen_word_mode(const char *text, enum session_tls *ret);

/* Splits "ADDR:PORT", "ADDR", "[IPV6]:PORT", ":PORT" or "PORT" in place; a host of NULL means all addresses. -EINVAL. */
int listen_word_split(char *word, char **ret_host, char **ret_port);

/*
 * "ADDR:PORT" or "ADDR:PORT,tls=MODE": the address as it is written, and the mode, -1 when nothing is said. -EINVAL and a sentence, of the address, too,
 * as far as it can be judged without asking for a name.
 */
int listen_word_parse(const char *word, char ret_address[LISTEN_WORD_SIZE], int *ret_mode, char *reason, size_t reason_size);

#endif
