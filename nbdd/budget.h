/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory budget of all connections (LIMIT_MEMORY_MIB): payload buffers of requests in flight, whether at the disk or waiting to be sent.
 *
 * A worker takes it from the whole in chunks and keeps a little, so that the data path seldom touches what workers share. What does not fit waits: the
 * connection is not read from until memory came back, and every worker that waits is told when another one gives some back. A connection with nothing
 * else in flight gets LIMITS_FREE_BYTES without asking, so that nobody's small requests starve behind somebody's large ones.
 */
#ifndef NBDD_BUDGET_H
#define NBDD_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUDGET_CHUNK_BYTES (1u << 20)
#define BUDGET_WORKERS_MAX 64u

struct worker;

/* A worker's part. Its thread alone. */
struct budget_share {
        uint64_t used_bytes, reserved_bytes;
        bool waits; /* a connection of it waits for memory */
};

/* Before the worker's first connection, and after its last. */
void budget_join(struct worker *w);
void budget_leave(struct worker *w);

/* False: not now; WORKER_MEMORY comes when it is worth another try. */
bool budget_take(struct worker *w, size_t bytes);
/* True: connections of this worker that wait may try again. */
bool budget_give(struct worker *w, size_t bytes);

/* What is reserved over all workers, for views. */
uint64_t budget_reserved(void);

#endif
