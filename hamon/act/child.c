/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/child.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_MAX 4096 /* of what a child says; the rest is read and dropped */
#define KILLED_MS 1000u /* a killed child that is not gone by then is stuck in the kernel */

static char *const environment[] = {(char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, (char[]){"LC_ALL=C"}, NULL};

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int spawn(const char *const *argv, int output_fd, pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none, defaults;

        sigemptyset(&none);
        sigfillset(&defaults);
        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        if (posix_spawnattr_init(&attributes) != 0) {
                posix_spawn_file_actions_destroy(&actions);
                return -ENOMEM;
        }
        int r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, output_fd, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, output_fd, STDERR_FILENO);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &defaults);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        if (r == 0)
                r = posix_spawn(ret, argv[0], &actions, &attributes, (char *const *)argv, environment);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* Reads what is there; false at the end of the stream. */
static bool take_output(int fd, char *text, size_t *length)
{
        char more[512];
        ssize_t n = read(fd, more, sizeof more);

        if (n < 0)
                return errno == EINTR || errno == EAGAIN;
        size_t keep = (size_t)n < OUTPUT_MAX - 1 - *length ? (size_t)n : OUTPUT_MAX - 1 - *length;
        memcpy(text + *length, more, keep);
        *length += keep;
        return n > 0;
}

/* Waits for the end of the child, reading its output; false when the time is over. */
static bool wait_end(int pidfd, int output_fd, uint64_t deadline_ms, char *text, size_t *length)
{
        bool open_output = true;

        for (;;) {
                struct pollfd p[2] = {{.fd = pidfd, .events = POLLIN},
                                      {.fd = open_output ? output_fd : -1, .events = POLLIN}};
                uint64_t now = now_ms();

                if (now >= deadline_ms)
                        return false;
                if (poll(p, 2, (int)(deadline_ms - now)) < 0 && errno != EINTR)
                        return false;
                if (p[1].revents)
                        open_output = take_output(output_fd, text, length);
                else if (p[0].revents)
                        return true;
        }
}

static const char *last_line(char *text)
{
        size_t n = strlen(text);

        while (n > 0 && text[n - 1] == '\n')
                text[--n] = '\0';
        char *newline = strrchr(text, '\n');
        return newline ? newline + 1 : text;
}

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');
        return slash ? slash + 1 : path;
}

int child_run(const char *const *argv, unsigned timeout_ms, struct trouble *t)
{
        const char *name = base_name(argv[0]);
        char text[OUTPUT_MAX];
        size_t length = 0;
        int fds[2], status = 0;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return trouble_errno(t, -errno, "cannot run %s", name);
        (void)fcntl(fds[1], F_SETFL, 0); /* the child writes blocking; we read without */
        int r = spawn(argv, fds[1], &pid);
        close(fds[1]);
        if (r < 0) {
                close(fds[0]);
                return trouble_errno(t, r, "cannot run %s", argv[0]);
        }
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        bool ended = pidfd >= 0 && wait_end(pidfd, fds[0], now_ms() + timeout_ms, text, &length);
        if (!ended) {
                (void)kill(pid, SIGKILL); /* our own child, not yet waited for: the pid is still its */
                ended = pidfd >= 0 && wait_end(pidfd, fds[0], now_ms() + KILLED_MS, text, &length);
                r = -ETIMEDOUT;
        }
        /* One that is stuck in the kernel stays a zombie-to-be of ours; main() reaps what nobody waits for at its end.
         */
        if (ended && waitpid(pid, &status, 0) < 0)
                status = 0;
        if (pidfd >= 0)
                close(pidfd);
        close(fds[0]);
        text[length] = '\0';
        const char *last = last_line(text);
        if (r == -ETIMEDOUT)
                return trouble_say(t, r, "%s did not end within %u ms and was killed", name, timeout_ms);
        if (*last)
                log_debug("%s: %s", name, last);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        if (WIFSIGNALED(status))
                return trouble_say(t, -EIO, "%s was killed by signal %d", name, WTERMSIG(status));
        return trouble_say(t, -EIO, "%s failed with %d: %s", name, WEXITSTATUS(status),
                           *last ? last : "it said nothing");
}
