/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/child.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT_MAX 4096 /* of what a child says; the rest is read and dropped */
#define SPAWN_MISSING 127 /* as shells have it */
#define SPAWN_FAILED 126
#define KILLED_MS 1000u /* a killed child that is not gone by then is stuck in the kernel */

static char *const environment[] = {(char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, (char[]){"LC_ALL=C"}, NULL};

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* A program of somebody's: a session of its own, so that its children can be ended with it, and it may be killed when memory is short. */
static void become_foreign(void)
{
        (void)setsid(); /* cannot fail in a new child */
        int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        if (fd >= 0) {
                (void)!write(fd, "0", 1); /* it stays protected then, which costs nothing here */
                close(fd);
        }
}

/* In the child, where other threads' locks may be held for ever: system calls only. */
static void become(const struct child *c, int output_fd, pid_t parent)
{
        struct sigaction standard = {.sa_handler = SIG_DFL};
        sigset_t none;

        /* A crash of ours must not leave a program behind that goes on acting on the array when the next hamon-act has begun to. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
                _exit(SPAWN_FAILED);
        for (int signal_number = 1; signal_number < NSIG; signal_number++)
                (void)sigaction(signal_number, &standard, NULL); /* some cannot be changed, and need not */
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail */
        int null_fd = open("/dev/null", O_RDONLY);
        if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(output_fd, STDOUT_FILENO) < 0 || dup2(output_fd, STDERR_FILENO) < 0)
                _exit(SPAWN_FAILED);
        if (c->foreign)
                become_foreign();
        execve(c->argv[0], (char *const *)c->argv, c->environment ? (char *const *)c->environment : environment);
        _exit(errno == ENOENT ? SPAWN_MISSING : SPAWN_FAILED);
}

/* The child dies with the thread that called; a worker lives as long as the process. */
static int spawn(const struct child *c, int output_fd, pid_t *ret)
{
        pid_t parent = getpid(), pid = fork();

        if (pid == 0)
                become(c, output_fd, parent);
        if (pid < 0)
                return -errno;
        *ret = pid;
        return 0;
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

static void end_group(const struct child *c, pid_t pid)
{
        if (c->foreign)
                (void)kill(-pid, SIGKILL); /* its own session: nobody else is in it */
}

int child_run(const char *const *argv, unsigned timeout_ms, struct trouble *t)
{
        return child_run_full(&(struct child){.argv = argv, .timeout_ms = timeout_ms}, NULL, t);
}

int child_run_full(const struct child *c, int *ret_status, struct trouble *t)
{
        const char *name = base_name(c->argv[0]);
        const unsigned timeout_ms = c->timeout_ms;
        char text[OUTPUT_MAX];
        size_t length = 0;
        int fds[2], status = 0;
        pid_t pid = -1;

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return trouble_errno(t, -errno, "cannot run %s", name);
        (void)fcntl(fds[1], F_SETFL, 0); /* the child writes blocking; we read without */
        int r = spawn(c, fds[1], &pid);
        close(fds[1]);
        if (r < 0) {
                close(fds[0]);
                return trouble_errno(t, r, "cannot run %s", c->argv[0]);
        }
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        bool ended = pidfd >= 0 && wait_end(pidfd, fds[0], now_ms() + timeout_ms, text, &length);
        if (!ended) {
                (void)kill(pid, SIGKILL); /* our own child, not yet waited for: the pid is still its */
                end_group(c, pid);
                ended = pidfd >= 0 && wait_end(pidfd, fds[0], now_ms() + KILLED_MS, text, &length);
                r = -ETIMEDOUT;
        }
        /* One that is stuck in the kernel stays a zombie-to-be of ours; main() reaps what nobody waits for at its end.
         */
        if (ended)
                end_group(c, pid); /* before it is waited for: the number is its until then */
        if (ended && waitpid(pid, &status, 0) < 0)
                status = 0;
        if (ret_status)
                *ret_status = r == -ETIMEDOUT ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
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
        if (WIFEXITED(status) && WEXITSTATUS(status) == SPAWN_MISSING && !*last)
                return trouble_errno(t, -ENOENT, "cannot run %s", c->argv[0]);
        if (WIFSIGNALED(status))
                return trouble_say(t, -EIO, "%s was killed by signal %d", name, WTERMSIG(status));
        return trouble_say(t, -EIO, "%s failed with %d: %s", name, WEXITSTATUS(status),
                           *last ? last : "it said nothing");
}
