/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/list.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "nbdc/negotiate.h"

#define LIST_TIMEOUT_S 3

static int dial(const char *host, uint16_t port, char *ret_reason, size_t size)
{
        char service[8];
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
        struct timeval timeout = {.tv_sec = LIST_TIMEOUT_S};
        int fd = -1;
        snprintf(service, sizeof service, "%u", port);
        int rc = getaddrinfo(host, service, &hints, &list);
        if (rc != 0) {
                snprintf(ret_reason, size, "host '%.100s' cannot be resolved: %s; check the name, or give its address",
                         host, gai_strerror(rc));
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

static void converse(int fd, struct negotiate *n)
{
        while (n->verdict == NEGOTIATE_GOING) {
                size_t bytes;
                uint8_t *to = negotiate_room(n, &bytes);
                ssize_t got = recv(fd, to, bytes, 0);
                if (got <= 0) {
                        negotiate_closed(n);
                        return;
                }
                negotiate_received(n, (size_t)got);
                for (const uint8_t *from = negotiate_output(n, &bytes); bytes > 0; from = negotiate_output(n, &bytes)) {
                        ssize_t sent = send(fd, from, bytes, MSG_NOSIGNAL);
                        if (sent <= 0) {
                                negotiate_closed(n);
                                return;
                        }
                        negotiate_sent(n, (size_t)sent);
                }
        }
}

int list_exports(const char *host, uint16_t port, void (*on_export)(void *userdata, const char *name, size_t bytes),
                 void *userdata, char *ret_reason, size_t size)
{
        struct negotiate n;
        int fd = dial(host, port, ret_reason, size);
        if (fd < 0)
                return fd;
        negotiate_start(&n, NEGOTIATE_LIST, NULL);
        n.on_export = on_export;
        n.userdata = userdata;
        converse(fd, &n);
        close(fd);
        if (n.verdict == NEGOTIATE_DONE)
                return 0;
        snprintf(ret_reason, size, "%.100s port %u: %s", host, port, n.error);
        return n.verdict == NEGOTIATE_REFUSED ? -EPERM : -EHOSTUNREACH;
}
