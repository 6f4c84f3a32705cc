/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One change of the record that a machine wants. The register takes one proposal at a time: core.c starts the wanted ones in turn and
 * brings each outcome to the machine whose proposal it was. A machine that lost interest forgets the outcome; the proposal itself is
 * resolved in any case (R6a).
 */
#ifndef HAMON_CORE_ASK_H
#define HAMON_CORE_ASK_H

#include "hamon/core/record.h"

struct ask {
        bool wanted, started;
        struct change change;
};

/* Wants `kind` on top of `epoch`, with the legs' UUIDs as the record's kinds need them. Replaces what was wanted before. */
void ask_change(struct core *c, uint8_t mirror, struct ask *a, enum change_kind kind, uint64_t epoch, const struct event *e);
void ask_forget(struct ask *a);

#endif
