/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A window in an array in which nobody writes: writes to it wait, everything else goes on. md's suspend_lo and suspend_hi; setting either waits for
 * what is under way (the contract test shows both). Holds off what a verify would else take for a difference.
 *
 * A window outlives the process that set it: whoever sets one ends it within VERIFY_HOLD_MS, and hamon-act ends at its start what an earlier one left.
 * May block while a leg is silent, until that leg is detached: a thread of its own.
 */
#ifndef HAMON_ACT_HOLD_H
#define HAMON_ACT_HOLD_H

#include <stdbool.h>
#include <stdint.h>

/* `root` of sysfs, `md` the kernel's name. 0 or -errno; -EBUSY: there is a window already. */
int hold_begin(const char *root, const char *md, uint64_t offset_bytes, uint32_t size_bytes);
int hold_end(const char *root, const char *md);

/* Is there one? An array that does not run has none. */
bool hold_is_set(const char *root, const char *md);

#endif
