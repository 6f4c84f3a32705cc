/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON from somewhere else. jansson reads, prints and frees by recursion, up to 2048 levels and several hundred bytes of stack each: more than a
 * thread with a small, locked stack has. Nothing that we speak is nested deeper than a dozen.
 */
#ifndef NBDD_NET_JSON_TEXT_H
#define NBDD_NET_JSON_TEXT_H

#include <jansson.h>

enum { JSON_TEXT_DEPTH_MAX = 32 };

/* As json_loadb(); a text that is nested deeper than JSON_TEXT_DEPTH_MAX is an error as well. `error` may be NULL. Any thread. */
json_t *json_text_load(const char *text, size_t size_bytes, size_t flags, json_error_t *error);

#endif
