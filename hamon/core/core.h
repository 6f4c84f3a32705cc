/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pure heart of hamon: core_step(state, event) -> actions.
 *
 * The driver (hamon/main and friends) gives it everything as events - time and entropy included - and performs the actions in order.
 * The simulator drives the same functions under virtual time. Nothing here sees a socket, a clock, a file or a log.
 *
 * Durable before visible (R5): every action carries `after`, a durable generation. The driver performs an action only when all
 * ACTION_PERSIST with generation <= after have been fsynced; a crash before that loses those actions, as if they had never been
 * decided. A message to the own voter is an ACTION_SEND to self, and takes the same way.
 *
 * Composition: core.c dispatches to record.c (acceptor, proposer), lease.c, detector.c, mirror.c (the own role), leg.c (the peer's leg on
 * a primary), service.c, verdict.c. Each is a table; they talk only through the small structs declared in their headers.
 */
#ifndef HAMON_CORE_CORE_H
#define HAMON_CORE_CORE_H

#include "hamon/core/effect.h"
#include "hamon/core/message.h"
#include "hamon/core/reasons.h"
#include "hamon/core/service_policy.h"

struct core_config {
        uint8_t self;       /* voter index; WITNESS runs acceptors and leases only */
        bool manual;        /* two nodes without a third vote: no automatic take-over */
        uint8_t mirrors;
        bool has_service[MIRRORS_MAX];
        struct service_policy service[MIRRORS_MAX];
        uint32_t needs[MIRRORS_MAX]; /* bit n: this mirror's service needs mirror n (group.h); no circles */
        uint32_t group[MIRRORS_MAX]; /* likewise: all that needs connect with it */
        bool has_resync_hook[MIRRORS_MAX]; /* before this node's leg is overwritten (resync_hook.h) */
        struct timers timers;
        struct uuid boot;   /* this kernel's boot id */
        uint64_t start;     /* random, of this start */
};

enum event_type {
        EVENT_TICK,        /* only time passed: some deadline of core_next_deadline_ms() was reached */
        EVENT_MESSAGE,     /* authenticated, decoded, addressed to us */
        EVENT_EFFECT_DONE,
        EVENT_OBSERVED,
        EVENT_ACT_LOST,    /* hamon-act's connection is gone: outcomes of open effects are unknown */
        EVENT_ACT_READY,   /* and is there (again): every mirror starts with LEG_OPEN */
        EVENT_COMMAND,
        EVENT_TYPES
};

enum command_type {
        COMMAND_CREATE,      /* new mirror: own leg, array, first record */
        COMMAND_JOIN,        /* prepare the own disk as the second leg */
        COMMAND_SWITCHOVER,  /* primary hands over to the peer */
        COMMAND_START_ALONE, /* a person's consent (3.4) */
        COMMAND_CONFIRM_DEAD,/* manual mode: a person says that the peer is off */
        COMMAND_LEAVE,       /* orderly stop of this hamon: tell the others */
        COMMAND_RESYNC,      /* pause, resume or bound the resync of the peer's leg, on the primary */
        COMMAND_MAINTENANCE, /* on until a time, or off: nothing is taken over by itself meanwhile */
        COMMAND_REPLACE_WITNESS, /* the witness is another machine, or was put back: its seats are taken away, and given anew (R7) */
        COMMAND_SERVICE_RESTART, /* of a service that runs, or was given up: its failures are forgotten */
        COMMAND_TEST_FENCE,  /* this node is rebooted as if it had been deposed (fence_test.h) */
        COMMAND_FORCE_PRIMARY, /* likewise of a copy that lacks acknowledged writes, which are given up */
        COMMAND_REMOVE,      /* the mirror ends: decided, then stopped here, and its leg is closed. On the primary first, then on the other node */
        COMMAND_GROW,        /* the disks have grown: on a standby its leg, on the primary its leg, the array and the file system */
        COMMAND_TYPES
};

/* EVENT_COMMAND: what a person asks for. */
struct command_request {
        enum command_type type;
        uint8_t mirror;
        bool consent; /* CREATE, JOIN: overwrite the disk; others: typed confirmation */
        struct resync_order order; /* RESYNC */
        uint64_t until_s; /* MAINTENANCE: seconds since 1970; 0: off */
        uint64_t leg_bytes; /* CREATE: the legs need no more, for the other disk is smaller; 0: all that this disk has */
        uint64_t ticket; /* comes back in ACTION_ANSWER */
};

struct event {
        enum event_type type;
        uint64_t now_ms;      /* CLOCK_BOOTTIME, never goes back */
        uint64_t wall_s;      /* seconds since 1970, as this machine's clock says; for the end of a maintenance only */
        uint64_t entropy[4];  /* fresh random bits in each event */
        union {
                struct message message;
                struct effect_result result;
                struct observation observed;
                struct command_request command;
        };
};

enum action_type {
        ACTION_PERSIST, /* acceptor state of one mirror: write and fsync as generation `generation` */
        ACTION_SEND,    /* message to a voter over every link (self: loop back as EVENT_MESSAGE) */
        ACTION_EFFECT,
        ACTION_REPORT,  /* an event for people: reason code and its facts */
        ACTION_ANSWER,  /* outcome of a command: 0 or negative errno, and the reason */
        ACTION_TYPES
};

struct action {
        enum action_type type;
        uint64_t after; /* durable generation that this relies on; 0: none */
        union {
                struct {
                        uint8_t mirror;
                        uint64_t generation;
                        struct acceptor_state state;
                } persist;
                struct message send;
                struct effect effect;
                struct {
                        enum reason reason;
                        uint8_t mirror; /* or MIRRORS_MAX: of the node */
                        uint8_t node;   /* that it is about, or NO_NODE */
                        uint64_t number; /* epoch, ms, ... as the sentence says */
                } report;
                struct {
                        uint64_t ticket;
                        int error;
                        enum reason reason;
                } answer;
        };
};

enum { ACTIONS_MAX = 256 }; /* of one step; asserted. A tick in which all mirrors renew, retry and report needs about 25 for each */

struct actions {
        unsigned count;
        struct action at[ACTIONS_MAX];
};

struct core; /* complete type in hamon/core/state.h */

/* Durable state as read at start (acceptor per mirror; `known` false: this voter has no memory: R7c). */
struct core_durable {
        bool known[MIRRORS_MAX];
        struct acceptor_state acceptor[MIRRORS_MAX];
};

void core_init(struct core *c, const struct core_config *config, const struct core_durable *durable, uint64_t now_ms);
void core_step(struct core *c, const struct event *event, struct actions *ret_actions);

/* The next time at which core_step() wants an EVENT_TICK; UINT64_MAX: never. */
uint64_t core_next_deadline_ms(const struct core *c);

/* -- What people and programs see: a snapshot, taken between steps ------------------------------------------------------------- */

/* OK and DEGRADED: a node that is heard serves it now. STARTING: one is about to. */
enum health { HEALTH_OK, HEALTH_DEGRADED, HEALTH_FROZEN, HEALTH_STARTING, HEALTH_DOWN, HEALTH_UNCONFIGURED };

struct mirror_view {
        enum health health;
        enum reason reason;     /* the most urgent one */
        enum node_role role;    /* of this node */
        const char *role_word, *leg_word, *service_word; /* states of the machines, as in their tables */
        struct record record;   /* the highest that this node knows */
        bool in_maintenance;
        bool record_decided;    /* known to be decided, not only accepted */
        bool record_behind;     /* somebody has a newer one, which this node has not read yet */
        bool lease_valid;
        uint32_t lease_left_ms;
        uint64_t own_copy_s;    /* when md last wrote the superblock of the own leg, seconds since 1970; 0: not known */
        enum reason if_peer_fails, if_self_fails; /* "if node B fails now": from the same machines */
        enum reason if_witness_fails, if_link_fails, if_primary_leg_fails, if_standby_leg_fails; /* likewise of a part */
        const char *waiting_for; /* word of the open effect, or NULL */
        struct observation observed;
};

struct node_view {
        bool alive, suspect, ever;
        uint32_t silent_ms;
        struct heartbeat last;
};

void core_view_mirror(const struct core *c, uint8_t mirror, uint64_t now_ms, struct mirror_view *ret);
void core_view_node(const struct core *c, uint8_t voter, uint64_t now_ms, struct node_view *ret);

#endif
