/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Doubly linked lists inside structs, with a head node; append order is kept. No ownership, no locking. */
#ifndef NBDD_LIST_H
#define NBDD_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
        struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
        l->next = l->prev = l;
}

static inline bool list_empty(const struct list *head)
{
        return head->next == head;
}

static inline void list_append(struct list *head, struct list *node)
{
        node->prev = head->prev;
        node->next = head;
        head->prev->next = node;
        head->prev = node;
}

/* The node is then a list of its own: removing it again is harmless. */
static inline void list_remove(struct list *node)
{
        node->prev->next = node->next;
        node->next->prev = node->prev;
        list_init(node);
}

#define list_entry(node, type, member) ((type *)(void *)((char *)(node) - offsetof(type, member)))
#define list_first(head, type, member) (list_empty(head) ? NULL : list_entry((head)->next, type, member))
#define list_each(item, head, type, member)                                                                            \
        for (type *item = list_entry((head)->next, type, member), *item##_next = NULL;                                 \
             &item->member != (head) && (item##_next = list_entry(item->member.next, type, member), true);             \
             item = item##_next)

#endif
