/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/self_guard.h"

/* By what was seen of one mirror; what of another could not be seen changes nothing. */
bool self_guard_must_reboot(const struct self_view *v)
{
        return v->array_runs && v->leg_refused && v->hamon_gone_ms >= DEAD_MAN_MS;
}

enum watchdog_deed self_guard_watchdog(const struct self_view *v)
{
        bool needed = !v->known || v->array_runs; /* an array that cannot be seen may run */

        if (!v->watchdog_open)
                return WATCHDOG_NOTHING;
        if (!needed)
                return v->watchdog_armed_ms >= WATCHDOG_PROMOTION_MS ? WATCHDOG_DISARM : WATCHDOG_FEED;
        return v->hamon_gone_ms >= WATCHDOG_HAMON_MS ? WATCHDOG_STARVE : WATCHDOG_FEED;
}
