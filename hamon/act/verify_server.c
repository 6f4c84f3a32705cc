/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/verify_server.h"

#include "hamon/act/digest.h"
#include "hamon/act/door.h"
#include "hamon/act/hold.h"
#include "hamon/act/progress.h"
#include "hamon/act/resync.h"
#include "hamon/act/resync_pace.h"
#include "hamon/act/thread.h"

#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 8, NOTHING_HELD = -1, KIB = 1024, LEARN_MS = 1000 };

struct verify_server {
        const struct config *config;
        const struct mirror *mirrors;
        int listen_fd;
        pthread_mutex_t lock; /* of what follows */
        unsigned connections;
};

struct connection {
        struct verify_server *server;
        int fd;
        int held; /* index of the mirror, or NOTHING_HELD */
        uint64_t held_until_ms;
        /* of the pace */
        int paced; /* index of the mirror that it was measured for, or -1 */
        struct resync_pace pace;
        uint64_t looked_ms, ready_ms; /* the next read may begin */
};

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void pause_ms(uint64_t ms)
{
        struct timespec ts = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

        (void)nanosleep(&ts, NULL); /* woken early means read early */
}

static void md_name(const struct verify_server *s, unsigned mirror, char ret[16])
{
        (void)snprintf(ret, 16, "md%u", ARRAY_MD_FIRST + s->config->mirror[mirror].number);
}

/* -- the window ------------------------------------------------------------------------------------------------------------------- */

static int let_go(struct connection *c, struct trouble *t)
{
        char md[16];

        if (c->held == NOTHING_HELD)
                return 0;
        md_name(c->server, (unsigned)c->held, md);
        int r = hold_end(MD_SYSFS_ROOT, md);
        if (r < 0 && !md_sysfs_is_gone(r)) {
                log_error("mirror %s: the window without writes cannot be ended (%s): restart hamon-act", c->server->config->mirror[c->held].name, strerror(-r));
                return trouble_errno(t, r, "the window without writes cannot be ended");
        }
        c->held = NOTHING_HELD;
        return 0;
}

static int hold(struct connection *c, unsigned mirror, const struct verify_ask *ask, struct trouble *t)
{
        char md[16];
        struct md_state s;

        int r = let_go(c, t);
        if (r < 0)
                return r;
        r = mirror_md_state(&c->server->mirrors[mirror], &s);
        if (r < 0 || !s.running)
                return trouble_say(t, -ENODEV, "no array of mirror \"%s\" runs on this node", ask->mirror);
        md_name(c->server, mirror, md);
        r = hold_begin(MD_SYSFS_ROOT, md, ask->offset_bytes, ask->size_bytes);
        if (r < 0)
                return trouble_errno(t, r, "writes of mirror \"%s\" cannot be held", ask->mirror);
        c->held = (int)mirror;
        c->held_until_ms = now_ms() + VERIFY_HOLD_MS;
        return 0;
}

/* -- digests ---------------------------------------------------------------------------------------------------------------------- */

/* Looks at the latency at most once a second; the first look waits to see what it is without us. */
static void keep_pace(struct connection *c, unsigned mirror)
{
        char path[96], text[320];
        struct progress_counters n;

        (void)snprintf(path, sizeof path, MD_SYSFS_ROOT "/block/md%u/stat", ARRAY_MD_FIRST + c->server->config->mirror[mirror].number);
        if (c->paced != (int)mirror) {
                c->pace = (struct resync_pace){.primed = false};
                c->paced = (int)mirror;
                c->looked_ms = 0;
                for (int i = 0; i < 2; i++) {
                        if (md_sysfs_text(path, text, sizeof text) == 0 && progress_parse(text, &n) == 0)
                                (void)resync_pace_look(&c->pace, n.completed, n.waited_ms, n.in_flight, false, 0);
                        if (i == 0)
                                pause_ms(LEARN_MS);
                }
        }
        uint64_t now = now_ms();
        if (now - c->looked_ms < RESYNC_PACE_MS)
                return;
        c->looked_ms = now;
        if (md_sysfs_text(path, text, sizeof text) == 0 && progress_parse(text, &n) == 0)
                (void)resync_pace_look(&c->pace, n.completed, n.waited_ms, n.in_flight, true, 0);
}

static int digests(struct connection *c, unsigned mirror, const struct verify_ask *ask, struct verify_answer *ret, struct trouble *t)
{
        const struct mirror *m = &c->server->mirrors[mirror];
        const struct digest_leg leg = {.disk = m->disk, .cluster = m->config->cluster, .mirror = m->cm->label};

        if (ask->paced) {
                uint64_t now = now_ms();
                if (c->ready_ms > now)
                        pause_ms(c->ready_ms - now);
                keep_pace(c, mirror);
        }
        uint64_t began = now_ms();
        int r = digest_blocks(&leg, ask, ret, t);
        if (r == 0 && ask->paced) {
                uint32_t limit = c->pace.limit_kib ? c->pace.limit_kib : RESYNC_PACE_START_KIB;
                c->ready_ms = began + (uint64_t)ret->count * (ask->block_bytes / KIB) * 1000 / limit;
                ret->latency_us = c->pace.latency_us;
                ret->limit_kib = limit;
        }
        return r;
}

static int disk(const struct connection *c, unsigned mirror, struct verify_answer *ret, struct trouble *t)
{
        const struct mirror *m = &c->server->mirrors[mirror];
        const struct digest_leg leg = {.disk = m->disk, .cluster = m->config->cluster, .mirror = m->cm->label};

        return digest_look_at_disk(&leg, ret, t);
}

/* -- connections ------------------------------------------------------------------------------------------------------------------- */

static bool answer(struct connection *c, const char *packet, size_t size)
{
        struct verify_ask ask;
        struct verify_answer a = {.error = 0};
        struct trouble t = {""};

        int r = verify_ask_decode(packet, size, &ask);
        if (r < 0)
                return false; /* not a hamon of this version */
        int mirror = config_mirror_by_label(c->server->config, ask.mirror);
        if (mirror < 0)
                r = trouble_say(&t, -ENOENT, "unknown mirror \"%s\"", ask.mirror);
        else if (ask.asked == ASK_HOLD)
                r = hold(c, (unsigned)mirror, &ask, &t);
        else if (ask.asked == ASK_LET_GO)
                r = let_go(c, &t);
        else if (ask.asked == ASK_DISK)
                r = disk(c, (unsigned)mirror, &a, &t);
        else
                r = digests(c, (unsigned)mirror, &ask, &a, &t);
        a.error = r;
        (void)snprintf(a.detail, sizeof a.detail, "%s", r < 0 && !*t.text ? strerror(-r) : t.text);
        char *text = verify_answer_encode(ask.asked, &a);
        bool sent = text && send(c->fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
        free(text);
        return sent;
}

static void serve(struct connection *c)
{
        char packet[VERIFY_PACKET_MAX];
        struct trouble ignored;

        for (;;) {
                struct pollfd p = {.fd = c->fd, .events = POLLIN};
                uint64_t now = now_ms();
                int wait_ms = c->held == NOTHING_HELD ? -1 : c->held_until_ms > now ? (int)(c->held_until_ms - now) : 0;
                int n = poll(&p, 1, wait_ms);
                if (n < 0 && errno != EINTR)
                        break;
                if (n == 0) {
                        log_warning("mirror %s: hamon has not ended its window without writes in %d ms: ended, continuing",
                                    c->server->config->mirror[c->held].name, VERIFY_HOLD_MS);
                        if (let_go(c, &ignored) < 0)
                                c->held_until_ms = now + VERIFY_HOLD_MS; /* and again */
                }
                if (n <= 0)
                        continue;
                ssize_t size = recv(c->fd, packet, sizeof packet, 0);
                if (size <= 0 || !answer(c, packet, (size_t)size))
                        break;
        }
        while (let_go(c, &ignored) < 0)
                pause_ms(VERIFY_HOLD_MS);
}

static void *run_connection(void *userdata)
{
        struct connection *c = userdata;

        serve(c);
        close(c->fd);
        pthread_mutex_lock(&c->server->lock);
        c->server->connections--;
        pthread_mutex_unlock(&c->server->lock);
        free(c);
        return NULL;
}

static void take(struct verify_server *s, int fd)
{
        struct ucred who;
        struct connection *c = door_admits(fd, &who) ? calloc(1, sizeof *c) : NULL;

        pthread_mutex_lock(&s->lock);
        bool room = c && s->connections < CONNECTIONS_MAX;
        if (room)
                s->connections++;
        pthread_mutex_unlock(&s->lock);
        if (room) {
                *c = (struct connection){.server = s, .fd = fd, .held = NOTHING_HELD, .paced = -1};
                if (thread_start(run_connection, c) == 0)
                        return;
                pthread_mutex_lock(&s->lock);
                s->connections--;
                pthread_mutex_unlock(&s->lock);
        }
        free(c);
        close(fd); /* it tries again */
}

/* What a hamon-act that was killed left behind: writes wait there until somebody does this. */
static void end_windows(const struct verify_server *s)
{
        for (unsigned i = 0; i < s->config->mirrors; i++) {
                char md[16];
                struct md_state state;
                md_name(s, i, md);
                if (!hold_is_set(MD_SYSFS_ROOT, md) || mirror_md_state(&s->mirrors[i], &state) == MD_SOMEBODY_ELSES)
                        continue;
                int r = hold_end(MD_SYSFS_ROOT, md);
                log_warning("mirror %s: a window without writes of an earlier hamon-act %s%s, continuing", s->config->mirror[i].name,
                            r < 0 ? "cannot be ended: " : "is ended", r < 0 ? strerror(-r) : "");
        }
}

static void *run(void *userdata)
{
        struct verify_server *s = userdata;

        end_windows(s);
        for (;;) {
                struct pollfd p = {.fd = s->listen_fd, .events = POLLIN};
                if (poll(&p, 1, -1) < 0)
                        continue;
                int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
                if (fd >= 0)
                        take(s, fd);
                else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
                        pause_ms(LEARN_MS);
        }
        return NULL;
}

int verify_server_start(const struct config *config, const struct mirror *mirrors, const char *act_socket)
{
        char path[sizeof((struct sockaddr_un *)0)->sun_path + sizeof VERIFY_SOCKET];
        struct verify_server *s = calloc(1, sizeof *s);
        const char *slash = strrchr(act_socket, '/');

        if (!s)
                return -ENOMEM;
        *s = (struct verify_server){.config = config, .mirrors = mirrors, .listen_fd = -1};
        pthread_mutex_init(&s->lock, NULL);
        int n = snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash - act_socket) + 1 : 0, act_socket, VERIFY_SOCKET);
        int r = n < 0 || (size_t)n >= sizeof path ? -ENAMETOOLONG : door_open(path, &s->listen_fd);
        if (r == 0)
                r = thread_start(run, s);
        if (r < 0) {
                if (s->listen_fd >= 0)
                        close(s->listen_fd);
                free(s);
        }
        return r;
}
