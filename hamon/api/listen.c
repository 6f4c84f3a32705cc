/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

int listen_tcp(const struct config_address *address, uint16_t port, int backlog)
{
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } a = {0};
        const int on = 1;
        socklen_t size;
        a.any.sa_family = (sa_family_t)address->family;
        if (address->family == AF_INET6) {
                a.v6.sin6_port = htons(port);
                memcpy(&a.v6.sin6_addr, address->bytes, 16);
                size = sizeof a.v6;
        } else {
                a.v4.sin_port = htons(port);
                memcpy(&a.v4.sin_addr, address->bytes, 4);
                size = sizeof a.v4;
        }
        int fd = socket(address->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        int r = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (r == 0 && address->family == AF_INET6)
                r = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        if (r == 0) /* IP_FREEBIND works for both families */
                r = setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
        if (r == 0)
                r = bind(fd, &a.any, size);
        if (r == 0)
                r = listen(fd, backlog);
        if (r < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        return fd;
}
