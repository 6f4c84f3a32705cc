/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/resync.h"

#include "hamon/act/progress.h"
#include "hamon/act/resync_file.h"
#include "hamon/act/resync_pace.h"
#include "hamon/act/thread.h"

#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MDSTAT "/proc/mdstat"
#define MDSTAT_BYTES 16384 /* some hundred arrays */
#define SYSTEM_MIN_KIB 1000u /* md's default of sync_speed_min: what it copies on a busy array before it waits */

struct resync {
        const struct mirror *mirror;
        struct uuid boot;
        pthread_mutex_t said_lock; /* of what was said, and of its file; may be held for a disk's time */
        struct resync_said said;
        pthread_mutex_t view_lock; /* of the view; never held for long */
        struct resync_view view;
        /* the thread's */
        struct resync_pace pace;
        struct resync_rate rate;
        uint64_t paced_ms;
        uint32_t written_kib;
        bool told; /* of a check, in this run of the array */
};

static uint64_t now_ms(clockid_t clock)
{
        struct timespec ts;

        clock_gettime(clock, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void resync_look(struct resync *r, struct resync_view *ret)
{
        pthread_mutex_lock(&r->view_lock);
        *ret = r->view;
        pthread_mutex_unlock(&r->view_lock);
}

/* -- what a person said ------------------------------------------------------------------------------------------------------------- */

static int say(struct resync *r, const struct resync_said *said)
{
        bool nothing = !said->paused && said->ceiling_kib == 0;
        int n = nothing ? resync_file_remove(r->mirror->resync_path) : resync_file_write(r->mirror->resync_path, said);

        if (n == 0)
                r->said = *said;
        return n;
}

int resync_order(struct resync *r, const struct resync_order *order, struct trouble *t)
{
        struct md_state s;

        int n = mirror_md_state(r->mirror, &s);
        if (n < 0)
                return mirror_md_trouble(r->mirror, n, t);
        if (!s.running)
                return trouble_say(t, -ENODEV, "no array of mirror \"%s\" runs on this node", r->mirror->cm->name);
        if (order->wish == RESYNC_PAUSE && s.peer.present && s.peer.in_sync)
                return trouble_say(t, -EALREADY, "the other leg is in sync: there is nothing to pause");
        pthread_mutex_lock(&r->said_lock);
        struct resync_said said = r->said;
        said.boot = r->boot;
        if (order->wish == RESYNC_RATE) {
                said.ceiling_kib = order->rate_kib;
        } else {
                said.paused = order->wish == RESYNC_PAUSE;
                said.until_ms = said.paused && order->for_s ? now_ms(CLOCK_BOOTTIME) + (uint64_t)order->for_s * 1000 : 0;
        }
        n = say(r, &said);
        pthread_mutex_unlock(&r->said_lock);
        return n < 0 ? trouble_errno(t, n, "cannot write \"%s\"", r->mirror->resync_path) : 0;
}

/* What was said and still holds for this state of the array. */
static struct resync_said what_holds(struct resync *r, const struct md_state *s)
{
        pthread_mutex_lock(&r->said_lock);
        struct resync_said said = r->said;
        const char *over = NULL;
        if (!s->running)
                over = "the array has stopped";
        else if (said.paused && s->peer.present && s->peer.in_sync)
                over = "the leg is in sync";
        else if (said.paused && said.until_ms && said.until_ms <= now_ms(CLOCK_BOOTTIME))
                over = "its time is over";
        if (over && (said.paused || (!s->running && said.ceiling_kib))) {
                log_notice("mirror %s: %s: %s", r->mirror->cm->name, said.paused ? "the pause of the resync ends" : "the ceiling of the resync ends", over);
                said.paused = false;
                said.until_ms = 0;
                if (!s->running)
                        said.ceiling_kib = 0;
                int n = say(r, &said);
                if (n < 0) { /* it ends all the same; a restart would bring it back for a moment */
                        log_warning("mirror %s: cannot write '%s' (%s), continuing", r->mirror->cm->name, r->mirror->resync_path, strerror(-n));
                        r->said = said;
                }
        }
        said = r->said;
        pthread_mutex_unlock(&r->said_lock);
        return said;
}

/* -- md --------------------------------------------------------------------------------------------------------------------------- */

static void set(const struct resync *r, const char *attribute, const char *text)
{
        char md[16];

        snprintf(md, sizeof md, "md%u", ARRAY_MD_FIRST + r->mirror->cm->number);
        int n = md_sysfs_write(MD_SYSFS_ROOT, md, attribute, text);
        if (n < 0 && !md_sysfs_is_gone(n))
                log_warning("mirror %s: %s of %s does not take '%s' (%s), continuing", r->mirror->cm->name, attribute, md, text, strerror(-n));
}

static bool is_copying(const struct md_state *s)
{
        return s->running && s->peer.present && !s->peer.faulty && !s->peer.in_sync;
}

/*
 * The distribution's monthly check of all arrays (checkarray, mdcheck) would read both legs through the network, and count as an error what is only in
 * flight; a "repair" would choose by slot. There is no way to tell it that an array is not for it: it is ended as soon as it begins.
 */
static void end_check(struct resync *r, const struct md_state *s)
{
        if (s->running && s->checking) {
                if (!r->told)
                        log_notice("mirror %s: a check of its array was begun by somebody and is ended: this array is hamon's", r->mirror->cm->name);
                r->told = true;
                set(r, "sync_action", "idle");
        } else if (!s->running) {
                r->told = false;
        }
}

/* Any "frozen" that nobody's pause stands behind goes away: one that is over, or that somebody left behind. */
static void pause_or_resume(const struct resync *r, const struct md_state *s, bool paused)
{
        if (is_copying(s) && s->recovering && paused)
                set(r, "sync_action", "frozen");
        else if (s->running && s->sync_frozen && !(paused && is_copying(s)))
                set(r, "sync_action", "idle"); /* md goes on from where it was */
}

static void set_pace(struct resync *r, uint32_t kib)
{
        char text[16];

        if (kib == r->written_kib)
                return;
        r->written_kib = kib;
        /* Below its minimum md looks at no maximum. */
        snprintf(text, sizeof text, "%u", kib < SYSTEM_MIN_KIB ? kib : SYSTEM_MIN_KIB);
        set(r, "sync_speed_min", text);
        snprintf(text, sizeof text, "%u", kib);
        set(r, "sync_speed_max", text);
}

static void keep_pace(struct resync *r, const struct md_state *s, const struct resync_said *said)
{
        struct progress_counters c;
        char path[96], text[320];
        uint64_t now = now_ms(CLOCK_BOOTTIME);

        if (!s->running) {
                r->pace = (struct resync_pace){.primed = false};
                r->written_kib = 0; /* the next array has the system's until the next look */
                return;
        }
        if (r->written_kib && said->ceiling_kib && r->written_kib > said->ceiling_kib)
                r->paced_ms = 0; /* a person's word does not wait */
        if (now - r->paced_ms < RESYNC_PACE_MS)
                return;
        r->paced_ms = now;
        snprintf(path, sizeof path, MD_SYSFS_ROOT "/block/md%u/stat", ARRAY_MD_FIRST + r->mirror->cm->number);
        if (md_sysfs_text(path, text, sizeof text) < 0 || progress_parse(text, &c) < 0)
                return;
        bool copies = is_copying(s) && !said->paused && !s->sync_frozen;
        uint32_t pace_kib = resync_pace_look(&r->pace, c.completed, c.waited_ms, c.in_flight, copies, said->ceiling_kib);
        /* The next copy has its first pace before it begins: md would give it its own until the next look. */
        set_pace(r, pace_kib ? pace_kib : said->ceiling_kib && said->ceiling_kib < RESYNC_PACE_START_KIB ? said->ceiling_kib : RESYNC_PACE_START_KIB);
}

/* -- looking ---------------------------------------------------------------------------------------------------------------------- */

static bool read_position(const struct resync *r, uint64_t *ret_done, uint64_t *ret_total)
{
        static _Thread_local char text[MDSTAT_BYTES];
        char md[16];

        FILE *f = fopen(MDSTAT, "re");
        if (!f)
                return false;
        size_t n = fread(text, 1, sizeof text - 1, f);
        fclose(f);
        text[n] = '\0';
        snprintf(md, sizeof md, "md%u", ARRAY_MD_FIRST + r->mirror->cm->number);
        return resync_position(text, md, ret_done, ret_total);
}

/* Where a paused resync stands: md remembers it for the leg. */
static bool read_checkpoint(const struct resync *r, const struct md_state *s, uint64_t *ret_done, uint64_t *ret_total)
{
        char path[160], text[64];
        uint64_t kib;

        snprintf(path, sizeof path, MD_SYSFS_ROOT "/block/md%u/md/component_size", ARRAY_MD_FIRST + r->mirror->cm->number);
        if (md_sysfs_text(path, text, sizeof text) < 0 || sscanf(text, "%" SCNu64, &kib) != 1)
                return false;
        snprintf(path, sizeof path, MD_SYSFS_ROOT "/block/md%u/md/dev-%s/recovery_start", ARRAY_MD_FIRST + r->mirror->cm->number, s->peer.name);
        if (md_sysfs_text(path, text, sizeof text) < 0 || sscanf(text, "%" SCNu64, ret_done) != 1)
                return false; /* "none": nothing is missing */
        *ret_total = kib * 2;
        return *ret_done <= *ret_total;
}

static void look(struct resync *r)
{
        struct resync_view v = {.total_sectors = 0};
        struct md_state s;
        uint64_t now = now_ms(CLOCK_BOOTTIME);

        if (mirror_md_state(r->mirror, &s) < 0)
                return; /* nothing is known: nothing changes */
        struct resync_said said = what_holds(r, &s);
        if (s.running && !s.own.present && !s.peer.present)
                return; /* whose it is nobody can tell */
        end_check(r, &s);
        pause_or_resume(r, &s, said.paused);
        keep_pace(r, &s, &said);
        bool moves = is_copying(&s) && !said.paused;
        bool placed = is_copying(&s) && (read_position(r, &v.done_sectors, &v.total_sectors) || read_checkpoint(r, &s, &v.done_sectors, &v.total_sectors));
        if (!placed)
                v.done_sectors = v.total_sectors = 0;
        if (moves && placed)
                resync_rate_look(&r->rate, v.done_sectors, now);
        else
                r->rate = (struct resync_rate){.rate_kib = 0};
        v.seen = (struct resync_seen){
            .paused = said.paused,
            .pause_left_s = said.paused && said.until_ms > now ? (uint32_t)((said.until_ms - now + 999) / 1000) : 0,
            .stalled = moves && placed && now - r->rate.moved_ms >= RESYNC_STALLED_MS,
            .rate_kib = r->rate.rate_kib,
            .limit_kib = is_copying(&s) ? r->written_kib : 0,
            .ceiling_kib = said.ceiling_kib,
            .latency_us = s.running ? r->pace.latency_us : 0,
        };
        pthread_mutex_lock(&r->view_lock);
        r->view = v;
        pthread_mutex_unlock(&r->view_lock);
}

static void *run(void *userdata)
{
        struct timespec pause = {.tv_nsec = RESYNC_LOOK_MS * 1000000L};

        for (;;) {
                look(userdata);
                (void)nanosleep(&pause, NULL); /* woken early means looked early */
        }
        return NULL;
}

int resync_start(const struct mirror *m, struct resync **ret)
{
        struct resync *r = calloc(1, sizeof *r);

        if (!r)
                return -ENOMEM;
        r->mirror = m;
        pthread_mutex_init(&r->said_lock, NULL);
        pthread_mutex_init(&r->view_lock, NULL);
        int n = boot_id_read(&r->boot);
        if (n == 0) {
                n = resync_file_read(m->resync_path, &r->boot, &r->said);
                if (n < 0) {
                        log_warning("mirror %s: '%s' cannot be read (%s): the resync is neither paused nor bounded, continuing", m->cm->name, m->resync_path,
                                    strerror(-n));
                        n = 0;
                }
        }
        if (n == 0)
                n = thread_start(run, r);
        if (n < 0) {
                free(r);
                return n;
        }
        *ret = r;
        return 0;
}
