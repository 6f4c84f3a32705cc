/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/core/types.h"

static int compare_u64(uint64_t a, uint64_t b)
{
        return (a > b) - (a < b);
}

int ballot_compare(const struct ballot *a, const struct ballot *b)
{
        int by_n = compare_u64(a->n, b->n), by_node = compare_u64(a->node, b->node);
        return by_n ? by_n : by_node ? by_node : compare_u64(a->start, b->start);
}

bool ballot_is_null(const struct ballot *b)
{
        return b->n == 0;
}

static bool leg_equal(const struct record_leg *a, const struct record_leg *b)
{
        return uuid_equal(&a->uuid, &b->uuid) && a->in_sync == b->in_sync && a->inconsistent == b->inconsistent && a->doubtful == b->doubtful;
}

/* Field by field: a struct copy may leave other bytes in the padding. */
bool record_equal(const struct record *a, const struct record *b)
{
        for (int i = 0; i < NODES; i++)
                if (!leg_equal(&a->legs[i], &b->legs[i]))
                        return false;
        for (int i = 0; i < VOTERS; i++)
                if (!uuid_equal(&a->voters[i], &b->voters[i]))
                        return false;
        return a->version == b->version && a->epoch == b->epoch && a->primary == b->primary &&
               uuid_equal(&a->primary_boot, &b->primary_boot) && a->maintenance_until_s == b->maintenance_until_s &&
               a->voters_generation == b->voters_generation && uuid_equal(&a->change, &b->change);
}

/* Reasons: docs/ARCHITECTURE.md, "Time-outs". */
struct timers timers_normal(void)
{
        return (struct timers){
            .heartbeat_ms = 200,
            .suspect_ms = 700,
            .dead_ms = 1500,
            .lease_ms = 1800,
            .address_ms = 1000,
            .address_renew_ms = 200,
            .leg_timeout_ms = 5000,
            .swap_retry_ms = 300,
            .join_backoff_ms = 1000,
            .join_backoff_max_ms = 60000,
            .effect_timeout_ms = 30000,
            .boot_grace_ms = 3000,
        };
}

/* address_ms stays below lease_ms: an address may stay for a quarter of a second longer than asked (R4e). */
struct timers timers_relaxed(void)
{
        return (struct timers){
            .heartbeat_ms = 500,
            .suspect_ms = 2000,
            .dead_ms = 4500,
            .lease_ms = 5500,
            .address_ms = 3000,
            .address_renew_ms = 500,
            .leg_timeout_ms = 15000,
            .swap_retry_ms = 1000,
            .join_backoff_ms = 3000,
            .join_backoff_max_ms = 180000,
            .effect_timeout_ms = 90000,
            .boot_grace_ms = 9000,
        };
}
