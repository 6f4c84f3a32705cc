/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/list.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "nbdc/channel.h"
#include "nbdc/link.h"
#include "nbdc/negotiate.h"

#define LIST_TIMEOUT_S 3 /* to connect, and for a greeting */
#define LIST_TLS_TIMEOUT_S 10 /* a server may have to load its ciphers first */

static int dial(const char *host, uint16_t port, char *ret_reason, size_t size)
{
        char service[8];
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
        struct timeval timeout = {.tv_sec = LIST_TIMEOUT_S};
        int fd = -1;
        snprintf(service, sizeof service, "%u", port);
        char bare[NBDC_HOST_SIZE];
        if (host[0] == '[' && host[strlen(host) - 1] == ']') { /* "[::1]", as in a URL */
                snprintf(bare, sizeof bare, "%.*s", (int)strlen(host) - 2, host + 1);
                host = bare;
        }
        int rc = getaddrinfo(host, service, &hints, &list);
        if (rc != 0) {
                link_unresolved(host, rc, ret_reason, size);
                return -EHOSTUNREACH;
        }
        for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
                fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (fd < 0)
                        continue;
                /* SO_SNDTIMEO bounds connect(2), too. */
                if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
                    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
                    connect(fd, a->ai_addr, a->ai_addrlen) == 0)
                        break;
                rc = errno == EINPROGRESS ? ETIMEDOUT : errno;
                close(fd);
                fd = -1;
        }
        freeaddrinfo(list);
        if (fd < 0)
                snprintf(ret_reason, size, "%.100s port %u cannot be reached: %s; is nbdd running there, on this port?",
                         host, port, strerror(rc));
        return fd < 0 ? -EHOSTUNREACH : fd;
}

/* False: TLS failed. */
static bool secure(struct channel *c, struct negotiate *n, const struct tls_keys *keys)
{
        const struct timeval timeout = {.tv_sec = LIST_TLS_TIMEOUT_S};
        (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout); /* else the shorter one holds */
        if (channel_secure(c, keys) < 0 || channel_shake(c) < 0)
                return false;
        negotiate_secured(n);
        return true;
}

static void converse(struct channel *c, struct negotiate *n, const struct tls_keys *keys)
{
        while (n->verdict == NEGOTIATE_GOING) {
                size_t bytes;
                uint8_t *to = negotiate_room(n, &bytes);
                ssize_t got = channel_receive(c, to, bytes);
                if (got == -EAGAIN) /* SO_RCVTIMEO */
                        return;
                if (got <= 0) {
                        negotiate_closed(n);
                        return;
                }
                negotiate_received(n, (size_t)got);
                if (n->verdict == NEGOTIATE_SECURE && !secure(c, n, keys))
                        return;
                for (const uint8_t *from = negotiate_output(n, &bytes); bytes > 0; from = negotiate_output(n, &bytes)) {
                        ssize_t sent = channel_send(c, from, bytes);
                        if (sent <= 0) {
                                negotiate_closed(n);
                                return;
                        }
                        negotiate_sent(n, (size_t)sent);
                }
        }
}

int list_exports(const char *host, uint16_t port, const struct tls_keys *keys, void (*on_export)(void *userdata, const char *name, size_t bytes),
                 void *userdata, char *ret_reason, size_t size)
{
        struct negotiate n;
        int fd = dial(host, port, ret_reason, size);
        if (fd < 0)
                return fd;
        struct channel c = {.fd = fd};
        negotiate_start(&n, NEGOTIATE_LIST, NULL);
        n.tls = keys != NULL;
        n.on_export = on_export;
        n.userdata = userdata;
        converse(&c, &n, keys);
        close(fd);
        const char *reason = channel_reason(&c);
        if (n.verdict == NEGOTIATE_SECURE)
                snprintf(ret_reason, size, "%.100s port %u: TLS: %s", host, port, *reason ? reason : "the server hangs up, or does not answer");
        else if (n.verdict == NEGOTIATE_GOING && !*reason)
                snprintf(ret_reason, size, "%.100s port %u: connected, but the server does not answer; its nbdd may hang", host, port);
        else if (n.verdict != NEGOTIATE_DONE)
                snprintf(ret_reason, size, "%.100s port %u: %s%s", host, port, *reason ? "TLS: " : "", *reason ? reason : n.error);
        bool refused = n.verdict == NEGOTIATE_REFUSED || *reason;
        channel_release(&c);
        if (n.verdict == NEGOTIATE_DONE)
                return 0;
        return refused ? -EPERM : -EHOSTUNREACH;
}
