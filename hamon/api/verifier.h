/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Verify: on the active node a thread compares both legs of each mirror that is being verified, chunk by chunk, by digests: the own ones from
 * hamon-act, the other leg's from the other node's hamon, which asks its own hamon-act. Only digests cross the network.
 *
 * Both legs are read while the application writes. A block that differs is read again; one that still does is read with writes to it held, and counts
 * only when the record shows afterwards that both legs were in sync all the time. Nothing is repaired: which copy is right only a person can tell.
 *
 * A run waits while the mirror is not redundant, survives a restart of hamon, and ends when another node becomes active. The result is kept in a
 * file, and the other node learns it (views.h). Why a thread: it waits for disks and the network all the time. Never on the loop's path.
 */
#ifndef HAMON_API_VERIFIER_H
#define HAMON_API_VERIFIER_H

#include "hamon/core/reasons.h"
#include "hamon/verify/run.h"

struct api;
struct verifier;

/* What everybody may see of it. Zero before the thread runs. */
struct verify_view {
        struct verify_memory memory;
        enum verify_schedule schedule;
        char waiting_for[80];  /* "" or why a run does not move */
        uint32_t rate_kib;     /* measured; 0: not yet */
        uint32_t limit_kib, latency_us;
        uint64_t due_s;        /* since 1970; UINT64_MAX: none is due by itself */
};

/* `act_socket`: of hamon-act; `state_directory` is where the results are kept. 0 or -errno. */
int verifier_start(struct api *api, const char *state_directory, const char *act_socket, struct verifier **ret);
void verifier_stop(struct verifier *v); /* NULL is accepted */

/* Never waits for the thread. NULL: nothing. */
void verifier_look(struct verifier *v, unsigned mirror, struct verify_view *ret);

/*
 * What a person wishes; `ticket` is of the operation that a START becomes, answered at its end; the others are over when this returns. 0, or
 * -EBUSY (one is under way), -EINVAL (none is). Any thread; may wait for a state file.
 */
int verifier_order(struct verifier *v, unsigned mirror, enum verify_wish wish, uint64_t for_s, uint64_t ticket);

/* May both legs be compared now? MOVED: another node is active. `why` is set for WAIT, else "". Pure. */
struct snapshot;
enum verify_place { VERIFY_HERE, VERIFY_WAIT, VERIFY_MOVED };
enum verify_place verify_place(const struct snapshot *s, unsigned mirror, const char **why);

/* Where hamon-act answers; for whoever asks for the other node. */
const char *verifier_socket(const struct verifier *v);

#endif
