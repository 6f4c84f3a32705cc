/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libnbdd's two files share. */
#ifndef NBDD_CLIENT_INTERNAL_H
#define NBDD_CLIENT_INTERNAL_H

#include <jansson.h>

#include "nbdd/client/nbdd.h"

struct nbdd {
        char *socket_path;
        char *owner; /* who acts; NULL: a person */
        bool force;
        char error[4096]; /* a reload reports many lines */
};

/* Puts the sentence into the handle and returns `error`. */
int nbdd_fail(struct nbdd *n, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* One call; *ret (may be NULL) is the caller's. */
int nbdd_request(struct nbdd *n, const char *method, const char *path, const json_t *body, unsigned timeout_ms, json_t **ret);

#endif
