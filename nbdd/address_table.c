/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections by address. See address_table.h. Chains: the number of entries is bounded by maxconnect. */
#include "nbdd/address_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "nbdd/allow.h"

#define BUCKETS 1024u

struct entry {
        struct entry *next;
        struct net_address address;
        uint32_t count;
};

struct address_table {
        struct entry *buckets[BUCKETS];
};

struct address_table *address_table_new(void)
{
        return calloc(1, sizeof(struct address_table));
}

void address_table_free(struct address_table *t)
{
        for (unsigned i = 0; t && i < BUCKETS; i++) {
                while (t->buckets[i]) {
                        struct entry *next = t->buckets[i]->next;
                        free(t->buckets[i]);
                        t->buckets[i] = next;
                }
        }
        free(t);
}

/* Where the entry is, or where it would be linked. FNV-1a: a client that picks its address gains a longer walk over its own connections. */
static struct entry **find(struct address_table *t, const struct net_address *a)
{
        uint32_t hash = 2166136261u;
        for (size_t i = 0; i < sizeof a->bytes; i++)
                hash = (hash ^ a->bytes[i]) * 16777619u;
        struct entry **at = &t->buckets[hash % BUCKETS];
        while (*at && memcmp(&(*at)->address, a, sizeof *a) != 0)
                at = &(*at)->next;
        return at;
}

bool address_table_add(struct address_table *t, const struct net_address *a, uint32_t most)
{
        struct entry **at = find(t, a);

        if (!*at) {
                *at = calloc(1, sizeof **at);
                if (!*at)
                        return false;
                (*at)->address = *a;
        }
        if ((*at)->count >= most)
                return false;
        (*at)->count++;
        return true;
}

void address_table_remove(struct address_table *t, const struct net_address *a)
{
        struct entry **at = find(t, a), *gone = *at;

        assert(gone && gone->count);
        if (--gone->count == 0) {
                *at = gone->next;
                free(gone);
        }
}
