/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/net/links_state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

socklen_t address_size(const union socket_address *a)
{
        return a->any.sa_family == AF_INET6 ? sizeof a->v6 : sizeof a->v4;
}

void address_of_config(const struct config_address *from, uint16_t port, union socket_address *ret)
{
        memset(ret, 0, sizeof *ret);
        if (from->family == AF_INET6) {
                ret->v6.sin6_family = AF_INET6;
                ret->v6.sin6_port = htobe16(port);
                memcpy(&ret->v6.sin6_addr, from->bytes, sizeof ret->v6.sin6_addr);
        } else {
                ret->v4.sin_family = AF_INET;
                ret->v4.sin_port = htobe16(port);
                memcpy(&ret->v4.sin_addr, from->bytes, sizeof ret->v4.sin_addr);
        }
}

bool address_equal(const union socket_address *a, const union socket_address *b)
{
        if (a->any.sa_family != b->any.sa_family)
                return false;
        if (a->any.sa_family == AF_INET6)
                return a->v6.sin6_port == b->v6.sin6_port &&
                       memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
        return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

void address_text(const union socket_address *a, char ret[LINKS_FROM_SIZE])
{
        char host[INET6_ADDRSTRLEN] = "?";
        if (a->any.sa_family == AF_INET6) {
                (void)inet_ntop(AF_INET6, &a->v6.sin6_addr, host, sizeof host); /* fits */
                (void)snprintf(ret, LINKS_FROM_SIZE, "[%s]:%u", host, be16toh(a->v6.sin6_port));
        } else {
                (void)inet_ntop(AF_INET, &a->v4.sin_addr, host, sizeof host);
                (void)snprintf(ret, LINKS_FROM_SIZE, "%s:%u", host, be16toh(a->v4.sin_port));
        }
}

int socket_bind(const union socket_address *own)
{
        int fd = socket(own->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        const int on = 1, priority = 6;
        int r;
        if (own->any.sa_family == AF_INET6) {
                r = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
                (void)setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on); /* the address may come up later */
        } else {
                r = setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
        }
        (void)setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof priority); /* ahead of bulk data where it can be had */
        if (r == 0)
                r = bind(fd, &own->any, address_size(own));
        if (r < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        return fd;
}

void paths_configure(struct links *l)
{
        const struct config *c = l->config;
        if (l->self == WITNESS)
                return;
        const struct config_voter *own = &c->voters[l->self];
        for (uint8_t v = 0; v < VOTERS; v++) {
                const struct config_voter *other = &c->voters[v];
                if (v == l->self || other->links == 0)
                        continue;
                unsigned paths = own->links > other->links ? own->links : other->links;
                for (unsigned i = 0; i < paths; i++) {
                        struct path *p = &l->peer[v].path[l->peer[v].paths++];
                        unsigned theirs = i < other->links ? i : other->links - 1;
                        p->spare = i >= other->links || i >= own->links;
                        p->socket = (uint8_t)(i < own->links ? i : own->links - 1);
                        address_of_config(&other->link[theirs], c->port, &p->remote);
                }
        }
}

/* Its sender numbers what it says, and says each thing over every path: the numbers that are missing here were lost on this one. */
static void count_received(struct path *p, uint64_t start, uint64_t sequence)
{
        p->received++;
        if (p->window_received == 0 || start != p->window_start || sequence < p->window_first) {
                p->window_start = start;
                p->window_first = sequence;
                p->window_received = 1;
                return;
        }
        p->window_received++;
        uint64_t sent = sequence - p->window_first + 1;
        if (sent < LOSS_WINDOW)
                return;
        p->loss_permille = (uint16_t)(p->window_received >= sent ? 0 : (sent - p->window_received) * 1000 / sent);
        p->window_received = 0;
}

struct path *path_heard(struct links *l, uint8_t from, unsigned socket_index, const union socket_address *source, uint64_t start,
                        uint64_t sequence, uint64_t now_ms)
{
        struct peer *peer = &l->peer[from];
        struct path *oldest = NULL;
        for (unsigned i = 0; i < peer->paths; i++) {
                struct path *p = &peer->path[i];
                if (p->socket == socket_index && address_equal(&p->remote, source)) {
                        p->heard = true;
                        p->heard_ms = now_ms;
                        count_received(p, start, sequence);
                        return p;
                }
                if (p->learned && (!oldest || p->heard_ms < oldest->heard_ms))
                        oldest = p;
        }
        if (l->self != WITNESS)
                return NULL;
        if (peer->paths < LINKS_PATHS_MAX)
                oldest = &peer->path[peer->paths++];
        if (!oldest)
                return NULL;
        *oldest = (struct path){.learned = true, .socket = (uint8_t)socket_index, .remote = *source, .heard = true, .heard_ms = now_ms};
        return oldest;
}
