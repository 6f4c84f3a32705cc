/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The complete state of the core: one struct without pointers, so that it can be copied and compared. Included by hamon/core/*.c and the
 * simulator only. Each part belongs to the machine named beside it; the others read, never write.
 */
#ifndef HAMON_CORE_STATE_H
#define HAMON_CORE_STATE_H

#include "hamon/core/core.h"
#include "hamon/core/record.h"
#include "hamon/core/lease.h"
#include "hamon/core/register.h" /* struct cas_register (record.c) */
#include "hamon/core/lease_state.h" /* struct lease  (lease.c) */
#include "hamon/core/detector.h" /* struct detector  (detector.c) */
#include "hamon/core/mirror.h"   /* struct mirror    (mirror.c) */
#include "hamon/core/leg.h"      /* struct leg       (leg.c) */
#include "hamon/core/service.h"  /* struct service   (service.c) */

struct core {
        struct core_config config;
        uint64_t started_ms, now_ms;
        uint64_t durable_generation; /* of the latest ACTION_PERSIST */
        uint64_t next_ticket;
        bool act_ready;
        struct detector detector;
        struct cas_register reg[MIRRORS_MAX];
        struct lease lease[MIRRORS_MAX];
        struct mirror mirror[MIRRORS_MAX];
        struct leg leg[MIRRORS_MAX];
        struct service service[MIRRORS_MAX];
};

/* Appends an action; `after` is set to the latest durable generation for SEND and EFFECT of record and role, 0 for heartbeats. */
struct action *actions_add(struct actions *out, enum action_type type);

#endif
