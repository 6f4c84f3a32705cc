/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/driver/writer.h"

#include "base/statefile.h"
#include "hamon/driver/acceptor_codec.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { PATH_SIZE = 512 };

/* Generations: `first` is the oldest that is not durable yet, `last` the one whose state is in `state`. 0: nothing to write. */
struct slot {
        uint64_t first, last;
        struct acceptor_state state;
        uint64_t writing_last; /* taken by the thread; 0: none */
        uint64_t retry_ms;     /* CLOCK_MONOTONIC: not before, after a failure; 0: at once */
};

struct writer {
        const struct config *config;
        char directory[CONFIG_PATH_SIZE];
        struct writer_handler handler;
        sd_event_source *source;
        int event_fd;
        pthread_t thread;
        bool thread_runs;

        pthread_mutex_t lock; /* guards what follows */
        pthread_cond_t wake;
        bool stop;
        struct slot slot[MIRRORS_MAX];
        uint64_t handed; /* highest generation handed in */
        int error;
        uint8_t error_mirror;
};

static void file_path(const struct config *c, const char *directory, uint8_t mirror, char ret[PATH_SIZE])
{
        (void)snprintf(ret, PATH_SIZE, "%s/acceptor-%s", directory, c->mirror[mirror].label); /* both are bounded: fits */
}

static int write_state(const struct writer *w, uint8_t mirror, const struct acceptor_state *state)
{
        char path[PATH_SIZE], *text = NULL;
        file_path(w->config, w->directory, mirror, path);
        int r = acceptor_encode(state, &text);
        if (r == 0)
                r = statefile_write(path, ACCEPTOR_OWNER, ACCEPTOR_VERSION, text, strlen(text));
        free(text);
        return r;
}

static uint64_t monotonic_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Waits for a slot to write, for failed ones until their retry; -1: stop. Called with the lock held. */
static int next_slot(struct writer *w)
{
        while (!w->stop) {
                uint64_t now = monotonic_ms(), next = UINT64_MAX;
                for (int i = 0; i < MIRRORS_MAX; i++) {
                        if (w->slot[i].first == 0)
                                continue;
                        if (w->slot[i].retry_ms <= now)
                                return i;
                        if (w->slot[i].retry_ms < next)
                                next = w->slot[i].retry_ms;
                }
                if (next == UINT64_MAX) {
                        pthread_cond_wait(&w->wake, &w->lock);
                } else {
                        struct timespec until = {.tv_sec = (time_t)(next / 1000), .tv_nsec = (long)(next % 1000) * 1000000};
                        (void)pthread_cond_timedwait(&w->wake, &w->lock, &until); /* looks again in any case */
                }
        }
        return -1;
}

static void *writer_thread(void *userdata)
{
        struct writer *w = userdata;
        pthread_mutex_lock(&w->lock);
        for (;;) {
                int i = next_slot(w);
                if (i < 0)
                        break;
                struct slot *s = &w->slot[i];
                struct acceptor_state state = s->state;
                s->writing_last = s->last;
                pthread_mutex_unlock(&w->lock);
                int r = write_state(w, (uint8_t)i, &state);
                pthread_mutex_lock(&w->lock);
                s->retry_ms = r < 0 ? monotonic_ms() + WRITER_RETRY_MS : 0;
                if (r == 0)
                        s->first = s->last == s->writing_last ? 0 : s->writing_last + 1; /* or any up to `last`: all later */
                s->writing_last = 0;
                w->error = r;
                w->error_mirror = (uint8_t)i;
                const uint64_t one = 1;
                (void)!write(w->event_fd, &one, sizeof one); /* fails only when a wake-up is pending anyway */
        }
        pthread_mutex_unlock(&w->lock);
        return NULL;
}

static int on_done(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        (void)source, (void)revents;
        struct writer *w = userdata;
        uint64_t n;
        (void)!read(fd, &n, sizeof n); /* only clears the wake-up */
        pthread_mutex_lock(&w->lock);
        uint64_t durable = w->handed;
        for (int i = 0; i < MIRRORS_MAX; i++)
                if (w->slot[i].first != 0 && w->slot[i].first <= durable)
                        durable = w->slot[i].first - 1;
        int error = w->error;
        uint8_t mirror = w->error_mirror;
        pthread_mutex_unlock(&w->lock);
        w->handler.done(w->handler.userdata, durable, error, mirror);
        return 0;
}

int writer_new(sd_event *loop, const struct config *config, const char *directory, const struct writer_handler *handler,
               struct writer **ret)
{
        struct writer *w = calloc(1, sizeof *w);
        if (!w)
                return -ENOMEM;
        w->config = config;
        w->handler = *handler;
        (void)snprintf(w->directory, sizeof w->directory, "%s", directory);
        pthread_mutex_init(&w->lock, NULL);
        pthread_condattr_t attributes;
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&w->wake, &attributes);
        pthread_condattr_destroy(&attributes);
        w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        int r = w->event_fd < 0 ? -errno : 0;
        if (r == 0)
                r = sd_event_add_io(loop, &w->source, w->event_fd, EPOLLIN, on_done, w);
        if (r >= 0)
                r = sd_event_source_set_priority(w->source, SD_EVENT_PRIORITY_IMPORTANT);
        if (r >= 0) {
                sigset_t all, old;
                sigfillset(&all);
                pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are the loop's */
                r = -pthread_create(&w->thread, NULL, writer_thread, w);
                pthread_sigmask(SIG_SETMASK, &old, NULL);
                w->thread_runs = r == 0;
        }
        if (r < 0) {
                writer_free(w);
                return r;
        }
        *ret = w;
        return 0;
}

void writer_free(struct writer *w)
{
        if (!w)
                return;
        if (w->thread_runs) {
                pthread_mutex_lock(&w->lock);
                w->stop = true;
                pthread_cond_signal(&w->wake);
                pthread_mutex_unlock(&w->lock);
                pthread_join(w->thread, NULL);
        }
        sd_event_source_unref(w->source);
        if (w->event_fd >= 0)
                close(w->event_fd);
        pthread_cond_destroy(&w->wake);
        pthread_mutex_destroy(&w->lock);
        free(w);
}

void writer_put(struct writer *w, uint8_t mirror, uint64_t generation, const struct acceptor_state *state)
{
        pthread_mutex_lock(&w->lock);
        struct slot *s = &w->slot[mirror];
        if (s->first == 0)
                s->first = generation;
        s->last = generation;
        s->state = *state;
        w->handed = generation;
        pthread_cond_signal(&w->wake);
        pthread_mutex_unlock(&w->lock);
}

int writer_read(const struct config *config, const char *directory, uint8_t mirror, struct acceptor_state *ret, bool *ret_known,
                char *ret_why, size_t why_bytes)
{
        char path[PATH_SIZE], *text = NULL;
        size_t size_bytes;
        unsigned version;
        file_path(config, directory, mirror, path);
        int r = statefile_read(path, ACCEPTOR_OWNER, ACCEPTOR_VERSION, &version, &text, &size_bytes);
        if (r == -ENOENT) {
                *ret_known = false;
                return 0;
        }
        if (r == 0) {
                r = acceptor_decode(text, size_bytes, ret);
                if (r == -EPROTO)
                        r = -EBADMSG;
        }
        free(text);
        if (r < 0)
                statefile_explain(path, r, ret_why, why_bytes);
        else
                *ret_known = true;
        return r;
}
