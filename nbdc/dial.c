/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-event.h>

#include "nbdc/channel.h"
#include "nbdc/classic.h"
#include "nbdc/limits.h"
#include "net/tls.h"
#include "nbdc/link.h"

struct dial_address {
        struct sockaddr_storage sockaddr;
        socklen_t length;
        char text[NBDC_ADDRESS_SIZE];
};

struct dialer {
        sd_event *event;
        const char *hosts;
        uint16_t port;
        struct export_name name;
        dial_end on_end;
        void *userdata;

        struct dial_address addresses[NBDC_ADDRESSES_MAX];
        size_t address_count;
        size_t address; /* the one that is being tried */
        size_t tried;   /* in this attempt */
        bool refused;   /* in this attempt, by one of the addresses */

        int fd;
        bool connected;
        bool shaking; /* TLS hands */
        bool done;
        const struct tls_keys *keys;
        const char *classic_secrets;
        struct channel channel;
        sd_event_source *io, *timer;
        struct negotiate negotiate;
        char sentence[NBDC_ERROR_SIZE];
};

static int resolve_one(struct dialer *d, const char *host, char *ret_reason, size_t size)
{
        char port[8];
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
        snprintf(port, sizeof port, "%u", d->port);
        int rc = getaddrinfo(host, port, &hints, &list);
        if (rc != 0) {
                link_unresolved(host, rc, ret_reason, size);
                return -EHOSTUNREACH;
        }
        for (const struct addrinfo *a = list; a && d->address_count < NBDC_ADDRESSES_MAX; a = a->ai_next) {
                struct dial_address *to = &d->addresses[d->address_count++];
                memcpy(&to->sockaddr, a->ai_addr, a->ai_addrlen);
                to->length = a->ai_addrlen;
                link_format_address(a->ai_addr, a->ai_addrlen, to->text);
        }
        freeaddrinfo(list);
        return 0;
}

int dialer_resolve(struct dialer *d, char *ret_reason, size_t size)
{
        d->address_count = 0;
        for (const char *p = d->hosts; *p;) {
                char host[NBDC_HOST_SIZE];
                size_t n = strcspn(p, ",");
                const char *start = p;
                p += n + (p[n] == ',');
                if (n > 2 && start[0] == '[' && start[n - 1] == ']') { /* "[::1]", as in a URL */
                        start++;
                        n -= 2;
                }
                if (n == 0 || n >= sizeof host) {
                        snprintf(ret_reason, size, "'%.100s' is not a list of hosts; expected HOST or HOST,HOST2",
                                 d->hosts);
                        return -EINVAL;
                }
                memcpy(host, start, n);
                host[n] = '\0';
                int rc = resolve_one(d, host, ret_reason, size);
                if (rc < 0)
                        return rc;
        }
        return d->address_count > 0 ? 0 : -EHOSTUNREACH;
}

static void close_attempt(struct dialer *d)
{
        d->io = sd_event_source_disable_unref(d->io);
        channel_release(&d->channel);
        if (d->fd >= 0)
                close(d->fd);
        d->fd = d->channel.fd = -1;
        d->connected = d->shaking = d->done = false;
        if (d->timer)
                (void)sd_event_source_set_enabled(d->timer, SD_EVENT_OFF); /* of our own source: cannot fail */
}

static void try_address(struct dialer *d);

static void end_attempt(struct dialer *d, enum dial_result result)
{
        if (result == DIAL_DONE) {
                d->io = sd_event_source_disable_unref(d->io);
                (void)sd_event_source_set_enabled(d->timer, SD_EVENT_OFF);
                d->done = true;
                d->sentence[0] = '\0';
        } else {
                close_attempt(d);
        }
        d->on_end(d->userdata, result, &d->negotiate.info, d->sentence);
}

/* This address is out; another one is tried, or the attempt ends with the sentence of the latest. */
static void address_failed(struct dialer *d, bool refused, const char *what)
{
        snprintf(d->sentence, sizeof d->sentence, "%s: %s", d->addresses[d->address].text, what);
        d->refused |= refused;
        close_attempt(d);
        d->address = (d->address + 1) % d->address_count;
        if (++d->tried < d->address_count)
                try_address(d);
        else
                end_attempt(d, d->refused ? DIAL_REFUSED : DIAL_UNREACHABLE);
}

/* Of connect(2) and of a connection that broke off, with what to look at. */
static void socket_failed(struct dialer *d, int error)
{
        char text[160];
        const char *next =
            error == ECONNREFUSED                             ? "; is nbdd running there, on this port?"
            : error == ENETUNREACH || error == EHOSTUNREACH   ? "; is the link up, and is there a route to it?"
            : error == EACCES || error == EPERM               ? "; does a firewall of this host forbid it?"
            : error == EAFNOSUPPORT || error == EADDRNOTAVAIL ? "; does this host have such addresses itself?"
                                                              : "";
        snprintf(text, sizeof text, "%s%s", strerror(error), next);
        address_failed(d, false, text);
}

static void set_deadline(struct dialer *d, unsigned ms)
{
        (void)sd_event_source_set_time_relative(d->timer, ms * 1000ull); /* of our own source: cannot fail */
        (void)sd_event_source_set_enabled(d->timer, SD_EVENT_ONESHOT);
}

static void begin(struct dialer *d)
{
        if (d->address_count == 0 && dialer_resolve(d, d->sentence, sizeof d->sentence) < 0)
                end_attempt(d, DIAL_UNREACHABLE);
        else
                try_address(d);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
        struct dialer *d = userdata;
        (void)s;
        (void)usec;
        if (d->fd < 0) /* dialer_start()'s own first turn */
                begin(d);
        else if (!d->connected)
                address_failed(d, false,
                               "no answer to the connection attempt; is the host up, and port and firewall right?");
        else
                address_failed(d, false, "connected, but the server does not answer; its nbdd or its disk may hang");
        return 0;
}

/* 0: go on; else the address was given up or the attempt is over. */
static int pump_output(struct dialer *d)
{
        size_t bytes;
        const uint8_t *data = negotiate_output(&d->negotiate, &bytes);
        while (bytes > 0) {
                ssize_t n = channel_send(&d->channel, data, bytes);
                if (n == -EAGAIN)
                        return 0;
                if (n < 0) {
                        socket_failed(d, (int)-n);
                        return -1;
                }
                negotiate_sent(&d->negotiate, (size_t)n);
                data = negotiate_output(&d->negotiate, &bytes);
        }
        return 0;
}

/* From here on the socket takes and gives plain bytes. False: the address was given up. */
static bool hand_over_records(struct dialer *d)
{
        char text[NBDC_ERROR_SIZE];
        int rc = d->channel.tls ? tls_to_kernel(d->channel.tls, d->fd) : 0;
        if (rc == 0) {
                channel_release(&d->channel);
                return true;
        }
        if (rc == -EPROTO)
                snprintf(text, sizeof text, "the server goes on talking after the handshake, so that the kernel cannot take over its TLS session");
        else
                snprintf(text, sizeof text, "the kernel does not take over the TLS session: %s; it needs CONFIG_TLS and AES-GCM (modprobe tls)", strerror(-rc));
        address_failed(d, rc != -EPROTO, text);
        return false;
}

static void conclude(struct dialer *d)
{
        struct negotiate *n = &d->negotiate;
        int zero = 0, flags;
        switch (n->verdict) {
        case NEGOTIATE_GOING:
        case NEGOTIATE_SECURE:
                return;
        case NEGOTIATE_DONE:
                if (!hand_over_records(d))
                        return;
                /* From here on nbdc judges the connection (limits.h); the kernel driver wants a blocking socket. */
                (void)setsockopt(d->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &zero, sizeof zero);
                flags = fcntl(d->fd, F_GETFL);
                if (flags >= 0)
                        (void)fcntl(d->fd, F_SETFL, flags & ~O_NONBLOCK);
                end_attempt(d, DIAL_DONE);
                return;
        case NEGOTIATE_REFUSED:
                address_failed(d, true, n->error);
                return;
        case NEGOTIATE_LATER:
        case NEGOTIATE_BROKEN:
                address_failed(d, false, n->error);
                return;
        }
}

/* True: TLS is on, or none is wanted. */
static bool shake(struct dialer *d)
{
        char text[NBDC_ERROR_SIZE];
        int rc = 0;
        if (!d->shaking)
                return true;
        if (!d->channel.tls)
                rc = channel_secure(&d->channel, d->keys);
        if (rc == 0)
                rc = channel_shake(&d->channel);
        if (rc == 0) {
                d->shaking = false;
                negotiate_secured(&d->negotiate);
                return pump_output(d) == 0;
        }
        if (rc != -EAGAIN) {
                const char *reason = channel_reason(&d->channel);
                snprintf(text, sizeof text, "TLS: %s", *reason ? reason : strerror(-rc));
                address_failed(d, rc == -EACCES, text);
        }
        return false;
}

static void pump(struct dialer *d)
{
        struct negotiate *n = &d->negotiate;
        if (!shake(d))
                return;
        while (n->verdict == NEGOTIATE_GOING) {
                size_t room;
                uint8_t *to = negotiate_room(n, &room);
                bool greeting = n->step == STEP_GREETING;
                ssize_t got = channel_receive(&d->channel, to, room);
                if (got == -EAGAIN)
                        break;
                if (got < 0) {
                        const char *reason = channel_reason(&d->channel);
                        if (*reason)
                                address_failed(d, got == -EACCES, reason);
                        else
                                socket_failed(d, (int)-got);
                        return;
                }
                if (got == 0)
                        negotiate_closed(n);
                else
                        negotiate_received(n, (size_t)got);
                if (greeting && n->step != STEP_GREETING)
                        set_deadline(d, NBDC_DIAL_GO_MS);
                if (n->verdict == NEGOTIATE_GOING && pump_output(d) < 0)
                        return;
                if (n->verdict == NEGOTIATE_SECURE) {
                        d->shaking = true;
                        if (!shake(d))
                                return;
                }
        }
        conclude(d);
}

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata);

/* The connection goes to a relay; what is negotiated with is our end towards that. */
static void dial_relay(struct dialer *d)
{
        int fd = -1, rc = classic_relay_start(d->fd, d->classic_secrets, d->name.id, &fd);
        d->io = sd_event_source_disable_unref(d->io);
        close(d->fd);
        d->fd = d->channel.fd = fd;
        if (rc >= 0)
                rc = sd_event_add_io(d->event, &d->io, d->fd, EPOLLIN, on_io, d);
        if (rc < 0)
                socket_failed(d, -rc);
}

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        struct dialer *d = userdata;
        (void)revents;
        if (!d->connected) {
                int error = 0;
                socklen_t size = sizeof error;
                if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                        error = errno;
                if (error) {
                        socket_failed(d, error);
                        return 0;
                }
                d->connected = true;
                set_deadline(d, NBDC_DIAL_GREETING_MS);
                if (d->classic_secrets)
                        dial_relay(d);
                else
                        (void)sd_event_source_set_io_events(s, EPOLLIN); /* of our own source: cannot fail */
                return 0;
        }
        pump(d);
        return 0;
}

static int open_socket(const struct dial_address *a)
{
        static const struct {
                int level, option, value;
        } options[] = {
            {IPPROTO_TCP, TCP_NODELAY, 1},
            {SOL_SOCKET, SO_KEEPALIVE, 1},
            {IPPROTO_TCP, TCP_KEEPIDLE, NBDC_KEEPALIVE_IDLE_S},
            {IPPROTO_TCP, TCP_KEEPINTVL, NBDC_KEEPALIVE_INTERVAL_S},
            {IPPROTO_TCP, TCP_KEEPCNT, NBDC_KEEPALIVE_COUNT},
            {IPPROTO_TCP, TCP_USER_TIMEOUT, NBDC_HANDSHAKE_USER_TIMEOUT_MS},
        };
        int fd = socket(a->sockaddr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
                if (setsockopt(fd, options[i].level, options[i].option, &options[i].value, sizeof options[i].value) <
                    0) {
                        int rc = -errno;
                        close(fd);
                        return rc;
                }
        }
        return fd;
}

static void try_address(struct dialer *d)
{
        const struct dial_address *a = &d->addresses[d->address];
        negotiate_start(&d->negotiate, NEGOTIATE_ATTACH, &d->name);
        d->negotiate.tls = d->keys != NULL;
        d->fd = d->channel.fd = open_socket(a);
        int rc = d->fd;
        if (rc >= 0) {
                set_deadline(d, d->address_count > 1 ? NBDC_DIAL_CONNECT_ONE_OF_MANY_MS : NBDC_DIAL_CONNECT_MS);
                rc = connect(d->fd, (const struct sockaddr *)&a->sockaddr, a->length) < 0 && errno != EINPROGRESS
                         ? -errno
                         : 0;
        }
        if (rc >= 0)
                rc = sd_event_add_io(d->event, &d->io, d->fd, EPOLLOUT, on_io, d);
        if (rc < 0)
                socket_failed(d, -rc);
}

int dialer_new(struct sd_event *event, const char *hosts, uint16_t port, const struct export_name *name,
               const struct tls_keys *keys, const char *classic_secrets, dial_end on_end, void *userdata, struct dialer **ret)
{
        struct dialer *d = calloc(1, sizeof *d);
        if (!d)
                return -ENOMEM;
        d->event = sd_event_ref(event);
        d->hosts = hosts;
        d->port = port;
        d->name = *name;
        d->keys = keys;
        d->classic_secrets = classic_secrets;
        d->on_end = on_end;
        d->userdata = userdata;
        d->fd = d->channel.fd = -1;
        int rc = sd_event_add_time_relative(event, &d->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, d);
        if (rc >= 0)
                rc = sd_event_source_set_enabled(d->timer, SD_EVENT_OFF);
        if (rc < 0) {
                dialer_free(d);
                return rc;
        }
        *ret = d;
        return 0;
}

void dialer_start(struct dialer *d)
{
        close_attempt(d);
        d->tried = 0;
        d->refused = false;
        set_deadline(d, 0);
}

void dialer_stop(struct dialer *d)
{
        close_attempt(d);
}

void dialer_next_address(struct dialer *d)
{
        if (d->address_count > 0)
                d->address = (d->address + 1) % d->address_count;
}

size_t dialer_address_count(const struct dialer *d)
{
        return d->address_count;
}

int dialer_take_fd(struct dialer *d)
{
        if (!d->done)
                return -1;
        int fd = d->fd;
        d->fd = d->channel.fd = -1;
        d->done = false;
        return fd;
}

const char *dialer_address(const struct dialer *d)
{
        return d->address < d->address_count ? d->addresses[d->address].text : d->hosts;
}

void dialer_free(struct dialer *d)
{
        if (!d)
                return;
        close_attempt(d);
        sd_event_source_disable_unref(d->timer);
        sd_event_unref(d->event);
        free(d);
}
