/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/tcp.h>

#include "nbdc/liveness.h"

void link_set_close(struct link_set *set)
{
        for (unsigned i = 0; i < set->count; i++)
                close(set->fds[i]);
        set->count = 0;
}

void link_set_shut(const struct link_set *set)
{
        for (unsigned i = 0; i < set->count; i++)
                link_shut(set->fds[i]);
}

bool link_set_any_shut(const struct link_set *set)
{
        for (unsigned i = 0; i < set->count; i++)
                if (link_is_shut(set->fds[i]))
                        return true;
        return false;
}

void link_shut(int fd)
{
        (void)shutdown(fd, SHUT_RDWR); /* ENOTCONN: it already is */
}

bool link_is_shut(int fd)
{
        struct pollfd p = {.fd = fd};
        return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}

bool link_sample(int fd, struct link_sample *ret)
{
        struct tcp_info info = {0};
        socklen_t size = sizeof info;
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
                return false;
        *ret = (struct link_sample){
            .retransmits = info.tcpi_retransmits,
            .probes = info.tcpi_probes,
            .window_closed = (info.tcpi_unacked == 0 && info.tcpi_notsent_bytes > 0) ||
                             (size >= offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof info.tcpi_snd_wnd && info.tcpi_snd_wnd == 0),
            .silent_ms =
                info.tcpi_last_ack_recv < info.tcpi_last_data_recv ? info.tcpi_last_ack_recv : info.tcpi_last_data_recv,
        };
        return true;
}

bool link_bytes(int fd, uint64_t *ret_sent, uint64_t *ret_received)
{
        struct tcp_info info = {0};
        socklen_t size = sizeof info;
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0 ||
            size < offsetof(struct tcp_info, tcpi_bytes_retrans) + 8)
                return false;
        *ret_sent = info.tcpi_bytes_sent - info.tcpi_bytes_retrans + info.tcpi_notsent_bytes;
        *ret_received = info.tcpi_bytes_received;
        return true;
}

bool link_waits(int fd)
{
        struct tcp_info info = {0};
        socklen_t size = sizeof info;
        return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_last_data_sent < info.tcpi_last_data_recv;
}

void link_format_address(const struct sockaddr *address, socklen_t length, char ret[NBDC_ADDRESS_SIZE])
{
        char host[48], port[8];
        ret[0] = '\0';
        if (getnameinfo(address, length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
                snprintf(ret, NBDC_ADDRESS_SIZE, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

void link_peer(int fd, char ret[NBDC_ADDRESS_SIZE])
{
        struct sockaddr_storage address;
        socklen_t length = sizeof address;
        ret[0] = '\0';
        if (getpeername(fd, (struct sockaddr *)&address, &length) == 0)
                link_format_address((struct sockaddr *)&address, length, ret);
}

void link_unresolved(const char *host, int rc, char *ret, size_t size)
{
        const char *colon = strchr(host, ':'), *why = rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc);
        if (host[0] == '\0')
                snprintf(ret, size, "'' is not a host; expected a name or an address");
        else if (colon && !strchr(colon + 1, ':'))
                snprintf(ret, size, "host '%.100s' cannot be resolved: %s; the port is an operand of its own: %.*s %.20s", host, why,
                         (int)(colon - host < 100 ? colon - host : 100), host, colon + 1);
        else
                snprintf(ret, size, "host '%.100s' cannot be resolved: %s; check the name, or give its address", host, why);
}

int link_take_error(int fd)
{
        int error = 0;
        socklen_t size = sizeof error;
        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : 0;
}
