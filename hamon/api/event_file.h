/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file that keeps the events over restarts of hamon: one line for each, in the order of their numbers.
 *
 *     CHECKSUM SP JSON LF      checksum: the first 16 hex digits of the SHA-256 of the JSON; JSON: see event_file.c
 *
 * A line that is torn, damaged or of another version is left out by the reader and hides no other. At most EVENT_FILE_LINES_MAX lines; then the file
 * is replaced as a whole by the events that the log still has. No event is ever worth more than hamon: every failure leaves the file as it
 * was before that call, or with lines that the next one replaces, and nobody waits for it but the caller.
 *
 * Blocks on the disk: the writer's thread (event_writer.h), and the program's start before there is a loop. One user of a path at a time.
 */
#ifndef HAMON_API_EVENT_FILE_H
#define HAMON_API_EVENT_FILE_H

#include "hamon/api/event_log.h"

enum { EVENT_FILE_LINES_MAX = EVENT_LOG_SIZE + 250 }; /* all of them are read at each start, which must not take long */

struct event_file {
        char path[CONFIG_PATH_SIZE];
        int fd;             /* -1: not open */
        unsigned lines;
        long long size;     /* bytes of whole lines that are durable */
        bool unsure;        /* what is on the disk is not known: replace it as a whole */
        unsigned damaged;   /* lines that were left out at the start */
};

/* Reads what is there into the log. Never fails: without a usable file there are no former events, and `unsure` may be set. */
void event_file_load(struct event_file *f, const char *directory, struct event_log *l);
void event_file_close(struct event_file *f);

/* Makes the log's events above `*written` durable and sets it to the last one that is. 0, or -errno: try again later. */
int event_file_append(struct event_file *f, struct event_log *l, uint64_t *written);

/* One line, without its LF, malloc'ed; NULL: no memory, or it cannot be written as JSON. */
char *event_line_encode(const struct event_entry *e);

/* False: not a line of this version, or damaged. `line` has `size` bytes. */
bool event_line_decode(const char *line, size_t size, struct event_entry *ret);

#endif
