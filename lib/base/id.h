/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Identifiers: 16-byte UUIDs, 64-bit export ids, and the kernel's boot id. Text forms are those that a person sees everywhere.
 * Pure but for uuid_generate() and boot_id_read(). Any thread.
 */
#ifndef NBDD_BASE_ID_H
#define NBDD_BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

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
 * An export id, 1 to 2^64-1, decimal or 0x hex. On error -EINVAL and *ret_reason (static text or inside `reason_buf`, which has
 * `reason_size` bytes) says why and what to type instead; typographic characters as pasted from a web page ("0×12", "–start", "”")
 * are recognised and answered with the ASCII spelling.
 */
int export_id_parse(const char *text, uint64_t *ret_id, char *reason_buf, unsigned reason_size);
void export_id_format(uint64_t id, char ret_text[EXPORT_ID_TEXT_SIZE]);

/*
 * Looks for typographic characters (en/em dash, multiplication sign, curly quotes, no-break space) in one command-line word. Returns
 * true and the ASCII spelling in `ret_ascii` when there is one.
 */
bool text_is_typographic(const char *text, char *ret_ascii, unsigned size);

#endif
