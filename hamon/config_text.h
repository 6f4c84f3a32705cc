/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration as a text that a person wrote: one value or one section of it is changed, and the rest, comments and all, stays as it is.
 *
 * Never understands a value; whoever changes something reads the result with config_parse(). Pure. Any thread. NULL: out of memory.
 */
#ifndef HAMON_CONFIG_TEXT_H
#define HAMON_CONFIG_TEXT_H

#include <stdint.h>

/* The same with "version = N" in [cluster]; malloc'ed. */
char *config_text_with_version(const char *text, uint64_t version);

/* The same with "key = value" in "[section name]", instead of what that key has there; where there is no such section, as it is. malloc'ed. */
char *config_text_with_value(const char *text, const char *section, const char *name, const char *key, uint64_t value);

/* The same with a text as the value; NULL: without that key. malloc'ed. */
char *config_text_with_word(const char *text, const char *section, const char *name, const char *key, const char *value);

/* The same with `value` instead of `old` wherever that key has it in that section. malloc'ed. */
char *config_text_with_changed(const char *text, const char *section, const char *name, const char *key, const char *old, const char *value);

/* The same with "[section name]" called "[section new_name]"; where there is no such section, as it is. malloc'ed. */
char *config_text_with_name(const char *text, const char *section, const char *name, const char *new_name);

/*
 * The same with `body` (lines "key = value\n") as the contents of "[section name]", at its place, or at the end when it is not there yet.
 * `body` NULL: without that section. malloc'ed.
 */
char *config_text_with_section(const char *text, const char *section, const char *name, const char *body);

#endif
