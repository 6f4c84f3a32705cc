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

/* 0 or -errno. `disk`: with the header in front of the member. A debt file that is gone, or a bitmap that cannot be trusted, owes everything. */
int owed_look(const char *disk, const char *debt_path, uint64_t *ret_bytes);

#endif
