/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/verifier_internal.h"

#include "base/log.h"
#include "base/statefile.h"
#include "hamon/api/forward.h"
#include "hamon/api/threads.h"
#include "hamon/api/views.h"
#include "hamon/verify/run_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { IDLE_MS = 1000, SAVE_MS = 30000, RATE_WINDOW_MS = 10000, LEARN_MS = 5000, FAILURES_MAX = 5, KIB = 1024 };

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_BOOTTIME, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t now_s(void)
{
        return (uint64_t)time(NULL);
}

/* ---- what is kept; the thread's, and an order's ---- */

static void save(struct verifier *v, unsigned mirror)
{
        char path[VERIFY_PATH_SIZE + CONFIG_NAME_SIZE + 16];
        pthread_mutex_lock(&v->keeping);
        pthread_mutex_lock(&v->lock);
        struct verify_memory memory = v->task[mirror].memory;
        v->task[mirror].saved_ms = now_ms();
        pthread_mutex_unlock(&v->lock);
        operations_poke(v->api->operations); /* for all to see, without waiting for the next look */
        (void)snprintf(path, sizeof path, "%s/verify-%s", v->directory, v->api->config->mirror[mirror].label); /* fits */
        int r = verify_memory_write(path, &memory);
        pthread_mutex_unlock(&v->keeping);
        if (r < 0)
                log_warning("'%s' cannot be written (%s): a restart forgets it, continuing", path, strerrordesc_np(-r));
}

static void load(struct verifier *v, unsigned mirror)
{
        char path[VERIFY_PATH_SIZE + CONFIG_NAME_SIZE + 16], text[400];
        (void)snprintf(path, sizeof path, "%s/verify-%s", v->directory, v->api->config->mirror[mirror].label);
        int r = verify_memory_read(path, &v->task[mirror].memory);
        if (r < 0 && r != -ENOENT) {
                statefile_explain(path, r, text, sizeof text);
                log_warning("the results of verifies are forgotten: %s, continuing", text);
        }
}

/* ---- ends and beginnings; with the lock ---- */

static void answer(struct verifier *v, struct verify_task *t, int error, enum reason reason, const char *detail)
{
        if (t->ticket)
                operations_answer(v->api->operations, t->ticket, error, reason, detail);
        t->ticket = 0;
}

static void begin(struct verifier *v, unsigned mirror, bool scheduled, uint64_t ticket)
{
        struct verify_task *t = &v->task[mirror];
        verify_begin(&t->memory, v->api->self, scheduled, now_s());
        t->ticket = ticket;
        t->mark_ms = 0;
        t->failures = 0;
        t->rate_kib = t->limit_kib = t->latency_us = 0;
        t->waiting_for[0] = '\0';
}

/* Returns what is to be told when the lock is given back. */
static enum reason end(struct verifier *v, unsigned mirror, enum verify_state state, const char *why)
{
        struct verify_task *t = &v->task[mirror];
        verify_end(&t->memory, state, why, now_s());
        t->waiting_for[0] = '\0';
        switch (state) {
        case VERIFY_EQUAL:
                answer(v, t, 0, REASON_VERIFY_EQUAL, "");
                return REASON_VERIFY_EQUAL;
        case VERIFY_DIFFERS:
                answer(v, t, -EUCLEAN, REASON_LEGS_DIFFER, "");
                return REASON_LEGS_DIFFER;
        case VERIFY_CANCELLED:
                answer(v, t, -ECANCELED, REASON_VERIFY_CANCELLED, why);
                return REASON_VERIFY_CANCELLED;
        default:
                answer(v, t, -EIO, REASON_VERIFY_FAILED, why);
                return REASON_VERIFY_FAILED;
        }
}

static void tell(struct verifier *v, unsigned mirror, enum reason reason)
{
        api_reason_event(v->api, reason, mirror, (uint8_t)(1 - v->api->self));
        save(v, mirror);
}

int verifier_order(struct verifier *v, unsigned mirror, enum verify_wish wish, uint64_t for_s, uint64_t ticket)
{
        enum reason told = REASON_NONE;
        int r = 0;
        pthread_mutex_lock(&v->lock);
        struct verify_task *t = &v->task[mirror];
        struct verify_run *run = &t->memory.run;
        bool under_way = verify_is_under_way(run->state);
        if (wish == VERIFY_START ? under_way : !under_way) {
                r = wish == VERIFY_START ? -EBUSY : -EINVAL;
        } else if (wish == VERIFY_START && t->memory.since_s == 0) {
                r = -EINVAL; /* both legs were never in sync yet */
        } else if (wish == VERIFY_START) {
                begin(v, mirror, false, ticket);
                told = REASON_VERIFY_BEGUN;
        } else if (wish == VERIFY_CANCEL) {
                told = end(v, mirror, VERIFY_CANCELLED, "a person ended it");
        } else {
                run->state = wish == VERIFY_PAUSE ? VERIFY_PAUSED : VERIFY_RUNNING;
                run->pause_until_s = wish == VERIFY_PAUSE && for_s ? now_s() + for_s : 0;
                t->mark_ms = 0;
                t->rate_kib = 0;
        }
        pthread_cond_signal(&v->wake);
        pthread_mutex_unlock(&v->lock);
        if (r == 0 && told != REASON_NONE)
                tell(v, mirror, told);
        else if (r == 0)
                save(v, mirror);
        return r;
}

/* ---- the thread ---- */

static void measure(struct verify_task *t, uint64_t position)
{
        uint64_t now = now_ms();
        if (t->mark_ms == 0 || position < t->mark_bytes) {
                t->mark_ms = now;
                t->mark_bytes = position;
                return;
        }
        if (now - t->mark_ms >= 1000)
                t->rate_kib = (uint32_t)((position - t->mark_bytes) / KIB * 1000 / (now - t->mark_ms));
        if (now - t->mark_ms >= RATE_WINDOW_MS) {
                t->mark_ms = now;
                t->mark_bytes = position;
        }
}

/* The step's outcome into the task, unless somebody has ended or paused the run meanwhile. */
static enum reason note_step(struct verifier *v, unsigned mirror, const struct verify_run *run, int r, const struct verify_answer *pace, const char *why)
{
        struct verify_task *t = &v->task[mirror];
        enum verify_state state = t->memory.run.state;
        if (!verify_is_under_way(state) || t->memory.run.began_s != run->began_s)
                return REASON_NONE;
        bool moved = run->position_bytes > t->memory.run.position_bytes || run->size_bytes != t->memory.run.size_bytes;
        uint64_t until = t->memory.run.pause_until_s;
        t->memory.run = *run;
        t->memory.run.state = state;
        t->memory.run.pause_until_s = until;
        measure(t, run->position_bytes);
        if (r == 0) {
                t->limit_kib = pace->limit_kib;
                t->latency_us = pace->latency_us;
                t->waiting_for[0] = '\0';
        } else {
                (void)snprintf(t->waiting_for, sizeof t->waiting_for, "%s", why); /* may be cut */
        }
        t->failures = moved || r == 0 ? 0 : r == -EAGAIN ? t->failures : t->failures + 1;
        if (r == -EBADMSG || t->failures >= FAILURES_MAX)
                return end(v, mirror, VERIFY_FAILED, why);
        if (r == 0 && run->size_bytes > 0 && run->position_bytes >= run->size_bytes)
                return end(v, mirror, run->differing ? VERIFY_DIFFERS : VERIFY_EQUAL, "");
        return REASON_NONE;
}

/* True: something was done, and there is more. */
static bool step(struct verifier *v, unsigned mirror)
{
        struct verify_answer pace = {.limit_kib = 0};
        char why[VERIFY_WHY_SIZE] = "";
        pthread_mutex_lock(&v->lock);
        struct verify_run run = v->task[mirror].memory.run;
        unsigned failures = v->task[mirror].failures;
        pthread_mutex_unlock(&v->lock);
        int r = verify_step(v, mirror, &run, failures, &pace, why, sizeof why);
        pthread_mutex_lock(&v->lock);
        enum reason told = note_step(v, mirror, &run, r, &pace, why);
        bool late = now_ms() - v->task[mirror].saved_ms >= SAVE_MS;
        pthread_mutex_unlock(&v->lock);
        if (told != REASON_NONE)
                tell(v, mirror, told);
        else if (late)
                save(v, mirror);
        return r == 0 && told == REASON_NONE;
}

/* What the snapshot says about a mirror: its legs, whether it may be compared, whether a run is due. True: a step may be made. */
static bool look(struct verifier *v, unsigned mirror, const struct snapshot *s)
{
        const struct record *record = &s->mirror[mirror].record;
        const struct uuid legs[NODES] = {record->legs[0].uuid, record->legs[1].uuid};
        enum reason told = REASON_NONE;
        const char *why;
        bool changed = false;
        enum verify_place place = verify_place(s, mirror, &why);
        pthread_mutex_lock(&v->lock);
        struct verify_task *t = &v->task[mirror];
        struct verify_run *run = &t->memory.run;
        bool other_legs = verify_is_under_way(run->state) && (!uuid_equal(&run->leg[0], &legs[0]) || !uuid_equal(&run->leg[1], &legs[1]));
        if (verify_is_under_way(run->state) && (place == VERIFY_MOVED || other_legs))
                told = end(v, mirror, VERIFY_CANCELLED, other_legs ? "a leg was replaced" : "another node became active");
        if (record->legs[0].in_sync && record->legs[1].in_sync)
                changed = verify_memory_see(&t->memory, legs, now_s());
        if (run->state == VERIFY_PAUSED && run->pause_until_s && run->pause_until_s <= now_s()) {
                run->state = VERIFY_RUNNING;
                run->pause_until_s = 0;
                changed = true;
        }
        if (told == REASON_NONE && place == VERIFY_HERE && verify_due_s(&t->memory, v->api->config->mirror[mirror].verify) <= now_s()) {
                begin(v, mirror, true, 0);
                told = REASON_VERIFY_BEGUN;
        }
        if (run->state == VERIFY_RUNNING && place != VERIFY_HERE)
                (void)snprintf(t->waiting_for, sizeof t->waiting_for, "%s", why);
        bool go = run->state == VERIFY_RUNNING && place == VERIFY_HERE;
        pthread_mutex_unlock(&v->lock);
        if (told != REASON_NONE)
                tell(v, mirror, told);
        else if (changed)
                save(v, mirror);
        return go;
}

/* The result of the other node, for the day on which this one is active. Its "node" is a name there. */
static void learn(struct verifier *v)
{
        struct views_answer theirs;
        size_t i;
        const json_t *mirror;
        views_get(v->api->views, (uint8_t)(1 - v->api->self), &theirs);
        json_array_foreach(json_object_get(theirs.status, "mirrors"), i, mirror)
        {
                const char *name = json_string_value(json_object_get(mirror, "name"));
                json_t *last = json_object_get(json_object_get(mirror, "verify"), "last");
                const char *node = json_string_value(json_object_get(last, "node"));
                int m = name ? config_mirror_index(v->api->config, name) : -1, n = node ? config_voter_index(v->api->config, node) : -1;
                struct verify_run run;
                if (m < 0 || n < 0 || n >= NODES || json_object_set_new(last, "node", json_integer(n)) < 0 || verify_run_take(last, &run) < 0)
                        continue;
                pthread_mutex_lock(&v->lock);
                bool learned = verify_memory_learn(&v->task[m].memory, &run);
                pthread_mutex_unlock(&v->lock);
                if (learned)
                        save(v, (unsigned)m);
        }
        views_release(&theirs);
}

static void *run(void *userdata)
{
        struct verifier *v = userdata;
        uint64_t learned_ms = 0;
        while (!atomic_load(&v->stopping)) {
                bool more = false;
                const struct snapshot *s = snapshot_get(v->api->snapshots);
                bool go[MIRRORS_MAX] = {false};
                for (unsigned m = 0; s && m < v->api->config->mirrors; m++)
                        go[m] = look(v, m, s);
                snapshot_release(v->api->snapshots, s);
                for (unsigned m = 0; m < v->api->config->mirrors && !atomic_load(&v->stopping); m++)
                        more = (go[m] && step(v, m)) || more; /* in turn: none waits for the end of another */
                if (!more || now_ms() - learned_ms >= LEARN_MS) {
                        learn(v);
                        learned_ms = now_ms();
                }
                struct timespec until;
                (void)clock_gettime(CLOCK_MONOTONIC, &until);
                until.tv_sec += IDLE_MS / 1000;
                pthread_mutex_lock(&v->lock);
                if (!more && !atomic_load(&v->stopping))
                        (void)pthread_cond_timedwait(&v->wake, &v->lock, &until); /* woken early means looked early */
                pthread_mutex_unlock(&v->lock);
        }
        return NULL;
}

/* ---- from outside ---- */

void verifier_look(struct verifier *v, unsigned mirror, struct verify_view *ret)
{
        *ret = (struct verify_view){.due_s = UINT64_MAX};
        if (!v)
                return;
        pthread_mutex_lock(&v->lock);
        const struct verify_task *t = &v->task[mirror];
        ret->memory = t->memory;
        ret->schedule = v->api->config->mirror[mirror].verify;
        ret->rate_kib = t->rate_kib;
        ret->limit_kib = t->limit_kib;
        ret->latency_us = t->latency_us;
        memcpy(ret->waiting_for, t->waiting_for, sizeof ret->waiting_for);
        pthread_mutex_unlock(&v->lock);
        ret->due_s = verify_due_s(&ret->memory, ret->schedule);
}

const char *verifier_socket(const struct verifier *v)
{
        return v->socket;
}

int verifier_start(struct api *api, const char *state_directory, const char *act_socket, struct verifier **ret)
{
        struct verifier *v = calloc(1, sizeof *v);
        pthread_condattr_t monotonic;
        if (!v)
                return -ENOMEM;
        const char *slash = strrchr(act_socket, '/');
        int n = snprintf(v->socket, sizeof v->socket, "%.*s%s", slash ? (int)(slash - act_socket) + 1 : 0, act_socket, VERIFY_SOCKET);
        int d = snprintf(v->directory, sizeof v->directory, "%s", state_directory);
        if (n < 0 || (size_t)n >= sizeof v->socket || d < 0 || (size_t)d >= sizeof v->directory) {
                free(v);
                return -ENAMETOOLONG;
        }
        v->api = api;
        v->fd = -1;
        pthread_mutex_init(&v->lock, NULL);
        pthread_mutex_init(&v->keeping, NULL);
        pthread_condattr_init(&monotonic);
        (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* every Linux has it */
        pthread_cond_init(&v->wake, &monotonic);
        pthread_condattr_destroy(&monotonic);
        for (unsigned m = 0; m < api->config->mirrors; m++)
                load(v, m);
        int r = getrandom(v->salt, sizeof v->salt, 0) == (ssize_t)sizeof v->salt ? 0 : -EIO;
        if (r == 0)
                r = -api_thread(&v->thread, run, v);
        if (r < 0) {
                pthread_cond_destroy(&v->wake);
                pthread_mutex_destroy(&v->keeping);
                pthread_mutex_destroy(&v->lock);
                free(v);
                return r;
        }
        *ret = v;
        return 0;
}

void verifier_stop(struct verifier *v)
{
        if (!v)
                return;
        pthread_mutex_lock(&v->lock);
        atomic_store(&v->stopping, true);
        pthread_cond_signal(&v->wake);
        pthread_mutex_unlock(&v->lock);
        pthread_join(v->thread, NULL);
        if (v->fd >= 0)
                close(v->fd);
        for (unsigned m = 0; m < v->api->config->mirrors; m++)
                if (verify_is_under_way(v->task[m].memory.run.state))
                        save(v, m);
        pthread_cond_destroy(&v->wake);
        pthread_mutex_destroy(&v->keeping);
        pthread_mutex_destroy(&v->lock);
        free(v);
}
