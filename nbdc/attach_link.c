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

void attach_on_dialed(void *userdata, enum dial_result result, const struct nbd_export_info *offered, const char *sentence)
{
        struct attach *a = userdata;
        if (result != DIAL_DONE) {
                attach_set_error(a, "%s", sentence);
                link_set_close(&a->fresh);
                attach_feed(a, result == DIAL_REFUSED ? EVENT_REFUSED : EVENT_UNREACHABLE, false);
                return;
        }
        struct nbd_export_info taken = *offered;
        const struct nbd_export_info *info = &taken;
        if (a->options->no_trim)
                taken.transmission_flags &= (uint16_t)~NBD_TFLAG_SEND_TRIM;
        bool first = a->fresh.count == 0;
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
        else if (a->options->connections > 1 && !(info->transmission_flags & NBD_TFLAG_CAN_MULTI_CONN))
                wrong = "the server does not offer several connections at once to this export (MULTI_CONN); attach "
                        "without --connections";
        else if (!first &&
                 (info->size_bytes != a->export.size_bytes || info->transmission_flags != a->export.transmission_flags))
                wrong = "the export changed from one connection to the next; attach again";
        if (wrong) {
                attach_set_error(a, "%s: %s", dialer_address(a->dialer), wrong);
                dialer_stop(a->dialer);
                link_set_close(&a->fresh);
                attach_feed(a, EVENT_REFUSED, false);
                return;
        }
        assert(a->fresh.count < a->options->connections);
        a->fresh.fds[a->fresh.count++] = dialer_take_fd(a->dialer);
        a->export = *info;
        a->export_known = true;
        if (!a->size_bytes) {
                a->block_bytes = block;
                a->size_bytes = info->size_bytes - info->size_bytes % block;
        }
        if (a->fresh.count < a->options->connections)
                dialer_start(a->dialer);
        else
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
        if (a->supervisor.state == NBDC_ATTACHED && a->supervisor.let_go && a->links.count > 0 &&
            !link_set_any_shut(&a->links))
                return;
        /* All of them go with the first; the kernel is ready for new ones when it has let go of each. */
        bool last = ++a->dead_links >= (a->links.count > 0 ? a->links.count : a->options->connections);
        link_went_down(a, a->links.count > 0 ? link_take_error(a->links.fds[0]) : 0,
                       last ? EVENT_LINK_DEAD : EVENT_LINK_DOWN);
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

/* Takes the connections. */
static void watch(struct attach *a, const struct link_set *links)
{
        int rc = 0;
        for (unsigned i = 0; i < NBDC_CONNECTIONS_MAX; i++)
                a->link_io[i] = sd_event_source_disable_unref(a->link_io[i]);
        link_set_close(&a->links);
        a->links = *links;
        a->dead_links = 0;
        for (unsigned i = 0; i < a->links.count && rc >= 0; i++)
                rc = sd_event_add_io(a->event, &a->link_io[i], a->links.fds[i], EPOLLRDHUP, on_link_io, a);
        if (rc < 0)
                log_warning("%s: cannot watch the connection: %s, continuing with the kernel's word", a->device,
                            strerror(-rc));
}

/* Of one connection: which of several a request went over is not known. */
static bool account_now(const struct link_set *links, const struct device_counters *counters, struct account *ret)
{
        *ret = (struct account){.written_bytes = counters->written_bytes, .read_bytes = counters->read_bytes};
        return links->count == 1 && link_bytes(links->fds[0], &ret->sent_bytes, &ret->received_bytes);
}

void attach_open_account(struct attach *a)
{
        struct device_counters counters;
        if (a->sampler.stat_fd < 0 && device_sampler_open(&a->sampler, a->options->index) < 0)
                return; /* a device that CONNECT makes; its age of requests begins with the next connection */
        a->records_open = device_sampler_read(&a->sampler, &counters) == 0;
        a->account_open = a->records_open && account_now(&a->fresh, &counters, &a->point.account);
        a->point.completed = counters.completed;
}

/* Flushes that are owed: the block layer does not count them. Records hide how many; then the last word tells that there is one. */
static unsigned owed(const struct attach *a, const struct device_counters *counters)
{
        struct account now;
        if (a->options->keys)
                return a->links.count == 1 && link_waits(a->links.fds[0]);
        return a->account_open && account_now(&a->links, counters, &now) ? account_owed(&a->point.account, &now) : 0;
}

void attach_probe_progress(struct attach *a, uint64_t now_ms)
{
        struct device_counters counters;
        bool attached = a->supervisor.state == NBDC_ATTACHED;
        if (a->sampler.stat_fd < 0 || device_sampler_read(&a->sampler, &counters) < 0)
                return;
        if (counters.in_flight == 0 && attached)
                counters.in_flight = owed(a, &counters);
        progress_sample(&a->progress, counters.in_flight, counters.completed, attached, now_ms);
}

/* Of one connection. With several it is not known which of them a request went over: any may have had all of them. */
static uint64_t records_of(const struct attach *a, unsigned i, const struct device_counters *counters)
{
        struct records_point now = {.completed = counters->completed}, several = {.completed = a->point.completed};
        bool one = a->links.count == 1 && a->account_open;
        if (!link_bytes(a->links.fds[i], &now.account.sent_bytes, &now.account.received_bytes))
                return 0;
        if (one) {
                now.account.written_bytes = counters->written_bytes;
                now.account.read_bytes = counters->read_bytes;
        }
        return records_bound(!a->records_open ? NULL : one ? &a->point : &several, &now);
}

void attach_probe_records(struct attach *a)
{
        struct device_counters counters;
        uint64_t records = 0;
        if (!a->options->keys || a->supervisor.state != NBDC_ATTACHED || a->sampler.stat_fd < 0 ||
            device_sampler_read(&a->sampler, &counters) < 0)
                return;
        for (unsigned i = 0; i < a->links.count; i++) {
                uint64_t n = records_of(a, i, &counters);
                records = n > records ? n : records;
        }
        if (records < a->options->records_max)
                return;
        log_notice("%s: the TLS key may have protected %" PRIu64 " records: changing to a new connection, as planned", a->device, records);
        link_set_shut(&a->links);
        attach_feed(a, EVENT_LINK_DOWN, false);
}

static int on_keeper_gone(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        struct attach *a = userdata;
        (void)s;
        (void)revents;
        log_warning("%s: its keeper process is gone, continuing with another", a->device);
        a->keeper_io = sd_event_source_disable_unref(a->keeper_io);
        close(fd);
        a->keeper_fd = -ENOTCONN;
        return 0;
}

void attach_keep(struct attach *a)
{
        a->keeper_retry_ms = attach_now_ms(a) + NBDC_KEEPER_RETRY_MS;
        a->keeper_fd = keeper_start(a->options->index);
        int rc = a->keeper_fd;
        if (rc >= 0)
                rc = sd_event_add_io(a->event, &a->keeper_io, a->keeper_fd, 0, on_keeper_gone,
                                     a); /* HUP is always told */
        if (rc >= 0)                     /* it serves a future kernel only */
                (void)keeper_put_netlink(a->keeper_fd, netlink_socket_fd(a->kernel_job.netlink));
        if (rc >= 0 && a->links.count > 0)
                rc = keeper_put_links(a->keeper_fd, &a->links);
        if (rc < 0)
                log_warning("%s: no keeper process: %s, continuing; a detach after a crash of nbdc may have to wait "
                            "for the peer",
                            a->device, strerror(-rc));
}

void attach_watch_link(struct attach *a)
{
        watch(a, &a->fresh);
        a->fresh.count = 0;
        int rc = keeper_put_links(a->keeper_fd, &a->links);
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
        struct link_set held = {0};
        int rc = a->keeper_fd >= 0 ? keeper_get_links(a->keeper_fd, &held) : -ENOENT;
        if (rc < 0) {
                log_notice("%s: already attached, taking it over with a new connection", a->device);
                attach_feed(a, EVENT_ADOPT_DEAD, false);
        } else if (link_set_any_shut(&held)) {
                /*
                 * Not LINK_DEAD: the nbdc before may have been killed between its RECONFIGURE and handing the new
                 * connection to the keeper. Then the kernel has a live one, would drop ours without a word, and its
                 * later LINK_DEAD, when the server ends that one for ours, is the one that must count.
                 */
                log_notice("%s: already attached and without a connection, taking it over", a->device);
                link_set_shut(&held); /* of several: with one, all of them */
                a->links = held;
                attach_feed(a, EVENT_ADOPT_DEAD, false);
        } else {
                log_notice("%s: already attached, taking it over with its connection", a->device);
                watch(a, &held);
                a->account_open = a->records_open = false;
                attach_feed(a, EVENT_ADOPT_LIVE, false);
        }
}

void attach_probe_link(struct attach *a)
{
        struct link_sample sample;
        if (a->supervisor.state != NBDC_ATTACHED)
                return;
        /* They share their ways: what is true of one that has something to send is true of all. */
        bool lost = false;
        for (unsigned i = 0; i < a->links.count && !lost; i++)
                lost = link_sample(a->links.fds[i], &sample) &&
                       liveness_lost(&a->liveness[i], &sample, dialer_address_count(a->dialer) > 1, attach_now_ms(a));
        if (!lost)
                return;
        link_set_shut(&a->links);
        link_went_down(a, ETIMEDOUT, EVENT_LINK_DOWN);
}
