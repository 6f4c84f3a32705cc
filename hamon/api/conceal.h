/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A text that may hold a secret (the configuration: a webhook's URL), on its way to another hamon of this cluster: AES-256-GCM with a key derived from the
 * cluster's, as base64. Reads the key's file, and to reveal also the second one's beside it (seal_key_also()): a worker's. malloc'ed; NULL: no key, no memory, or (reveal) made with no key of this cluster's.
 */
#ifndef HAMON_API_CONCEAL_H
#define HAMON_API_CONCEAL_H

char *conceal(const char *key_file, const char *text);
char *reveal(const char *key_file, const char *concealed);

#endif
