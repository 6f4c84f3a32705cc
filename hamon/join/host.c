/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/join/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 8 };

int join_address(const char *text, struct addrinfo **ret)
{
        char host[128], copy[JOIN_WHERE_SIZE], *colon;
        const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
        (void)snprintf(copy, sizeof copy, "%s", text); /* a longer one is no address */
        colon = strrchr(copy, ':');
        if (!colon || strlen(text) >= sizeof copy)
                return -EINVAL;
        *colon = '\0';
        size_t n = strlen(copy);
        bool brackets = n > 2 && copy[0] == '[' && copy[n - 1] == ']';
        (void)snprintf(host, sizeof host, "%.*s", (int)(brackets ? n - 2 : n), copy + brackets); /* too long: no address */
        return getaddrinfo(host, colon + 1, &hints, ret) == 0 ? 0 : -EINVAL;
}

static int listen_at(const char *text)
{
        struct addrinfo *a = NULL;
        const int on = 1;
        int r = join_address(text, &a), fd = r < 0 ? r : socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); /* who has gone again is not waited for */
        if (r == 0 && (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 || bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)) {
                r = -errno;
                if (fd >= 0)
                        close(fd);
                fd = r;
        }
        if (a)
                freeaddrinfo(a);
        return fd;
}

static int take_names(struct join_host *h, const struct config *config, int self, const char *const *names, unsigned count, char *why)
{
        for (unsigned i = 0; i < count && i < VOTERS; i++) {
                int v = config_voter_index(config, names[i]);
                if (v < 0 || v == self) {
                        (void)snprintf(why, JOIN_ERROR_SIZE, "'%.40s' is %s", names[i], v < 0 ? "no machine of this cluster's configuration" : "this machine");
                        return -ENOENT;
                }
                for (unsigned k = 0; k < h->count; k++)
                        if (strcmp(h->guest[k].name, config->voters[v].name) == 0) {
                                (void)snprintf(why, JOIN_ERROR_SIZE, "'%.40s' is named twice", names[i]);
                                return -ENOENT;
                        }
                (void)snprintf(h->guest[h->count].name, sizeof h->guest[h->count].name, "%s", config->voters[v].name); /* fits */
                if (join_secret(h->guest[h->count].secret) < 0) {
                        (void)snprintf(why, JOIN_ERROR_SIZE, "no random numbers for a secret");
                        return -EIO;
                }
                h->count++;
        }
        return 0;
}

int join_host_open(struct join_host *h, const struct config *config, int self, const char *where, const char *const *names, unsigned count, json_t *files,
                   char why[JOIN_ERROR_SIZE])
{
        const struct config_address *own = &config->voters[self].link[0];
        *h = (struct join_host){.fd = -1, .files = files};
        atomic_init(&h->guest_fd, -1);
        if (where)
                (void)snprintf(h->where, sizeof h->where, "%s", strlen(where) < sizeof h->where ? where : "a text that is too long");
        else
                (void)snprintf(h->where, sizeof h->where, own->family == AF_INET6 ? "[%s]:%d" : "%s:%d", own->text, JOIN_PORT); /* fits */
        int r = take_names(h, config, self, names, count, why);
        if (r == 0) {
                r = h->fd = listen_at(h->where);
                if (r < 0)
                        (void)snprintf(why, JOIN_ERROR_SIZE, "cannot listen on '%.80s': %s", h->where, strerrordesc_np(-r));
        }
        if (r >= 0)
                return 0;
        join_host_close(h);
        return r;
}

void join_host_close(struct join_host *h)
{
        if (h->fd >= 0)
                close(h->fd);
        h->fd = -1;
        json_decref(h->files);
        h->files = NULL;
        for (unsigned i = 0; i < VOTERS; i++)
                explicit_bzero(h->guest[i].secret, sizeof h->guest[i].secret);
}

void join_host_line(const struct join_host *h, unsigned guest, char ret[JOIN_LINE_SIZE])
{
        ret[0] = '\0';
        if (join_host_waits_for(h, guest))
                (void)snprintf(ret, JOIN_LINE_SIZE, "hamonctl cluster join %s %s:%s", h->where, h->guest[guest].name, h->guest[guest].secret); /* fits */
}

bool join_host_waits_for(const struct join_host *h, unsigned guest)
{
        return guest < h->count && h->guest[guest].secret[0] != '\0';
}

unsigned join_host_left(const struct join_host *h)
{
        unsigned left = 0;
        for (unsigned i = 0; i < h->count; i++)
                left += join_host_waits_for(h, i);
        return left;
}

/* One machine's turn. True: it has the files, and its line is used up, whatever comes after. */
static bool give(struct join_host *h, struct join_channel *ch, const char *name, join_tell *tell, void *userdata)
{
        json_t *hello = NULL, *answer = json_pack("{s:s, s:O}", "name", name, "files", h->files), *done = NULL;
        int r = join_channel_receive(ch, &hello);
        bool same = r == 0 && json_integer_value(json_object_get(hello, "join")) == 1;
        if (r == 0 && same)
                r = join_channel_send(ch, answer);
        if (r < 0 || !same)
                tell(userdata, JOIN_TOLD_FAILED, name, r < 0 ? strerrordesc_np(-r) : "its hamonctl is of another version");
        else if (join_channel_receive(ch, &done) == 0 && json_is_true(json_object_get(done, "done")))
                tell(userdata, JOIN_TOLD_JOINED, name, NULL);
        else
                tell(userdata, JOIN_TOLD_UNCONFIRMED, name, NULL);
        json_decref(hello);
        json_decref(answer);
        json_decref(done);
        return r == 0 && same;
}

/* True: somebody's line is used up. */
static bool serve_one(struct join_host *h, int fd, join_tell *tell, void *userdata)
{
        char psks[VOTERS * (CONFIG_NAME_SIZE + JOIN_SECRET_TEXT + 2)] = "", why[TLS_REASON_SIZE];
        struct join_channel ch;
        bool given = false;
        for (unsigned i = 0; i < h->count; i++)
                if (join_host_waits_for(h, i))
                        (void)snprintf(psks + strlen(psks), sizeof psks - strlen(psks), "%s:%s\n", h->guest[i].name, h->guest[i].secret); /* fits */
        int r = join_channel_open(&ch, fd, true, psks, why, sizeof why);
        explicit_bzero(psks, sizeof psks);
        if (r < 0) {
                tell(userdata, JOIN_TOLD_REFUSED, NULL, why);
                return false;
        }
        for (unsigned i = 0; i < h->count && !given; i++)
                if (join_host_waits_for(h, i) && strcmp(tls_identity(ch.tls), h->guest[i].name) == 0) {
                        given = give(h, &ch, h->guest[i].name, tell, userdata);
                        if (given)
                                explicit_bzero(h->guest[i].secret, sizeof h->guest[i].secret);
                }
        join_channel_close(&ch);
        return given;
}

static void hang_up(struct join_host *h)
{
        int fd = atomic_exchange(&h->guest_fd, -1);
        if (fd < 0)
                return;
        (void)shutdown(fd, SHUT_RDWR); /* he may have done so himself */
        close(fd);
}

bool join_host_serve(struct join_host *h, int ms, join_tell *tell, void *userdata)
{
        struct pollfd p = {.fd = h->fd, .events = POLLIN};
        if (poll(&p, 1, ms) <= 0)
                return true;
        int peer = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC);
        if (peer < 0)
                return true;
        atomic_store(&h->guest_fd, fcntl(peer, F_DUPFD_CLOEXEC, 0)); /* without one he cannot be interrupted, no more */
        h->refused += !serve_one(h, peer, tell, userdata);
        hang_up(h);
        return h->refused < JOIN_REFUSALS_MAX;
}

void join_host_interrupt(struct join_host *h)
{
        hang_up(h);
}
