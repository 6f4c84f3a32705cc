/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The write fence (R3d): when revoke_own_leg() returns 0, nothing that the old primary sent can reach the own leg any
 * more, and nobody but us has it open.
 *
 * nbdd revokes and drains. If it does not answer it is killed, its grants are removed durably, and it is killed once
 * more (systemd may have started it with the old grants); then the exclusive open of the dm device proves that it let
 * go. Called by the mirror's worker.
 */
#ifndef HAMON_ACT_REVOKE_H
#define HAMON_ACT_REVOKE_H

#include "hamon/act/mirror.h"

/* Leaves the device held in m->hold_fd, flushed and with an empty page cache. With the array running md holds it:
 * success without a hold. */
int revoke_own_leg(struct mirror *m, struct trouble *t);

/* The exclusive hold alone: -EBUSY when somebody has the device. Success when it is held already. An array that never
 * ran is stopped first. */
int revoke_take_hold(struct mirror *m, unsigned timeout_ms, struct trouble *t);

#endif
