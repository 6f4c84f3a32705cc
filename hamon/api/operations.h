/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands on their way from the HTTP thread to the loop, and their outcomes on the way back.
 *
 * The HTTP thread posts a command and gets its ticket at once; the loop is woken, hands it to the core, and later notes the answer; the
 * HTTP thread looks it up by ticket. The last OPERATIONS_MAX are kept. Guarded by a lock of its own; neither side ever waits for the other.
 */
#ifndef HAMON_API_OPERATIONS_H
#define HAMON_API_OPERATIONS_H

#include "hamon/core/core.h"

#include <systemd/sd-event.h>

enum { OPERATIONS_MAX = 64 };

enum operation_state { OPERATION_QUEUED, OPERATION_RUNNING, OPERATION_DONE, OPERATION_FAILED };

struct operation {
        uint64_t ticket; /* from 1 */
        enum operation_state state;
        bool verify; /* not of the core but of the verifier: `type` counts for nothing, */
        uint8_t wish;   /* enum verify_wish, */
        uint32_t for_s; /* of a pause */
        enum command_type type;
        uint8_t mirror;
        bool consent;
        struct resync_order order; /* COMMAND_RESYNC */
        uint64_t until_s;          /* COMMAND_MAINTENANCE: seconds since 1970; 0: off */
        uint64_t leg_bytes;        /* COMMAND_CREATE; 0: all that the disk has */
        char by[160]; /* who asked */
        uint64_t posted_ms; /* CLOCK_BOOTTIME */
        int error; /* negative errno when failed */
        enum reason reason;
        char detail[128]; /* of the effect that failed, or "" */
};

struct operations;

/* `command` is called in the loop for each one posted, before its state is read again. 0 or -errno. */
int operations_new(sd_event *loop, void (*command)(void *userdata, const struct operation *op), void *userdata,
                   struct operations **ret);
void operations_free(struct operations *o);

/*
 * HTTP thread. -EBUSY: OPERATIONS_MAX commands are under way. Of `wanted` counts what is asked for (type, mirror, consent, order, until_s, leg_bytes); `by` is cut to what
 * fits.
 */
int operations_post(struct operations *o, const struct operation *wanted, const char *by, uint64_t *ret_ticket);

/* HTTP thread. One that the loop never sees, running at once: whoever does it answers with operations_answer(). -EBUSY. */
int operations_begin(struct operations *o, const struct operation *wanted, const char *by, uint64_t *ret_ticket);

/* HTTP thread. 0: the loop will never see it; -EALREADY: the loop has it or it is over; -ENOENT. */
int operations_cancel(struct operations *o, uint64_t ticket);

/* Any thread but the loop: what the snapshot shows has changed outside of the loop: `command` is called with NULL. */
void operations_poke(struct operations *o);

/* Before the first: the next one is `last` + 1 (so that one of an earlier start is never taken for one of this). */
void operations_number_from(struct operations *o, uint64_t last);

/* Ticket of the newest, 0: none. */
uint64_t operations_last(struct operations *o);

/* -ENOENT: never was, or is too old. */
int operations_get(struct operations *o, uint64_t ticket, struct operation *ret);

/* Loop, verifier. An unknown ticket is ignored. */
void operations_answer(struct operations *o, uint64_t ticket, int error, enum reason reason, const char *detail);

#endif
