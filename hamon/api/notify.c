/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/notify.h"

#include "base/log.h"
#include "base/statefile.h"
#include "hamon/api/call.h"
#include "hamon/api/json_take.h"
#include "hamon/api/notify_send.h"
#include "hamon/api/threads.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CURSOR_OWNER "hamon-notify"
#define OWN_FAILURE "notices by %s fail and wait: "
enum { CHANNELS = 2, CURSOR_VERSION = 1, ERROR_SIZE = 256 };

typedef int notify_send(const struct notify_sender *s, const struct notice *n, char *error, size_t error_size);

struct channel {
        struct notifier *notifier;
        const char *name;
        notify_send *send;
        pthread_t thread;
        bool runs;

        /* The thread's own. */
        uint64_t seen, kept; /* events that were looked at; up to where all is told, as it is on the disk */
        char cursor_path[CONFIG_PATH_SIZE];
        bool alarmed; /* its event was */

        pthread_mutex_t lock; /* guards what follows */
        struct notify_queue queue;
        unsigned failures;      /* in a row */
        char error[ERROR_SIZE]; /* of the last attempt; "": it worked */
        uint64_t test, tested;  /* number of the event of the last test that was seen, and of the last that is over */
        char test_error[ERROR_SIZE];
};

struct notifier {
        const struct api *api;
        atomic_bool stopping;
        struct notify_sender sender;
        unsigned channels;
        struct channel channel[CHANNELS];
};

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int64_t wall_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_REALTIME, &t); /* cannot fail for this clock */
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- where it was ---- */

/* Without one: only what comes from now on. */
static void read_cursor(struct channel *c, struct event_log *l)
{
        unsigned version;
        char *text = NULL;
        size_t size;
        uint64_t number = 0;
        c->seen = event_log_last(l);
        int r = statefile_read(c->cursor_path, CURSOR_OWNER, CURSOR_VERSION, &version, &text, &size);
        char *colon = r == 0 ? strchr(text, ':') : NULL;
        if (colon && parse_u64(colon + 1, &number)) {
                *colon = '\0';
                if (event_log_resume(l, text, &number) && number < c->seen)
                        c->seen = number;
        }
        free(text);
        c->kept = c->seen;
}

static void keep_cursor(struct channel *c, struct event_log *l, uint64_t settled)
{
        char text[EVENT_LOG_NAME_SIZE + 24], name[EVENT_LOG_NAME_SIZE];
        if (settled == c->kept)
                return;
        event_log_name(l, name);
        int n = snprintf(text, sizeof text, "%s:%" PRIu64, name, settled); /* fits */
        /* A disk that fails costs a notice told twice; the events' own writer raises the alarm. */
        if (statefile_write(c->cursor_path, CURSOR_OWNER, CURSOR_VERSION, text, (size_t)n) == 0)
                c->kept = settled;
}

/* ---- one channel ---- */

/* Tries one; takes no lock while it waits. */
static int tell(struct channel *c, const struct notice *n, char error[ERROR_SIZE])
{
        error[0] = '\0';
        int r = c->send(&c->notifier->sender, n, error, ERROR_SIZE);
        if (r < 0)
                log_info("a notice by %s failed: %s", c->name, error);
        return r;
}

static void test(struct channel *c, const struct event_entry *e)
{
        struct notice n = {.event = *e};
        char error[ERROR_SIZE];
        pthread_mutex_lock(&c->lock);
        c->test = e->id;
        pthread_mutex_unlock(&c->lock);
        (void)tell(c, &n, error); /* its outcome is the sentence */
        pthread_mutex_lock(&c->lock);
        c->tested = e->id;
        memcpy(c->test_error, error, sizeof error);
        pthread_mutex_unlock(&c->lock);
}

static bool is_own_failure(const struct channel *c, const struct event_entry *e)
{
        char begin[64];
        (void)snprintf(begin, sizeof begin, OWN_FAILURE, c->name); /* fits */
        return strcmp(e->code, NOTIFY_FAILED) == 0 && strncmp(e->sentence, begin, strlen(begin)) == 0;
}

static void take_events(struct channel *c, struct event_log *l)
{
        struct event_entry e;
        while (!atomic_load(&c->notifier->stopping) && event_log_next(l, c->seen, &e)) {
                c->seen = e.id;
                if (wall_ms() - e.wall_ms > NOTIFY_AGE_MAX_MS || is_own_failure(c, &e))
                        continue;
                if (strcmp(e.code, NOTIFY_TEST) == 0) {
                        test(c, &e);
                        continue;
                }
                pthread_mutex_lock(&c->lock);
                (void)notify_queue_put(&c->queue, &e, now_ms());
                pthread_mutex_unlock(&c->lock);
        }
}

static void note(struct channel *c, int r, const char *error)
{
        char sentence[SENTENCE_SIZE];
        bool alarm = false;
        pthread_mutex_lock(&c->lock);
        memcpy(c->error, error, sizeof c->error);
        if (r == 0) {
                notify_queue_taken(&c->queue);
                c->failures = 0;
                c->alarmed = false;
        } else {
                notify_queue_failed(&c->queue, now_ms());
                alarm = ++c->failures >= NOTIFY_ALARM_TRIES && !c->alarmed;
                c->alarmed = c->alarmed || alarm;
        }
        pthread_mutex_unlock(&c->lock);
        if (!alarm)
                return;
        (void)snprintf(sentence, sizeof sentence, OWN_FAILURE "%s", c->name, error); /* may be cut */
        (void)api_event(c->notifier->api, NOTIFY_FAILED, SEVERITY_WARNING, sentence);
}

static void *run(void *userdata)
{
        struct channel *c = userdata;
        struct event_log *l = c->notifier->api->events;
        while (!atomic_load(&c->notifier->stopping)) {
                struct notice due;
                char error[ERROR_SIZE];
                take_events(c, l);
                pthread_mutex_lock(&c->lock);
                const struct notice *first = notify_queue_due(&c->queue, now_ms());
                uint64_t wait_ms = notify_queue_wait_ms(&c->queue, now_ms()), settled = notify_queue_settled(&c->queue, c->seen);
                if (first)
                        due = *first;
                pthread_mutex_unlock(&c->lock);
                keep_cursor(c, l, settled);
                if (first) {
                        int r = tell(c, &due, error);
                        if (!atomic_load(&c->notifier->stopping)) /* what hamon's end cut short is told by its next start */
                                note(c, r, error);
                } else {
                        event_log_wait(l, c->seen, wait_ms == UINT64_MAX ? 0 : wait_ms + 1);
                }
        }
        return NULL;
}

/* ---- beginning and end ---- */

static int start_channel(struct notifier *n, const char *directory, const char *name, notify_send *send)
{
        struct channel *c = &n->channel[n->channels++];
        const struct config_notify *config = &n->api->config->notify;
        *c = (struct channel){.notifier = n, .name = name, .send = send};
        pthread_mutex_init(&c->lock, NULL);
        notify_queue_init(&c->queue, config->severity, config->repeat_ms);
        (void)snprintf(c->cursor_path, sizeof c->cursor_path, "%s/notified-%s", directory, name); /* one that does not fit is not written */
        read_cursor(c, n->api->events);
        int r = -api_thread(&c->thread, run, c);
        c->runs = r == 0;
        return r;
}

int notifier_start(const struct api *a, const char *state_directory, struct notifier **ret)
{
        const struct config_notify *config = &a->config->notify;
        int r = 0;
        if (!*config->exec && !*config->webhook)
                return 0;
        struct notifier *n = calloc(1, sizeof *n);
        if (!n)
                return -ENOMEM;
        n->api = a;
        n->sender = (struct notify_sender){.config = a->config, .reporter = a->config->voters[a->self].name, .stopping = &n->stopping};
        if (*config->exec)
                r = start_channel(n, state_directory, "exec", notify_exec);
        if (r == 0 && *config->webhook)
                r = start_channel(n, state_directory, "webhook", notify_webhook);
        *ret = n; /* also with an error: notifier_stop() ends what runs */
        return r;
}

void notifier_stop(struct notifier *n)
{
        if (!n)
                return;
        atomic_store(&n->stopping, true);
        for (unsigned i = 0; i < n->channels; i++) {
                if (n->channel[i].runs)
                        pthread_join(n->channel[i].thread, NULL);
                pthread_mutex_destroy(&n->channel[i].lock);
        }
        free(n);
}

/* ---- the API ---- */

static json_t *channel_json(struct channel *c)
{
        const struct config_notify *config = &c->notifier->api->config->notify;
        char target[CONFIG_URL_SIZE];
        if (c->send == notify_exec)
                (void)snprintf(target, sizeof target, "%s", config->exec); /* fits */
        else
                notify_origin(config->webhook, target);
        pthread_mutex_lock(&c->lock);
        json_t *tested = c->test == 0 ? json_null()
                                      : json_pack("{s:o, s:s, s:o}", "event", json_of_u64(c->test), "state",
                                                  c->tested != c->test  ? "running"
                                                  : *c->test_error      ? "failed"
                                                                        : "told",
                                                  "error", c->tested == c->test && *c->test_error ? json_string(c->test_error) : json_null());
        json_t *j = json_pack("{s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o}", "channel", c->name, "target", target, "waiting", (int)c->queue.count, "told",
                              json_of_u64(c->queue.delivered), "dropped", json_of_u64(c->queue.dropped), "held_back", json_of_u64(c->queue.suppressed),
                              "error", *c->error ? json_string(c->error) : json_null(), "test", tested);
        pthread_mutex_unlock(&c->lock);
        return j;
}

int get_notify(struct api_call *c, struct http_response *resp)
{
        struct notifier *n = c->api->notifier;
        json_t *list = json_array();
        for (unsigned i = 0; n && i < n->channels; i++)
                json_array_append_new(list, channel_json(&n->channel[i]));
        return answer_json(resp, json_pack("{s:o}", "channels", list));
}

int post_notify_test(struct api_call *c, struct http_response *resp)
{
        char revision[ETAG_SIZE], sentence[SENTENCE_SIZE];
        if (call_is_early(c, resp))
                return 0;
        call_revision(c, MIRRORS_MAX, revision);
        if (revision_is_stale(c, revision, "send If-Match with the ETag of GET /v1/node", resp))
                return 0;
        if (!c->api->notifier)
                return http_response_problem(resp, 409, "no-notify", "nobody to tell", "the configuration has no [notify] section with exec or webhook",
                                             "write exec = /PROGRAM or webhook = https://HOST/PATH below [notify] in hamon.conf, and restart hamon");
        (void)snprintf(sentence, sizeof sentence, "a test of the notices, asked for by %s", c->who); /* may be cut */
        uint64_t event = api_event(c->api, NOTIFY_TEST, SEVERITY_INFO, sentence);
        resp->status = 202;
        http_response_header(resp, "Location", "/v1/notify");
        return answer_json(resp, json_pack("{s:o}", "event", json_of_u64(event)));
}
