/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Idempotency-Key: a change that is asked for again with the same key within IDEMPOTENCY_KEEP_MS is not done again, but answered with the
 * operation that it became; also after a restart of hamon or a power cut. A key is durable before its change is begun, so that a client which heard
 * nothing can ask again without harm. Keys and requests are kept as hashes.
 *
 * In memory for whoever asks, an appended file for the next start: `DIRECTORY/idempotency`, a line each with its checksum; it is written anew, without what
 * is too old, at each start. A lock of its own for the table (any HTTP thread), another for the file (workers).
 */
#ifndef HAMON_API_IDEMPOTENCY_H
#define HAMON_API_IDEMPOTENCY_H

#include "hamon/api/api.h"

enum { IDEMPOTENCY_KEEP_MS = 24 * 3600 * 1000, IDEMPOTENCY_MAX = 1024, IDEMPOTENCY_KEY_MAX = 127 };

struct idempotency;

/* `directory`: where the file is, which must exist; NULL: in memory only. NULL: out of memory. A file that cannot be read is begun anew. */
struct idempotency *idempotency_new(const char *directory, int64_t wall_ms);
void idempotency_free(struct idempotency *i);

/* The highest operation that stands there, 0: none. New ones are numbered from above it. */
uint64_t idempotency_last(struct idempotency *i);

/* Did a change of an earlier start become this operation? */
bool idempotency_knows(struct idempotency *i, uint64_t ticket);

enum idempotency_verdict {
        IDEMPOTENCY_NEW,
        IDEMPOTENCY_DONE,     /* *ret_ticket */
        IDEMPOTENCY_REUSED,   /* the same key for something else */
        IDEMPOTENCY_UNDER_WAY,/* another thread is just asking it */
        IDEMPOTENCY_UNKNOWN,  /* hamon ended between the key's line and the operation's: it may have been done */
        IDEMPOTENCY_FULL,
};

/* `what`: everything that makes the request; `wall_ms` since 1970. NEW: reserved until idempotency_note(). */
enum idempotency_verdict idempotency_begin(struct idempotency *i, const char *key, const char *what, int64_t wall_ms, uint64_t *ret_ticket);

/* The same without a reservation: has it been done, as far as is known here? NEW: not that we know of. */
enum idempotency_verdict idempotency_look(struct idempotency *i, const char *key, const char *what, int64_t wall_ms, uint64_t *ret_ticket);

/* Worker, for a NEW one: durable when it returns 0. -errno: it is not, and nothing may be begun that relies on it. */
int idempotency_keep(struct idempotency *i, const char *key);

/* What a NEW one became; ticket 0: it was refused, the key is free again. Writes to the disk only for one that was kept. */
void idempotency_note(struct idempotency *i, const char *key, uint64_t ticket);

#endif
