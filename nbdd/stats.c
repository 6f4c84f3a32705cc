/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters. See stats.h. */
#include "nbdd/stats.h"

#include "wire/nbd_proto.h"

static void bump(_Atomic uint64_t *counter, uint64_t n)
{
        atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

enum stats_kind stats_kind_of(uint16_t nbd_command)
{
        switch (nbd_command) {
        case NBD_COMMAND_READ:
                return STATS_READ;
        case NBD_COMMAND_WRITE:
                return STATS_WRITE;
        case NBD_COMMAND_FLUSH:
                return STATS_FLUSH;
        default:
                return STATS_OTHER;
        }
}

const char *stats_kind_text(enum stats_kind kind)
{
        static const char *const texts[STATS_KINDS] = {"read", "write", "flush", "other"};
        return texts[kind];
}

unsigned stats_bucket(uint64_t duration_ns)
{
        uint64_t us = duration_ns / 1000;
        unsigned bits = us ? 64u - (unsigned)__builtin_clzll(us) : 0;
        return bits < STATS_BUCKETS ? bits : STATS_BUCKETS - 1;
}

void stats_count(struct stats *s, enum stats_kind kind, uint64_t bytes, uint64_t duration_ns, uint32_t error)
{
        struct stats_of_kind *k = &s->kinds[kind];

        bump(&k->operations, 1);
        if (error)
                bump(&k->errors, 1);
        else
                bump(&k->bytes, bytes);
        bump(&k->latency[stats_bucket(duration_ns)], 1);
}

void stats_add(struct stats *sum, const struct stats *s)
{
        for (unsigned i = 0; i < STATS_KINDS; i++) {
                const struct stats_of_kind *from = &s->kinds[i];
                struct stats_of_kind *to = &sum->kinds[i];
                bump(&to->operations, atomic_load_explicit(&from->operations, memory_order_relaxed));
                bump(&to->errors, atomic_load_explicit(&from->errors, memory_order_relaxed));
                bump(&to->bytes, atomic_load_explicit(&from->bytes, memory_order_relaxed));
                for (unsigned b = 0; b < STATS_BUCKETS; b++)
                        bump(&to->latency[b], atomic_load_explicit(&from->latency[b], memory_order_relaxed));
        }
}
