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

#include "nbdc/link.h"
#include "nbdc/nbdc_client.h"

/* One byte and at most NBDC_CONNECTIONS_MAX descriptors. 0 or -errno. */
static int send_fds(int socket_fd, char what, const int *fds, unsigned count)
{
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(NBDC_CONNECTIONS_MAX * sizeof(int))];
        } control = {0};
        struct iovec iov = {.iov_base = &what, .iov_len = 1};
        struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
        if (count > 0) {
                message.msg_control = control.bytes;
                message.msg_controllen = CMSG_SPACE(count * sizeof(int));
                struct cmsghdr *c = CMSG_FIRSTHDR(&message);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(count * sizeof(int));
                memcpy(CMSG_DATA(c), fds, count * sizeof(int));
        }
        return sendmsg(socket_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : -errno;
}

/* 0, or -errno (-EPIPE: the other side is gone). *ret is empty when none came. */
static int receive_fds(int socket_fd, char *ret_what, struct link_set *ret)
{
        union {
                struct cmsghdr align;
                char bytes[CMSG_SPACE(NBDC_CONNECTIONS_MAX * sizeof(int))];
        } control;
        struct iovec iov = {.iov_base = ret_what, .iov_len = 1};
        struct msghdr message = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
        ret->count = 0;
        ssize_t n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
        if (n <= 0)
                return n == 0 ? -EPIPE : -errno;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len >= CMSG_LEN(sizeof(int))) {
                ret->count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int)); /* the buffer bounds it */
                memcpy(ret->fds, CMSG_DATA(c), ret->count * sizeof(int));
        }
        return 0;
}

static void replace(int *held, int fd)
{
        if (*held >= 0)
                close(*held);
        *held = fd;
}

/*
 * A SIGTERM is for nbdc, and the keeper outlives it. But in a machine's last seconds systemd has unmounted what it can,
 * stands as "systemd-shutdown" in the place of PID 1, and waits up to DefaultTimeoutStopSec (90 s) for whoever does not
 * heed it: there is nothing to keep any more.
 */
static void on_term(int number)
{
        static const char last[] = "systemd-shutdow"; /* the kernel's names have 15 characters */
        char name[sizeof last] = "";
        (void)number;
        int fd = open("/proc/1/comm", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return;
        ssize_t n = read(fd, name, sizeof last - 1);
        if (n == sizeof last - 1 && memcmp(name, last, sizeof last - 1) == 0)
                _exit(0);
        close(fd);
}

int keeper_main(void)
{
        const struct sigaction term = {.sa_handler = on_term, .sa_flags = SA_RESTART};
        int client = -1, netlink = -1;
        struct link_set links = {0};
        (void)prctl(PR_SET_NAME, "nbdc-keep", 0, 0, 0); /* for ps alone */
        /* Whatever ends its nbdc must not end it as well. */
        signal(SIGPIPE, SIG_IGN);
        (void)sigaction(SIGTERM, &term, NULL);
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
                /* What its nbdc still said before the next one came counts: it is the newer connection. */
                if (!fds[1].revents) {
                        int next = fds[0].revents ? accept4(KEEPER_LISTEN_FD, NULL, NULL, SOCK_CLOEXEC) : -1;
                        if (next >= 0) /* the one before it is gone or going */
                                replace(&client, next);
                        continue;
                }
                char what = 0;
                struct link_set came;
                if (receive_fds(client, &what, &came) < 0) {
                        replace(&client, -1);
                        if (links.count == 0 && !fds[0].revents)
                                return 0;
                        continue;
                }
                if (what == 'L' && came.count > 0) {
                        link_set_close(&links);
                        links = came;
                } else if (what == 'N' && came.count == 1 && netlink < 0) {
                        netlink = came.fds[0];
                } else {
                        link_set_close(&came);
                }
                if (what == 'G') /* a client that is gone is seen by the next poll */
                        (void)send_fds(client, links.count ? 'L' : '-', links.fds, links.count);
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

int keeper_get_links(int keeper_fd, struct link_set *ret)
{
        char what = 0;
        int rc = send_fds(keeper_fd, 'G', NULL, 0);
        if (rc == 0)
                rc = receive_fds(keeper_fd, &what, ret);
        return rc < 0 ? rc : ret->count > 0 ? 0 : -ENOENT;
}

int keeper_put_links(int keeper_fd, const struct link_set *links)
{
        return keeper_fd < 0 ? -ENOTCONN : send_fds(keeper_fd, 'L', links->fds, links->count);
}

int keeper_put_netlink(int keeper_fd, int netlink_fd)
{
        return keeper_fd < 0 ? -ENOTCONN : send_fds(keeper_fd, 'N', &netlink_fd, 1);
}

void keeper_quit(int keeper_fd, int index)
{
        struct sockaddr_un address;
        if (keeper_fd < 0)
                return;
        if (address_of(index, &address) == 0)
                (void)unlink(address.sun_path);
        (void)send_fds(keeper_fd, 'Q', NULL, 0); /* one that is gone has nothing left to do */
}
