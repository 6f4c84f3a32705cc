/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-event.h>

#include "nbdc/limits.h"

struct control_client {
        struct control *control;
        int fd; /* -1: a free slot */
        bool waiting;
        sd_event_source *io;
};

struct control {
        sd_event *event;
        control_handler handler;
        void *userdata;
        int lock_fd, listen_fd;
        sd_event_source *io;
        struct sockaddr_un address;
        struct control_client clients[NBDC_CONTROL_CLIENTS_MAX];
};

static void client_close(struct control_client *client)
{
        client->io = sd_event_source_disable_unref(client->io);
        if (client->fd >= 0)
                close(client->fd);
        client->fd = -1;
        client->waiting = false;
}

static void client_answer(struct control_client *client, const struct control_answer *answer)
{
        char text[CONTROL_MESSAGE_MAX];
        int length = control_answer_encode(answer, text, sizeof text);
        /* A client that is gone, or does not read, loses its answer. */
        if (length > 0)
                (void)send(client->fd, text, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
        client_close(client);
}

static int on_client(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        struct control_client *client = userdata;
        struct control *c = client->control;
        char text[CONTROL_MESSAGE_MAX];
        struct control_request request;
        struct control_answer answer = {0};
        (void)s;
        (void)revents;
        ssize_t n = recv(fd, text, sizeof text, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && errno == EAGAIN)
                return 0;
        if (n <= 0 || client->waiting) {
                client_close(client);
                return 0;
        }
        if (control_request_decode(text, (size_t)n, &request, answer.error, sizeof answer.error) < 0) {
                answer.refused = true;
                client_answer(client, &answer);
                return 0;
        }
        client->waiting = true; /* before the handler: it may answer all that wait */
        if (c->handler(c->userdata, &request, &answer))
                client_answer(client, &answer);
        return 0;
}

static int on_listen(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        struct control *c = userdata;
        (void)s;
        (void)revents;
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (peer < 0)
                return 0;
        for (size_t i = 0; i < NBDC_CONTROL_CLIENTS_MAX; i++) {
                struct control_client *client = &c->clients[i];
                if (client->fd >= 0)
                        continue;
                client->fd = peer;
                client->control = c;
                if (sd_event_add_io(c->event, &client->io, peer, EPOLLIN, on_client, client) < 0)
                        client_close(client);
                return 0;
        }
        close(peer); /* more clients at once than there can rightly be */
        return 0;
}

static int lock_device(int index)
{
        char path[160];
        if (mkdir(nbdc_rundir(), 0700) < 0 && errno != EEXIST)
                return -errno;
        snprintf(path, sizeof path, "%s/nbd%d.lock", nbdc_rundir(), index);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                int rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
                close(fd);
                return rc;
        }
        return fd;
}

static int bind_socket(struct control *c, int index)
{
        c->address.sun_family = AF_UNIX;
        int n = snprintf(c->address.sun_path, sizeof c->address.sun_path, "%s/nbd%d.sock", nbdc_rundir(), index);
        if (n < 0 || (size_t)n >= sizeof c->address.sun_path)
                return -ENAMETOOLONG;
        c->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (c->listen_fd < 0)
                return -errno;
        /* The lock is ours: a socket that is there belongs to a dead process. */
        if (unlink(c->address.sun_path) < 0 && errno != ENOENT)
                return -errno;
        mode_t before = umask(0177);
        int rc = bind(c->listen_fd, (struct sockaddr *)&c->address, sizeof c->address) < 0 ? -errno : 0;
        umask(before);
        if (rc == 0 && listen(c->listen_fd, NBDC_CONTROL_CLIENTS_MAX) < 0)
                rc = -errno;
        return rc;
}

int control_new(struct sd_event *event, int index, control_handler handler, void *userdata, struct control **ret)
{
        struct control *c = calloc(1, sizeof *c);
        if (!c)
                return -ENOMEM;
        c->event = sd_event_ref(event);
        c->handler = handler;
        c->userdata = userdata;
        c->listen_fd = -1;
        for (size_t i = 0; i < NBDC_CONTROL_CLIENTS_MAX; i++)
                c->clients[i].fd = -1;
        int rc = c->lock_fd = lock_device(index);
        if (rc >= 0)
                rc = bind_socket(c, index);
        if (rc >= 0)
                rc = sd_event_add_io(event, &c->io, c->listen_fd, EPOLLIN, on_listen, c);
        if (rc < 0) {
                control_free(c);
                return rc;
        }
        *ret = c;
        return 0;
}

bool control_has_waiting(const struct control *c)
{
        for (size_t i = 0; i < NBDC_CONTROL_CLIENTS_MAX; i++)
                if (c->clients[i].fd >= 0 && c->clients[i].waiting)
                        return true;
        return false;
}

void control_answer_waiting(struct control *c, const struct control_answer *answer)
{
        for (size_t i = 0; i < NBDC_CONTROL_CLIENTS_MAX; i++)
                if (c->clients[i].fd >= 0 && c->clients[i].waiting)
                        client_answer(&c->clients[i], answer);
}

void control_free(struct control *c)
{
        if (!c)
                return;
        for (size_t i = 0; i < NBDC_CONTROL_CLIENTS_MAX; i++)
                client_close(&c->clients[i]);
        sd_event_source_disable_unref(c->io);
        if (c->listen_fd >= 0) {
                close(c->listen_fd);
                /* Nothing to be done if it is already gone. */
                (void)unlink(c->address.sun_path);
        }
        if (c->lock_fd >= 0)
                close(c->lock_fd);
        sd_event_unref(c->event);
        free(c);
}
