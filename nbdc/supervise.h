/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What nbdc does next: a pure state machine, events in, actions out. No system call, clock, allocation or logging.
 *
 *                 DIALED, KERNEL_OK              LINK_DOWN, LINK_DEAD
 *   CONNECTING -----------------------> ATTACHED ---------------------> RECONNECTING
 *       |                                  ^  |                             |   |
 *       |                                  |  +--------- DETACH --------+   |   |
 *       v EXIT                             +---- DIALED, LINK_DEAD, OK -|---+   |
 *                                                                       v       |
 *                                           EXIT <---- KERNEL_OK ---- DETACHING <+ DETACH
 *
 * What it holds to:
 *   - a device is disconnected by DETACH alone, never by a signal, a refusal or a time-out; under REQUIRED only with a
 *     decided version
 *   - the connection is shut down before every DISCONNECT, so that neither can wait for a frozen peer
 *   - RECONFIGURE waits for the kernel's LINK_DEAD (or a grace): before that the kernel would drop the new socket
 *     without a word
 *   - one kernel request is under way at a time
 *   - while there is no connection, requests are moved off the dead one (RELEASE), so that they go out the moment the
 *     next one is there
 *
 * Actions are performed in order, before the next event is given.
 */
#ifndef NBDD_NBDC_SUPERVISE_H
#define NBDD_NBDC_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

#include "nbdc/nbdc_client.h"

enum supervise_event_type {
        EVENT_START,      /* a device that is not configured: attach it */
        EVENT_ADOPT_LIVE, /* a device that is already configured as ours, its connection up */
        EVENT_ADOPT_DEAD, /* the same, its connection gone or unknown */
        EVENT_DIALED,     /* a connection is negotiated; the driver holds it */
        EVENT_UNREACHABLE,
        EVENT_REFUSED,   /* the server said no */
        EVENT_LINK_DOWN, /* the connection that the kernel has is shut, or TCP no longer gets an answer */
        EVENT_LINK_DEAD, /* the kernel let go of its connection: ready for RECONFIGURE */
        EVENT_KERNEL_OK, /* the kernel request that is under way succeeded */
        EVENT_KERNEL_FAILED,
        EVENT_KERNEL_GONE, /* the same, and the device is no longer configured: someone else disconnected it */
        EVENT_TIMER,
        EVENT_DETACH,
        EVENT_STOP, /* SIGTERM */
        EVENT_COUNT,
};

struct supervise_event {
        enum supervise_event_type type;
        uint64_t now_ms; /* monotonic */
        bool decided;    /* DETACH: a decided record version was named */
};

enum supervise_action_type {
        ACTION_NONE,
        ACTION_DIAL,    /* begin to connect and negotiate; ends any earlier attempt */
        ACTION_HANG_UP, /* end the attempt, close a negotiated connection that the kernel did not get */
        ACTION_TIMER,   /* one-shot; replaces the earlier one */
        ACTION_CONNECT, /* kernel requests: each answers with KERNEL_OK, KERNEL_FAILED or KERNEL_GONE */
        ACTION_RELEASE, /* requests leave the dead connection and wait for the next one (netlink_release()) */
        ACTION_RECONFIGURE,
        ACTION_SHUTDOWN, /* shut the connection that the kernel has; immediate */
        ACTION_DISCONNECT,
        ACTION_WATCH,     /* the negotiated connection is now the kernel's: watch it */
        ACTION_READY,     /* attached for the first time */
        ACTION_DETACH_OK, /* answers to DETACH */
        ACTION_DETACH_REFUSED,
        ACTION_DETACH_FAILED,
        ACTION_EXIT,
};

/* Exit statuses, documented in nbdc(1). */
enum { NBDC_EXIT_OK = 0, NBDC_EXIT_USAGE = 1, NBDC_EXIT_REFUSED = 2, NBDC_EXIT_UNREACHABLE = 3, NBDC_EXIT_KERNEL = 4 };

struct supervise_action {
        enum supervise_action_type type;
        uint32_t delay_ms; /* TIMER */
        int exit_status;   /* EXIT */
};

#define SUPERVISE_ACTIONS_MAX 8u

struct supervise_actions {
        unsigned count;
        struct supervise_action list[SUPERVISE_ACTIONS_MAX];
};

struct supervisor {
        enum nbdc_state state;
        enum nbdc_policy policy;
        bool wait;  /* --wait: an unreachable server is no reason to give up before the first attach */
        bool ended; /* ACTION_EXIT was given */

        enum supervise_action_type kernel_request; /* the one that is under way, or ACTION_NONE */
        bool have_connection;                      /* DIALED, not yet given to the kernel */
        bool let_go; /* LINK_DEAD was seen since the connection went down; while ATTACHED: the kernel surely took the
                        present one */
        bool grace_over;    /* it was not, for NBDC_DEAD_GRACE_MS */
        bool detach_wanted; /* DETACH came while the kernel was busy */
        bool refused;       /* the latest attempt ended so */
        uint32_t backoff_ms;
        uint32_t refused_ms;
        uint64_t attached_at_ms;
        uint64_t down_at_ms; /* since when there is no connection, while RECONNECTING */
        uint64_t reconnects;
};

void supervisor_init(struct supervisor *s, enum nbdc_policy policy, bool wait);

/* Takes one event; *ret is overwritten. */
void supervisor_step(struct supervisor *s, const struct supervise_event *event, struct supervise_actions *ret);

#endif
