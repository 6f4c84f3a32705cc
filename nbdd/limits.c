/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of limits. See limits.h. */
#include "nbdd/limits.h"

const struct limit_row limit_rows[LIMIT_COUNT] = {
        [LIMIT_MAXCONNECT] = {"maxconnect", 1, 65536, 1024, "connections at the same time"},
        /* Half of maxconnect: one client that leaks connections leaves places for others. */
        [LIMIT_PER_ADDRESS] = {"connections_per_address", 1, 65536, 512, "connections from one address"},
        /* At least what 64 workers keep (2 MiB each) and the largest requests beside it: otherwise one of 32 MiB might never fit. */
        [LIMIT_MEMORY_MIB] = {"memory_mib", 256, 1u << 20, 1024, "payload in flight over all connections, MiB"},
        /* One request may have 32 MiB (doc/proto.md, "Block size constraints"): less would forbid the pipeline of two of them. */
        [LIMIT_CONNECTION_MIB] = {"connection_memory_mib", 1, 1024, 32, "payload in flight of one connection, MiB"},
        [LIMIT_HANDSHAKE_MS] = {"handshake_timeout_ms", 100, 600000, 10000, "from accept to GO, ms"},
        /* As long as a client whose machine is gone keeps its place (KEEPALIVE_*, listen.c): silence costs the same, whatever its reason. */
        [LIMIT_PAYLOAD_MS] = {"payload_timeout_ms", 1000, 600000, 30000, "for each MiB of a write's data to arrive, ms"},
        /* A little more than a client takes to answer a reply on one machine, or over a short link. */
        [LIMIT_SPIN_US] = {"spin_us", 0, 1000, 60, "looking for the next request before sleeping, us; 0: never"},
        /* A batch of a client that needs 2 us for each request. What waits for it waits longer by as much: little beside a network or a disk. */
        [LIMIT_COALESCE_US] = {"coalesce_us", 0, 1000, 40, "letting the requests of a client that is ahead gather, us; 0: never"},
        [LIMIT_LIST] = {"list", 0, 1, 1, "whether clients may list the exports"},
};

void limits_init(struct limits *l)
{
        for (unsigned i = 0; i < LIMIT_COUNT; i++)
                l->value[i] = limit_rows[i].normal;
}
