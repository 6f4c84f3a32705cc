/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many connections each address has: a hash table of counts. No lock of its own: the engine's guards it. */
#ifndef NBDD_ADDRESS_TABLE_H
#define NBDD_ADDRESS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

struct address_table;
struct net_address;

struct address_table *address_table_new(void); /* NULL: no memory */
void address_table_free(struct address_table *t); /* NULL is allowed */

/* One more of `a`; false, and nothing is counted: it has `most` already, or there is no memory. */
bool address_table_add(struct address_table *t, const struct net_address *a, uint32_t most);
void address_table_remove(struct address_table *t, const struct net_address *a);

#endif
