/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/driver/act_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PACKETS_PER_TURN = 32 };

struct act_client {
        const struct config *config;
        struct sockaddr_un address;
        struct act_handler handler;
        sd_event *loop; /* not owned */
        sd_event_source *timer, *source;
        int fd; /* -1: not connected */
        int error;
        bool deaf;              /* it hung: `ready` waits for its first word */
        uint64_t unanswered_ms; /* CLOCK_MONOTONIC: since when an effect "at once" waits while nothing is heard; 0: none does */
        unsigned queue_first, queue_count;
        char *queue[ACT_QUEUE_MAX];
        char packet[ACT_PACKET_MAX + 1];
};

static uint64_t monotonic_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void disconnect(struct act_client *a, int error)
{
        if (a->fd < 0)
                return;
        bool was_ready = act_client_is_ready(a);
        a->deaf |= error == -ETIMEDOUT;
        a->unanswered_ms = 0;
        a->source = sd_event_source_disable_unref(a->source);
        close(a->fd);
        a->fd = -1;
        a->error = error;
        for (; a->queue_count > 0; a->queue_count--) {
                free(a->queue[a->queue_first]);
                a->queue_first = (a->queue_first + 1) % ACT_QUEUE_MAX;
        }
        (void)sd_event_source_set_time_relative(a->timer, ACT_RETRY_MS * 1000);
        (void)sd_event_source_set_enabled(a->timer, SD_EVENT_ONESHOT);
        if (was_ready)
                a->handler.lost(a->handler.userdata, error);
}

static void heard(struct act_client *a)
{
        a->unanswered_ms = 0;
        if (!a->deaf)
                return;
        a->deaf = false;
        a->handler.ready(a->handler.userdata);
}

static void receive_all(struct act_client *a)
{
        for (unsigned i = 0; i < PACKETS_PER_TURN && a->fd >= 0; i++) {
                ssize_t n = recv(a->fd, a->packet, sizeof a->packet, MSG_DONTWAIT);
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                if (n <= 0) {
                        disconnect(a, n < 0 ? -errno : -ECONNRESET);
                        return;
                }
                heard(a);
                if (a->fd < 0)
                        return;
                struct act_packet p;
                if (n > ACT_PACKET_MAX || act_decode(a->config, a->packet, (size_t)n, &p) < 0)
                        a->handler.bad_packet(a->handler.userdata, a->packet, n > ACT_PACKET_MAX ? ACT_PACKET_MAX : (size_t)n);
                else
                        a->handler.packet(a->handler.userdata, &p);
        }
}

static void send_queued(struct act_client *a)
{
        while (a->fd >= 0 && a->queue_count > 0) {
                char *text = a->queue[a->queue_first];
                if (send(a->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
                        if (errno == EAGAIN || errno == EINTR)
                                break;
                        disconnect(a, -errno);
                        return;
                }
                free(text);
                a->queue_first = (a->queue_first + 1) % ACT_QUEUE_MAX;
                a->queue_count--;
        }
        if (a->fd >= 0)
                (void)sd_event_source_set_io_events(a->source, a->queue_count > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static int on_socket(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        (void)source, (void)fd;
        struct act_client *a = userdata;
        if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
                receive_all(a);
        if (revents & EPOLLOUT)
                send_queued(a);
        return 0;
}

/* AF_UNIX connects at once or fails at once; a full backlog is EAGAIN and comes right at the next try. */
static int connect_now(struct act_client *a)
{
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        int r = connect(fd, (const struct sockaddr *)&a->address, sizeof a->address) < 0 ? -errno : 0;
        if (r == 0)
                r = sd_event_add_io(a->loop, &a->source, fd, EPOLLIN, on_socket, a);
        if (r < 0) {
                close(fd);
                return r;
        }
        a->fd = fd;
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)usec;
        struct act_client *a = userdata;
        if (a->fd >= 0)
                return 0;
        int r = connect_now(a);
        if (r < 0 || !a->deaf)
                a->error = r;
        if (r == 0) {
                if (!a->deaf)
                        a->handler.ready(a->handler.userdata);
                return 0;
        }
        (void)sd_event_source_set_time_relative(source, ACT_RETRY_MS * 1000);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int act_client_new(sd_event *loop, const struct config *config, const char *socket_path, const struct act_handler *handler,
                   struct act_client **ret)
{
        struct act_client *a = calloc(1, sizeof *a);
        if (!a)
                return -ENOMEM;
        a->config = config;
        a->loop = loop;
        a->handler = *handler;
        a->fd = -1;
        a->error = -ENOTCONN;
        a->address.sun_family = AF_UNIX;
        int n = snprintf(a->address.sun_path, sizeof a->address.sun_path, "%s", socket_path);
        int r = n < 0 || (size_t)n >= sizeof a->address.sun_path ? -ENAMETOOLONG : 0;
        if (r == 0)
                r = sd_event_add_time_relative(loop, &a->timer, CLOCK_BOOTTIME, 0, 1000, on_timer, a);
        if (r < 0) {
                act_client_free(a);
                return r;
        }
        *ret = a;
        return 0;
}

void act_client_free(struct act_client *a)
{
        if (!a)
                return;
        a->handler = (struct act_handler){0};
        sd_event_source_unref(a->timer);
        sd_event_source_unref(a->source);
        if (a->fd >= 0)
                close(a->fd);
        for (; a->queue_count > 0; a->queue_count--) {
                free(a->queue[a->queue_first]);
                a->queue_first = (a->queue_first + 1) % ACT_QUEUE_MAX;
        }
        free(a);
}

bool act_client_is_ready(const struct act_client *a)
{
        return a->fd >= 0 && !a->deaf;
}

int act_client_error(const struct act_client *a)
{
        return act_client_is_ready(a) ? 0 : a->error;
}

void act_client_send(struct act_client *a, const struct effect *e)
{
        if (!act_client_is_ready(a))
                return;
        uint64_t now_ms = monotonic_ms();
        if (a->unanswered_ms != 0 && now_ms - a->unanswered_ms >= ACT_DEAF_MS) {
                disconnect(a, -ETIMEDOUT);
                return;
        }
        if (a->unanswered_ms == 0 && effect_is_at_once(e->type))
                a->unanswered_ms = now_ms;
        char *text;
        if (a->queue_count == ACT_QUEUE_MAX || act_encode_effect(a->config, e, &text) < 0) {
                disconnect(a, -ENOBUFS);
                return;
        }
        a->queue[(a->queue_first + a->queue_count++) % ACT_QUEUE_MAX] = text;
        send_queued(a);
}
