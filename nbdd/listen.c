/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listening sockets. See listen.h. */
#include "nbdd/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nbdd/listen_word.h"

#define BACKLOG 128
/* A client whose machine is gone frees its place after about this long. */
#define KEEPALIVE_IDLE_S 10
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_COUNT 4
#define USER_TIMEOUT_MS 30000

static void address_text(const struct sockaddr_storage *a, socklen_t size, char *ret)
{
        char host[64] = "?", port[8] = "?";
        (void)getnameinfo((const struct sockaddr *)a, size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
        (void)snprintf(ret, LISTEN_ADDRESS_SIZE, a->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static int open_one(const struct addrinfo *ai, struct listen_socket *ret)
{
        int one = 1, fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_storage bound;
        socklen_t size = sizeof bound;

        if (fd < 0)
                return -errno;
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (ai->ai_family == AF_INET6)
                (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one); /* IPv4 has a socket of its own */
        if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0 ||
            getsockname(fd, (struct sockaddr *)&bound, &size) < 0) {
                int r = -errno;
                (void)close(fd);
                return r;
        }
        *ret = (struct listen_socket){.fd = fd};
        address_text(&bound, size, ret->address);
        return 0;
}

int listen_open(const char *word, struct listen_socket *sockets, size_t *count, char *reason, size_t reason_size)
{
        char copy[LISTEN_WORD_SIZE], *host, *port;
        struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *list = NULL;
        size_t before = *count;
        int r = -EINVAL;

        if (strlen(word) >= sizeof copy || listen_word_split(strcpy(copy, word), &host, &port) < 0) {
                (void)snprintf(reason, reason_size, "cannot understand the address \"%.100s\": ADDR:PORT, [IPV6]:PORT or PORT", word);
                return -EINVAL;
        }
        int gai = getaddrinfo(host, port, &hints, &list);
        if (gai != 0) {
                (void)snprintf(reason, reason_size, "cannot understand the address \"%.100s\": %s", word, gai_strerror(gai));
                return -EINVAL;
        }
        for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
                if (*count == LISTEN_SOCKETS_MAX) {
                        (void)snprintf(reason, reason_size, "more than %u listening sockets", LISTEN_SOCKETS_MAX);
                        r = -E2BIG;
                        break;
                }
                r = open_one(ai, &sockets[*count]);
                if (r == 0) {
                        (*count)++;
                } else if (host || r != -EAFNOSUPPORT) { /* "all addresses" on a machine without IPv6 is no error */
                        (void)snprintf(reason, reason_size, "cannot listen on \"%.100s\": %s", word, strerror(-r));
                        break;
                }
        }
        freeaddrinfo(list);
        return *count > before && (r == 0 || r == -EAFNOSUPPORT) ? 0 : r;
}

int listen_accept(int fd, int *ret_fd, char ret_address[LISTEN_ADDRESS_SIZE])
{
        struct sockaddr_storage peer = {0};
        socklen_t size = sizeof peer;
        int client = accept4(fd, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC);

        if (client < 0)
                return errno == ECONNABORTED || errno == EINTR ? -EAGAIN : -errno;
        const struct {
                int level, name, value;
        } options[] = {
            {IPPROTO_TCP, TCP_NODELAY, 1},
            {SOL_SOCKET, SO_KEEPALIVE, 1},
            {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
            {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
            {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
            {IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS},
        };
        for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
                (void)setsockopt(client, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
        address_text(&peer, size, ret_address);
        *ret_fd = client;
        return 0;
}
