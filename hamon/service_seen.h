/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What hamon-act sees of a mirror's service, for people: how its units are, and what its health check said last. Decisions go by the two flags of
 * struct observation; this goes beside them, from hamon-act to hamon's status.
 *
 * Plain values without gaps, zeroed before they are filled, so that two can be compared byte by byte. "" and 0: not known.
 */
#ifndef HAMON_SERVICE_SEEN_H
#define HAMON_SERVICE_SEEN_H

#include "hamon/config.h"

struct unit_seen {
        char active[16]; /* systemd's ActiveState: "active", "failed", ... */
        char result[24]; /* of a service unit's last run: "success", "exit-code", "signal", "timeout", ... */
        char ended[8];   /* how its main process ended: "exited", "killed", "dumped"; "" while it runs, or never ran */
        char load[12];   /* systemd's LoadState, asked for where the service does not run: "loaded", "not-found", "masked", "bad-setting", ... */
        int status;      /* exit status, or the signal's number */
};

struct health_seen {
        unsigned failures; /* in a row */
        int status;        /* exit status of the last check; 128 and a signal, -1: it did not end in time or could not be started */
        char detail[94];   /* what the last one that failed said */
        bool checked;      /* at least once since the service is up */
        bool unhealthy;    /* as many failures as are allowed */
};

struct service_seen {
        int mounted;          /* 1: what the configuration wants mounted is */
        int turned_read_only; /* 1: and its file system does not take writes any more, which counts as a failure unless on-read-only = ignore */
        struct unit_seen unit[CONFIG_UNITS_MAX];
        struct health_seen health;
};

#endif
