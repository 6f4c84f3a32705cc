/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * INI configuration: "[section name]" and "key = value" with line and column kept for every value, so that errors say file:line:column.
 *
 * "#" and ";" at the start of a line or after a blank begin a comment (so no value can hold " #" or " ;"). A key may repeat (a list). All
 * errors of a file are collected and reported in one run. The parser knows a schema: unknown sections and keys get "did you mean". Does
 * not log; messages go to the caller's sink.
 */
#ifndef NBDD_BASE_INI_H
#define NBDD_BASE_INI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h" /* text_nearest(), for callers that check values */

struct ini; /* one parsed file */

struct ini_entry {
        const char *section;      /* "mirror" */
        const char *section_name; /* "data" or "" */
        const char *key;
        const char *value;
        unsigned line, column; /* of the value, from 1 */
};

/* Where errors go: called once for each, message without newline, already "file:line:column: ...". */
struct ini_errors {
        void (*report)(void *userdata, const char *message);
        void *userdata;
        unsigned count;
};

/*
 * Keys that a section may have; the table ends with section == NULL. `named`: "[section NAME]". `repeats`: the key may repeat.
 * A row with key == NULL declares a section that may be empty.
 */
struct ini_schema {
        const char *section;
        const char *key;
        bool named;
        bool repeats;
};

/*
 * Parses text (path is for messages only). NULL schema: anything goes. Returns NULL when out of memory; syntax errors are reported and
 * what could be read is returned, so that the caller can report the errors of its own checks in the same run. A caller that sees
 * errors->count != 0 after them uses nothing of it.
 */
struct ini *ini_parse(const char *path, const char *text, const struct ini_schema *schema, struct ini_errors *errors);

/* Reads and parses a file; a file that cannot be read is one reported error and NULL. */
struct ini *ini_load(const char *path, const struct ini_schema *schema, struct ini_errors *errors);
void ini_free(struct ini *ini);

/* Entries in the order of the file; NULL past the end. */
const struct ini_entry *ini_at(const struct ini *ini, size_t index);

/* The index'th value of a key, or NULL. */
const struct ini_entry *ini_get(const struct ini *ini, const char *section, const char *section_name, const char *key, size_t index);

/* The index'th distinct name of "[section NAME]", or NULL. ini_has_section() for unnamed ones. */
const char *ini_section_name(const struct ini *ini, const char *section, size_t index);
/* Where it was first opened, from 1; 0: nowhere. */
unsigned ini_section_line(const struct ini *ini, const char *section, const char *section_name);
bool ini_has_section(const struct ini *ini, const char *section, const char *section_name);

/* Reports "PATH:LINE:COLUMN: text" for an entry. */
void ini_error(const struct ini *ini, const struct ini_entry *e, struct ini_errors *errors, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Typed values; on a bad one: reported, -EINVAL. Durations: "250ms", "2s", "5m", "1h"; a bare number is an error.
 * Sizes: "4096", "64KiB", "64MiB", "1GiB", "2TiB". Booleans: yes, no, true, false, on, off. */
int ini_bool(const struct ini *ini, const struct ini_entry *e, struct ini_errors *errors, bool *ret);
int ini_u64(const struct ini *ini, const struct ini_entry *e, struct ini_errors *errors, uint64_t min, uint64_t max, uint64_t *ret);
int ini_duration_ms(const struct ini *ini, const struct ini_entry *e, struct ini_errors *errors, uint64_t min, uint64_t max,
                    uint64_t *ret);
/* The same spelling elsewhere, on a command line. -EINVAL. */
int ini_parse_size(const char *text, uint64_t *ret);
int ini_size_bytes(const struct ini *ini, const struct ini_entry *e, struct ini_errors *errors, uint64_t min, uint64_t max,
                   uint64_t *ret);

#endif
