/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Identifiers: 16-byte UUIDs, 64-bit export ids, and the kernel's boot id. Text forms are those that a person sees everywhere.
 * Pure but for uuid_generate() and boot_id_read(). Any thread.
 */
#ifndef NBDD_BASE_ID_H
#define NBDD_BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h" /* text_is_typographic(), for callers that parse words */

struct uuid {
        uint8_t bytes[16];
};

#define UUID_TEXT_SIZE 37      /* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" and NUL */
#define EXPORT_ID_TEXT_SIZE 19 /* "0x" and up to 16 digits and NUL */

bool uuid_is_null(const struct uuid *u);
bool uuid_equal(const struct uuid *a, const struct uuid *b);
int uuid_compare(const struct uuid *a, const struct uuid *b);

/* A random (version 4) UUID from getrandom(2). */
void uuid_generate(struct uuid *ret);

/* Canonical text form, upper or lower case. -EINVAL for anything else. */
int uuid_parse(const char *text, struct uuid *ret);
void uuid_format(const struct uuid *u, char ret_text[UUID_TEXT_SIZE]);

/* The kernel's boot id (/proc/sys/kernel/random/boot_id): a new one at each boot. Negative errno when it cannot be read. */
int boot_id_read(struct uuid *ret);

/*
 * An export id, 1 to 2^64-1, decimal or 0x hex. On error -EINVAL and `reason_buf` (of `reason_size` bytes) says in one line why
 * and what to type instead; typographic characters as pasted from a web page ("0×12") are answered with the ASCII spelling.
 */
int export_id_parse(const char *text, uint64_t *ret_id, char *reason_buf, unsigned reason_size);
void export_id_format(uint64_t id, char ret_text[EXPORT_ID_TEXT_SIZE]);

#endif
