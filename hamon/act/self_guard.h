/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When this node must end itself without being told: hamon-act's dead-man's handle, and whether the hardware watchdog is fed.
 *
 * hamon decides, and reboots a deposed node. Here is what holds when there is no hamon to do so: a node whose peer's leg was revoked is
 * deposed, whoever is there to say it, and its waiting writes must never complete towards an application (DESIGN 3.5). Pure; the server's
 * timer asks, watchdog.c and reboot.c do it.
 */
#ifndef HAMON_ACT_SELF_GUARD_H
#define HAMON_ACT_SELF_GUARD_H

#include <stdbool.h>
#include <stdint.h>

enum {
        SELF_GUARD_LOOK_MS = 1000,
        DEAD_MAN_MS = 15000,            /* without hamon and with the leg refused: many times what a restart of hamon takes */
        WATCHDOG_TIMEOUT_S = 30,        /* of the device: longer than a restart of hamon-act on a slow machine */
        WATCHDOG_HANDOVER_S = 60,       /* while hamon-act is stopped in order and an array runs: an upgrade */
        WATCHDOG_HAMON_MS = 60000,      /* without hamon: longer than an upgrade of it; then nobody watches over the service */
        WATCHDOG_PROMOTION_MS = 120000, /* armed before a promotion: kept so long without an array */
};

struct self_view {
        bool known;                  /* the arrays were seen */
        bool array_runs;             /* any of them */
        bool leg_refused;            /* an array runs whose peer's leg is attached, and the server says no */
        uint64_t hamon_gone_ms;      /* no hamon is connected since; 0: one is */
        bool watchdog_open;
        uint64_t watchdog_armed_ms;  /* how long ago it was asked for last */
};

/* The peer has revoked the leg, and there is no hamon that could decide anything: reboot without sync. */
bool self_guard_must_reboot(const struct self_view *v);

enum watchdog_deed { WATCHDOG_NOTHING, WATCHDOG_FEED, WATCHDOG_STARVE, WATCHDOG_DISARM };

enum watchdog_deed self_guard_watchdog(const struct self_view *v);

#endif
