/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pre-shared keys: the text that `psktool` writes, one "identity:hexkey" a line ("#hex:hexkey" for an identity that is not plain text).
 *
 * Bytes in, a table out; no file, no log. The table holds secrets: psk_release() wipes it. Any thread; a table that is not changed may be
 * read by many.
 */
#ifndef NBDD_NET_PSK_H
#define NBDD_NET_PSK_H

#include <stddef.h>
#include <stdint.h>

#define PSK_IDENTITY_SIZE 128u    /* with its NUL; RFC 8446 allows more, people and allow lists do not */
#define PSK_KEY_BYTES_MIN 16u     /* 128 bits: a shorter one can be searched for */
#define PSK_KEY_BYTES_MAX 64u
#define PSK_ENTRIES_MAX 4096u
#define PSK_TEXT_BYTES_MAX (1u << 20)

struct psk {
        char identity[PSK_IDENTITY_SIZE]; /* printable, never empty */
        uint8_t key[PSK_KEY_BYTES_MAX];
        size_t key_bytes;
};

struct psk_table {
        struct psk *list;
        size_t count;
};

/* 0; -EINVAL with "line N: what is wrong"; -E2BIG; -ENOMEM. An empty table is -EINVAL. `ret` is set only on success. */
int psk_parse(const char *text, size_t bytes, struct psk_table *ret, char *reason, size_t reason_size);
void psk_release(struct psk_table *t);

/* NULL: not there. The identity is a slice. */
const struct psk *psk_find(const struct psk_table *t, const void *identity, size_t bytes);

#endif
