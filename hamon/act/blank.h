/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is proven to be blank, so that the first copy of a new mirror passes over what nobody has written.
 *
 * Of a leg: a mark in the sector where md keeps its superblock, written when the whole leg was made or found zero. Whoever makes the leg a member
 * writes a superblock over it, and nobody writes to a leg that is no member: while the mark is there every byte of the leg is zero.
 *
 * Of an array: the file MIRROR.blank names an array that was created on a marked leg, with the bitmap's events_cleared at that time. Until the first other
 * leg is added (then it is removed, durably, before md has that leg) all that was ever written is in the own bitmap or in the debt; md raises events_cleared
 * when it clears bits of a complete array, so that a file that came back from a backup is not believed.
 *
 * Blocks on the disk: the mirror's worker only.
 */
#ifndef HAMON_ACT_BLANK_H
#define HAMON_ACT_BLANK_H

#include "base/id.h"

#include <stdint.h>

#define BLANK_MARK_BYTES 4096u

/*
 * Is every byte of [from, to) zero? Multiples of DIRECT_BLOCK. `overwrite`: it may be made so, where the disk zeroes by itself (as discarding or
 * WRITE ZEROES do). False says nothing: it is not, or `limit_ms` was not enough, or the disk failed. Zeroes are durable only after a flush.
 */
bool blank_prove(int fd, uint64_t from, uint64_t to, bool overwrite, unsigned limit_ms);

/* Writes or looks for the mark of the member that begins at `base_bytes`. The write is not flushed. */
int blank_mark(int fd, uint64_t base_bytes);
int blank_is_marked(int fd, uint64_t base_bytes, bool *ret);

/* The file of the array. blank_kept(): false also when it cannot be read. blank_forget() is durable when 0. */
int blank_keep(const char *path, const struct uuid *array, uint64_t events_cleared);
bool blank_kept(const char *path, const struct uuid *array, uint64_t events_cleared);
int blank_forget(const char *path);

#endif
