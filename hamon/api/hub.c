/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/hub.h"

#include "hamon/api/threads.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
        TICK_MS = 1000,
        STATUS_PAUSE_MS = 250,     /* changes within this time go into one status */
        STATUS_INTERVAL_MS = 10000,
        KEEP_ALIVE_MS = 15000,
        FRAME_EVENTS_MAX = 64,     /* in one piece */
};

/* A status as it is sent, shared by the followers that have not sent all of it. */
struct frame {
        unsigned users; /* guarded by the hub's lock */
        size_t size;
        char text[];
};

struct api_hub {
        struct api *api;
        pthread_t thread;
        bool running; /* the thread */
        int event_fd;
        atomic_bool stopping;

        atomic_uint followers; /* changes under the lock */
        pthread_mutex_t lock;  /* guards what follows */
        struct frame *status;
        uint64_t status_version;

        /* The thread's own. */
        uint64_t status_sent_ms, status_tried_ms;
        char *significant; /* of the last status */
};

struct follower {
        struct api_hub *hub;
        uint64_t last; /* event that was sent last */
        uint64_t status_version, sent_ms;
        struct frame *status;
        size_t status_used;
        char *piece;
        size_t piece_size, piece_used;
};

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void frame_drop_locked(struct frame *f)
{
        if (f && --f->users == 0)
                free(f);
}

/* ---- the status, once for all ---- */

static bool ends_with(const char *text, const char *end)
{
        size_t n = strlen(text), m = strlen(end);
        return n >= m && strcmp(text + n - m, end) == 0;
}

/* Ages and counters move all the time: nobody wants a status for them. */
static void drop_measurements(json_t *j)
{
        static const char *const counters[] = {"sent", "failed_sends", "received", "turns", "counts", "worst_turn_us", "count", "actions_waiting"};
        const char *key;
        void *next;
        json_t *value;
        size_t i;
        json_array_foreach(j, i, value)
                drop_measurements(value);
        json_object_foreach_safe(j, next, key, value)
        {
                bool drop = ends_with(key, "_ms") || ends_with(key, "_ms_ago");
                for (size_t k = 0; k < sizeof counters / sizeof *counters; k++)
                        drop = drop || strcmp(key, counters[k]) == 0;
                if (drop)
                        (void)json_object_del(j, key);
                else
                        drop_measurements(value);
        }
}

static void publish_status(struct api_hub *h, const char *text)
{
        static const char head[] = "event: status\ndata: ", tail[] = "\n\n";
        size_t n = strlen(text);
        struct frame *f = malloc(sizeof *f + sizeof head + sizeof tail + n), *old;
        if (!f)
                return;
        f->users = 1;
        f->size = (size_t)sprintf(f->text, "%s%s%s", head, text, tail);
        pthread_mutex_lock(&h->lock);
        old = h->status;
        h->status = f;
        h->status_version++;
        frame_drop_locked(old);
        pthread_mutex_unlock(&h->lock);
        h->status_sent_ms = now_ms();
}

static void look_at_status(struct api_hub *h, uint64_t now)
{
        const struct snapshot *s = snapshot_get(h->api->snapshots);
        json_t *j = s ? status_json(s, now) : NULL;
        snapshot_release(h->api->snapshots, s);
        char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
        drop_measurements(j);
        char *significant = j ? json_dumps(j, JSON_COMPACT) : NULL;
        json_decref(j);
        h->status_tried_ms = now;
        if (text && significant &&
            (!h->significant || strcmp(significant, h->significant) != 0 || now - h->status_sent_ms >= STATUS_INTERVAL_MS)) {
                publish_status(h, text);
                free(h->significant);
                h->significant = significant;
                significant = NULL;
        }
        free(significant);
        free(text);
}

static void *hub_thread(void *userdata)
{
        struct api_hub *h = userdata;
        while (!atomic_load(&h->stopping)) {
                struct pollfd p = {.fd = h->event_fd, .events = POLLIN};
                uint64_t n, now = now_ms();
                uint64_t rest = now - h->status_tried_ms;
                (void)poll(&p, 1, hub_followers(h) > 0 ? TICK_MS : -1);
                (void)!read(h->event_fd, &n, sizeof n); /* only clears the wake-up */
                if (rest < STATUS_PAUSE_MS) {
                        const struct timespec pause = {.tv_nsec = (long)(STATUS_PAUSE_MS - rest) * 1000000};
                        (void)nanosleep(&pause, NULL);
                }
                if (hub_followers(h) > 0)
                        look_at_status(h, now_ms());
                api_wake(h->api);
        }
        return NULL;
}

/* ---- one follower ---- */

static void put_events(struct follower *f, FILE *to)
{
        struct event_log *l = f->hub->api->events;
        struct event_entry e;
        char log[EVENT_LOG_NAME_SIZE];
        event_log_name(l, log);
        for (unsigned i = 0; i < FRAME_EVENTS_MAX && event_log_next(l, f->last, &e); i++) {
                json_t *j = event_json(&e);
                char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
                json_decref(j);
                if (!text)
                        return;
                if (e.id > f->last + 1)
                        fputs("event: lost\ndata: {\"lost\": true}\n\n", to);
                fprintf(to, "id: %s:%" PRIu64 "\nevent: event\ndata: %s\n\n", log, e.id, text);
                free(text);
                f->last = e.id;
        }
}

/* The next piece to send: events first, then a status. False: nothing. */
static bool next_piece(struct follower *f)
{
        size_t size = 0;
        char *text = NULL;
        FILE *to = open_memstream(&text, &size);
        if (!to)
                return false;
        put_events(f, to);
        if (fclose(to) != 0)
                size = 0;
        if (size > 0) {
                f->piece = text;
                f->piece_size = size;
                f->piece_used = 0;
                return true;
        }
        free(text);
        pthread_mutex_lock(&f->hub->lock);
        if (f->hub->status && f->status_version != f->hub->status_version) {
                f->status = f->hub->status;
                f->status->users++;
                f->status_used = 0;
                f->status_version = f->hub->status_version;
        }
        pthread_mutex_unlock(&f->hub->lock);
        return f->status != NULL;
}

static size_t give(const char *from, size_t left, char *to, size_t size)
{
        size_t n = left < size ? left : size;
        memcpy(to, from, n);
        return n;
}

static ssize_t follower_read(void *userdata, char *to, size_t size)
{
        struct follower *f = userdata;
        uint64_t now = now_ms();
        if (!f->piece && !f->status && !next_piece(f)) {
                static const char keep_alive[] = ": keep-alive\n\n";
                if (now - f->sent_ms < KEEP_ALIVE_MS || size < sizeof keep_alive)
                        return 0;
                f->sent_ms = now;
                return (ssize_t)give(keep_alive, sizeof keep_alive - 1, to, size);
        }
        f->sent_ms = now;
        size_t n;
        if (f->piece) {
                n = give(f->piece + f->piece_used, f->piece_size - f->piece_used, to, size);
                f->piece_used += n;
                if (f->piece_used == f->piece_size) {
                        free(f->piece);
                        f->piece = NULL;
                }
                return (ssize_t)n;
        }
        n = give(f->status->text + f->status_used, f->status->size - f->status_used, to, size);
        f->status_used += n;
        if (f->status_used == f->status->size) {
                pthread_mutex_lock(&f->hub->lock);
                frame_drop_locked(f->status);
                pthread_mutex_unlock(&f->hub->lock);
                f->status = NULL;
        }
        return (ssize_t)n;
}

static void follower_free(void *userdata)
{
        struct follower *f = userdata;
        pthread_mutex_lock(&f->hub->lock);
        f->hub->followers--;
        frame_drop_locked(f->status);
        pthread_mutex_unlock(&f->hub->lock);
        free(f->piece);
        free(f);
}

unsigned hub_followers(struct api_hub *h)
{
        return atomic_load(&h->followers);
}

int hub_follow(struct api_hub *h, uint64_t since, struct http_response *resp)
{
        struct follower *f = calloc(1, sizeof *f);
        if (!f)
                return -ENOMEM;
        uint64_t last = event_log_last(h->api->events);
        *f = (struct follower){.hub = h, .last = since > last ? (since == UINT64_MAX ? last : 0) : since, .sent_ms = now_ms()};
        pthread_mutex_lock(&h->lock);
        bool full = h->followers == FOLLOWERS_MAX;
        if (!full)
                h->followers++;
        pthread_mutex_unlock(&h->lock);
        if (full) {
                free(f);
                return -EBUSY;
        }
        resp->stream = follower_read;
        resp->stream_release = follower_free;
        resp->stream_userdata = f;
        resp->content_type = "text/event-stream";
        hub_notify(h); /* a first status */
        return 0;
}

/* ---- beginning and end ---- */

static void wake(struct api_hub *h)
{
        const uint64_t one = 1;
        (void)!write(h->event_fd, &one, sizeof one); /* fails only when a wake-up is pending anyway */
}

void hub_notify(struct api_hub *h)
{
        if (h && hub_followers(h) > 0)
                wake(h);
}

int hub_new(struct api *api, struct api_hub **ret)
{
        struct api_hub *h = calloc(1, sizeof *h);
        if (!h)
                return -ENOMEM;
        h->api = api;
        h->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        int r = h->event_fd < 0 ? -errno : 0;
        pthread_mutex_init(&h->lock, NULL);
        if (r < 0) {
                pthread_mutex_destroy(&h->lock);
                free(h);
                return r;
        }
        *ret = h;
        return 0;
}

int hub_run(struct api_hub *h)
{
        int r = -api_thread(&h->thread, hub_thread, h);
        h->running = r == 0;
        return r;
}

void hub_stop(struct api_hub *h)
{
        if (!h || !h->running)
                return;
        atomic_store(&h->stopping, true);
        wake(h);
        pthread_join(h->thread, NULL);
}

void hub_free(struct api_hub *h)
{
        if (!h)
                return;
        assert(h->followers == 0);
        frame_drop_locked(h->status);
        free(h->significant);
        close(h->event_fd);
        pthread_mutex_destroy(&h->lock);
        free(h);
}
