/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private to /status: status_page.c has the frame, status_verdict.c the three answers (status_seen.c, status_todo.c), status_tables.c all that follows, from a status_json(), status_cluster.c what the other
 * machines say, status_takeover.c the last take-over; status_exports.c asks nbdd, on a page
 * of its own, for that may wait. Any HTTP thread.
 */
#ifndef HAMON_API_STATUS_HTML_H
#define HAMON_API_STATUS_HTML_H

#include "hamon/api/call.h"

#include <stdbool.h>
#include <stdio.h>

#define HTML_TABLE_END "</table></section>\n"

/* Up to and with <main>; the page asks again by itself. */
void html_page_begin(FILE *to, const struct config *config, uint8_t self, uint64_t age_ms);
void html_put(FILE *to, const char *text); /* escaped; NULL is nothing */
void html_cell(FILE *to, const char *text);
void html_time(FILE *to, int64_t wall_ms); /* UTC, with milliseconds */
void html_head(FILE *to, const char *title, const char *heads); /* of a section with one table */
const char *html_text(const json_t *o, const char *key);        /* "" when there is none */
bool html_is(const json_t *o, const char *key);

/* status_verdict.c; `cluster`: a cluster_json() */
void put_verdict(FILE *to, const struct api_call *c, unsigned m, const json_t *status, const json_t *cluster, const json_t *mirror);

bool html_is_open(const json_t *status, const json_t *mirror); /* nobody serves, and the silent other node may have gone on since this one's leg was whole */

void put_machines(FILE *to, const json_t *status);
void put_resyncs(FILE *to, const json_t *status, struct event_log *log);
void put_comparisons(FILE *to, const json_t *status);
void put_problems(FILE *to, const json_t *status, const json_t *cluster);
void put_events(FILE *to, struct event_log *log);
void put_links(FILE *to, const struct api *a, const json_t *status);
void put_services(FILE *to, const struct api_call *c, const json_t *status);
void put_versions(FILE *to, const struct api_call *c, const json_t *status);

/* status_cluster.c; `cluster`: a cluster_json(). Nothing while all say the same. */
void put_disagreements(FILE *to, const json_t *cluster);
void put_views(FILE *to, const json_t *cluster);
void put_other_pages(FILE *to, const struct config *config, uint8_t self);

/* status_takeover.c */
void put_takeover(FILE *to, const struct config *config, uint8_t self, struct event_log *log);

#endif
