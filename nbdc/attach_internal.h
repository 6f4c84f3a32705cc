/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What attach*.c share: the state of one supervising nbdc and the calls between its parts. Private to them; the loop's
 * thread alone.
 *
 *   attach.c         the loop, signals, start and end; performs the supervisor's actions
 *   attach_kernel.c  requests to the driver and queue limits, each through its worker thread
 *   attach_link.c    connections: those dialled, the one that the kernel has, what a keeper held
 *   attach_status.c  the control socket, the log and systemd
 */
#ifndef NBDD_NBDC_ATTACH_INTERNAL_H
#define NBDD_NBDC_ATTACH_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "nbdc/account.h"
#include "nbdc/attach.h"
#include "nbdc/control.h"
#include "nbdc/device.h"
#include "nbdc/dial.h"
#include "nbdc/link.h"
#include "nbdc/liveness.h"
#include "nbdc/netlink.h"
#include "nbdc/progress.h"
#include "nbdc/queue.h"
#include "nbdc/records.h"
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
        int keeper_fd; /* negative: there is no keeper */
        sd_event_source *keeper_io;
        uint64_t keeper_retry_ms; /* not before */
        struct kernel_job kernel_job;
        struct queue_job queue_job;
        bool queue_again;  /* limits changed while the worker was busy */
        bool export_known; /* `export` is what the server said, not a guess about an adopted device */
        uint32_t io_timeout_ms;

        struct nbd_export_info export;
        uint16_t connect_flags; /* what the kernel was told that the server can; 0 for an adopted device */
        uint64_t block_bytes;
        uint64_t size_bytes;
        struct link_set fresh; /* negotiated, on their way to the kernel; until there are options->connections */
        struct link_set links; /* the kernel's connections: our own descriptors of the same sockets */
        sd_event_source *link_io[NBDC_CONNECTIONS_MAX];
        unsigned dead_links; /* LINK_DEAD messages since the first of these connections went down */

        struct liveness liveness[NBDC_CONNECTIONS_MAX];
        struct device_sampler sampler;
        struct progress progress;
        bool account_open;      /* the present connection was handed over by this process */
        bool records_open; /* the same, for what follows of TLS records */
        struct records_point point; /* at its hand-over */
        uint64_t started_ms;
        uint64_t detach_deadline_ms; /* 0: none */
        bool detached;
        char last_error[NBDC_ERROR_SIZE];
        char logged_error[NBDC_ERROR_SIZE]; /* the same reason is logged once per outage */
};

/* attach.c */
uint64_t attach_now_ms(const struct attach *a);
/* Gives the supervisor an event and performs what it decides. */
void attach_feed(struct attach *a, enum supervise_event_type type, bool decided);

/* attach_kernel.c */
void attach_post_kernel_job(struct attach *a, enum supervise_action_type type);
void attach_post_queue_limits(struct attach *a);
int attach_on_kernel_done(sd_event_source *s, int fd, uint32_t revents, void *userdata);
int attach_on_queue_done(sd_event_source *s, int fd, uint32_t revents, void *userdata);

/* attach_link.c */
void attach_on_dialed(void *userdata, enum dial_result result, const struct nbd_export_info *info,
                      const char *sentence);
int attach_on_netlink_event(sd_event_source *s, int fd, uint32_t revents, void *userdata);
/* Notes the counters of the negotiated connection and of the device, just before the kernel gets it. */
void attach_open_account(struct attach *a);
/* The negotiated connection is the kernel's now. */
void attach_watch_link(struct attach *a);
/* Starts or finds the device's keeper and gives it what there is to keep. When that fails: another try at
 * a later tick. */
void attach_keep(struct attach *a);
/* Takes up a configured device: with the connection that its keeper holds, or without one. */
void attach_adopt(struct attach *a);
/* At every tick: is anybody there, and do requests get done? */
void attach_probe_link(struct attach *a);
/* Replaces a TLS connection whose key has protected enough. */
void attach_probe_records(struct attach *a);
void attach_probe_progress(struct attach *a, uint64_t now_ms);

/* attach_status.c */
bool attach_on_control(void *userdata, const struct control_request *request, struct control_answer *answer);
void attach_answer_detach(struct attach *a, bool ok, bool refused, const char *sentence);
/* Keeps the reason for a status, and logs it once per outage. */
void attach_set_error(struct attach *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
void attach_notify_status(struct attach *a, bool ready);

#endif
