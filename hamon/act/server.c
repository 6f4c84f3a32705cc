/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/server.h"

#include "hamon/act/address.h"
#include "hamon/act/door.h"
#include "hamon/act/effects.h"
#include "hamon/act/monitor.h"
#include "hamon/act/protocol.h"
#include "hamon/act/reboot.h"
#include "hamon/act/resync.h"
#include "hamon/act/self_guard.h"
#include "hamon/act/watchdog.h"
#include "hamon/act/worker.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SEND_QUEUE_BYTES (1 << 20) /* of the socket: a client that reads nothing for that long is closed */

struct server {
        sd_event *loop;
        struct server_options o;
        int listen_fd, client_fd;
        sd_event_source *client_source;
        sd_event_source *guard;
        sd_event_source *address_end; /* an address whose renewal does not come */
        bool renew; /* there is another configuration: when nothing runs, hamon-act begins anew */
        uint64_t hamon_gone_since_ms; /* CLOCK_BOOTTIME; 0: one is connected */
        struct worker *workers[MIRRORS_MAX];
        struct worker *beside[MIRRORS_MAX]; /* of what waits for writes */
        struct monitor *monitors[MIRRORS_MAX];
};

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void drop_client(struct server *s, const char *why)
{
        if (s->client_fd < 0)
                return;
        log_notice("hamon is disconnected: %s", why);
        s->client_source = sd_event_source_disable_unref(s->client_source);
        close(s->client_fd);
        s->client_fd = -1;
        s->hamon_gone_since_ms = now_ms();
        for (unsigned i = 0; i < s->o.config->mirrors; i++) {
                worker_forget(s->workers[i]);
                if (s->beside[i])
                        worker_forget(s->beside[i]);
        }
}

/* Takes over `text`. */
static void send_text(struct server *s, char *text)
{
        if (!text)
                drop_client(s, "out of memory");
        else if (s->client_fd >= 0 && send(s->client_fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                drop_client(s, errno == EAGAIN ? "it does not read its answers" : strerror(errno));
        free(text);
}

static bool is_idle(const struct server *s)
{
        bool idle = true;
        for (unsigned i = 0; i < s->o.config->mirrors; i++)
                idle = idle && worker_is_idle(s->workers[i]) && worker_is_idle(s->beside[i]);
        return idle;
}

/* True: the loop ends. */
static bool renew_when_idle(struct server *s)
{
        if (!s->renew || !is_idle(s))
                return false;
        log_notice("begins anew with another configuration; arrays and services stay as they are");
        (void)sd_event_exit(s->loop, SERVER_RENEW);
        return true;
}

static void on_done(void *userdata, const struct effect_result *result)
{
        struct server *s = userdata;

        send_text(s, protocol_encode_result(s->o.config, result));
        (void)renew_when_idle(s);
}

static void on_observed(void *userdata, const struct observation *o, const struct service_seen *service)
{
        struct server *s = userdata;

        if (s->client_fd >= 0)
                send_text(s, protocol_encode_observation(s->o.config, o, service));
}

static struct worker *worker_of(const struct server *s, const struct effect *e)
{
        return effect_is_beside(e->type) ? s->beside[e->mirror] : s->workers[e->mirror];
}

/* R4e: an address does not wait for hamon to come back, nor for the kernel to look. */
static int on_address_end(sd_event_source *source, uint64_t usec, void *userdata)
{
        uint64_t next_ms = address_drop_ended();

        (void)usec, (void)userdata;
        if (next_ms == 0)
                return sd_event_source_set_enabled(source, SD_EVENT_OFF);
        int r = sd_event_source_set_time(source, next_ms * 1000);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void take_command(struct server *s, const char *text, size_t size)
{
        struct effect_result result = {0};
        char reason[128] = "";
        struct effect e;
        uint64_t ticket;

        if (protocol_decode(s->o.config, text, size, &e, &ticket, reason, sizeof reason) < 0) {
                log_warning("a packet was refused: %s", reason);
                send_text(s, protocol_encode_refusal(ticket, reason));
        } else if (effect_is_at_once(e.type)) {
                if (e.type == EFFECT_REBOOT)
                        log_error("mirror %s: this node was deposed: rebooting now",
                                  s->o.config->mirror[e.mirror].name);
                effect_perform_at_once(&s->o.mirrors[e.mirror], &e, &result);
                (void)on_address_end(s->address_end, 0, s); /* cannot fail: the source is ours */
                if (result.error < 0)
                        log_warning("mirror %s: %s failed: %s", s->o.config->mirror[e.mirror].name, effect_word(e.type),
                                    result.detail);
                send_text(s, protocol_encode_result(s->o.config, &result));
        } else if (worker_give(worker_of(s, &e), &e) < 0) {
                result =
                    (struct effect_result){.type = e.type, .mirror = e.mirror, .ticket = e.ticket, .error = -ENOBUFS};
                snprintf(result.detail, sizeof result.detail, "more than %d effects are waiting", WORKER_QUEUE_MAX);
                send_text(s, protocol_encode_result(s->o.config, &result));
        }
}

static int on_client(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        char text[PROTOCOL_PACKET_MAX];
        struct server *s = userdata;
        struct iovec part = {.iov_base = text, .iov_len = sizeof text};
        struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

        (void)source, (void)revents;
        ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0)
                drop_client(s, n < 0 ? strerror(errno) : "it closed the connection");
        else if (m.msg_flags & MSG_TRUNC)
                send_text(s, protocol_encode_refusal(0, "the packet is too long"));
        else
                take_command(s, text, (size_t)n);
        return 0;
}

static int on_connect(sd_event_source *source, int listen_fd, uint32_t revents, void *userdata)
{
        struct server *s = userdata;
        struct ucred who = {.pid = 0};
        struct observation o;
        struct service_seen service;
        int size = SEND_QUEUE_BYTES;

        (void)source, (void)revents;
        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
                return 0; /* it went away, or we are out of descriptors: it tries again */
        if (!door_admits(fd, &who) || s->client_fd >= 0) {
                char *text = protocol_encode_refusal(0, s->client_fd >= 0 ? "another hamon is connected"
                                                                          : "only root and user hamon may connect");
                log_warning("uid %d is not let in: %s", (int)who.uid,
                            s->client_fd >= 0 ? "another client is connected" : "not permitted");
                if (text)
                        (void)!send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT); /* a courtesy */
                free(text);
                close(fd);
                return 0;
        }
        s->renew = s->renew || s->o.outdated();
        if (renew_when_idle(s)) {
                close(fd); /* hamon connects again, to the new one */
                return 0;
        }
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size); /* the default would do, for less time */
        if (sd_event_add_io(s->loop, &s->client_source, fd, EPOLLIN, on_client, s) < 0) {
                close(fd);
                return 0;
        }
        s->client_fd = fd;
        s->hamon_gone_since_ms = 0;
        log_info("hamon is connected (pid %d)", (int)who.pid);
        for (unsigned i = 0; i < s->o.config->mirrors; i++)
                if (monitor_latest(s->monitors[i], &o, &service))
                        on_observed(s, &o, &service);
        return 0;
}

static struct self_view look_at_self(const struct server *s)
{
        struct self_view v = {.known = true};
        struct observation o;

        v.hamon_gone_ms = s->hamon_gone_since_ms ? now_ms() - s->hamon_gone_since_ms : 0;
        for (unsigned i = 0; i < s->o.config->mirrors; i++) {
                if (monitor_sees_no_array_of_ours(s->monitors[i]))
                        continue;
                bool seen = monitor_latest(s->monitors[i], &o, NULL);
                v.known = v.known && seen;
                v.array_runs = v.array_runs || (seen && o.array_running);
                v.leg_refused = v.leg_refused || (seen && o.array_running && o.attached && o.leg_refused);
        }
        watchdog_look(&v);
        return v;
}

static int on_guard(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct server *s = userdata;
        struct self_view v = look_at_self(s);

        (void)usec;
        if (self_guard_must_reboot(&v)) {
                log_error("hamon has been away for %llu s and the peer has revoked its leg: this node was deposed: rebooting now",
                          (unsigned long long)(v.hamon_gone_ms / 1000));
                (void)reboot_now(); /* when it returns, it is tried again at the next look */
        }
        watchdog_do(self_guard_watchdog(&v));
        (void)renew_when_idle(s);
        int r = sd_event_source_set_time_relative(source, SELF_GUARD_LOOK_MS * 1000ull);
        return r < 0 ? r : sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int server_start(sd_event *loop, const struct server_options *options, struct server **ret)
{
        struct server *s = calloc(1, sizeof *s);

        if (!s)
                return -ENOMEM;
        *s = (struct server){.loop = loop, .o = *options, .listen_fd = -1, .client_fd = -1, .hamon_gone_since_ms = now_ms()};
        int r = door_open(options->socket_path, &s->listen_fd);
        for (unsigned i = 0; r == 0 && i < options->config->mirrors; i++) {
                r = resync_start(&options->mirrors[i], &options->mirrors[i].resync);
                if (r == 0)
                        r = worker_start(&options->mirrors[i], loop, on_done, s, &s->workers[i]);
                if (r == 0)
                        r = worker_start(&options->mirrors[i], loop, on_done, s, &s->beside[i]);
                if (r == 0)
                        r = monitor_start(&options->mirrors[i], loop, on_observed, s, &s->monitors[i]);
        }
        if (r == 0 && (r = sd_event_add_io(loop, NULL, s->listen_fd, EPOLLIN, on_connect, s)) > 0)
                r = 0;
        if (r == 0)
                r = sd_event_add_time_relative(loop, &s->guard, CLOCK_BOOTTIME, SELF_GUARD_LOOK_MS * 1000ull, 0, on_guard, s);
        if (r == 0)
                r = sd_event_add_time(loop, &s->address_end, CLOCK_BOOTTIME, 0, 1, on_address_end, s); /* finds nothing */
        if (r < 0)
                return r; /* the program ends; threads that started may still use `s` */
        *ret = s;
        return 0;
}

void server_end(struct server *s)
{
        struct self_view v = look_at_self(s);

        if (v.known && !v.array_runs)
                watchdog_end(); /* nothing to watch over */
        else
                watchdog_hand_over();
        (void)unlink(s->o.socket_path);
}
