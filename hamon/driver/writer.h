/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The writer thread: makes acceptor states durable, so that the loop never waits for a disk (the reason for the thread).
 *
 * The loop hands in states with rising generations; of one mirror only the latest matters, so states that come while a write runs are
 * written as one. `done` is called in the loop's thread with the highest generation up to which everything is durable. A write that
 * fails is tried again every WRITER_RETRY_MS with a new file; until it succeeds nothing that relies on it happens (R5).
 * Owns the acceptor files of this node. Created, used and freed in the loop's thread.
 */
#ifndef HAMON_DRIVER_WRITER_H
#define HAMON_DRIVER_WRITER_H

#include "hamon/config.h"

#include <systemd/sd-event.h>

enum { WRITER_RETRY_MS = 1000 };

struct writer;

struct writer_handler {
        /* `error`: of the last attempt, 0 or negative errno; `mirror` is the one that it concerns. */
        void (*done)(void *userdata, uint64_t durable_generation, int error, uint8_t mirror);
        void *userdata;
};

/* `directory`: where the files are; must exist. */
int writer_new(sd_event *loop, const struct config *config, const char *directory, const struct writer_handler *handler,
               struct writer **ret);

/* Ends the thread after the write that it is in. */
void writer_free(struct writer *w);

void writer_put(struct writer *w, uint8_t mirror, uint64_t generation, const struct acceptor_state *state);

/*
 * Reads the acceptor of one mirror at start. 0 (*ret_known false: there is none), or a negative errno and one sentence for a person in
 * `ret_why`: then hamon must not vote, and must not start.
 */
int writer_read(const struct config *config, const char *directory, uint8_t mirror, struct acceptor_state *ret, bool *ret_known,
                char *ret_why, size_t why_bytes);

#endif
