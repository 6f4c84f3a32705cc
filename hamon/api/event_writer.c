/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/event_writer.h"

#include "base/log.h"
#include "hamon/api/event_file.h"
#include "hamon/api/threads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct event_writer {
        struct event_log *log;
        struct event_file file;
        uint64_t written;
        void (*told)(void *userdata, const char *sentence);
        void *userdata;
        bool failing;
        bool runs; /* the thread */
        pthread_t thread;
};

static void tell(struct event_writer *w, int error)
{
        char sentence[SENTENCE_SIZE];
        if (w->failing == (error < 0))
                return;
        w->failing = error < 0;
        if (!w->failing) {
                log_notice("the events are kept again");
                return;
        }
        (void)snprintf(sentence, sizeof sentence, "events cannot be kept in '%.120s': %s; they are lost when hamon ends", w->file.path,
                       strerrordesc_np(-error));
        w->told(w->userdata, sentence);
}

static void *run(void *userdata)
{
        struct event_writer *w = userdata;
        uint64_t retry_ms = EVENT_WRITER_RETRY_MS;
        for (;;) {
                event_log_wait(w->log, w->written, 0);
                bool last = event_log_is_stopping(w->log);
                if (!last)
                        event_log_wait(w->log, UINT64_MAX, EVENT_WRITER_PAUSE_MS); /* for more of them */
                int r = event_log_last(w->log) > w->written ? event_file_append(&w->file, w->log, &w->written) : 0;
                if (last)
                        return NULL;
                tell(w, r);
                if (r == 0) {
                        retry_ms = EVENT_WRITER_RETRY_MS;
                        continue;
                }
                event_log_wait(w->log, UINT64_MAX, retry_ms);
                retry_ms = retry_ms * 2 > EVENT_WRITER_RETRY_MAX_MS ? EVENT_WRITER_RETRY_MAX_MS : retry_ms * 2;
        }
}

int event_writer_open(struct event_log *l, const char *directory, struct event_writer **ret)
{
        struct event_writer *w = calloc(1, sizeof *w);
        if (!w)
                return -ENOMEM;
        w->log = l;
        event_file_load(&w->file, directory, l);
        if (w->file.damaged > 0)
                log_warning("[events-damaged] %u lines of '%s' are damaged and left out, continuing", w->file.damaged, w->file.path);
        w->written = event_log_last(l);
        *ret = w;
        return 0;
}

int event_writer_run(struct event_writer *w, void (*told)(void *userdata, const char *sentence), void *userdata)
{
        w->told = told;
        w->userdata = userdata;
        int r = -api_thread(&w->thread, run, w);
        w->runs = r == 0;
        return r;
}

void event_writer_close(struct event_writer *w)
{
        if (!w)
                return;
        if (w->runs)
                pthread_join(w->thread, NULL);
        event_file_close(&w->file);
        free(w);
}
