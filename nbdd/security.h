/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all of nbdd's listeners and workers share of TLS: keys, where record layers live, and what a listener asks that does not say it itself.
 *
 * A reload replaces all three in one step: it prepares the next state aside, where files may be missing or wrong, and then exchanges it for the present
 * one. Who comes later meets the new one; a session goes on with the keys that it began with. Any thread.
 */
#ifndef NBDD_SECURITY_H
#define NBDD_SECURITY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "nbdd/listen_word.h"
#include "nbdd/session.h"
#include "net/tls_keys.h"

struct security_state {
        struct tls_keys *keys; /* NULL: none, and no TLS */
        bool kernel;           /* give record layers to the kernel: it can, and nobody said otherwise */
        enum session_tls mode; /* of listeners that do not say it themselves */
};

struct security {
        pthread_mutex_t lock;
        struct security_state now; /* under lock */
};

/* As on the command line; NULL: not given. */
struct security_options {
        struct tls_files files;
        const char *mode;   /* off, offer, require: of listeners that do not say it themselves */
        const char *records; /* kernel (where it can), user */
};

/* A listener's word without ",tls=". */
#define SECURITY_DEFAULT (-1)

void security_init(struct security *s);
void security_release(struct security *s);

/*
 * Reads the files. The mode is require when there are keys and nobody says otherwise, for whoever gives keys does not want to find out that they
 * protect nothing. -errno and a sentence. May block for as long as ktls_warm_up() does.
 */
int security_prepare(const struct security_options *o, struct security_state *ret, char *reason, size_t reason_size);
/* From here on *next holds; takes it over. Sessions that are under way keep what they have. */
void security_exchange(struct security *s, struct security_state *next);
void security_state_release(struct security_state *state);

/* What a new session needs: its keys (NULL: none), held for it. */
struct tls_keys *security_hold_keys(struct security *s);
bool security_kernel(struct security *s);
/* What STARTTLS is to the clients of a listener that says `listener`: an enum session_tls or SECURITY_DEFAULT. */
enum session_tls security_mode(struct security *s, int listener);

/* Takes ",tls=MODE" off a listener's word; *ret_mode is SECURITY_DEFAULT without it. -EINVAL and a sentence, also when `state` has not the keys for it. */
int security_listener(const struct security_state *state, const char *word, char ret_word[LISTEN_WORD_SIZE], int *ret_mode, char *reason, size_t reason_size);

#endif
