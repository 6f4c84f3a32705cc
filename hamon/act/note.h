/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The durable note peer_attached of a mirror: set before the peer's leg is attached, cleared after it has left md.
 *
 * While it is set, this node's own disk may have failed last, with writes acknowledged by the peer's leg alone: after
 * an unclean death a former primary then does not start by itself (DESIGN 3.4).
 *
 * That it is clear is written, too: a file that is gone (removed, or /var/lib/hamon-act restored without it) says nothing, and counts as set. On a full
 * disk the file of a cleared note is removed instead: that costs a person's word after the next unclean death, and holds up nothing now.
 *
 * Blocks on the disk. Called by the mirror's worker.
 */
#ifndef HAMON_ACT_NOTE_H
#define HAMON_ACT_NOTE_H

#include <stdbool.h>

/* A note that cannot be read, or is not there (-ENOENT), counts as set: *ret is true and the error is returned for the log. */
int note_read(const char *path, bool *ret);
int note_set(const char *path);   /* durable when 0 */
int note_clear(const char *path); /* durable when 0: new legs are cleared before they are used */

#endif
