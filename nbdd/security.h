/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all of nbdd's listeners and workers share of TLS: keys, and where record layers live. Made once before the first connection, read only afterwards. */
#ifndef NBDD_SECURITY_H
#define NBDD_SECURITY_H

#include <stdbool.h>
#include <stddef.h>

#include "nbdd/session.h"
#include "net/tls_keys.h"

struct security {
        struct tls_keys *keys;
        bool kernel; /* give record layers to the kernel: it can, and nobody said otherwise */
};

/* As on the command line; NULL: not given. */
struct security_options {
        struct tls_files files;
        const char *mode;   /* off, offer, require: of listeners that do not say it themselves */
        const char *records; /* kernel (where it can), user */
};

/*
 * *ret is NULL when no keys are given. *ret_mode: what holds for listeners that do not say otherwise; require when there are keys, for whoever gives
 * keys does not want to find out that they protect nothing. -errno and a sentence.
 */
int security_new(const struct security_options *o, struct security **ret, enum session_tls *ret_mode, char *reason, size_t reason_size);
void security_free(struct security *s);

/* Takes ",tls=MODE" off a listener's word; without it *ret_mode stays as it is. -EINVAL and a sentence. */
int security_listener(const struct security *s, const char *word, char *ret_word, size_t word_size, enum session_tls *ret_mode, char *reason,
                      size_t reason_size);

#endif
