/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does the own disk still take a write and a flush, while its array runs? md ignores a flush that a leg fails, so hamon-act asks by itself: every
 * OWN_PROBE_MS one direct write and flush of the probe block in front of the md member.
 *
 * While the peer's leg is out of the array it looks at what that leg lacks, too (owed.h), less often: it reads the same disk.
 *
 * A thread of its own for each mirror: on a disk that hangs a probe takes as long as the disk does, and must stand before no effect. What it finds
 * is latched until the array ends: an error that is reported once is an error. Only -EIO counts: anything else says nothing about what is on the disk.
 */
#ifndef HAMON_ACT_OWN_PROBE_H
#define HAMON_ACT_OWN_PROBE_H

#include "hamon/act/mirror.h"

#include <stdatomic.h>

#define OWN_PROBE_MS 2000
#define OWN_PROBE_OWED_EACH 5 /* probes */

struct own_probe {
        const struct mirror *mirror; /* its constant part */
        atomic_bool wanted, failed;
        atomic_bool owes;               /* the peer's leg is out of the array */
        atomic_uint_least64_t owed_bytes; /* what it lacks; OWED_UNKNOWN: not known */
        atomic_uint_least64_t since_ms; /* begin of the probe or look that is under way (CLOCK_MONOTONIC); 0: none */
};

/* 0 or -errno. `p` must live as long as the process. */
int own_probe_start(struct own_probe *p, const struct mirror *m);

/* `wanted`: while the array runs; a change to false forgets a failure. `owes`: without the peer's leg, or while that is copied to. Any thread. */
void own_probe_want(struct own_probe *p, bool wanted, bool owes);

uint32_t own_probe_age_ms(const struct own_probe *p); /* of the probe that is under way; 0: none */
bool own_probe_has_failed(const struct own_probe *p);

#define OWED_UNKNOWN UINT64_MAX
uint64_t own_probe_owed(const struct own_probe *p); /* bytes, of the last look; not known, too, while nothing is owed */

#endif
