/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How much the peer's leg may lack while it is out of the array: the chunks that the own leg's bitmap and the debt have, together, read past every cache.
 * What a person hears before he forces that copy. Shown; decides nothing.
 *
 * Blocks on the disk: a thread that may hang with it (own_probe.h).
 */
#ifndef HAMON_ACT_OWED_H
#define HAMON_ACT_OWED_H

#include <stdint.h>

struct debt;

/*
 * `disk`: with the header in front of the member. `debt`: what its file has, zeroed for none; the bitmap is added to it. A bitmap that cannot be trusted owes
 * everything. 0 or -errno.
 */
int owed_look(const char *disk, struct debt *debt, uint64_t *ret_bytes);

#endif
