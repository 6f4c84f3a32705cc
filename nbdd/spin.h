/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a worker looks for its next completion for a while before it sleeps. Pure.
 *
 * A client that waits for each reply sends its next request some tens of microseconds after it; to be woken costs as much again, above all in a virtual
 * machine, where an idle processor has halted. So when the last waits were short, the next is spent awake, up to LIMIT_SPIN_US. Where many requests come in one
 * turn there is nothing to gain (the client is not waiting for us), and where waits are longer than that, nothing is spent. The idea is that of QEMU's
 * poll-max-ns (util/aio-posix.c) and of KVM's halt_poll_ns.
 */
#ifndef NBDD_SPIN_H
#define NBDD_SPIN_H

#include <stdbool.h>
#include <stdint.h>

struct spin {
        unsigned score; /* 0 to SPIN_SCORE_MAX */
};

/* Whether the next wait is to begin awake. */
bool spin_pays(const struct spin *s);

/* After a wait: how long it was, and how many completions ended it. limit_ns: LIMIT_SPIN_US; 0 switches it off. */
void spin_waited(struct spin *s, uint64_t waited_ns, uint64_t limit_ns, unsigned completions);

#endif
