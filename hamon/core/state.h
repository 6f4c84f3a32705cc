/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The complete state of the core: one struct without pointers, so that it can be copied and compared. Included by the .c files of hamon/core and the
 * simulator only. Each part belongs to the machine named beside it; the others read, never write.
 */
#ifndef HAMON_CORE_STATE_H
#define HAMON_CORE_STATE_H

#include "hamon/core/core.h"
#include "hamon/core/record.h"
#include "hamon/core/lease.h"
#include "hamon/core/voters.h"
#include "hamon/core/register.h" /* struct cas_register (record.c) */
#include "hamon/core/lease_state.h" /* struct lease  (lease.c) */
#include "hamon/core/pending.h"
#include "hamon/core/detector.h" /* struct detector  (detector.c) */
#include "hamon/core/mirror.h"   /* struct mirror    (mirror.c, mirror_*.c) */
#include "hamon/core/leg.h"      /* struct leg       (leg.c, leg_*.c) */
#include "hamon/core/standby.h"  /* struct standby   (standby.c) */
#include "hamon/core/fence_test.h" /* struct fence_test (fence_test.c) */
#include "hamon/core/resync_hook.h" /* struct resync_hook (resync_hook.c) */
#include "hamon/core/service.h"  /* struct service   (service.c) */
#include "hamon/core/group.h"
#include "hamon/core/command.h"  /* struct command   (command.c) */

struct core {
        struct core_config config;
        uint64_t started_ms, now_ms;
        uint64_t wall_s; /* of the last event */
        uint64_t durable_generation; /* of the latest ACTION_PERSIST */
        uint64_t next_ticket;
        uint64_t draws; /* of ids from entropy */
        bool act_ready;
        uint64_t act_lost_ms; /* when hamon-act was lost last; our own start before it was first there */
        bool leaving; /* an orderly stop was asked for: every mirror stops and nothing starts */
        uint64_t leave_ticket;
        struct fence_test fence_test;
        struct detector detector;
        struct cas_register reg[MIRRORS_MAX];
        struct lease lease[MIRRORS_MAX];
        struct mirror mirror[MIRRORS_MAX];
        struct leg leg[MIRRORS_MAX];
        struct standby standby[MIRRORS_MAX];
        struct service service[MIRRORS_MAX];
        struct resync_hook resync_hook[MIRRORS_MAX];
        struct command command[MIRRORS_MAX];
};

/* -- actions.c ------------------------------------------------------------------------------------------------------------------- */

/* Appends a zeroed action. The caller sets `after` where it relies on the acceptor's durable state. */
struct action *actions_add(struct actions *out, enum action_type type);

/* A message with its head filled in; after the mirror's latest durable generation, heartbeats at once. Fill in the body. */
struct message *message_send(struct core *c, uint8_t to, uint8_t mirror, enum message_type type, struct actions *out);

/* An effect after the mirror's latest durable generation; what takes the service away, or a lease bounds, goes at once. */
void effect_send(struct core *c, const struct effect *effect, struct actions *out);

/* An effect whose answer nobody waits for. Dropped while hamon-act is away. */
void effect_send_untracked(struct core *c, struct effect effect, struct actions *out);

void report(struct core *c, enum reason reason, uint8_t mirror, uint8_t node, uint64_t number, struct actions *out);
void answer(uint64_t ticket, int error, enum reason reason, struct actions *out);

/* Random numbers (never 0) and UUIDs out of the event's entropy: no two the same in one event. */
uint64_t draw(struct core *c, const struct event *e);
struct uuid draw_uuid(struct core *c, const struct event *e);

/* The other node. Only on nodes. */
static inline uint8_t peer_of(const struct core *c)
{
        return (uint8_t)(1 - c->config.self);
}

#endif
