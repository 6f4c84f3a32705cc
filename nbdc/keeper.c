/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "nbdc/nbdc_client.h"

/* One byte and at most one descriptor. 0 or -errno. */
static int send_fd(int socket_fd, char what, int fd)
{
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct iovec iov = {.iov_base = &what, .iov_len = 1};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
        if (fd >= 0) {
                message.msg_control = control.bytes;
                message.msg_controllen = sizeof control.bytes;
                struct cmsghdr *c = CMSG_FIRSTHDR(&message);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof fd);
                memcpy(CMSG_DATA(c), &fd, sizeof fd);
        }
        return sendmsg(socket_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : -errno;
}

/* 0, or -errno (-EPIPE: the other side is gone). *ret_fd is -1 when none came. */
static int receive_fd(int socket_fd, char *ret_what, int *ret_fd)
{
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec iov = {.iov_base = ret_what, .iov_len = 1};
        struct msghdr message = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
        *ret_fd = -1;
        ssize_t n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
        if (n <= 0)
                return n == 0 ? -EPIPE : -errno;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
                memcpy(ret_fd, CMSG_DATA(c), sizeof *ret_fd);
        return 0;
}

static void replace(int *held, int fd)
{
        if (*held >= 0)
                close(*held);
        *held = fd;
}

int keeper_main(void)
{
        int client = -1, link = -1, netlink = -1;
        (void)prctl(PR_SET_NAME, "nbdc-keep", 0, 0, 0); /* for ps alone */
        /* Whatever ends its nbdc must not end it as well. */
        signal(SIGPIPE, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        signal(SIGINT, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        if (chdir("/") < 0)
                return 1;
        for (;;) {
                struct pollfd fds[2] = {{.fd = KEEPER_LISTEN_FD, .events = POLLIN}, {.fd = client, .events = POLLIN}};
                if (poll(fds, 2, -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return 1;
                }
                if (fds[0].revents) { /* the next nbdc; the one before it is gone or going */
                        int next = accept4(KEEPER_LISTEN_FD, NULL, NULL, SOCK_CLOEXEC);
                        if (next >= 0)
                                replace(&client, next);
                        continue;
                }
                if (!fds[1].revents)
                        continue;
                char what = 0;
                int fd;
                if (receive_fd(client, &what, &fd) < 0) {
                        replace(&client, -1);
                        if (link < 0)
                                return 0;
                        continue;
                }
                if (what == 'L' && fd >= 0)
                        replace(&link, fd);
                else if (what == 'N' && fd >= 0 && netlink < 0)
                        netlink = fd;
                else if (fd >= 0)
                        close(fd);
                if (what == 'G')
                        (void)send_fd(client, link >= 0 ? 'L' : '-',
                                      link); /* a client that is gone is seen by the next poll */
                if (what == 'Q')
                        return 0;
        }
}

static int address_of(int index, struct sockaddr_un *ret)
{
        *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
        int n = snprintf(ret->sun_path, sizeof ret->sun_path, "%s/nbd%d.keep", nbdc_rundir(), index);
        return n < 0 || (size_t)n >= sizeof ret->sun_path ? -ENAMETOOLONG : 0;
}

int keeper_connect(int index)
{
        struct sockaddr_un address;
        struct timeval patience = {.tv_usec = 500000};
        int rc = address_of(index, &address);
        if (rc < 0)
                return rc;
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
            connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
                return fd;
        rc = errno == ECONNREFUSED ? -ENOENT : -errno;
        close(fd);
        return rc;
}

static int spawn(int listen_fd, int index)
{
        char self[64], device[NBDC_DEVICE_SIZE];
        char *argv[] = {(char *)"nbdc", (char *)"--keep", device, NULL};
        char *env[] = {NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none;
        pid_t pid;
        snprintf(self, sizeof self, "/proc/%d/exe", (int)getpid());
        snprintf(device, sizeof device, "/dev/nbd%d", index);
        sigemptyset(&none);
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        /* Of a session of its own: a closing terminal or Ctrl-C ends the nbdc, not what it left behind. */
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_RDWR, 0);
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_RDWR, 0);
        posix_spawn_file_actions_adddup2(&actions, listen_fd, KEEPER_LISTEN_FD);
        posix_spawn_file_actions_addclosefrom_np(&actions, KEEPER_LISTEN_FD + 1);
        int rc = -posix_spawn(&pid, self, &actions, &attributes, argv, env);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        return rc;
}

int keeper_start(int index)
{
        struct sockaddr_un address;
        int fd = keeper_connect(index);
        if (fd != -ENOENT)
                return fd;
        int rc = address_of(index, &address);
        if (rc < 0)
                return rc;
        int listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (listen_fd < 0)
                return -errno;
        /* The caller holds the device's lock: a socket that is there and that nobody serves is a dead keeper's. */
        (void)unlink(address.sun_path);
        mode_t before = umask(0177);
        if (bind(listen_fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(listen_fd, 4) < 0)
                rc = -errno;
        umask(before);
        if (rc == 0)
                rc = spawn(listen_fd, index);
        if (rc == 0)
                rc = fd = keeper_connect(index);
        close(listen_fd);
        return rc;
}

int keeper_get_link(int keeper_fd)
{
        char what = 0;
        int fd = -1;
        int rc = send_fd(keeper_fd, 'G', -1);
        if (rc == 0)
                rc = receive_fd(keeper_fd, &what, &fd);
        return rc < 0 ? rc : fd >= 0 ? fd : -ENOENT;
}

int keeper_put_link(int keeper_fd, int link_fd)
{
        return keeper_fd < 0 ? -ENOTCONN : send_fd(keeper_fd, 'L', link_fd);
}

int keeper_put_netlink(int keeper_fd, int netlink_fd)
{
        return keeper_fd < 0 ? -ENOTCONN : send_fd(keeper_fd, 'N', netlink_fd);
}

void keeper_quit(int keeper_fd, int index)
{
        struct sockaddr_un address;
        if (keeper_fd < 0)
                return;
        if (address_of(index, &address) == 0)
                (void)unlink(address.sun_path);
        (void)send_fd(keeper_fd, 'Q', -1); /* one that is gone has nothing left to do */
}
