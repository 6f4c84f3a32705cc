/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/releases/recorded.h"

#include "nbdd/store.h"

static int write_exports(unsigned which, const char *path)
{
        (void)which;
        static struct stored_export two[2] = {
            {.id = 0x12345678, .device = (char *)"/dev/sdb2", .owner = (char *)"", .failed = (char *)"", .noted = (char *)"read error", .started = true, .epoch_seen = 7,
             .settings = {.writers = WRITERS_FENCE, .hidden = true, .description = (char *)"a disk", .aliases = (char *)"one two", .allow = (char *)"10.0.0.0/8, psk=x"}},
            {.id = UINT64_MAX, .kind = EXPORT_LEG, .device = (char *)"/dev/mapper/nbdd-leg-data", .owner = (char *)"hamon", .failed = (char *)"write error: Input/output error",
             .noted = (char *)"", .settings = {.description = (char *)"", .aliases = (char *)"", .allow = (char *)""}, .offset_bytes = 1 << 20, .size_bytes = 1ull << 40,
             .epoch_seen = 12, .leg_uuid = {.bytes = {1, 2, 3}}},
        };
        const struct stored_table t = {.exports = two, .count = 2, .limits = {.value = {1000, 1, 256, 1, 100, 1000}}};
        return store_write_table(path, &t);
}

static int rewrite_exports(unsigned which, const char *from, const char *to)
{
        (void)which;
        struct stored_table t;
        char reason[256];
        int r = store_read_table(from, &t, reason, sizeof reason);
        if (r < 0)
                return r;
        r = store_write_table(to, &t);
        stored_table_release(&t);
        return r;
}

static int write_grants(unsigned which, const char *path)
{
        (void)which;
        static struct stored_grant two[2] = {
            {.id = 0xd1, .epoch = 3, .session = {{0x5e, 2}}, .boot_id = {{0xb0, 1}}, .attachment = "nbdc-1"},
            {.id = 0xd2, .epoch = 4, .session = {{0x5e, 3}}, .boot_id = {{0xb0, 1}}, .attachment = "nbdc-2", .trim = true},
        };
        const struct stored_grants g = {.grants = two, .count = 2};
        return store_write_grants(path, &g);
}

static int rewrite_grants(unsigned which, const char *from, const char *to)
{
        (void)which;
        struct stored_grants g;
        char reason[256];
        int r = store_read_grants(from, &g, reason, sizeof reason);
        if (r < 0)
                return r;
        r = store_write_grants(to, &g);
        stored_grants_release(&g);
        return r;
}

const struct recorded recorded_nbdd[] = {
    {"nbdd-exports", 0, write_exports, rewrite_exports},
    {"nbdd-grants", 0, write_grants, rewrite_grants},
    {0},
};
