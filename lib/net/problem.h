/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors of the HTTP APIs: RFC 9457 problem details, the one place that knows their members. Pure. Any thread.
 *
 *     {"type": "urn:nbdd:problem:CODE", "title": ..., "status": 409, "code": "CODE", "detail": ..., "next": ...}
 */
#ifndef NBDD_NET_PROBLEM_H
#define NBDD_NET_PROBLEM_H

#include <jansson.h>

#define PROBLEM_CONTENT_TYPE "application/problem+json"

/*
 * `code`: the reason's word ("export-busy"), stable, for programs. `title`: what kind of problem, the same each time. `detail`: this case,
 * with the subject quoted. `next`: what a person does about it. `detail` and `next` may be NULL (left out); text that is not UTF-8 has its
 * bytes replaced by '?'. NULL when out of memory. The caller owns it.
 */
json_t *problem_new(unsigned status, const char *code, const char *title, const char *detail, const char *next);

/* The sentence for a person in a problem that a server answered: detail, else title, else NULL. Belongs to `problem`, which may be NULL. */
const char *problem_text(const json_t *problem);

/* Its code, or "". */
const char *problem_code(const json_t *problem);

#endif
