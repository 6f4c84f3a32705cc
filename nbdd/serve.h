/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server: `nbdd --serve`. Main thread: accepts, signals, systemd. */
#ifndef NBDD_SERVE_H
#define NBDD_SERVE_H

#include <stddef.h>

#include "nbdd/security.h"

#define SERVE_DEFAULT_STATE_DIR "/var/lib/nbdd"
#define SERVE_LISTEN_MAX 16u
#define SERVE_WORKERS_MAX 64u

struct serve_options {
        const char *listen[SERVE_LISTEN_MAX]; /* as on the command line */
        size_t listen_count;                  /* 0: all addresses, default port */
        const char *control_socket;
        const char *state_dir;
        const char *operator_name; /* NULL: nobody but root and the own account changes anything */
        struct security_options security;
        const char *config; /* NULL: the default, which may miss */
        unsigned workers; /* 0: one for each core */
        const char *classic_listen[SERVE_LISTEN_MAX]; /* of the 0.2 protocol: none unless asked for */
        size_t classic_listen_count;
        const char *classic_secrets;
};

/* Runs until SIGTERM or SIGINT. Returns the exit code. */
int serve(const struct serve_options *options);

#endif
