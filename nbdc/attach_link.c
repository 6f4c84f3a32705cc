/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/attach_internal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "nbdc/keeper.h"
#include "nbdc/limits.h"
#include "nbdc/link.h"
#include "nbdc/liveness.h"

/* Commands that the kernel goes on sending, for a reconnect cannot change what it believes of the server. */
#define LASTING_FLAGS (NBD_TFLAG_SEND_FLUSH | NBD_TFLAG_SEND_FUA | NBD_TFLAG_SEND_TRIM | NBD_TFLAG_SEND_WRITE_ZEROES)

void attach_on_dialed(void *userdata, enum dial_result result, const struct nbd_export_info *info, const char *sentence)
{
        struct attach *a = userdata;
        if (result != DIAL_DONE) {
                attach_set_error(a, "%s", sentence);
                attach_feed(a, result == DIAL_REFUSED ? EVENT_REFUSED : EVENT_UNREACHABLE, false);
                return;
        }
        uint64_t block = info->has_block_size && info->block_minimum_bytes > 512 ? info->block_minimum_bytes : 512;
        const char *wrong = NULL;
        if (block > 4096 || (block & (block - 1)))
                wrong = "the server's smallest block is larger than a page, or no power of two";
        else if (a->size_bytes && info->size_bytes - info->size_bytes % a->block_bytes != a->size_bytes)
                wrong = "the export's size is not the attached device's any more; detach and attach again";
        else if (a->connect_flags & ~info->transmission_flags & LASTING_FLAGS)
                wrong = "the server no longer offers flush, FUA, trim or zeroes as it did; detach and attach again";
        else if (a->options->name.has_session && !a->options->read_only &&
                 (info->transmission_flags & NBD_TFLAG_READ_ONLY))
                wrong = "the server offers this leg read-only";
        if (wrong) {
                attach_set_error(a, "%s: %s", dialer_address(a->dialer), wrong);
                dialer_stop(a->dialer);
                attach_feed(a, EVENT_REFUSED, false);
                return;
        }
        assert(a->new_fd < 0);
        a->new_fd = dialer_take_fd(a->dialer);
        a->export = *info;
        a->export_known = true;
        if (!a->size_bytes) {
                a->block_bytes = block;
                a->size_bytes = info->size_bytes - info->size_bytes % block;
        }
        attach_feed(a, EVENT_DIALED, false);
}

/* `error` is an errno, 0 for a connection that the peer closed. */
static void link_went_down(struct attach *a, int error, enum supervise_event_type event)
{
        if (a->supervisor.state == NBDC_ATTACHED) {
                attach_set_error(a, "%s: connection lost: %s", dialer_address(a->dialer),
                                 error ? strerror(error) : "closed by the peer");
                if (error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH)
                        dialer_next_address(a->dialer);
        }
        attach_feed(a, event, false);
}

static int on_link_io(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        struct attach *a = userdata;
        (void)revents;
        (void)sd_event_source_set_enabled(s, SD_EVENT_OFF); /* level-triggered: once is enough */
        link_went_down(a, link_take_error(fd), EVENT_LINK_DOWN);
        return 0;
}

static void on_link_dead(void *userdata, int index)
{
        struct attach *a = userdata;
        if (index != a->options->index)
                return;
        /*
         * A message about the connection before this one may come late: then the present one is not shut. Unless that
         * one was handed over without the kernel's word, so that the kernel may have kept an older one.
         */
        if (a->supervisor.state == NBDC_ATTACHED && a->supervisor.let_go && a->link_fd >= 0 &&
            !link_is_shut(a->link_fd))
                return;
        link_went_down(a, a->link_fd >= 0 ? link_take_error(a->link_fd) : 0, EVENT_LINK_DEAD);
}

int attach_on_netlink_event(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        struct attach *a = userdata;
        (void)s;
        (void)fd;
        (void)revents;
        /* Lost messages are no loss: the connection is watched itself, and RECONFIGURE has a grace. */
        (void)netlink_events_read(a->events, on_link_dead, a);
        return 0;
}

static void watch(struct attach *a, int fd)
{
        a->link_io = sd_event_source_disable_unref(a->link_io);
        if (a->link_fd >= 0)
                close(a->link_fd);
        a->link_fd = fd;
        int rc = sd_event_add_io(a->event, &a->link_io, a->link_fd, EPOLLRDHUP, on_link_io, a);
        if (rc < 0)
                log_warning("%s: cannot watch the connection: %s, continuing with the kernel's word", a->device,
                            strerror(-rc));
}

static bool account_now(int fd, const struct device_counters *counters, struct account *ret)
{
        *ret = (struct account){.written_bytes = counters->written_bytes, .read_bytes = counters->read_bytes};
        return fd >= 0 && link_bytes(fd, &ret->sent_bytes, &ret->received_bytes);
}

void attach_open_account(struct attach *a)
{
        struct device_counters counters;
        if (a->sampler.stat_fd < 0 && device_sampler_open(&a->sampler, a->options->index) < 0)
                return; /* a device that CONNECT makes; its age of requests begins with the next connection */
        a->account_open =
            device_sampler_read(&a->sampler, &counters) == 0 && account_now(a->new_fd, &counters, &a->account);
}

void attach_probe_progress(struct attach *a, uint64_t now_ms)
{
        struct device_counters counters;
        struct account now;
        bool attached = a->supervisor.state == NBDC_ATTACHED;
        if (a->sampler.stat_fd < 0 || device_sampler_read(&a->sampler, &counters) < 0)
                return;
        if (counters.in_flight == 0 && attached && a->account_open && account_now(a->link_fd, &counters, &now))
                counters.in_flight = account_owed(&a->account, &now);
        progress_sample(&a->progress, counters.in_flight, counters.completed, attached, now_ms);
}

void attach_watch_link(struct attach *a)
{
        watch(a, a->new_fd);
        a->new_fd = -1;
        int rc = keeper_put_link(a->keeper_fd, a->link_fd);
        if (rc < 0 && a->keeper_fd >= 0)
                log_warning("%s: the keeper process does not take the connection: %s, continuing", a->device,
                            strerror(-rc));
        a->logged_error[0] = '\0';
        if (a->supervisor.reconnects > 0) {
                uint64_t ms = attach_now_ms(a) - a->supervisor.down_at_ms;
                log_notice("%s: connected again to %s after a pause of %" PRIu64 ".%03" PRIu64
                           " s; waiting requests are sent again",
                           a->device, dialer_address(a->dialer), ms / 1000, ms % 1000);
                attach_post_queue_limits(a);
        }
        attach_notify_status(a, false);
}

void attach_adopt(struct attach *a)
{
        char reason[NBDC_ERROR_SIZE];
        /* Now rather than in the first reconnect, when the device may hang; if it fails, it is tried again then. */
        if (dialer_resolve(a->dialer, reason, sizeof reason) < 0)
                log_warning("%s: %s, continuing", a->device, reason);
        int fd = a->keeper_fd >= 0 ? keeper_get_link(a->keeper_fd) : -ENOENT;
        if (fd < 0) {
                log_notice("%s: already attached, taking it over with a new connection", a->device);
                attach_feed(a, EVENT_ADOPT_DEAD, false);
        } else if (link_is_shut(fd)) {
                /*
                 * Not LINK_DEAD: the nbdc before may have been killed between its RECONFIGURE and handing the new connection
                 * to the keeper. Then the kernel has a live one, would drop ours without a word, and its later LINK_DEAD,
                 * when the server ends that one for ours, is the one that must count.
                 */
                log_notice("%s: already attached and without a connection, taking it over", a->device);
                a->link_fd = fd;
                attach_feed(a, EVENT_ADOPT_DEAD, false);
        } else {
                log_notice("%s: already attached, taking it over with its connection", a->device);
                watch(a, fd);
                a->account_open = false;
                attach_feed(a, EVENT_ADOPT_LIVE, false);
        }
}

void attach_probe_link(struct attach *a)
{
        struct link_sample sample;
        if (a->supervisor.state != NBDC_ATTACHED || a->link_fd < 0 || !link_sample(a->link_fd, &sample) ||
            !liveness_lost(&a->liveness, &sample, dialer_address_count(a->dialer) > 1, attach_now_ms(a)))
                return;
        link_shut(a->link_fd);
        link_went_down(a, ETIMEDOUT, EVENT_LINK_DOWN);
}
