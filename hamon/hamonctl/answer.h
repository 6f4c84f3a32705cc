/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Members of an answer of the API, where one that is missing is nothing. Pure. */
#ifndef HAMON_HAMONCTL_ANSWER_H
#define HAMON_HAMONCTL_ANSWER_H

#include <jansson.h>
#include <stdint.h>

const char *answer_text(const json_t *object, const char *key);  /* "" */
int64_t answer_integer(const json_t *object, const char *key);   /* 0 */
uint64_t answer_number(const json_t *object, const char *key);   /* of those that JSON has as text, because they may be larger than 2^53; 0 */
double answer_gib(uint64_t bytes);

#endif
