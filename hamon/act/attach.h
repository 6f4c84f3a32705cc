/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peer's leg as /dev/nbdN, through one nbdc@nbdN.service: attached, made required, detached.
 *
 * Blocks for up to the time-outs below: the mirror's worker only; attach_look() also from the monitor.
 */
#ifndef HAMON_ACT_ATTACH_H
#define HAMON_ACT_ATTACH_H

#include "hamon/act/mirror.h"

/*
 * Attaches with (epoch, session), policy OPTIONAL, and returns when the device is there. The same session again:
 * success. Another session's device that the array does not have is detached first; -EBUSY when the array has it. After
 * an error nothing is attached.
 */
int attach_leg(const struct mirror *m, uint64_t epoch, const struct uuid *session, struct trouble *t);

/* R2f: from now on only a decided record disconnects. */
int attach_require(const struct mirror *m, struct trouble *t);

/* Disconnects; every waiting request fails. `version` 0: allowed for an OPTIONAL leg only. Nothing attached: success.
 */
int attach_detach(const struct mirror *m, uint64_t version, struct trouble *t);

/* After md was stopped: nothing uses the device, so it needs no decision. */
int attach_end(const struct mirror *m, struct trouble *t);

struct attach_view {
        bool attached, connected, refused;
        uint32_t oldest_ms;
};

/* What nbdc says now; all false when there is none. */
void attach_look(const struct mirror *m, struct attach_view *ret);

/* Of what is attached, or is waiting for its connection; null: nothing is, or nbdc does not answer. */
void attach_session(const struct mirror *m, struct uuid *ret);

/* The line for nbdc@nbdN.service: "NBDC_ARGS=..." -E2BIG when it does not fit. */
int attach_format_environment(const struct mirror *m, uint64_t epoch, const struct uuid *session, char *ret,
                              size_t size);

#endif
