/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/attach.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "base/log.h"
#include "nbdc/control.h"
#include "nbdc/device.h"
#include "nbdc/dial.h"
#include "nbdc/limits.h"
#include "nbdc/link.h"
#include "nbdc/netlink.h"
#include "nbdc/process.h"
#include "nbdc/progress.h"
#include "nbdc/queue.h"
#include "nbdc/supervise.h"
#include "nbdc/worker.h"

/* One request to the kernel, made by the worker thread while the loop leaves it alone. */
struct kernel_job {
        enum supervise_action_type type;
        struct netlink *netlink;
        struct netlink_device device;
};

/* The same for the queue limits, which have a thread of their own: a frozen queue must not hold back a RECONFIGURE. */
struct queue_job {
        int index;
        struct queue_limits limits;
        char failed[128];
};

struct attach {
        const struct attach_options *options;
        char device[NBDC_DEVICE_SIZE];
        char backend[DEVICE_BACKEND_SIZE];
        sd_event *event;
        sd_event_source *retry_timer, *tick_timer;
        struct supervisor supervisor;
        struct control *control;
        struct dialer *dialer;
        struct netlink_events *events;
        struct worker *kernel_worker, *queue_worker;
        struct kernel_job kernel_job;
        struct queue_job queue_job;
        bool queue_again; /* limits changed while the worker was busy */
        uint32_t io_timeout_ms;

        struct nbd_export_info export;
        uint64_t block_bytes;
        uint64_t size_bytes;
        int new_fd;  /* negotiated, on its way to the kernel */
        int link_fd; /* the kernel's connection: our own descriptor of the same socket */
        sd_event_source *link_io;

        struct device_sampler sampler;
        struct progress progress;
        uint64_t started_ms;
        uint64_t detach_deadline_ms; /* 0: none */
        char last_error[NBDC_ERROR_SIZE];
        char logged_error[NBDC_ERROR_SIZE]; /* the same reason is logged once per outage */
};

static uint64_t now_ms(const struct attach *a)
{
        uint64_t usec = 0;
        (void)sd_event_now(a->event, CLOCK_MONOTONIC, &usec); /* falls back to the clock itself outside of an iteration */
        return usec / 1000;
}

static void feed(struct attach *a, enum supervise_event_type type, bool decided);

static void __attribute__((format(printf, 2, 3))) set_error(struct attach *a, const char *format, ...)
{
        va_list args;
        va_start(args, format);
        (void)vsnprintf(a->last_error, sizeof a->last_error, format, args); /* a cut sentence is still one */
        va_end(args);
        /* Before the first attach the exit says it. */
        if (strcmp(a->last_error, a->logged_error) == 0 || (a->supervisor.state == NBDC_CONNECTING && !a->options->wait))
                return;
        memcpy(a->logged_error, a->last_error, sizeof a->logged_error);
        log_warning("%s: %s", a->device, a->last_error);
}

static void notify_status(struct attach *a, bool ready)
{
        char text[512];
        snprintf(text, sizeof text, "%sSTATUS=%s %s, export 0x%" PRIx64 " of %s%s%s", ready ? "READY=1\n" : "", a->device,
                 nbdc_state_name(a->supervisor.state), a->options->name.id, a->options->hosts,
                 a->supervisor.state == NBDC_RECONNECTING && a->last_error[0] ? ": " : "",
                 a->supervisor.state == NBDC_RECONNECTING ? a->last_error : "");
        (void)sd_notify(0, text); /* nobody may be listening */
}

/* ---- status and control ---- */

static void fill_status(const struct attach *a, struct nbdc_status *s)
{
        const struct attach_options *o = a->options;
        const struct supervisor *v = &a->supervisor;
        *s = (struct nbdc_status){
                .state = v->state,
                .connected = v->state == NBDC_ATTACHED,
                .port = o->port,
                .id = o->name.id,
                .has_epoch = o->name.has_session,
                .epoch = o->name.epoch,
                .policy = v->policy,
                .read_only = o->read_only,
                .size_bytes = a->size_bytes,
                .reconnects = v->reconnects,
                .request_timeout_ms = a->io_timeout_ms,
                .pid = getpid(),
        };
        memcpy(s->device, a->device, sizeof s->device);
        snprintf(s->host, sizeof s->host, "%s", o->hosts);
        memcpy(s->last_error, a->last_error, sizeof s->last_error);
        if (o->name.has_session)
                uuid_format(&o->name.session, s->session);
        uint64_t now = now_ms(a);
        if (v->state == NBDC_CONNECTING)
                s->disconnected_ms = (int64_t)(now - a->started_ms);
        else if (v->state != NBDC_ATTACHED)
                s->disconnected_ms = (int64_t)(now - v->down_at_ms);
        s->oldest_request_ms = (int64_t)progress_oldest_ms(&a->progress, now);
}

static void post_queue_limits(struct attach *a);

static bool on_control(void *userdata, const struct control_request *request, struct control_answer *answer)
{
        struct attach *a = userdata;
        bool decided;
        switch (request->op) {
        case CONTROL_STATUS:
                fill_status(a, &answer->status);
                answer->has_status = answer->ok = true;
                return true;
        case CONTROL_POLICY:
                if (a->supervisor.policy != request->policy)
                        log_notice("%s: policy is now %s", a->device, nbdc_policy_name(request->policy));
                a->supervisor.policy = request->policy;
                answer->ok = true;
                return true;
        case CONTROL_TIMEOUT:
                a->io_timeout_ms = (uint32_t)request->timeout_ms;
                post_queue_limits(a);
                answer->ok = true;
                return true;
        case CONTROL_DETACH:
                /* Versions begin at 1; 0 says "none". */
                decided = request->has_decided_version && request->decided_version > 0;
                if (decided)
                        log_notice("%s: detach ordered by decided record version %" PRIu64, a->device, request->decided_version);
                else
                        log_notice("%s: detach ordered", a->device);
                a->detach_deadline_ms = now_ms(a) + NBDC_DETACH_MS;
                feed(a, EVENT_DETACH, decided);
                return false;
        }
        return false;
}

static void answer_detach(struct attach *a, bool ok, bool refused, const char *sentence)
{
        struct control_answer answer = {.ok = ok, .refused = refused};
        snprintf(answer.error, sizeof answer.error, "%s", sentence);
        a->detach_deadline_ms = 0;
        control_answer_waiting(a->control, &answer);
        if (!ok)
                log_warning("%s: not detached: %s", a->device, sentence);
}

/* ---- queue limits ---- */

static int run_queue_job(void *argument)
{
        struct queue_job *job = argument;
        return (int)queue_apply(job->index, &job->limits, job->failed, sizeof job->failed);
}

static void post_queue_limits(struct attach *a)
{
        if (worker_busy(a->queue_worker)) {
                a->queue_again = true;
                return;
        }
        a->queue_again = false;
        a->queue_job.index = a->options->index;
        queue_limits_for(a->export.transmission_flags, a->export.has_block_size ? a->export.block_maximum_bytes : 0, a->io_timeout_ms,
                         &a->queue_job.limits);
        worker_post(a->queue_worker, run_queue_job, &a->queue_job);
}

static int on_queue_done(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        struct attach *a = userdata;
        int failed;
        (void)s;
        (void)fd;
        (void)revents;
        if (worker_take(a->queue_worker, &failed) < 0)
                return 0;
        if (failed)
                log_warning("%s: these limits could not be set: %s, continuing", a->device, a->queue_job.failed);
        if (a->queue_again)
                post_queue_limits(a);
        return 0;
}

/* ---- requests to the kernel ---- */

static int run_kernel_job(void *argument)
{
        struct kernel_job *job = argument;
        const struct netlink_device *d = &job->device;
        switch (job->type) {
        case ACTION_CONNECT:
                return netlink_connect(job->netlink, d);
        case ACTION_RELEASE:
                return netlink_release(job->netlink, d->index, d->backend);
        case ACTION_RECONFIGURE:
                return netlink_reconfigure(job->netlink, d->index, d->backend, d->socket_fd);
        default:
                return netlink_disconnect(job->netlink, d->index);
        }
}

static void post_kernel_job(struct attach *a, enum supervise_action_type type)
{
        struct kernel_job *job = &a->kernel_job;
        job->type = type;
        job->device = (struct netlink_device){
                .index = a->options->index,
                .socket_fd = a->new_fd,
                .backend = a->backend,
                .size_bytes = a->size_bytes,
                .block_bytes = a->block_bytes,
                .server_flags = a->export.transmission_flags | (a->options->read_only ? NBD_TFLAG_READ_ONLY : 0u),
        };
        if (type == ACTION_CONNECT) {
                /* Nothing is in flight on a device that is not configured: these writes cannot wait. */
                char failed[128];
                struct queue_limits limits;
                queue_limits_for(a->export.transmission_flags, a->export.has_block_size ? a->export.block_maximum_bytes : 0,
                                 a->io_timeout_ms, &limits);
                (void)queue_apply(a->options->index, &limits, failed, sizeof failed); /* set again, and reported, after CONNECT */
                /* One connection per leg: the kernel must not spread requests (limits of several connections: see docs). */
                job->device.server_flags &= ~(uint64_t)NBD_TFLAG_CAN_MULTI_CONN;
        }
        worker_post(a->kernel_worker, run_kernel_job, job);
}

static int on_kernel_done(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        static const char *const names[] = {
                [ACTION_CONNECT] = "attach",
                                            [ACTION_RELEASE] = "release the requests of the dead connection",
                                            [ACTION_RECONFIGURE] = "take the new connection",
                                            [ACTION_DISCONNECT] = "disconnect"};
        struct attach *a = userdata;
        int result;
        (void)s;
        (void)fd;
        (void)revents;
        if (worker_take(a->kernel_worker, &result) < 0)
                return 0;
        if (result == 0) {
                feed(a, EVENT_KERNEL_OK, false);
                return 0;
        }
        bool gone = a->kernel_job.type != ACTION_CONNECT && !device_is_configured(a->options->index);
        if (!gone)
                set_error(a, "the kernel does not %s: %s%s", names[a->kernel_job.type], strerror(-result),
                          result == -EBUSY ? "; is it in use? see nbdc --status" : result == -EPERM ? "; run nbdc as root" : "");
        else if (a->kernel_job.type == ACTION_RECONFIGURE)
                set_error(a, "someone else disconnected the device; attach it again");
        feed(a, gone ? EVENT_KERNEL_GONE : EVENT_KERNEL_FAILED, false);
        return 0;
}

/* ---- the connection ---- */

static void on_dialed(void *userdata, enum dial_result result, const struct nbd_export_info *info, const char *sentence)
{
        struct attach *a = userdata;
        if (result != DIAL_DONE) {
                set_error(a, "%s", sentence);
                feed(a, result == DIAL_REFUSED ? EVENT_REFUSED : EVENT_UNREACHABLE, false);
                return;
        }
        uint64_t block = info->has_block_size && info->block_minimum_bytes > 512 ? info->block_minimum_bytes : 512;
        const char *wrong = NULL;
        if (block > 4096 || (block & (block - 1)))
                wrong = "the server's smallest block is larger than a page, or no power of two";
        else if (a->size_bytes && info->size_bytes - info->size_bytes % a->block_bytes != a->size_bytes)
                wrong = "the export's size is not the attached device's any more; detach and attach again";
        else if (!a->options->read_only && (info->transmission_flags & NBD_TFLAG_READ_ONLY) &&
                 (a->supervisor.state != NBDC_CONNECTING || a->supervisor.policy == NBDC_REQUIRED) && a->options->name.has_session)
                wrong = "the server offers this leg read-only";
        if (wrong) {
                set_error(a, "%s: %s", dialer_address(a->dialer), wrong);
                dialer_stop(a->dialer);
                feed(a, EVENT_REFUSED, false);
                return;
        }
        assert(a->new_fd < 0);
        a->new_fd = dialer_take_fd(a->dialer);
        a->export = *info;
        if (!a->size_bytes) {
                a->block_bytes = block;
                a->size_bytes = info->size_bytes - info->size_bytes % block;
        }
        feed(a, EVENT_DIALED, false);
}

static void link_went_down(struct attach *a, const char *why)
{
        if (a->supervisor.state == NBDC_ATTACHED)
                set_error(a, "%s: connection lost: %s", dialer_address(a->dialer), why);
        feed(a, EVENT_LINK_DOWN, false);
}

static int on_link_io(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        struct attach *a = userdata;
        (void)revents;
        (void)sd_event_source_set_enabled(s, SD_EVENT_OFF); /* level-triggered: once is enough */
        link_went_down(a, link_error(fd));
        return 0;
}

static void on_link_dead(void *userdata, int index)
{
        struct attach *a = userdata;
        if (index != a->options->index)
                return;
        /*
         * A message about the connection before this one may come late: then the present one is not shut. Unless that one was handed over
         * without the kernel's word, so that the kernel may have kept an older one.
         */
        if (a->supervisor.state == NBDC_ATTACHED) {
                if (a->link_fd >= 0 && !link_is_shut(a->link_fd) && a->supervisor.let_go)
                        return;
                set_error(a, "%s: connection lost: %s", dialer_address(a->dialer), a->link_fd >= 0 ? link_error(a->link_fd) : "closed");
        }
        feed(a, EVENT_LINK_DEAD, false);
}

static int on_netlink_event(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        struct attach *a = userdata;
        (void)s;
        (void)fd;
        (void)revents;
        /* Lost messages are no loss: the connection is watched itself, and RECONFIGURE has a grace. */
        (void)netlink_events_read(a->events, on_link_dead, a);
        return 0;
}

static void watch_link(struct attach *a)
{
        a->link_io = sd_event_source_disable_unref(a->link_io);
        if (a->link_fd >= 0)
                close(a->link_fd);
        a->link_fd = a->new_fd;
        a->new_fd = -1;
        int rc = sd_event_add_io(a->event, &a->link_io, a->link_fd, EPOLLRDHUP, on_link_io, a);
        if (rc < 0)
                log_warning("%s: cannot watch the connection: %s, continuing with the kernel's word", a->device, strerror(-rc));
        a->logged_error[0] = '\0';
        if (a->supervisor.reconnects > 0) {
                uint64_t ms = now_ms(a) - a->supervisor.down_at_ms;
                log_notice("%s: connected again to %s after a pause of %" PRIu64 ".%03" PRIu64 " s; waiting requests are sent again",
                           a->device, dialer_address(a->dialer), ms / 1000, ms % 1000);
                post_queue_limits(a);
        }
        notify_status(a, false);
}

static void became_ready(struct attach *a)
{
        if (a->sampler.stat_fd < 0 && device_sampler_open(&a->sampler, a->options->index) < 0)
                log_warning("%s: cannot read its counters: the age of requests will not be known, continuing", a->device);
        uint64_t size;
        if (device_size_bytes(a->options->index, &size) == 0 && size)
                a->size_bytes = size;
        post_queue_limits(a);
        notify_status(a, true);
        if (a->supervisor.state != NBDC_ATTACHED)
                return;
        log_notice("%s: attached export 0x%" PRIx64 " of %s, %" PRIu64 " bytes, %s%s", a->device, a->options->name.id,
                   dialer_address(a->dialer), a->size_bytes, nbdc_policy_name(a->supervisor.policy),
                   a->options->read_only ? ", read-only" : "");
}

/* ---- the machine ---- */

static void perform(struct attach *a, const struct supervise_action *action)
{
        switch (action->type) {
        case ACTION_NONE:
                return;
        case ACTION_DIAL:
                notify_status(a, false);
                dialer_start(a->dialer);
                return;
        case ACTION_HANG_UP:
                dialer_stop(a->dialer);
                if (a->new_fd >= 0 && !worker_busy(a->kernel_worker)) {
                        close(a->new_fd);
                        a->new_fd = -1;
                }
                return;
        case ACTION_TIMER:
                (void)sd_event_source_set_time_relative(a->retry_timer, action->delay_ms * 1000ull); /* our own source */
                (void)sd_event_source_set_enabled(a->retry_timer, SD_EVENT_ONESHOT);
                return;
        case ACTION_CONNECT:
        case ACTION_RELEASE:
        case ACTION_RECONFIGURE:
        case ACTION_DISCONNECT:
                post_kernel_job(a, action->type);
                return;
        case ACTION_SHUTDOWN:
                if (a->link_fd >= 0)
                        link_shut(a->link_fd);
                return;
        case ACTION_WATCH:
                watch_link(a);
                return;
        case ACTION_READY:
                became_ready(a);
                return;
        case ACTION_DETACH_OK:
                log_notice("%s: detached", a->device);
                answer_detach(a, true, false, "");
                return;
        case ACTION_DETACH_REFUSED:
                answer_detach(a, false, true, "the leg is required: a detach must name the decided record version that leaves it out (--decided VERSION)");
                return;
        case ACTION_DETACH_FAILED:
                answer_detach(a, false, false, a->last_error);
                return;
        case ACTION_EXIT:
                (void)sd_event_exit(a->event, action->exit_status); /* fails only when the loop has ended already */
                return;
        }
}

static void feed(struct attach *a, enum supervise_event_type type, bool decided)
{
        struct supervise_event event = {.type = type, .now_ms = now_ms(a), .decided = decided};
        struct supervise_actions actions;
        supervisor_step(&a->supervisor, &event, &actions);
        for (unsigned i = 0; i < actions.count; i++)
                perform(a, &actions.list[i]);
}

static int on_retry(sd_event_source *s, uint64_t usec, void *userdata)
{
        (void)s;
        (void)usec;
        feed(userdata, EVENT_TIMER, false);
        return 0;
}

/* Four times a second: progress of requests, life of the connection, deadline of a detach. */
static int on_tick(sd_event_source *s, uint64_t usec, void *userdata)
{
        struct attach *a = userdata;
        struct device_counters counters;
        uint64_t now = usec / 1000;
        (void)sd_event_source_set_time(s, usec + NBDC_PROBE_MS * 1000ull); /* our own source */
        (void)sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        bool attached = a->supervisor.state == NBDC_ATTACHED;
        if (a->sampler.stat_fd >= 0 && device_sampler_read(&a->sampler, &counters) == 0)
                progress_sample(&a->progress, counters.in_flight, counters.completed, attached, now);
        if (attached && a->link_fd >= 0 && link_is_lost(a->link_fd)) {
                link_shut(a->link_fd);
                link_went_down(a, "the peer acknowledges nothing");
        }
        if (a->detach_deadline_ms && now >= a->detach_deadline_ms && control_has_waiting(a->control))
                answer_detach(a, false, false, "the kernel has not returned from the disconnect yet; ask again");
        return 0;
}

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *info, void *userdata)
{
        struct attach *a = userdata;
        (void)s;
        if (a->supervisor.state == NBDC_CONNECTING)
                log_notice("stopped by signal %u before the attach", info->ssi_signo);
        else
                log_notice("%s: stopped by signal %u; the device stays, its requests wait if the connection is lost; the same command supervises it "
                           "again, 'nbdc --detach %s' gives it up",
                           a->device, info->ssi_signo, a->device);
        (void)sd_notify(0, "STOPPING=1"); /* nobody may be listening */
        feed(a, EVENT_STOP, false);
        return 0;
}

static int setup_loop(struct attach *a)
{
        static const int signals[] = {SIGTERM, SIGINT};
        sigset_t mask;
        int rc = sd_event_new(&a->event);
        if (rc < 0)
                return rc;
        sigemptyset(&mask);
        for (size_t i = 0; i < 2; i++)
                sigaddset(&mask, signals[i]);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        signal(SIGPIPE, SIG_IGN);
        signal(SIGHUP, SIG_IGN); /* started with "&" from a terminal that closes */
        for (size_t i = 0; i < 2 && rc >= 0; i++)
                rc = sd_event_add_signal(a->event, NULL, signals[i], on_signal, a);
        if (rc >= 0)
                rc = sd_event_add_time_relative(a->event, &a->retry_timer, CLOCK_MONOTONIC, 0, 1000, on_retry, a);
        if (rc >= 0)
                rc = sd_event_source_set_enabled(a->retry_timer, SD_EVENT_OFF);
        if (rc >= 0)
                rc = sd_event_add_time_relative(a->event, &a->tick_timer, CLOCK_MONOTONIC, NBDC_PROBE_MS * 1000ull, 10000, on_tick, a);
        if (rc >= 0)
                rc = worker_new(&a->kernel_worker);
        if (rc >= 0)
                rc = worker_new(&a->queue_worker);
        if (rc >= 0)
                rc = sd_event_add_io(a->event, NULL, worker_fd(a->kernel_worker), EPOLLIN, on_kernel_done, a);
        if (rc >= 0)
                rc = sd_event_add_io(a->event, NULL, worker_fd(a->queue_worker), EPOLLIN, on_queue_done, a);
        if (rc >= 0)
                rc = sd_event_set_watchdog(a->event, true);
        return rc;
}

static int open_driver(struct attach *a)
{
        if (process_open_driver(&a->kernel_job.netlink) < 0)
                return -EIO;
        int rc = netlink_events_open(&a->events);
        if (rc >= 0)
                rc = sd_event_add_io(a->event, NULL, netlink_events_fd(a->events), EPOLLIN, on_netlink_event, a);
        if (rc < 0)
                log_error("cannot receive the driver's events: %s", strerror(-rc));
        return rc;
}

/* What the kernel already has for this device decides how to begin. */
static int begin(struct attach *a)
{
        char theirs[DEVICE_BACKEND_SIZE];
        if (!device_is_configured(a->options->index)) {
                feed(a, EVENT_START, false);
                return 0;
        }
        int rc = device_backend(a->options->index, theirs);
        if (rc < 0 || strcmp(theirs, a->backend) != 0) {
                log_error("%s is in use by %s; choose another device, or detach that one first", a->device,
                          rc < 0 ? "another NBD client" : theirs);
                return -EBUSY;
        }
        rc = device_size_bytes(a->options->index, &a->size_bytes);
        if (rc < 0 || device_read_u64(a->options->index, "queue/logical_block_size", &a->block_bytes) < 0) {
                log_error("%s: cannot read its size from sysfs", a->device);
                return -EIO;
        }
        log_notice("%s: already attached, taking it over", a->device);
        feed(a, EVENT_ADOPT_DEAD, false);
        return 0;
}

static void release(struct attach *a)
{
        device_sampler_close(&a->sampler);
        sd_event_source_disable_unref(a->link_io);
        sd_event_source_disable_unref(a->retry_timer);
        sd_event_source_disable_unref(a->tick_timer);
        worker_free(a->kernel_worker);
        worker_free(a->queue_worker);
        dialer_free(a->dialer);
        control_free(a->control);
        netlink_events_free(a->events);
        if (a->new_fd >= 0)
                close(a->new_fd);
        if (a->link_fd >= 0)
                close(a->link_fd);
        sd_event_unref(a->event);
}

int attach_run(const struct attach_options *options)
{
        struct attach a = {.options = options,
                           .new_fd = -1,
                           .link_fd = -1,
                           .sampler = {.stat_fd = -1, .inflight_fd = -1},
                           .io_timeout_ms = options->request_timeout_ms};
        char name[EXPORT_NAME_TEXT_SIZE];
        int status = NBDC_EXIT_KERNEL, rc;
        snprintf(a.device, sizeof a.device, "/dev/nbd%d", options->index);
        export_name_format(&options->name, name);
        snprintf(a.backend, sizeof a.backend, "nbdc:%s:%u/%s", options->hosts, options->port, name);
        supervisor_init(&a.supervisor, options->policy, options->wait);

        rc = setup_loop(&a);
        if (rc >= 0) {
                a.started_ms = now_ms(&a);
                rc = control_new(a.event, options->index, on_control, &a, &a.control);
                if (rc == -EBUSY)
                        log_error("%s: another nbdc supervises it; see nbdc --status %s", a.device, a.device);
                else if (rc < 0)
                        log_error("cannot make the control socket in '%s': %s", nbdc_rundir(), strerror(-rc));
                if (rc < 0)
                        goto out;
                rc = dialer_new(a.event, options->hosts, options->port, &options->name, on_dialed, &a, &a.dialer);
        }
        if (rc < 0) {
                log_error("cannot start: %s", strerror(-rc));
                goto out;
        }
        if (open_driver(&a) < 0)
                goto out;
        process_harden();
        if (begin(&a) < 0)
                goto out;
        rc = sd_event_loop(a.event);
        status = rc < 0 ? NBDC_EXIT_KERNEL : rc;
        if (status != NBDC_EXIT_OK)
                log_error("%s: %s", a.device, a.last_error);
out:
        release(&a);
        netlink_free(a.kernel_job.netlink);
        return status;
}
