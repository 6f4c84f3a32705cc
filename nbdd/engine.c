/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The engine's making and end, its devices, and its keeper thread. See engine.h; its files are in engine_files.c. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "nbdd/address_table.h"
#include "nbdd/engine_internal.h"
#include "nbdd/worker.h"

struct export *engine_find(struct engine *e, uint64_t id)
{
        list_each(x, &e->exports, struct export, link)
                if (x->id == id)
                        return x;
        return NULL;
}

void export_free(struct export *x)
{
        if (!x)
                return;
        target_close(x->target);
        free(x->device);
        free(x->owner);
        free(x->failed);
        free(x->noted);
        free(x->place);
        settings_release(&x->settings);
        allow_release(&x->allow);
        free(x);
}

/* ---- opening and closing ---- */

int engine_open_target(struct engine *e, struct export *x, char reason[ENGINE_REASON_SIZE])
{
        struct target_options o = {
            .path = x->device,
            .read_only = x->read_only,
            .direct = x->kind == EXPORT_LEG,
            .offset_bytes = x->offset_bytes,
            .size_bytes = x->size_bytes,
        };
        struct target *t = NULL;

        (void)pthread_mutex_unlock(&e->lock);
        int r = target_open(&o, &t, reason, ENGINE_REASON_SIZE);
        (void)pthread_mutex_lock(&e->lock);
        if (r == 0)
                x->target = t;
        return r;
}

void engine_close_target(struct engine *e, struct export *x)
{
        struct target *t = x->target;

        x->target = NULL;
        (void)pthread_mutex_unlock(&e->lock);
        target_close(t);
        (void)pthread_mutex_lock(&e->lock);
}

int engine_drain_and_close(struct engine *e, struct export *x, const char *why, char reason[ENGINE_REASON_SIZE])
{
        x->accepting = false;
        (void)snprintf(x->reason, sizeof x->reason, "closing: waiting for requests at the disk");
#ifdef MUTANT_revoke_without_drain
        (void)why;
        x->target = NULL; /* left open, and its sessions go on writing */
        x->reason[0] = '\0';
        return 0;
#endif
        engine_end_sessions(x, NULL, why);
        while (!list_empty(&x->sessions))
                (void)pthread_cond_wait(&e->changed, &e->lock);

        struct target *t = x->target;
        (void)pthread_mutex_unlock(&e->lock);
        int r = target_sync(t);
        (void)pthread_mutex_lock(&e->lock);
        if (r < 0) {
                (void)snprintf(reason, ENGINE_REASON_SIZE, "drained and closed, but flushing \"%s\" failed: %s", x->device,
                               strerror(-r));
                export_latch(x, reason);
                r = -EIO;
        }
        engine_close_target(e, x);
        x->reason[0] = '\0';
        return r;
}

/* ---- the keeper: writes and retries that nobody else may wait for ---- */

/* A device that ought to be open is tried again: its last holder may have been a dead server that had not let go yet. */
static void try_open(struct engine *e, struct export *x)
{
        char reason[ENGINE_REASON_SIZE], id[EXPORT_ID_TEXT_SIZE];

        x->busy = true;
        export_id_format(x->id, id);
        int r = engine_open_target(e, x, reason);
        if (r == 0 && x->granted && x->expected_attachment[0] && strcmp(x->target->attachment, x->expected_attachment) != 0) {
                (void)snprintf(reason, sizeof reason, "the disk was attached anew since the grant: the grant is void");
                log_warning("export %s: %s", id, reason);
                x->granted = false;
                x->epoch = 0;
                engine_close_target(e, x);
                (void)pthread_mutex_unlock(&e->lock);
                if (engine_save_grants(e) < 0)
                        log_error("cannot remove the void grant of export %s, continuing without it", id);
                (void)pthread_mutex_lock(&e->lock);
                r = -ESTALE;
        }
        if (r == 0) {
                x->accepting = true;
                x->reason[0] = '\0';
                log_info("export %s: \"%s\" is open%s", id, x->device, x->granted ? ", its grant goes on" : "");
        } else {
                if (strcmp(reason, x->reason) != 0)
                        log_warning("export %s: %s", id, reason);
                (void)snprintf(x->reason, sizeof x->reason, "%s", reason);
                x->retry_ns = monotonic_ns() + ENGINE_RETRY_MS * 1000000ull;
        }
        x->busy = false;
        (void)pthread_cond_broadcast(&e->changed);
}

/* Returns whether something is still to be opened. */
static bool open_wanted(struct engine *e)
{
        bool again = true, missing = false;

        while (again) { /* the list may change while the lock is dropped: start over after each attempt */
                again = missing = false;
                uint64_t now = monotonic_ns();
                list_each(x, &e->exports, struct export, link) {
                        if (x->target || x->busy || x->failed || !(x->started || x->granted))
                                continue;
                        missing = true;
                        if (now < x->retry_ns)
                                continue;
                        try_open(e, x);
                        again = true;
                        break;
                }
        }
        return missing;
}

static void wait_ms(struct engine *e, unsigned timeout_ms)
{
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
        until.tv_sec += timeout_ms / 1000 + until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&e->changed, &e->lock, &until);
}

/* A failed leg whose failure cannot be written would be resumed, as good, by the next start: its grant goes instead, which needs no space. */
static void void_grants_of_failed(struct engine *e)
{
        bool any = false;

        list_each(x, &e->exports, struct export, link)
                any |= x->granted && x->failed;
        if (!any)
                return;
        (void)pthread_mutex_unlock(&e->lock);
        if (engine_save_grants(e) < 0 && engine_forget_grants(e) < 0)
                log_error("cannot take back the grant of a failed leg: do not restart nbdd before there is space under \"%s\"", e->table_path);
        (void)pthread_mutex_lock(&e->lock);
}

static void *keeper_main(void *userdata)
{
        struct engine *e = userdata;
        bool missing = false;

        (void)pthread_setname_np(pthread_self(), "keeper");
        (void)pthread_mutex_lock(&e->lock);
        while (!e->keeper_stop) {
                if (e->save_wanted) {
                        e->save_wanted = false;
                        (void)pthread_mutex_unlock(&e->lock);
                        int r = engine_save_table(e);
                        (void)pthread_mutex_lock(&e->lock);
                        if (r < 0) {
                                log_error("cannot write \"%s\": %s; sessions that depend on it wait", e->table_path, strerror(-r));
                                e->save_wanted = true;
                                void_grants_of_failed(e);
                        }
                        list_each(x, &e->exports, struct export, link)
                                engine_advance(x);
                        if (r == 0)
                                continue;
                }
                if (!e->refusing)
                        missing = open_wanted(e);
                if (!e->tried_all) {
                        e->tried_all = true;
                        (void)pthread_cond_broadcast(&e->changed);
                }
                if (e->keeper_stop)
                        break;
                if (missing || e->save_wanted)
                        wait_ms(e, ENGINE_RETRY_MS);
                else
                        (void)pthread_cond_wait(&e->changed, &e->lock);
        }
        (void)pthread_mutex_unlock(&e->lock);
        return NULL;
}

/* ---- making and end ---- */

static int prepare_state_dir(struct engine *e, const char *dir, char *reason, size_t reason_size)
{
        char path[512];
        int r;

        if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
                r = -errno;
                (void)snprintf(reason, reason_size, "cannot make \"%s\": %s", dir, strerror(-r));
                return r;
        }
        (void)snprintf(path, sizeof path, "%s/lock", dir);
        e->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (e->lock_fd < 0 || flock(e->lock_fd, LOCK_EX | LOCK_NB) < 0) {
                r = -errno;
                if (r == -EWOULDBLOCK)
                        (void)snprintf(reason, reason_size, "\"%s\" is in use by another nbdd", dir);
                else
                        (void)snprintf(reason, reason_size, "cannot lock \"%s\": %s", path, strerror(-r));
                return r;
        }
        if (asprintf(&e->table_path, "%s/exports", dir) < 0 || asprintf(&e->grants_path, "%s/grants", dir) < 0)
                return -ENOMEM;
        if ((r = boot_id_read(&e->boot_id)) < 0)
                (void)snprintf(reason, reason_size, "cannot read the kernel's boot id: %s", strerror(-r));
        return r;
}

/* The first client is to find what was there before the restart. */
static void wait_for_devices(struct engine *e)
{
        uint64_t until_ns = monotonic_ns() + ENGINE_START_WAIT_MS * 1000000ull;

        (void)pthread_mutex_lock(&e->lock);
        while (!e->tried_all && monotonic_ns() < until_ns)
                wait_ms(e, ENGINE_START_WAIT_MS);
        (void)pthread_mutex_unlock(&e->lock);
}

int engine_new(const char *state_dir, struct engine **ret, char *reason, size_t reason_size)
{
        struct engine *e = calloc(1, sizeof *e);
        pthread_condattr_t attr;
        int r;

        if (!e)
                return -ENOMEM;
        e->lock_fd = -1;
        e->next_number = 1;
        list_init(&e->exports);
        list_init(&e->sessions);
        (void)pthread_mutex_init(&e->lock, NULL);
        (void)pthread_mutex_init(&e->store_lock, NULL);
        (void)pthread_condattr_init(&attr);
        (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        (void)pthread_cond_init(&e->changed, &attr);
        (void)pthread_condattr_destroy(&attr);
        (void)snprintf(reason, reason_size, "out of memory");
        if (!(e->addresses = address_table_new())) {
                r = -ENOMEM;
                goto out;
        }
        if ((r = prepare_state_dir(e, state_dir, reason, reason_size)) < 0 || (r = engine_load_exports(e, reason, reason_size)) < 0 ||
            (r = engine_load_grants(e, reason, reason_size)) < 0)
                goto out;
out:
        if (r < 0)
                engine_free(e);
        else
                *ret = e;
        return r;
}

int engine_start(struct engine *e)
{
        int r = -pthread_create(&e->keeper, NULL, keeper_main, e);

        e->keeper_runs = r == 0;
        if (r == 0)
                wait_for_devices(e);
        return r;
}

/* An export whose device is open, once no command is under way on any; NULL: all are closed. */
static struct export *next_open(struct engine *e)
{
        for (;;) {
                bool busy = false;
                struct export *open = NULL;
                list_each(x, &e->exports, struct export, link) {
                        busy |= x->busy;
                        if (x->target)
                                open = x;
                }
                if (!busy)
                        return open;
                (void)pthread_cond_wait(&e->changed, &e->lock);
        }
}

void engine_shutdown(struct engine *e)
{
        char reason[ENGINE_REASON_SIZE];

        (void)pthread_mutex_lock(&e->lock);
        e->refusing = true;
        (void)pthread_cond_broadcast(&e->changed);
        list_each(s, &e->sessions, struct engine_session, all_link)
                engine_end_session(s, "nbdd shuts down");
        while (e->connections)
                (void)pthread_cond_wait(&e->changed, &e->lock);
        struct export *x;
        while ((x = next_open(e))) {
                x->busy = true;
                if (engine_drain_and_close(e, x, "nbdd shuts down", reason) < 0) {
                        log_error("%s", reason);
                        e->save_wanted = true;
                }
                x->busy = false;
        }
        e->keeper_stop = true;
        bool save = e->save_wanted;
        (void)pthread_cond_broadcast(&e->changed);
        (void)pthread_mutex_unlock(&e->lock);
        if (e->keeper_runs)
                (void)pthread_join(e->keeper, NULL);
        e->keeper_runs = false;
        if (save && engine_save_table(e) < 0)
                log_error("cannot write \"%s\"", e->table_path);
}

void engine_free(struct engine *e)
{
        if (!e)
                return;
        list_each(x, &e->exports, struct export, link)
                export_free(x);
        if (e->lock_fd >= 0)
                (void)close(e->lock_fd);
        address_table_free(e->addresses);
        for (unsigned i = 0; i < LIMIT_COUNT; i++)
                free(e->limit_places[i]);
        free(e->table_path);
        free(e->grants_path);
        (void)pthread_cond_destroy(&e->changed);
        (void)pthread_mutex_destroy(&e->lock);
        (void)pthread_mutex_destroy(&e->store_lock);
        free(e);
}

bool engine_admit(struct engine *e, const struct net_address *from, uint64_t *ret_number, char reason[ENGINE_REASON_SIZE])
{
        uint32_t all = engine_limit(e, LIMIT_MAXCONNECT), each = engine_limit(e, LIMIT_PER_ADDRESS);

        (void)pthread_mutex_lock(&e->lock);
        bool ok = false;
        if (e->refusing)
                (void)snprintf(reason, ENGINE_REASON_SIZE, "nbdd is shutting down");
        else if (e->connections >= all)
                (void)snprintf(reason, ENGINE_REASON_SIZE, "maxconnect (%u) is reached", all);
        else if (!(ok = address_table_add(e->addresses, from, each)))
                (void)snprintf(reason, ENGINE_REASON_SIZE, "connections_per_address (%u) is reached", each);
        if (ok) {
                e->connections++;
                *ret_number = e->next_number++;
        }
        (void)pthread_mutex_unlock(&e->lock);
        return ok;
}

void engine_unadmit(struct engine *e, const struct net_address *from)
{
        (void)pthread_mutex_lock(&e->lock);
        e->connections--;
        address_table_remove(e->addresses, from);
        (void)pthread_cond_broadcast(&e->changed);
        (void)pthread_mutex_unlock(&e->lock);
}

void engine_counts(struct engine *e, unsigned *ret_exports, unsigned *ret_sessions)
{
        (void)pthread_mutex_lock(&e->lock);
        *ret_exports = e->export_count;
        *ret_sessions = e->connections;
        (void)pthread_mutex_unlock(&e->lock);
}
