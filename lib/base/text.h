/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What people type: typographic characters pasted from a web page or a word processor, and misspelt words.
 * Pure; nothing is allocated. Any thread.
 */
#ifndef NBDD_BASE_TEXT_H
#define NBDD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Looks for typographic characters (dashes, multiplication sign, curly quotes, no-break spaces) in one command-line word. Returns true
 * and the ASCII spelling in `ret_ascii` (cut to `size`) when there is one: a dash in front of a word of two or more characters becomes
 * "--", any other "-".
 */
bool text_is_typographic(const char *text, char *ret_ascii, unsigned size);

/* The known word nearest to `word` (edit distance at most 2, at most 1 for words up to 3 characters), or NULL. `known` ends with NULL. */
const char *text_nearest(const char *word, const char *const *known);

/* Bytes of the UTF-8 character at `text`, of which `left` (at least 1) are there; 0 when it is a control character or not UTF-8. */
size_t text_character(const char *text, size_t left);

/*
 * Copies `text` for use inside a one-line message: control characters and what is not UTF-8 become '?', what is longer than `size` ends in "...".
 * Returns ret.
 */
const char *text_printable(const char *text, char *ret, size_t size);

#endif
