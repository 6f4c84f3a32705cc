/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/core/table.h"

#include <assert.h>
#include <stddef.h>

const struct row *table_find(const struct table *table, unsigned state, unsigned event, uint32_t facts)
{
        for (unsigned i = 0; i < table->count; i++) {
                const struct row *r = &table->rows[i];
                if ((r->states & IN_STATE(state)) && r->event == event && (facts & r->need) == r->need && !(facts & r->forbid))
                        return r;
        }
        assert(!"a table of the core has a hole");
        return NULL;
}
