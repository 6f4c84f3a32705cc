/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/attach_internal.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

/* ---- queue limits ---- */

static int run_queue_job(void *argument)
{
        struct queue_job *job = argument;
        return (int)queue_apply(job->index, &job->limits, job->failed, sizeof job->failed);
}

void attach_post_queue_limits(struct attach *a)
{
        if (worker_busy(a->queue_worker)) {
                a->queue_again = true;
                return;
        }
        a->queue_again = false;
        a->queue_job.index = a->options->index;
        queue_limits_for(a->export.transmission_flags, a->export.has_block_size ? a->export.block_maximum_bytes : 0,
                         a->io_timeout_ms, &a->queue_job.limits);
        a->queue_job.limits.only_io_timeout = !a->export_known;
        worker_post(a->queue_worker, run_queue_job, &a->queue_job);
}

int attach_on_queue_done(sd_event_source *s, int fd, uint32_t revents, void *userdata)
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
                attach_post_queue_limits(a);
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
                return netlink_reconfigure(job->netlink, d->index, d->backend, &d->links);
        default:
                return netlink_disconnect(job->netlink, d->index);
        }
}

void attach_post_kernel_job(struct attach *a, enum supervise_action_type type)
{
        struct kernel_job *job = &a->kernel_job;
        job->type = type;
        job->device = (struct netlink_device){
            .index = a->options->index,
            .links = a->fresh,
            .backend = a->backend,
            .size_bytes = a->size_bytes,
            .block_bytes = a->block_bytes,
            .server_flags = a->export.transmission_flags | (a->options->read_only ? NBD_TFLAG_READ_ONLY : 0u),
        };
        if (type == ACTION_CONNECT || type == ACTION_RECONFIGURE)
                attach_open_account(a);
        if (type == ACTION_CONNECT) {
                /* Nothing is in flight on a device that is not configured: these writes cannot wait. */
                char failed[128];
                struct queue_limits limits;
                queue_limits_for(a->export.transmission_flags,
                                 a->export.has_block_size ? a->export.block_maximum_bytes : 0, a->io_timeout_ms,
                                 &limits);
                (void)queue_apply(a->options->index, &limits, failed,
                                  sizeof failed); /* set again, and reported, after CONNECT */
                /* Over several connections the kernel may send an old request again past a newer one: only when asked
                 * for. */
                if (a->options->connections == 1)
                        job->device.server_flags &= ~(uint64_t)NBD_TFLAG_CAN_MULTI_CONN;
                a->connect_flags = a->export.transmission_flags;
        }
        worker_post(a->kernel_worker, run_kernel_job, job);
}

int attach_on_kernel_done(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        static const char *const names[] = {
            [ACTION_CONNECT] = "attach",
            [ACTION_RELEASE] = "release the requests of the dead connection",
            [ACTION_RECONFIGURE] = "take the new connection",
            [ACTION_DISCONNECT] = "disconnect",
        };
        struct attach *a = userdata;
        int result;
        (void)s;
        (void)fd;
        (void)revents;
        if (worker_take(a->kernel_worker, &result) < 0)
                return 0;
        if (result == 0) {
                attach_feed(a, EVENT_KERNEL_OK, false);
                return 0;
        }
        bool gone = a->kernel_job.type != ACTION_CONNECT && !device_is_configured(a->options->index);
        if (!gone)
                attach_set_error(a, "the kernel does not %s: %s%s", names[a->kernel_job.type], strerror(-result),
                                 result == -EBUSY   ? "; is it in use? see nbdc --status"
                                 : result == -EPERM ? "; run nbdc as root"
                                                    : "");
        else if (a->kernel_job.type == ACTION_RECONFIGURE)
                attach_set_error(a, "someone else disconnected the device; attach it again");
        attach_feed(a, gone ? EVENT_KERNEL_GONE : EVENT_KERNEL_FAILED, false);
        return 0;
}
