/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bearer tokens of this node: each has a name and a role, and its secret is shown once, when it is made. Kept as SHA-256 of 256 random bits
 * (nothing to guess, so nothing to slow down) in STATE/tokens, durable before it is answered. A lock of its own; any thread. Making and
 * revoking wait for the disk: a worker's.
 */
#ifndef HAMON_API_TOKENS_H
#define HAMON_API_TOKENS_H

#include "hamon/api/call.h"

enum { TOKENS_MAX = 64, TOKEN_NAME_SIZE = 32, TOKEN_TEXT_SIZE = 80 };

struct tokens;

/* A file that is not there is an empty one. 0 or -ENOMEM. */
int tokens_open(const char *state_directory, struct tokens **ret);

/* Why the file cannot be used (-EBADMSG, -EPROTO, ...): then nobody has a token, and it is not overwritten. 0: it can. */
int tokens_error(const struct tokens *t);
void tokens_free(struct tokens *t);

/* ACCESS_PUBLIC: nobody knows it. `ret_name` has TOKEN_NAME_SIZE bytes. */
enum access tokens_check(struct tokens *t, const char *secret, char *ret_name);

/* -EEXIST, -EINVAL (not a name), -ENOSPC, or of writing. `ret_secret` has TOKEN_TEXT_SIZE bytes. */
int tokens_create(struct tokens *t, const char *name, enum access role, char *ret_secret);
int tokens_revoke(struct tokens *t, const char *name); /* -ENOENT, or of writing */

json_t *tokens_json(struct tokens *t);
void tokens_revision(struct tokens *t, char ret[ETAG_SIZE]);

#endif
