/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/api/notify_send.h"

#include "hamon/api/words.h"
#include "net/http_client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 100, KILLED_MS = 2000, ENVIRONMENT_MAX = 12, VARIABLE_SIZE = 512 };

static uint64_t now_ms(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail for this clock */
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- a program ---- */

struct environment {
        char text[ENVIRONMENT_MAX][VARIABLE_SIZE];
        char *list[ENVIRONMENT_MAX + 1];
        unsigned count;
};

static void set(struct environment *e, const char *name, const char *value)
{
        (void)snprintf(e->text[e->count], VARIABLE_SIZE, "%s=%s", name, value); /* fits: names and sentences are shorter */
        e->list[e->count] = e->text[e->count];
        e->list[++e->count] = NULL;
}

static void describe(const struct notify_sender *s, const struct notice *n, struct environment *ret)
{
        const struct event_entry *e = &n->event;
        char number[32];
        ret->count = 0;
        set(ret, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        set(ret, "HAMON_CLUSTER", s->config->cluster);
        set(ret, "HAMON_REPORTER", s->reporter);
        (void)snprintf(number, sizeof number, "%" PRIu64, e->id); /* fits, and so do the next */
        set(ret, "HAMON_EVENT", number);
        (void)snprintf(number, sizeof number, "%" PRIi64 ".%03d", e->wall_ms / 1000, (int)(e->wall_ms % 1000));
        set(ret, "HAMON_TIME", number);
        set(ret, "HAMON_REASON", e->code);
        set(ret, "HAMON_SEVERITY", severity_word(e->severity));
        set(ret, "HAMON_MIRROR", e->mirror);
        set(ret, "HAMON_NODE", e->node);
        set(ret, "HAMON_SENTENCE", e->sentence);
        (void)snprintf(number, sizeof number, "%u", n->repeats);
        set(ret, "HAMON_REPEATS", number);
}

/* In a process group of its own, so that its children end with it; with no signal blocked. 0 or a positive errno. */
static int spawn(const char *program, const struct environment *e, pid_t *ret)
{
        char *argv[] = {(char *)program, NULL};
        posix_spawnattr_t attr;
        posix_spawn_file_actions_t files;
        sigset_t none;
        sigemptyset(&none);
        int r = posix_spawnattr_init(&attr);
        if (r != 0)
                return r;
        r = posix_spawn_file_actions_init(&files);
        if (r != 0) {
                posix_spawnattr_destroy(&attr);
                return r;
        }
        r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
        if (r == 0)
                r = posix_spawnattr_setsigmask(&attr, &none);
        if (r == 0)
                r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&files, 2, 1);
        if (r == 0)
                r = posix_spawn(ret, program, &files, &attr, argv, e->list);
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attr);
        return r;
}

/* False: the time is over, or hamon ends. */
static bool wait_end(const struct notify_sender *s, int pidfd, uint64_t timeout_ms)
{
        for (uint64_t begin = now_ms(); now_ms() - begin < timeout_ms && !atomic_load(s->stopping);) {
                struct pollfd p = {.fd = pidfd, .events = POLLIN};
                if (poll(&p, 1, LOOK_MS) > 0)
                        return true;
        }
        return false;
}

int notify_exec(const struct notify_sender *s, const struct notice *n, char *error, size_t error_size)
{
        const char *program = s->config->notify.exec;
        struct environment e;
        pid_t pid;
        int status = 0;
        describe(s, n, &e);
        int r = spawn(program, &e, &pid);
        if (r != 0) {
                (void)snprintf(error, error_size, "'%.150s' cannot be started: %s", program, strerrordesc_np(r));
                return -r;
        }
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        bool ended = pidfd >= 0 && wait_end(s, pidfd, NOTIFY_EXEC_TIMEOUT_MS), gone = ended;
        if (!ended) {
                struct pollfd p = {.fd = pidfd, .events = POLLIN};
                (void)kill(-pid, SIGKILL); /* our own child, not yet waited for: the group is still its */
                gone = pidfd >= 0 && poll(&p, 1, KILLED_MS) > 0;
        }
        if (pidfd >= 0)
                close(pidfd);
        if (gone) /* one that is stuck in the kernel is left behind */
                (void)waitpid(pid, &status, 0);
        if (!ended) {
                (void)snprintf(error, error_size, "'%.150s' did not end within %d s and was killed", program, NOTIFY_EXEC_TIMEOUT_MS / 1000);
                return -ETIMEDOUT;
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        if (WIFSIGNALED(status))
                (void)snprintf(error, error_size, "'%.150s' was killed by signal %d", program, WTERMSIG(status));
        else
                (void)snprintf(error, error_size, "'%.150s' ended with %d", program, WEXITSTATUS(status));
        return -EIO;
}

/* ---- a web server ---- */

void notify_origin(const char *url, char ret[CONFIG_URL_SIZE])
{
        const char *host = strstr(url, "://"), *at;
        ret[0] = '\0';
        if (!host)
                return;
        host += 3;
        size_t n = strcspn(host, "/?");
        for (at = host + n; at > host && at[-1] != '@'; at--)
                ; /* behind a name and its password */
        (void)snprintf(ret, CONFIG_URL_SIZE, "%.*s%.*s", (int)(host - url), url, (int)(host + n - at), at); /* shorter than the URL */
}

int notify_webhook(const struct notify_sender *s, const struct notice *n, char *error, size_t error_size)
{
        const struct config_notify *to = &s->config->notify;
        char origin[CONFIG_URL_SIZE];
        struct http_answer answer;
        json_t *event = event_json(&n->event);
        json_t *body = event ? json_pack("{s:s, s:s, s:i, s:o}", "cluster", s->config->cluster, "reporter", s->reporter, "repeats", (int)n->repeats, "event",
                                         event)
                             : NULL;
        notify_origin(to->webhook, origin);
        if (!body) {
                (void)snprintf(error, error_size, "the event cannot be written as JSON");
                return -ENOMEM;
        }
        const struct http_call_options o = {.origin = to->webhook, .path = "", .method = "POST", .body = body, .timeout_ms = NOTIFY_WEBHOOK_TIMEOUT_MS,
                                            .ca_file = *to->webhook_ca ? to->webhook_ca : NULL, .label = origin, .cancel = s->stopping, .any_answer = true};
        int r = http_call_full(&o, &answer, error, error_size);
        json_decref(body);
        if (r == 0 && (answer.status < 200 || answer.status > 299)) {
                (void)snprintf(error, error_size, "\"%.150s\" answered with status %u", origin, answer.status);
                r = -EPROTO;
        }
        http_answer_release(&answer);
        return r;
}
