/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A person has this node rebooted as if it had been deposed, to see that fencing and fail-over work: without sync, without stopping anything.
 *
 * Only where nothing but a pause can come of it: of each mirror that is active here the other node has everything and would take over, and each
 * mirror that is not active here is active there. FENCE_TEST_MS pass first, so that the command is answered and among the events; it is looked at
 * again then. Nodes only.
 */
#ifndef HAMON_CORE_FENCE_TEST_H
#define HAMON_CORE_FENCE_TEST_H

#include <stdint.h>

struct core;
struct event;
struct actions;

enum { FENCE_TEST_MS = 1500 }; /* two turns of the events' writer */

struct fence_test {
        uint64_t at_ms;  /* 0: none */
        uint64_t ticket;
};

void fence_test_given(struct core *c, const struct event *e, struct actions *out);
void fence_test_poll(struct core *c, struct actions *out);
uint64_t fence_test_deadline_ms(const struct core *c);

#endif
