/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Debt: which chunks of a mirror may differ between its legs, kept outside md for as long as the peer is out of
 * in_sync.
 *
 * md alone forgets them: a survivor that is assembled degraded drops the dirty bits which it loads (they count as
 * stale), so a write that was in flight when the primary died stays different on the two legs for ever. Debt is the
 * union of every bitmap that was seen, made durable before the assembly or the re-add that would lose it, and dropped
 * only after the join is decided. Dropped is not removed: the file then says that nothing is owed, and so does that of a
 * new leg. A leg without a debt file has lost it, and owes everything.
 *
 * The set itself is pure; debt_load() and debt_save() read and replace the file (base/statefile.h) and
 * may block. Called by the mirror's worker.
 */
#ifndef HAMON_ACT_DEBT_H
#define HAMON_ACT_DEBT_H

#include "base/id.h"

#include <stddef.h>

#define DEBT_CHUNKS_MAX (16u << 20) /* 2 MiB of bits: 64 TiB in chunks of 4 MiB */

struct debt {
        struct uuid array;    /* md set UUID that the bits are about */
        uint64_t chunk_bytes; /* power of two */
        uint64_t chunks;
        uint8_t *bits; /* least significant first; owned */
};

/* An empty set. -ENOMEM, -EFBIG past DEBT_CHUNKS_MAX, -EINVAL for a chunk that is not a power of two or a count of 0.
 */
int debt_init(struct debt *d, const struct uuid *array, uint64_t chunk_bytes, uint64_t chunks);

/* The same set over more chunks, none of which is owed; the array has grown since it was kept. Fewer change nothing. -ENOMEM, -EFBIG. */
int debt_grow(struct debt *d, uint64_t chunks);

void debt_release(struct debt *d); /* also of a zeroed one; zeroes it */

/* Nothing is owed: a zeroed set, which is about no array. */
bool debt_is_none(const struct debt *d);

bool debt_is_set(const struct debt *d, uint64_t chunk);
void debt_set_all(struct debt *d);
uint64_t debt_count(const struct debt *d);

/* Union with `chunks` bits of any chunk size: a chunk of `d` that overlaps a set one becomes set. -EINVAL: a chunk that
 * is no power of two. -ERANGE: a set one lies past the end of `d`; nothing that is owed is ever left out. */
int debt_add_bits(struct debt *d, const uint8_t *bits, uint64_t chunks, uint64_t chunk_bytes);

/* The next run of set chunks at or after *start: [*start, *end], both included. False when there is none. */
bool debt_next_range(const struct debt *d, uint64_t *start, uint64_t *ret_end);

/* Payload of the state file. debt_decode(): -EBADMSG for anything that debt_encode() does not give. `ret` is malloc'ed.
 */
int debt_encode(const struct debt *d, uint8_t **ret, size_t *ret_size_bytes);
int debt_decode(const uint8_t *bytes, size_t size_bytes, struct debt *ret);

/* -ENOENT: the file is gone, what is owed is unknown. Other errors as statefile_read(): a debt file that cannot be read
 * must stop an assembly and a re-add. */
int debt_load(const char *path, struct debt *ret);
int debt_peek(const char *path, struct debt *ret);     /* to tell what is owed, and for nothing else: what is read need not be durable */
int debt_save(const char *path, const struct debt *d); /* durable when 0 */
int debt_save_none(const char *path);                  /* likewise: nothing is owed any more, or yet */

#endif
