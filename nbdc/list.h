/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `nbdc --list HOST PORT`: asks a server for its exports, in one blocking conversation of at most a few seconds. For
 * the command line only.
 */
#ifndef NBDD_NBDC_LIST_H
#define NBDD_NBDC_LIST_H

#include <stddef.h>
#include <stdint.h>

/* 0, -EHOSTUNREACH or -EPERM (the server does not list), with a sentence in `ret_reason`. The name given to `on_export`
 * is a slice. */
struct tls_keys;

/* `keys`: NULL for a plain connection. */
int list_exports(const char *host, uint16_t port, const struct tls_keys *keys, void (*on_export)(void *userdata, const char *name, size_t bytes),
                 void *userdata, char *ret_reason, size_t size);

#endif
