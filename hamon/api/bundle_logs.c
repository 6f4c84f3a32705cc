/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/bundle_logs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECRET_LEAST = 16, SECRET_FILE_MAX = 64 << 10 };

extern char **environ;

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* JSON is UTF-8, logs are what they are. */
static json_t *text_json(char *text, size_t size)
{
        for (size_t i = 0; i < size; i++)
                if (((unsigned char)text[i] < ' ' && text[i] != '\n' && text[i] != '\t') || text[i] == 0x7f)
                        text[i] = '?';
        json_t *j = json_stringn(text, size);
        for (size_t i = 0; !j && i < size; i++)
                if ((unsigned char)text[i] >= 0x80)
                        text[i] = '?';
        return j ? j : json_stringn(text, size);
}

/* Everything up to the end, the time or the limit. */
static size_t drain(int fd, char *to, size_t size, uint64_t until_ms)
{
        size_t used = 0;
        while (used < size) {
                uint64_t now = now_ms();
                struct pollfd p = {.fd = fd, .events = POLLIN};
                if (now >= until_ms || poll(&p, 1, (int)(until_ms - now)) <= 0)
                        break;
                ssize_t n = read(fd, to + used, size - used);
                if (n <= 0 && errno != EINTR)
                        break;
                used += n > 0 ? (size_t)n : 0;
        }
        return used;
}

static int start(char *const argv[], int out, pid_t *ret)
{
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attributes;
        sigset_t none;
        (void)sigemptyset(&none);
        int r = posix_spawn_file_actions_init(&files);
        r = r ? r : posix_spawnattr_init(&attributes);
        if (r)
                return -r;
        r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
        r = r ? r : posix_spawn_file_actions_adddup2(&files, out, 1);
        r = r ? r : posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
        r = r ? r : posix_spawnattr_setsigmask(&attributes, &none); /* a daemon blocks what would end the child */
        r = r ? r : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
        r = r ? r : posix_spawnp(ret, argv[0], &files, &attributes, argv, environ);
        (void)posix_spawn_file_actions_destroy(&files);
        (void)posix_spawnattr_destroy(&attributes);
        return -r;
}

/* stdout of a child, which has until BUNDLE_CHILD_MS. NULL and the reason: nothing came. */
static json_t *output_of(char *const argv[], const char **ret_error)
{
        int pipe_fd[2], status = 0;
        pid_t child;
        char *text = malloc(BUNDLE_TEXT_MAX);
        json_t *j = NULL;
        if (!text || pipe2(pipe_fd, O_CLOEXEC) < 0) {
                free(text);
                *ret_error = "no memory or no file";
                return NULL;
        }
        int r = start(argv, pipe_fd[1], &child);
        close(pipe_fd[1]);
        if (r == 0) {
                size_t size = drain(pipe_fd[0], text, BUNDLE_TEXT_MAX, now_ms() + BUNDLE_CHILD_MS);
                (void)kill(child, SIGKILL); /* no longer wanted: at its end, too long, or too much */
                while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                        ;
                j = size > 0 ? text_json(text, size) : NULL;
        }
        *ret_error = j ? NULL : r < 0 ? strerrordesc_np(-r) : "it says nothing: no entries, or no right to read them";
        close(pipe_fd[0]);
        free(text);
        return j;
}

static json_t *file_json(const char *path)
{
        char text[4096];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
        if (fd >= 0)
                close(fd);
        return n > 0 ? text_json(text, (size_t)n) : json_null();
}

static json_t *or_null(json_t *j)
{
        return j ? j : json_null();
}

json_t *bundle_logs(void)
{
        char *const of_units[] = {"journalctl", "--no-pager", "--quiet", "--output=short-precise", "--lines=2000", "--unit=hamon.service",
                                  "--unit=hamon-act.service", "--unit=hamon-witness*.service", "--unit=hamon-leave.service", "--unit=nbdd.service",
                                  "--unit=nbdc@*.service", NULL};
        char *const of_kernel[] = {"journalctl", "--no-pager", "--quiet", "--output=short-precise", "--lines=500", "--dmesg", NULL};
        const char *error, *unused;
        char system[256] = "";
        struct utsname u;
        json_t *journal = output_of(of_units, &error), *kernel = output_of(of_kernel, &unused);
        if (uname(&u) == 0)
                (void)snprintf(system, sizeof system, "%.60s %.60s %.60s %.60s", u.sysname, u.release, u.version, u.machine);
        return json_pack("{s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "journal", or_null(journal), "journal_error", error ? json_string(error) : json_null(),
                         "kernel_log", or_null(kernel), "uname", system, "os", file_json("/etc/os-release"), "mdstat", file_json("/proc/mdstat"), "uptime",
                         file_json("/proc/uptime"));
}

/* -- What must not be in it --------------------------------------------------------------------------------------------------------- */

static void strike_out(char *text, const char *secret, size_t size)
{
        for (char *p = text; (p = memmem(p, strlen(p), secret, size)); p += size)
                memset(p, '*', size);
}

/* Each line of a key file that is long enough to be one, and each part of it behind a colon (NAME:KEY). */
static void strike_out_file(const char *path, char *text)
{
        char *file = calloc(1, SECRET_FILE_MAX + 1);
        int fd = *path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        ssize_t n = fd < 0 || !file ? -1 : read(fd, file, SECRET_FILE_MAX);
        if (fd >= 0)
                close(fd);
        char *save = NULL;
        for (char *word = n > 0 ? strtok_r(file, " \t\r\n:", &save) : NULL; word; word = strtok_r(NULL, " \t\r\n:", &save))
                if (strlen(word) >= SECRET_LEAST)
                        strike_out(text, word, strlen(word));
        if (file)
                explicit_bzero(file, SECRET_FILE_MAX);
        free(file);
}

void bundle_scrub(const struct config *config, char *text)
{
        char also[sizeof config->key_file + 8];
        (void)snprintf(also, sizeof also, "%s.also", config->key_file); /* fits */
        strike_out_file(config->key_file, text);
        strike_out_file(also, text);
        strike_out_file(config->api.key, text);
        strike_out_file(config->leg_key_file, text);
        /* What follows the host of a webhook is often all that it takes to use it. */
        const char *host = strstr(config->notify.webhook, "://"), *path = host ? strchr(host + 3, '/') : NULL;
        if (path && path[1])
                strike_out(text, path, strlen(path));
}
