/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each effect of hamon/core/effect.h does, one function each, in the order in which the machine is touched.
 *
 * Decides nothing about roles; it refuses what can only be a mistake (an assembly without captured debt, a cleared note
 * while the leg is in md). effect_perform() runs in the mirror's worker and may block; effect_perform_at_once() runs in
 * the main loop and never waits for a disk, a child or D-Bus.
 */
#ifndef HAMON_ACT_EFFECTS_H
#define HAMON_ACT_EFFECTS_H

#include "hamon/act/mirror.h"
#include "hamon/core/effect.h"

/* Fills `ret` completely; its `error` is 0 or a negative errno, with a sentence in `detail`. */
void effect_perform(struct mirror *m, const struct effect *e, struct effect_result *ret);
void effect_perform_at_once(const struct mirror *m, const struct effect *e, struct effect_result *ret);

/* The functions of effects_leg.c, effects_debt.c, effects_array.c and effects_handover.c; 0 or -errno with a sentence in `t`. */
int effect_leg_open(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_leg_create(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_probe(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_grant(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_revoke(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_release(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_check_leg(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_history(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);

int effect_debt_capture(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_debt_apply(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_debt_union(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_debt_drop(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_array_create(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_assemble(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_assemble_both(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_leg_add(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_leg_remove(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_require(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_array_stop(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_leg_close(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_leg_grow(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t); /* effects_grow.c */
int effect_array_grow(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_note_clear(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);

/* effects_service.c; a detail with error 0 is of a hook that failed, which stops nothing. */
int effect_service_start(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_service_stop(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);
int effect_resync_hook(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t);

#endif
