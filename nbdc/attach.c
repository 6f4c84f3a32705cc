/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/attach_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/process.h"
#include "nbdc/keeper.h"
#include "nbdc/limits.h"
#include "nbdc/link.h"
#include "nbdc/policy_file.h"
#include "nbdc/process.h"

uint64_t attach_now_ms(const struct attach *a)
{
        uint64_t usec = 0;
        (void)sd_event_now(a->event, CLOCK_MONOTONIC,
                           &usec); /* falls back to the clock itself outside of an iteration */
        return usec / 1000;
}

static void became_ready(struct attach *a)
{
        if (a->sampler.stat_fd < 0 && device_sampler_open(&a->sampler, a->options->index) < 0)
                log_warning("%s: cannot read its counters: the age of requests will not be known, continuing",
                            a->device);
        uint64_t size;
        if (device_size_bytes(a->options->index, &size) == 0 && size)
                a->size_bytes = size;
        attach_post_queue_limits(a);
        attach_notify_status(a, true);
        if (a->export_known)
                log_notice("%s: attached export 0x%" PRIx64 " of %s, %" PRIu64 " bytes, %s%s%s", a->device,
                           a->options->name.id, dialer_address(a->dialer), a->size_bytes,
                           nbdc_policy_name(a->supervisor.policy), a->options->read_only ? ", read-only" : "",
                           a->options->keys              ? ", encrypted (TLS 1.3 in the kernel)"
                           : a->options->classic_secrets ? ", by the 0.2 protocol: not encrypted"
                                                         : "");
}

static void perform(struct attach *a, const struct supervise_action *action)
{
        switch (action->type) {
        case ACTION_NONE:
                return;
        case ACTION_DIAL:
                attach_notify_status(a, false);
                if (!worker_busy(a->kernel_worker))
                        link_set_close(&a->fresh);
                dialer_start(a->dialer);
                return;
        case ACTION_HANG_UP:
                dialer_stop(a->dialer);
                if (!worker_busy(a->kernel_worker))
                        link_set_close(&a->fresh);
                return;
        case ACTION_TIMER:
                (void)sd_event_source_set_time_relative(a->retry_timer,
                                                        action->delay_ms * 1000ull); /* our own source */
                (void)sd_event_source_set_enabled(a->retry_timer, SD_EVENT_ONESHOT);
                return;
        case ACTION_CONNECT:
        case ACTION_RELEASE:
        case ACTION_RECONFIGURE:
        case ACTION_DISCONNECT:
                attach_post_kernel_job(a, action->type);
                return;
        case ACTION_SHUTDOWN:
                link_set_shut(&a->links);
                return;
        case ACTION_WATCH:
                attach_watch_link(a);
                return;
        case ACTION_READY:
                became_ready(a);
                return;
        case ACTION_DETACH_OK:
                a->detached = true;
                log_notice("%s: detached", a->device);
                attach_answer_detach(a, true, false, "");
                return;
        case ACTION_DETACH_REFUSED:
                attach_answer_detach(a, false, true, NBDC_REQUIRED_SENTENCE);
                return;
        case ACTION_DETACH_FAILED:
                attach_answer_detach(a, false, false, a->last_error);
                return;
        case ACTION_EXIT:
                (void)sd_event_exit(a->event, action->exit_status); /* fails only when the loop has ended already */
                return;
        }
}

void attach_feed(struct attach *a, enum supervise_event_type type, bool decided)
{
        struct supervise_event event = {.type = type, .now_ms = attach_now_ms(a), .decided = decided};
        struct supervise_actions actions;
        supervisor_step(&a->supervisor, &event, &actions);
        for (unsigned i = 0; i < actions.count; i++)
                perform(a, &actions.list[i]);
}

static int on_retry(sd_event_source *s, uint64_t usec, void *userdata)
{
        (void)s;
        (void)usec;
        attach_feed(userdata, EVENT_TIMER, false);
        return 0;
}

/* Several times a second: progress of requests, life of the connection, deadline of a detach. */
static int on_tick(sd_event_source *s, uint64_t usec, void *userdata)
{
        struct attach *a = userdata;
        uint64_t now = usec / 1000;
        unsigned next_ms = dialer_address_count(a->dialer) > 1 ? NBDC_PROBE_ONE_OF_MANY_MS : NBDC_PROBE_MS;
        (void)sd_event_source_set_time(s, usec + next_ms * 1000ull); /* our own source */
        (void)sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        attach_probe_progress(a, now);
        attach_probe_link(a);
        attach_probe_records(a);
        if (a->keeper_fd < 0 && a->supervisor.state == NBDC_ATTACHED && now >= a->keeper_retry_ms)
                attach_keep(a);
        if (a->detach_deadline_ms && now >= a->detach_deadline_ms && control_has_waiting(a->control))
                attach_answer_detach(a, false, false, "the kernel has not returned from the disconnect yet; ask again");
        return 0;
}

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *info, void *userdata)
{
        struct attach *a = userdata;
        (void)s;
        if (a->supervisor.state == NBDC_CONNECTING)
                log_notice("stopped by signal %u before the attach", info->ssi_signo);
        else
                log_notice("%s: stopped by signal %u; the device stays, its requests wait if the connection is lost; "
                           "the same command supervises it "
                           "again, 'nbdc --detach %s' gives it up",
                           a->device, info->ssi_signo, a->device);
        (void)sd_notify(0, "STOPPING=1"); /* nobody may be listening */
        attach_feed(a, EVENT_STOP, false);
        return 0;
}

static int setup_loop(struct attach *a)
{
        static const int signals[] = {SIGTERM, SIGINT, 0};
        int rc = sd_event_new(&a->event);
        if (rc >= 0)
                rc = process_block_signals(signals);
        if (rc < 0)
                return rc;
        signal(SIGHUP, SIG_IGN); /* started with "&" from a terminal that closes */
        for (size_t i = 0; i < 2 && rc >= 0; i++)
                rc = sd_event_add_signal(a->event, NULL, signals[i], on_signal, a);
        if (rc >= 0)
                rc = sd_event_add_time_relative(a->event, &a->retry_timer, CLOCK_MONOTONIC, 0, 1000, on_retry, a);
        if (rc >= 0)
                rc = sd_event_source_set_enabled(a->retry_timer, SD_EVENT_OFF);
        if (rc >= 0)
                rc = sd_event_add_time_relative(a->event, &a->tick_timer, CLOCK_MONOTONIC, NBDC_PROBE_MS * 1000ull,
                                                10000, on_tick, a);
        if (rc >= 0)
                rc = worker_new(&a->kernel_worker);
        if (rc >= 0)
                rc = worker_new(&a->queue_worker);
        if (rc >= 0)
                rc = sd_event_add_io(a->event, NULL, worker_fd(a->kernel_worker), EPOLLIN, attach_on_kernel_done, a);
        if (rc >= 0)
                rc = sd_event_add_io(a->event, NULL, worker_fd(a->queue_worker), EPOLLIN, attach_on_queue_done, a);
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
                rc = sd_event_add_io(a->event, NULL, netlink_events_fd(a->events), EPOLLIN, attach_on_netlink_event, a);
        if (rc < 0)
                log_error("cannot receive the driver's events: %s", strerror(-rc));
        return rc;
}

/* What the kernel already has for this device decides how to begin. */
static int begin(struct attach *a)
{
        char theirs[DEVICE_BACKEND_SIZE];
        if (!device_is_configured(a->options->index)) {
                policy_file_remove(a->options->index); /* of an earlier attach that nbdc did not live to end */
                attach_feed(a, EVENT_START, false);
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
        enum nbdc_policy policy;
        if (policy_file_read(a->options->index, &policy) == 0)
                a->supervisor.policy = policy;
        attach_adopt(a);
        return 0;
}

static void release(struct attach *a)
{
        device_sampler_close(&a->sampler);
        for (unsigned i = 0; i < NBDC_CONNECTIONS_MAX; i++)
                sd_event_source_disable_unref(a->link_io[i]);
        sd_event_source_disable_unref(a->retry_timer);
        sd_event_source_disable_unref(a->tick_timer);
        bool stuck = a->kernel_worker &&
                     worker_busy(a->kernel_worker); /* its thread still uses the socket; the process ends now */
        worker_free(a->kernel_worker);
        worker_free(a->queue_worker);
        if (!stuck)
                netlink_free(a->kernel_job.netlink);
        dialer_free(a->dialer);
        /* Nothing to come back to: detached (sysfs may say otherwise as long as somebody has the device open), or never
         * attached. */
        if (a->detached || (a->control && !device_is_configured(a->options->index))) {
                policy_file_remove(a->options->index);
                keeper_quit(a->keeper_fd, a->options->index);
        }
        sd_event_source_disable_unref(a->keeper_io);
        if (a->keeper_fd >= 0)
                close(a->keeper_fd);
        control_free(a->control);
        netlink_events_free(a->events);
        link_set_close(&a->fresh);
        link_set_close(&a->links);
        sd_event_unref(a->event);
}

int attach_run(const struct attach_options *options)
{
        struct attach a = {.options = options,
                           .keeper_fd = -1,
                           .sampler = {.stat_fd = -1, .inflight_fd = -1},
                           .io_timeout_ms = options->request_timeout_ms};
        char name[EXPORT_NAME_TEXT_SIZE];
        int status = NBDC_EXIT_KERNEL, rc;
        snprintf(a.device, sizeof a.device, "/dev/nbd%d", options->index);
        export_name_format(&options->name, name);
        snprintf(a.backend, sizeof a.backend, "%s:%s:%u/%s", options->keys ? "nbdc+tls" : options->classic_secrets ? "nbdc+classic" : "nbdc", options->hosts, options->port, name);
        supervisor_init(&a.supervisor, options->policy, options->wait);

        rc = setup_loop(&a);
        if (rc >= 0) {
                a.started_ms = attach_now_ms(&a);
                rc = control_new(a.event, options->index, attach_on_control, &a, &a.control);
                if (rc == -EBUSY)
                        log_error("%s: another nbdc supervises it; see nbdc --status %s", a.device, a.device);
                else if (rc == -EACCES || rc == -EPERM)
                        log_error("no permission to supervise %s; run nbdc as root", a.device);
                else if (rc < 0)
                        log_error("cannot make the control socket in '%s': %s", nbdc_rundir(), strerror(-rc));
                if (rc < 0)
                        goto out;
                rc =
                    dialer_new(a.event, options->hosts, options->port, &options->name, options->keys, options->classic_secrets, attach_on_dialed,
                                &a, &a.dialer);
        }
        if (rc < 0) {
                log_error("cannot start: %s", strerror(-rc));
                goto out;
        }
        if (open_driver(&a) < 0)
                goto out;
        signal(SIGCHLD, SIG_IGN); /* a keeper that dies leaves no zombie */
        attach_keep(&a);
        process_harden();
        if (begin(&a) < 0)
                goto out;
        rc = sd_event_loop(a.event);
        status = rc < 0 ? NBDC_EXIT_KERNEL : rc;
        if (status != NBDC_EXIT_OK)
                log_error("%s: %s", a.device, a.last_error);
out:
        release(&a);
        return status;
}
