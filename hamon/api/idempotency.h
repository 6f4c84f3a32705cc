/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Idempotency-Key: a change that is asked for again with the same key within IDEMPOTENCY_KEEP_MS is not done again, but answered with the
 * operation that it became. In memory: after a restart of hamon the If-Match of an old request is what stops it. A lock of its own; any
 * HTTP thread.
 */
#ifndef HAMON_API_IDEMPOTENCY_H
#define HAMON_API_IDEMPOTENCY_H

#include "hamon/api/api.h"

enum { IDEMPOTENCY_KEEP_MS = 24 * 3600 * 1000, IDEMPOTENCY_MAX = 1024 };

struct idempotency;

struct idempotency *idempotency_new(void); /* NULL: out of memory */
void idempotency_free(struct idempotency *i);

enum idempotency_verdict {
        IDEMPOTENCY_NEW,
        IDEMPOTENCY_DONE,     /* *ret_ticket */
        IDEMPOTENCY_REUSED,   /* the same key for something else */
        IDEMPOTENCY_UNDER_WAY,/* another thread is just asking it */
        IDEMPOTENCY_FULL,
};

/* `what`: everything that makes the request. NEW: reserved until idempotency_note(). */
enum idempotency_verdict idempotency_begin(struct idempotency *i, const char *key, const char *what, uint64_t now_ms, uint64_t *ret_ticket);

/* What a NEW one became; ticket 0: it was refused, the key is free again. */
void idempotency_note(struct idempotency *i, const char *key, uint64_t ticket);

#endif
