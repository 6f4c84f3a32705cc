/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nbdd's limits: one table of names, ranges and defaults for the control API, nbdd.conf, the state file and the admin command. Pure. */
#ifndef NBDD_LIMITS_H
#define NBDD_LIMITS_H

#include <stdint.h>

enum limit {
        LIMIT_MAXCONNECT,          /* connections at the same time; the seed's name */
        LIMIT_PER_ADDRESS,         /* of these, from one address */
        LIMIT_MEMORY_MIB,          /* payload in flight over all connections; each may have LIMITS_FREE_BYTES more */
        LIMIT_CONNECTION_MIB,      /* payload in flight of one connection before no further request of it is taken */
        LIMIT_HANDSHAKE_MS,        /* from accept to GO; waiting for an older session's drain does not count */
        LIMIT_PAYLOAD_MS,          /* for each CONN_PAYLOAD_STEP_BYTES of a write's payload, or what is left of it, to arrive */
        LIMIT_SPIN_US,             /* how long a worker looks for its next completion before it sleeps (spin.h); 0: never */
        LIMIT_COALESCE_US,         /* how long a worker lets requests gather at most (coalesce.h); 0: never */
        LIMIT_LIST,                /* 0: NBD_OPT_LIST is refused */
        LIMIT_COUNT
};

/* A request of a connection that has nothing else in flight never waits for memory up to this size: the shortage of one starves nobody. */
#define LIMITS_FREE_BYTES (128u << 10)

struct limits {
        uint32_t value[LIMIT_COUNT];
};

struct limit_row {
        const char *name; /* in JSON; nbdd.conf has "-" for "_" */
        uint32_t minimum, maximum, normal;
        const char *help;
};

extern const struct limit_row limit_rows[LIMIT_COUNT];

void limits_init(struct limits *l);

#endif
