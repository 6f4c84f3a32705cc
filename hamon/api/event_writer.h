/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread that makes the events durable. Why a thread: the disk of /var/lib/hamon may be slow, full or gone, and neither the loop nor a
 * reader ever waits for it. It has no queue of its own: the log's ring is the bound, and what was overwritten there before it could be
 * written is missing in the file.
 *
 * Events of EVENT_WRITER_PAUSE_MS are written together: a take-over's dozen costs one sync. A failure is told once, as the event
 * "events-not-durable", and tried again after EVENT_WRITER_RETRY_MS, doubling to EVENT_WRITER_RETRY_MAX_MS; hamon goes on.
 */
#ifndef HAMON_API_EVENT_WRITER_H
#define HAMON_API_EVENT_WRITER_H

#include "hamon/api/event_log.h"

enum { EVENT_WRITER_PAUSE_MS = 200, EVENT_WRITER_RETRY_MS = 1000, EVENT_WRITER_RETRY_MAX_MS = 60000 };

struct event_writer;

/* Reads the former events of `directory` into `l`, which must be empty and outlive the writer. 0 or -ENOMEM. */
int event_writer_open(struct event_log *l, const char *directory, struct event_writer **ret);

/* Starts the thread. In it `told(userdata, sentence)` is called when events can no longer be made durable. 0, or the error of the thread. */
int event_writer_run(struct event_writer *w, void (*told)(void *userdata, const char *sentence), void *userdata);

/* After event_log_stop(): tries once more, ends the thread. NULL is accepted, and one that never ran. */
void event_writer_close(struct event_writer *w);

#endif
