/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/monitor.h"

#include "hamon/act/attach.h"
#include "hamon/act/health.h"
#include "hamon/act/mount_errors.h"
#include "hamon/act/own_probe.h"
#include "hamon/act/progress.h"
#include "hamon/act/resync.h"
#include "hamon/act/service.h"
#include "hamon/act/thread.h"
#include "hamon/act/units.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { WATCHED_MAX = 4 };

struct monitor {
        const struct mirror *mirror;
        monitor_observed observed;
        void *userdata;
        int wake_fd;
        atomic_bool running; /* the array, for the service's thread */
        atomic_bool service_running;
        struct own_probe probe;
        pthread_mutex_t lock; /* of all below */
        struct observation latest;
        struct service_seen service; /* but its health, which is asked for when it is told */
        bool any, service_changed, foreign;
};

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* What the thread remembers of both disks from look to look. */
struct watched {
        struct progress own_progress;
        struct request_time own_time, leg_time;
};

static bool counters_of(const char *path, struct progress_counters *ret)
{
        char text[320];

        return md_sysfs_text(path, text, sizeof text) >= 0 && progress_parse(text, ret) >= 0;
}

static void look_at_disks(const struct mirror *m, struct watched *d, bool attached, struct observation *o)
{
        char path[96];
        struct progress_counters counters;
        struct stat st;

        if (stat(m->disk, &st) == 0 && S_ISBLK(st.st_mode)) {
                snprintf(path, sizeof path, MD_SYSFS_ROOT "/dev/block/%u:%u/stat", major(st.st_rdev), minor(st.st_rdev));
                if (counters_of(path, &counters)) {
                        o->own_oldest_ms = progress_look(&d->own_progress, &counters, now_ms());
                        o->own_request_us = request_time_look(&d->own_time, &counters, now_ms());
                }
        }
        snprintf(path, sizeof path, MD_SYSFS_ROOT "/block/%s/stat", m->peer_name);
        if (attached && counters_of(path, &counters))
                o->leg_request_us = request_time_look(&d->leg_time, &counters, now_ms());
}

static enum discards_seen look_at_discards(const struct mirror *m, const struct md_state *s)
{
        static const enum discards_seen own[] = {[DISCARD_NOT_TAKEN] = DISCARDS_OWN_NONE, [DISCARD_NOT_ZERO] = DISCARDS_OWN_WRONG, [DISCARD_FAILED] = DISCARDS_OWN_ERROR};
        enum discard_proof proof = m->discard_proof;

        if (m->cm->discard == DISCARD_NO)
                return DISCARDS_UNASKED;
        if (proof > DISCARD_PROVEN)
                return own[proof];
        if (proof == DISCARD_UNPROVEN || !s->running)
                return DISCARDS_IDLE;
        struct array a = mirror_array(m);
        if (array_takes_discards(&a))
                return DISCARDS_TAKEN;
        return s->peer.present && !array_peer_takes_discards(&a) ? DISCARDS_PEER : DISCARDS_LATER;
}

/* -errno: the array's state could not be read. Then nothing was seen: hamon goes by what it has until that is too old.
 */
static int look(struct monitor *w, struct watched *d, struct md_state *s, struct observation *o)
{
        const struct mirror *m = w->mirror;
        struct attach_view leg;
        struct resync_view resync;

        *o = (struct observation){
            .mirror = (uint8_t)m->index, .settled = m->settled, .sync_idle = true}; /* before anything is read */
        int r = mirror_md_state(m, s);
        if (r < 0)
                return r;
        attach_look(m, &leg);
        o->array_running = s->running;
        o->own_in_sync = s->running && s->own.in_sync && !s->own.faulty;
        o->own_failed = s->running && (s->own.faulty || (s->own_known && !s->own.present));
        o->peer_in_array = s->peer.present && !s->peer.faulty;
        o->peer_in_sync = o->peer_in_array && s->peer.in_sync;
        o->peer_failed = s->peer.present && s->peer.faulty;
        o->sync_idle = s->sync_idle;
        resync_look(m->resync, &resync);
        o->resync_done_sectors = resync.total_sectors ? resync.done_sectors : s->sync_done_sectors;
        o->resync_total_sectors = resync.total_sectors ? resync.total_sectors : s->sync_total_sectors;
        o->resync = resync.seen;
        o->attached = leg.attached;
        o->leg_connected = leg.connected;
        o->leg_refused = leg.refused;
        o->leg_oldest_ms = leg.oldest_ms;
        look_at_disks(m, d, leg.attached, o);
        o->discards = look_at_discards(m, s);
        own_probe_want(&w->probe, s->running, s->running && !o->peer_in_sync);
        o->owed_bytes = own_probe_owed(&w->probe);
        o->owed_known = o->owed_bytes != OWED_UNKNOWN;
        uint32_t probe_ms = own_probe_age_ms(&w->probe);
        if (probe_ms > o->own_oldest_ms)
                o->own_oldest_ms = probe_ms;
        o->own_unsafe = s->running && own_probe_has_failed(&w->probe);
        o->service_running = atomic_load(&w->service_running);
        atomic_store(&w->running, s->running);
        return 0;
}

static void say_blind(const struct monitor *w, bool *blind, int r)
{
        struct trouble t;

        if (r < 0 && !*blind) {
                (void)mirror_md_trouble(w->mirror, r, &t);
                log_warning("mirror %s: %s, continuing", w->mirror->cm->name, t.text);
        }
        *blind = r < 0;
}

/* Ages and positions move all the time: they wait for the next regular report. */
static bool tells_more(const struct observation *a, const struct observation *b)
{
        return a->settled != b->settled || a->array_running != b->array_running || a->own_in_sync != b->own_in_sync ||
               a->own_failed != b->own_failed || a->own_unsafe != b->own_unsafe || a->peer_in_array != b->peer_in_array ||
               a->peer_in_sync != b->peer_in_sync || a->peer_failed != b->peer_failed || a->sync_idle != b->sync_idle ||
               a->resync.paused != b->resync.paused || a->resync.stalled != b->resync.stalled || a->attached != b->attached || a->leg_connected != b->leg_connected || a->leg_refused != b->leg_refused || a->discards != b->discards ||
               a->service_running != b->service_running;
}

/* Opens what sysfs notifies about; what was read on the same descriptor is what a later change is measured against. */
static unsigned watch(const struct mirror *m, const struct md_state *s, struct pollfd *ret)
{
        char path[160], text[128];
        const char *names[WATCHED_MAX] = {"array_state", "sync_action", NULL, NULL};
        char own[48], peer[48];
        unsigned n = 0;

        if (s->own.present) {
                snprintf(own, sizeof own, "dev-%s/state", s->own.name);
                names[2] = own;
        }
        if (s->peer.present) {
                snprintf(peer, sizeof peer, "dev-%s/state", s->peer.name);
                names[3] = peer;
        }
        for (unsigned i = 0; s->running && i < WATCHED_MAX; i++) {
                if (!names[i])
                        continue;
                snprintf(path, sizeof path, MD_SYSFS_ROOT "/block/md%u/md/%s", ARRAY_MD_FIRST + m->cm->number, names[i]);
                int fd = open(path, O_RDONLY | O_CLOEXEC);
                if (fd < 0)
                        continue;
                (void)!read(fd, text, sizeof text); /* arms the notification */
                ret[n++] = (struct pollfd){.fd = fd, .events = POLLPRI};
        }
        return n;
}

static void *run(void *userdata)
{
        struct monitor *w = userdata;
        struct watched disks = {0};
        struct md_state s = {0};
        uint64_t reported_ms = 0, one = 1;
        bool blind = false;

        for (;;) {
                struct pollfd fds[WATCHED_MAX];
                struct observation o;

                unsigned n = watch(w->mirror, &s, fds);
                int r = look(w, &disks, &s, &o);
                say_blind(w, &blind, r);
                uint64_t now = now_ms();
                struct health_seen health;
                health_look(w->mirror->health, &health);
                pthread_mutex_lock(&w->lock);
                bool news = w->service_changed || memcmp(&health, &w->service.health, sizeof health) != 0;
                bool report = r == 0 && (!w->any || news || tells_more(&o, &w->latest) ||
                                         (o.array_running && now - reported_ms >= MONITOR_REPORT_MS));
                w->foreign = r == MD_SOMEBODY_ELSES;
                if (r == 0) {
                        w->latest = o;
                        w->service.health = health;
                        w->service_changed = false;
                        w->any = true;
                }
                pthread_mutex_unlock(&w->lock);
                if (report) {
                        reported_ms = now;
                        (void)!write(w->wake_fd, &one, sizeof one); /* a full counter wakes as well */
                }
                (void)poll(fds, n, MONITOR_LOOK_MS); /* an error is a shorter pause */
                for (unsigned i = 0; i < n; i++)
                        close(fds[i].fd);
        }
        return NULL;
}

static void *run_service(void *userdata)
{
        struct monitor *w = userdata;
        const struct config_service *service = &w->mirror->cm->service;
        struct timespec pause = {.tv_sec = MONITOR_SERVICE_MS / 1000, .tv_nsec = MONITOR_SERVICE_MS % 1000 * 1000000L};
        char device[32];

        snprintf(device, sizeof device, "/dev/md%u", ARRAY_MD_FIRST + w->mirror->cm->number);
        struct service_seen seen = {.mounted = 0};
        struct mount_errors errors = {.instance = 0};
        struct sd_bus *bus = NULL; /* kept while the service is here: it is asked each second */
        uint64_t elsewhere_ms = 0; /* when it was last looked whether it could run here; 0: it does */
        for (;;) {
                bool here = atomic_load(&w->running);
                if (here && elsewhere_ms)
                        seen = (struct service_seen){.mounted = 0};
                if (here)
                        elsewhere_ms = 0;
                int running = here ? service_look(&bus, &errors, service, device, &seen) : 0;
                if (!here && (elsewhere_ms == 0 || now_ms() - elsewhere_ms >= MONITOR_INSTALLED_MS)) {
                        seen = (struct service_seen){.mounted = 0};
                        (void)service_look_installed(&bus, service, &seen); /* then nothing is known */
                        units_look_end(&bus);
                        elsewhere_ms = now_ms();
                }
                if (running >= 0) { /* a systemd that does not answer is no reason to say that the service is gone */
                        atomic_store(&w->service_running, running == 1);
                        pthread_mutex_lock(&w->lock);
                        seen.health = w->service.health;
                        w->service_changed = w->service_changed || memcmp(&seen, &w->service, sizeof seen) != 0;
                        w->service = seen;
                        pthread_mutex_unlock(&w->lock);
                }
                (void)nanosleep(&pause, NULL); /* woken early means looked early */
        }
        return NULL;
}

static int on_wake(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct monitor *w = userdata;
        struct observation o;
        struct service_seen service;
        uint64_t number;

        (void)source, (void)revents;
        (void)!read(fd, &number, sizeof number); /* nonblocking: nothing there means nothing to do */
        if (monitor_latest(w, &o, &service))
                w->observed(w->userdata, &o, &service);
        return 0;
}

bool monitor_sees_no_array_of_ours(struct monitor *w)
{
        pthread_mutex_lock(&w->lock);
        bool foreign = w->foreign;
        pthread_mutex_unlock(&w->lock);
        return foreign;
}

/* Health is what it is now: a service that was started again meanwhile must not be told of as it was before. */
bool monitor_latest(struct monitor *w, struct observation *ret, struct service_seen *service)
{
        struct health_seen health;

        pthread_mutex_lock(&w->lock);
        bool any = w->any;
        *ret = w->latest;
        if (service)
                *service = w->service;
        pthread_mutex_unlock(&w->lock);
        health_look(w->mirror->health, &health);
        ret->service_unhealthy = health.unhealthy;
        if (service)
                service->health = health;
        if (ret->settled > w->mirror->settled)
                ret->settled = 0; /* a ticket of an earlier client, whose look this was: it has seen nothing of the
                                     present one's effects */
        return any;
}

int monitor_start(struct mirror *m, sd_event *loop, monitor_observed observed, void *userdata,
                  struct monitor **ret)
{
        struct monitor *w = calloc(1, sizeof *w);

        if (!w)
                return -ENOMEM;
        w->mirror = m;
        w->observed = observed;
        w->userdata = userdata;
        pthread_mutex_init(&w->lock, NULL);
        w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        int r = w->wake_fd < 0 ? -errno : sd_event_add_io(loop, NULL, w->wake_fd, EPOLLIN, on_wake, w);
        if (r >= 0)
                r = own_probe_start(&w->probe, m);
        if (r >= 0)
                r = health_start(m, &w->service_running, &m->health);
        if (r >= 0)
                r = thread_start(run, w);
        if (r >= 0 && m->cm->service.present)
                r = thread_start(run_service, w);
        if (r < 0)
                return r; /* the program ends; a thread that started may still use `w` */
        *ret = w;
        return 0;
}
