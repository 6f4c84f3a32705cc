/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private to hamon/act: what a mirror owes its other leg, for the effects that begin with it. Block for as long as the own disk does; a worker's.
 * 0 or -errno with a sentence in `t`.
 */
#ifndef HAMON_ACT_EFFECTS_DEBT_H
#define HAMON_ACT_EFFECTS_DEBT_H

#include "hamon/act/debt.h"
#include "hamon/act/md_super.h"
#include "hamon/act/member.h"
#include "hamon/act/mirror.h"
#include "hamon/act/trouble.h"

/* The own member with its superblock, from the raw disk. Close the member also after an error. */
int mirror_open_own(const struct mirror *m, struct member *ret, struct md_super *ret_super, struct trouble *t);

/*
 * The debt as it is on disk; release it also after an error. One that cannot be read is an error: it may be owed. One that is gone is everything, durably,
 * so that it is copied once and not forgotten by the next crash.
 */
int mirror_load_debt(const struct mirror *m, const struct member *own, const struct md_super *s, struct debt *ret, struct trouble *t);

/* Sets all that is owed in the running array's bitmap. *ret_none: nothing is. */
int mirror_apply_debt(const struct mirror *m, bool *ret_none, struct trouble *t);

#endif
