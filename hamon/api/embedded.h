/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files that are part of the program: the page (webui/) and the description of the API (docs/openapi.*). A new file is one row of FILES in
 * embedded.c. Immutable; any thread.
 */
#ifndef HAMON_API_EMBEDDED_H
#define HAMON_API_EMBEDDED_H

#include <stddef.h>

enum { EMBEDDED_ETAG_SIZE = 24 };

struct embedded {
        const char *path; /* in the URL */
        const char *content_type;
        const void *bytes;
        size_t size_bytes;
        char etag[EMBEDDED_ETAG_SIZE]; /* of its content, with the quotes */
};

/* NULL: there is no such file. */
const struct embedded *embedded_find(const char *path);

/* Computes the ETags; once, before any other thread. */
void embedded_init(void);

#endif
