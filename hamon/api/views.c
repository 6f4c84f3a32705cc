/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/views.h"

#include "hamon/api/config_step.h"
#include "hamon/api/forward.h"
#include "hamon/api/hub.h"
#include "hamon/api/threads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct view {
        json_t *status;
        json_t *config; /* of a machine that runs another one than this, as /v1/config has it; NULL: the same, or not known yet */
        char config_hash[CONFIG_HASH_SIZE]; /* of that */
        uint64_t at_ms;
        char error[256];
        uint64_t rtt_us[CONFIG_LINKS_MAX];
        unsigned next_link; /* each is measured in turn */
};

struct api_views {
        struct api *api;
        pthread_t thread;
        pthread_mutex_t lock; /* guards what follows */
        pthread_cond_t stop;
        bool stopping;
        uint64_t watched_ms; /* when a person looked last */
        struct view view[VOTERS];
};

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* One that differs is asked for once, so that it can be said where. */
static void ask_config(struct api_views *v, uint8_t voter, unsigned link)
{
        struct view *view = &v->view[voter];
        const char *hash = json_string_value(json_object_get(json_object_get(view->status, "node"), "config_hash")); /* only this thread writes it */
        bool same = !hash || strcmp(hash, v->api->config_hash) == 0;
        if (!same && view->config && strcmp(hash, view->config_hash) == 0)
                return;
        json_t *config = NULL;
        if (!same) {
                char error[256];
                struct forward_answer answer;
                const struct forward_request r = {.to = voter, .method = "GET", .target = "/v1/config", .access = ACCESS_VIEWER, .who = "hamon", .first_link = link,
                                                  .timeout_ms = VIEWS_TIMEOUT_MS};
                if (forward_call(v->api, &r, &answer, error, sizeof error) == 0 && answer.status == 200)
                        config = json_incref(json_object_get(answer.body, "config"));
                forward_answer_release(&answer);
        }
        pthread_mutex_lock(&v->lock);
        json_decref(view->config);
        view->config = config;
        (void)snprintf(view->config_hash, sizeof view->config_hash, "%s", config ? hash : "");
        pthread_mutex_unlock(&v->lock);
}

static void ask(struct api_views *v, uint8_t voter)
{
        struct view *view = &v->view[voter];
        char error[256] = "";
        struct forward_answer answer;
        unsigned link = view->next_link++ % v->api->config->voters[voter].links;
        const struct forward_request r = {.to = voter, .method = "GET", .target = "/v1/status", .access = ACCESS_VIEWER, .who = "hamon", .first_link = link,
                                          .timeout_ms = VIEWS_TIMEOUT_MS};
        uint64_t asked_ms = now_ms();
        int e = forward_call(v->api, &r, &answer, error, sizeof error);
        pthread_mutex_lock(&v->lock);
        if (e == 0 && answer.status == 200 && json_is_object(answer.body)) {
                json_decref(view->status);
                view->status = json_incref(answer.body);
                view->at_ms = asked_ms;
                view->error[0] = '\0';
        } else {
                (void)snprintf(view->error, sizeof view->error, "%s", e < 0 ? error : "it does not know anything yet");
        }
        if (e == 0 && answer.link < CONFIG_LINKS_MAX)
                view->rtt_us[answer.link] = answer.connect_us;
        if (answer.link != link || e < 0)
                view->rtt_us[link] = 0;
        pthread_mutex_unlock(&v->lock);
        forward_answer_release(&answer);
        if (e == 0)
                ask_config(v, voter, link);
}

static bool is_watched(const struct api_views *v)
{
        struct config_seen seen;

        config_keep_look(v->api->configs, &seen); /* one that waits here is settled by what the others are seen to run */
        return seen.next_version != 0 || now_ms() - v->watched_ms < VIEWS_WATCHED_MS || hub_followers(v->api->hub) > 0;
}

/* Until the next round, or the end. Who begins to look does not wait for the longer pause: it is taken in steps of the shorter one. */
static void pause_locked(struct api_views *v)
{
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail for this clock */
        for (int ms = 0; !v->stopping && ms < VIEWS_UNWATCHED_MS; ms += VIEWS_INTERVAL_MS) {
                until.tv_sec += VIEWS_INTERVAL_MS / 1000;
                while (!v->stopping && pthread_cond_timedwait(&v->stop, &v->lock, &until) == 0)
                        ;
                if (is_watched(v))
                        return;
        }
}

static void *views_thread(void *userdata)
{
        struct api_views *v = userdata;
        pthread_mutex_lock(&v->lock);
        while (!v->stopping) {
                pthread_mutex_unlock(&v->lock);
                config_step_follow(v->api);
                for (uint8_t i = 0; i < VOTERS; i++)
                        if (i != v->api->self && v->api->config->voters[i].links > 0)
                                ask(v, i);
                pthread_mutex_lock(&v->lock);
                pause_locked(v);
        }
        pthread_mutex_unlock(&v->lock);
        return NULL;
}

void views_get(struct api_views *v, uint8_t voter, struct views_answer *ret)
{
        *ret = (struct views_answer){0};
        pthread_mutex_lock(&v->lock);
        const struct view *view = &v->view[voter];
        ret->status = json_deep_copy(view->status); /* reference counts are not shared among threads' work */
        ret->config = json_deep_copy(view->config);
        ret->age_ms = now_ms() - view->at_ms;
        memcpy(ret->error, view->error, sizeof ret->error);
        memcpy(ret->rtt_us, view->rtt_us, sizeof ret->rtt_us);
        pthread_mutex_unlock(&v->lock);
}

void views_get_node(struct api_views *v, uint8_t voter, struct views_answer *ret)
{
        *ret = (struct views_answer){0};
        pthread_mutex_lock(&v->lock);
        const struct view *view = &v->view[voter];
        if (view->status)
                ret->status = json_pack("{s:o*, s:o*}", "node", json_deep_copy(json_object_get(view->status, "node")), "age_ms",
                                        json_deep_copy(json_object_get(view->status, "age_ms")));
        ret->age_ms = now_ms() - view->at_ms;
        memcpy(ret->error, view->error, sizeof ret->error);
        pthread_mutex_unlock(&v->lock);
}

void views_watch(struct api_views *v)
{
        pthread_mutex_lock(&v->lock);
        v->watched_ms = now_ms();
        pthread_mutex_unlock(&v->lock);
}

void views_release(struct views_answer *answer)
{
        json_decref(answer->status);
        json_decref(answer->config);
        answer->status = answer->config = NULL;
}

int views_start(struct api *api, struct api_views **ret)
{
        struct api_views *v = calloc(1, sizeof *v);
        pthread_condattr_t monotonic;
        if (!v)
                return -ENOMEM;
        v->api = api;
        pthread_mutex_init(&v->lock, NULL);
        pthread_condattr_init(&monotonic);
        (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* every Linux has it */
        pthread_cond_init(&v->stop, &monotonic);
        pthread_condattr_destroy(&monotonic);
        *ret = v; /* the thread looks at it by api->views */
        int r = api_thread(&v->thread, views_thread, v);
        if (r > 0) {
                *ret = NULL;
                pthread_cond_destroy(&v->stop);
                pthread_mutex_destroy(&v->lock);
                free(v);
                return -r;
        }
        return 0;
}

void views_stop(struct api_views *v)
{
        if (!v)
                return;
        pthread_mutex_lock(&v->lock);
        v->stopping = true;
        pthread_cond_signal(&v->stop);
        pthread_mutex_unlock(&v->lock);
        pthread_join(v->thread, NULL);
        for (unsigned i = 0; i < VOTERS; i++)
                json_decref(v->view[i].status), json_decref(v->view[i].config);
        pthread_cond_destroy(&v->stop);
        pthread_mutex_destroy(&v->lock);
        free(v);
}
