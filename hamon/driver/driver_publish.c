/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the outside sees of the loop: the snapshot, systemd's status line, and the watchdog's food. */
#include "hamon/driver/driver_state.h"

#include "base/log.h"
#include "hamon/api/certificate_served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

enum {
        PUBLISH_INTERVAL_MS = 50,     /* decisions within this time go into one snapshot */
        PUBLISH_MEASURED_MS = 400,    /* and what was only heard or measured within this time */
        PUBLISH_IDLE_MS = 1000,       /* and without any change one a second: it shows that the loop turns */
};

static void notify_status(struct driver *d)
{
        char line[SENTENCE_SIZE] = "voting";
        if (d->options.self < NODES && d->config->mirrors > 0) {
                struct mirror_view v;
                core_view_mirror(&d->core, 0, driver_now_ms(), &v);
                uint8_t peer = (uint8_t)(1 - d->options.self);
                sentence_render(reason_sentence(v.reason), d->config->mirror[0].name, d->config->voters[peer].name, 0, line, sizeof line);
        }
        if (strcmp(line, d->status_line) == 0)
                return;
        memcpy(d->status_line, line, sizeof line);
        (void)sd_notifyf(0, "STATUS=%s", line); /* without systemd nobody listens */
}

/* The core knows nothing of verifies: a difference is the most urgent that there is to say of a mirror that has no other trouble. */
static void view_mirror(struct driver *d, uint8_t m, uint64_t now_ms, struct snapshot *s)
{
        struct mirror_view *v = &s->mirror[m];
        core_view_mirror(&d->core, m, now_ms, v);
        resync_watch_look(&d->resync[m], &v->observed, now_ms);
        s->resync[m] = d->resync[m];
        verifier_look(d->api.verifier, m, &s->verify[m]);
        const struct verify_run *last = &s->verify[m].memory.last;
        if (last->state == VERIFY_DIFFERS && uuid_equal(&last->leg[0], &v->record.legs[0].uuid) && uuid_equal(&last->leg[1], &v->record.legs[1].uuid) &&
            reason_severity(v->reason) < SEVERITY_WARNING)
                v->reason = REASON_LEGS_DIFFER;
}

void driver_publish(struct driver *d)
{
        struct snapshot *s = calloc(1, sizeof *s);
        if (!s)
                return; /* the previous one grows old and says so */
        uint64_t now = driver_now_ms();
        struct timespec wall;
        (void)clock_gettime(CLOCK_REALTIME, &wall);
        s->config = d->config;
        s->self = d->options.self;
        s->start = d->start;
        s->boot = d->boot;
        s->taken_ms = now;
        s->started_ms = d->started_ms;
        s->wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
        s->act_ready = d->act && act_client_is_ready(d->act);
        s->act_error = d->act ? act_client_error(d->act) : 0;
        s->act_changed_ms = d->act_changed_ms;
        s->state_error = d->state_error;
        s->actions_waiting = d->deferred.count;
        s->certificate_ends = served_certificate_ends(d->api.certificate, wall.tv_sec, &s->certificate_days);
        s->turns = d->turns;
        s->worst_turn_us = d->worst_turn_us;
        for (uint8_t v = 0; v < VOTERS; v++)
                if (v != d->options.self)
                        core_view_node(&d->core, v, now, &s->node[v]);
        for (uint8_t m = 0; m < d->config->mirrors; m++)
                view_mirror(d, m, now, s);
        memcpy(s->failure, d->failure, sizeof s->failure);
        memcpy(s->service, d->service, sizeof s->service);
        links_view(d->links, &s->links);
        config_keep_look(d->api.configs, &s->configs);
        memcpy(s->config_hash, d->api.config_hash, sizeof s->config_hash);
        snapshot_publish(d->api.snapshots, s);
        api_notify(&d->api);
        d->published_ms = now;
        notify_status(d);
}

static void arm(struct driver *d, uint64_t at_ms)
{
        d->publish_at_ms = at_ms;
        (void)sd_event_source_set_time(d->publish_timer, at_ms * 1000);
        (void)sd_event_source_set_enabled(d->publish_timer, SD_EVENT_ONESHOT);
}

void driver_publish_soon(struct driver *d, bool decided)
{
        uint64_t at_ms = d->published_ms + (decided ? PUBLISH_INTERVAL_MS : PUBLISH_MEASURED_MS);
        if (at_ms < d->publish_at_ms)
                arm(d, at_ms);
}

static int on_publish(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec;
        struct driver *d = userdata;
        driver_publish(d);
        if (config_keep_due(d->api.configs, d->published_ms)) {
                log_notice("begins anew with another configuration; arrays and services stay as they are");
                d->renew = true;
                return sd_event_exit(d->loop, 0);
        }
        arm(d, d->published_ms + PUBLISH_IDLE_MS);
        return 0;
}

int driver_publish_init(struct driver *d)
{
        int r = sd_event_add_time(d->loop, &d->publish_timer, CLOCK_BOOTTIME, 0, 1000, on_publish, d);
        if (r >= 0)
                r = sd_event_source_set_priority(d->publish_timer, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                return r;
        if (sd_watchdog_enabled(0, &d->watchdog_us) <= 0)
                d->watchdog_us = 0;
        driver_publish(d);
        return 0;
}

void driver_watchdog(struct driver *d)
{
        if (d->watchdog_us == 0)
                return;
        uint64_t now_us = driver_now_ms() * 1000;
        if (d->watchdog_fed_us != 0 && now_us - d->watchdog_fed_us < d->watchdog_us / 4)
                return;
        d->watchdog_fed_us = now_us;
        (void)sd_notify(0, "WATCHDOG=1");
}
