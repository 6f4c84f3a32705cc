/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the answers of several machines to one question differ: one line for each value that is not the same on all of them, with what each machine
 * says. For people. Pure. Any thread.
 */
#ifndef HAMON_API_DIFFERENCES_H
#define HAMON_API_DIFFERENCES_H

#include <jansson.h>

enum { DIFFERENCES_MAX = 32 }; /* lines; more of them are two configurations that have nothing in common */

/*
 * `said`: {MACHINE: answer}. Returns [{"what": "mirror data: devices node-b", "said": {MACHINE: text or null}}]; null: there is nothing of that name in its
 * answer. Members of an array are told apart by their "name"; an array without names is one value. `whole` names the value when the answers are no objects.
 * NULL: out of memory.
 */
json_t *differences(const json_t *said, const char *whole);

#endif
