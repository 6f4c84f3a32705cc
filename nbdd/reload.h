/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nbdd.conf while the server runs: reading it at the start and again on SIGHUP or POST /v1/reload, as one step or not at all.
 *
 * The file is read, and the TLS keys that it or the command line names; new listeners are bound and the exports are taken over (engine_configure()) in the thread that asks; it may wait for disks. The
 * main thread alone owns the listening sockets that are in use: it is woken by `wake_fd` to collect those that came and those that go.
 */
#ifndef NBDD_RELOAD_H
#define NBDD_RELOAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "nbdd/config.h"
#include "nbdd/listen.h"

struct engine;
struct security;
struct security_options;
struct security_state;

/* TLS as it will be, keys read from their files; checks that all listeners can have what they say. Any thread. */
typedef int reload_secure(void *userdata, const struct config *c, struct security_state *ret, char *reason, size_t reason_size);
/* Binds a listener's word and appends its sockets. Any thread. */
typedef int reload_listen(void *userdata, const struct security_state *state, const char *word, struct listen_socket *sockets, size_t *count, char *reason,
                          size_t reason_size);

struct reload {
        const char *path;
        bool may_miss;       /* the default path, and nobody named it */
        reload_listen *listen; /* NULL: --listen was given, and what the file says does not matter */
        reload_secure *secure;
        void *userdata;
        struct security *security;
        struct engine *engine;
        int wake_fd;         /* eventfd; readable: reload_collect() has something */
        pthread_mutex_t lock; /* one at a time, and all below */
        char words[CONFIG_LISTEN_MAX][LISTEN_WORD_SIZE]; /* where we listen by the file */
        size_t word_count;
        struct listen_socket opened[LISTEN_SOCKETS_MAX]; /* to be collected */
        size_t opened_count;
        char closed[CONFIG_LISTEN_MAX][LISTEN_WORD_SIZE];
        size_t closed_count;
        pthread_t thread; /* of the last SIGHUP */
        bool has_thread;
};

/* What the file says of TLS; the strings are the configuration's. */
struct security_options reload_security(const struct config *config);

int reload_init(struct reload *r, const char *path, reload_listen *listen, reload_secure *secure, struct security *security, void *userdata);
/* Reads the file for the first time; errors are logged, and then nothing is to be started. The caller releases *ret. */
int reload_first(struct reload *r, struct config *ret);

/* 0, or -errno and what is wrong, malloc'ed, one error a line. Any thread. */
int reload_run(void *r, char **ret_detail);
/* The same in a thread of its own, which logs how it went. Main thread. */
void reload_in_thread(struct reload *r);

/* Main thread: what to watch from now on and which words' sockets to close. The caller owns the sockets. */
void reload_collect(struct reload *r, struct listen_socket opened[LISTEN_SOCKETS_MAX], size_t *ret_opened,
                    char closed[CONFIG_LISTEN_MAX][LISTEN_WORD_SIZE], size_t *ret_closed);

/* Waits for the thread; after engine_shutdown(), which lets it end. */
void reload_release(struct reload *r);

#endif
