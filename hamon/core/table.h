/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the core's machines are written: rows of (states, event, facts needed, facts forbidden) -> next state, deed, reason.
 *
 * A machine computes its facts (a bit mask) from the whole state, and the one row whose states, event and facts match fires. There is
 * no wildcard and no order: tests/unit/core/test_tables proves for every state x event and every valuation of the facts that its rows
 * name that exactly one row matches. Deeds are a small enum of the machine, performed after the state was changed.
 */
#ifndef HAMON_CORE_TABLE_H
#define HAMON_CORE_TABLE_H

#include "hamon/core/reasons.h"

#include <stdbool.h>
#include <stdint.h>

enum { STAY = 0xff }; /* `next` of a row that keeps the state */

#define IN_STATE(s) (UINT32_C(1) << (s))

struct row {
        uint32_t states; /* set of IN_STATE() */
        uint8_t event;
        uint32_t need, forbid; /* facts */
        uint8_t next;
        uint8_t deed;
        enum reason reason; /* reported when the row fires; REASON_NONE: nothing to say */
};

struct table {
        const struct row *rows;
        unsigned count, states, events;
        const char *const *state_words;
};

/* The row that fires. Asserts that there is one. */
const struct row *table_find(const struct table *table, unsigned state, unsigned event, uint32_t facts);

#endif
