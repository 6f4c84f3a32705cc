/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private to /status: one mirror in the view that knows most (webui/model.js bestView() is the same): of a machine that is heard, the active node's under the highest epoch. The
 * answers of status_verdict.c and status_todo.c stand on it. Borrows everything; any HTTP thread.
 */
#ifndef HAMON_API_STATUS_SEEN_H
#define HAMON_API_STATUS_SEEN_H

#include "hamon/api/status_html.h"

struct seen {
        const struct api_call *c;
        unsigned index;
        const json_t *own, *cluster, *status, *mirror; /* `status` and `mirror` of the view that knows most, `own` this machine's status */
        const char *name, *node, *primary, *code, *severity, *health;
};

void seen_look(struct seen *s, const struct api_call *c, unsigned index, const json_t *status, const json_t *cluster, const json_t *mirror);

bool seen_is_one(const char *word, const char *a, const char *b);

/* The leg of `node`, or the `other` one; the silent node, or the silent witness. NULL: none. */
const json_t *seen_leg(const struct seen *s, const char *node, bool other);
const json_t *seen_silent(const json_t *status, bool witness);

bool seen_is_primary(const struct seen *s);
bool seen_is_running(const struct seen *s);
bool seen_is_waiting(const struct seen *s); /* the other leg is still required, and its connection is away: what is written now waits for it */
unsigned seen_count_in_sync(const struct seen *s);
bool seen_all_in_sync(const struct seen *s);

/* Who is not heard: "node-b", "node-b and the witness". How many; `to` may be NULL. */
unsigned seen_put_silent(FILE *to, const struct seen *s, const char *between);

/* A difference that may hurt later, whatever runs now; NULL when there is none. */
const json_t *seen_quarrel(const struct seen *s);

/* status_todo.c: what to do, as a list of steps. */
void put_what_to_do(FILE *to, const struct seen *s);

#endif
