/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts a relay. See classic.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/id.h"
#include "nbdc/classic.h"
#include "nbdc/classic_internal.h"

#define ABOVE_OWN_FD 10 /* so that no dup2() of the child overwrites what a later one needs */

static int spawn(int server_fd, int driver_fd, const char *secrets_path, uint64_t id)
{
        char self[64], id_text[EXPORT_ID_TEXT_SIZE];
        char *argv[] = {(char *)"nbdc", (char *)"--relay", (char *)secrets_path, id_text, NULL};
        char *env[] = {NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none;
        pid_t pid;

        (void)snprintf(self, sizeof self, "/proc/%d/exe", (int)getpid());
        export_id_format(id, id_text);
        sigemptyset(&none);
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        /* Of a session of its own: a closing terminal or Ctrl-C ends the nbdc, not the device's connection. */
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_RDWR, 0);
        posix_spawn_file_actions_adddup2(&actions, server_fd, CLASSIC_SERVER_FD);
        posix_spawn_file_actions_adddup2(&actions, driver_fd, CLASSIC_DRIVER_FD);
        posix_spawn_file_actions_addclosefrom_np(&actions, CLASSIC_DRIVER_FD + 1);
        int rc = -posix_spawn(&pid, self, &actions, &attributes, argv, env);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        return rc;
}

/* A blocking socket for the relay: the flag is the open socket's, so that it holds for the dialer's descriptor, too. */
static int copy_above(int fd)
{
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
                return -errno;
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_OWN_FD);
        return copy < 0 ? -errno : copy;
}

int classic_relay_start(int server_fd, const char *secrets_path, uint64_t id, int *ret_fd)
{
        int pair[2], server, driver, rc;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        server = copy_above(server_fd);
        driver = server < 0 ? server : copy_above(pair[1]);
        rc = driver < 0 ? driver : spawn(server, driver, secrets_path, id);
        if (rc == 0 && fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0)
                rc = -errno;
        if (server >= 0)
                (void)close(server);
        if (driver >= 0)
                (void)close(driver);
        (void)close(pair[1]);
        if (rc < 0)
                (void)close(pair[0]);
        else
                *ret_fd = pair[0];
        return rc;
}
