/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/inviter.h"

#include "hamon/api/config_keep.h"
#include "hamon/api/sentence.h"
#include "hamon/api/threads.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TURN_MS = 250, REAP_NS = 20000000 };

struct inviter {
        const struct api *api;
        pthread_t thread;
        struct join_host host; /* the thread's while it runs */
        uint64_t until_ms;     /* CLOCK_MONOTONIC; likewise */
        atomic_bool stop;

        pthread_mutex_t turn; /* held by who opens or closes */
        bool started;         /* there is a thread to be joined */

        pthread_mutex_t lock; /* guards what follows */
        bool open;
        char where[JOIN_WHERE_SIZE];
        unsigned count;
        struct {
                char name[CONFIG_NAME_SIZE];
                bool waits;
        } guest[VOTERS];
        uint64_t shown_until_ms;
};

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int inviter_new(const struct api *a, struct inviter **ret)
{
        struct inviter *i = calloc(1, sizeof *i);
        if (!i)
                return -ENOMEM;
        i->api = a;
        i->host.fd = -1;
        pthread_mutex_init(&i->turn, NULL);
        pthread_mutex_init(&i->lock, NULL);
        *ret = i;
        return 0;
}

static void show(struct inviter *i, bool open)
{
        pthread_mutex_lock(&i->lock);
        i->open = open;
        i->count = i->host.count;
        i->shown_until_ms = i->until_ms;
        (void)strcpy(i->where, i->host.where);
        for (unsigned g = 0; g < i->host.count; g++) {
                (void)strcpy(i->guest[g].name, i->host.guest[g].name);
                i->guest[g].waits = join_host_waits_for(&i->host, g);
        }
        pthread_mutex_unlock(&i->lock);
}

static void say(const struct api *a, enum severity severity, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(const struct api *a, enum severity severity, const char *format, ...)
{
        char sentence[SENTENCE_SIZE];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(sentence, sizeof sentence, format, args); /* names are short; an error's text may be cut */
        va_end(args);
        (void)api_event(a, "invite", severity, sentence);
}

static void tell(void *userdata, enum join_told what, const char *name, const char *why)
{
        struct inviter *i = userdata;
        switch (what) {
        case JOIN_TOLD_JOINED:
                say(i->api, SEVERITY_INFO, "%s has the cluster's files, by its join line", name);
                break;
        case JOIN_TOLD_UNCONFIRMED:
                say(i->api, SEVERITY_WARNING, "%s got the cluster's files and did not confirm; if it is no member: ask for another line", name);
                break;
        case JOIN_TOLD_FAILED:
                say(i->api, SEVERITY_WARNING, "%s did not get the cluster's files: %s", name, why);
                break;
        case JOIN_TOLD_REFUSED:
                say(i->api, SEVERITY_WARNING, "somebody without a valid join line was refused: %s", why);
                break;
        }
}

static void *run(void *userdata)
{
        struct inviter *i = userdata;
        bool calm = true;
        while (calm && !atomic_load(&i->stop) && join_host_left(&i->host) > 0 && now_ms() < i->until_ms) {
                calm = join_host_serve(&i->host, TURN_MS, tell, i);
                show(i, true);
        }
        for (unsigned g = 0; g < i->host.count; g++)
                if (join_host_waits_for(&i->host, g))
                        say(i->api, SEVERITY_WARNING, "the join line of %s was not used and is no longer good%s", i->host.guest[g].name,
                            calm ? "" : ": too many connected who had none");
        show(i, false);
        join_host_close(&i->host);
        return NULL;
}

/* The thread that has ended by itself, or was told to, is joined; who is being seen to is hung up on. `turn` is held. */
static void reap(struct inviter *i)
{
        struct timespec until;
        int r = i->started ? ETIMEDOUT : 0;
        while (r == ETIMEDOUT) {
                join_host_interrupt(&i->host); /* again and again: he may only just have come */
                (void)clock_gettime(CLOCK_REALTIME, &until);
                until.tv_nsec += REAP_NS;
                until.tv_sec += until.tv_nsec / 1000000000;
                until.tv_nsec %= 1000000000;
                r = pthread_timedjoin_np(i->thread, NULL, &until);
        }
        i->started = false;
}

static bool is_open(struct inviter *i)
{
        pthread_mutex_lock(&i->lock);
        bool open = i->open;
        pthread_mutex_unlock(&i->lock);
        return open;
}

static void ignore(void *userdata, const char *message)
{
        (void)userdata, (void)message; /* join_files_check() says that it is not valid */
}

/* The files beside the configuration that runs here. */
static json_t *files_of(const struct inviter *i, char why[JOIN_ERROR_SIZE])
{
        char dir[256];
        struct ini_errors errors = {.report = ignore};
        struct config *config = calloc(1, sizeof *config);
        (void)snprintf(dir, sizeof dir, "%s", config_keep_path(i->api->configs));
        char *slash = strrchr(dir, '/');
        if (slash)
                *slash = '\0';
        json_t *files = config && slash ? join_files_read(dir, why) : NULL;
        if (files && !join_files_check(dir, files, &errors, config, why)) {
                json_decref(files);
                files = NULL;
        }
        if (!config || !slash)
                (void)snprintf(why, JOIN_ERROR_SIZE, config ? "the configuration's path is not absolute" : "no memory");
        free(config);
        return files;
}

static json_t *lines_json(const struct join_host *h, uint32_t for_s)
{
        json_t *list = json_array();
        for (unsigned g = 0; g < h->count; g++) {
                char line[JOIN_LINE_SIZE];
                join_host_line(h, g, line);
                json_array_append_new(list, json_pack("{s:s, s:s}", "name", h->guest[g].name, "command", line));
                explicit_bzero(line, sizeof line);
        }
        return json_pack("{s:s, s:I, s:o}", "where", h->where, "for_s", (json_int_t)for_s, "invitations", list);
}

int inviter_open(struct inviter *i, const char *where, const char *const *names, unsigned count, uint32_t for_s, json_t **ret, char why[JOIN_ERROR_SIZE])
{
        int r = -EALREADY;
        pthread_mutex_lock(&i->turn);
        if (!is_open(i)) {
                reap(i);
                json_t *files = files_of(i, why);
                r = files ? join_host_open(&i->host, i->api->config, i->api->self, where, names, count, files, why) : -EIO;
        }
        if (r == 0) {
                i->until_ms = now_ms() + (uint64_t)for_s * 1000;
                atomic_store(&i->stop, false);
                *ret = lines_json(&i->host, for_s);
                show(i, true);
                r = -api_thread(&i->thread, run, i);
                i->started = r == 0;
                if (r < 0) {
                        (void)snprintf(why, JOIN_ERROR_SIZE, "no thread: %s", strerrordesc_np(-r));
                        show(i, false);
                        join_host_close(&i->host);
                        json_decref(*ret);
                        r = -EAGAIN;
                }
        }
        pthread_mutex_unlock(&i->turn);
        return r;
}

int inviter_close(struct inviter *i)
{
        int left = 0;
        pthread_mutex_lock(&i->turn);
        bool open = is_open(i);
        atomic_store(&i->stop, true);
        reap(i);
        for (unsigned g = 0; g < i->count; g++)
                left += i->guest[g].waits; /* the thread that writes it has ended */
        pthread_mutex_unlock(&i->turn);
        return open ? left : -ENOENT;
}

void inviter_free(struct inviter *i)
{
        if (!i)
                return;
        (void)inviter_close(i);
        pthread_mutex_destroy(&i->turn);
        pthread_mutex_destroy(&i->lock);
        free(i);
}

json_t *inviter_json(struct inviter *i)
{
        json_t *waiting = json_array(), *joined = json_array();
        pthread_mutex_lock(&i->lock);
        uint64_t now = now_ms(), left_ms = i->open && i->shown_until_ms > now ? i->shown_until_ms - now : 0;
        for (unsigned g = 0; g < i->count; g++)
                json_array_append_new(i->guest[g].waits ? waiting : joined, json_string(i->guest[g].name));
        json_t *j = json_pack("{s:b, s:s?, s:I, s:o, s:o}", "open", (int)i->open, "where", i->count ? i->where : NULL, "left_s", (json_int_t)((left_ms + 999) / 1000), "waiting", waiting, "joined", joined);
        pthread_mutex_unlock(&i->lock);
        return j;
}
