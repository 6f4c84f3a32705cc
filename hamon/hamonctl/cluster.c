/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `hamonctl cluster create`, `invite` and `join`. The machine that has the cluster's files waits for the others and gives each of them a copy, over a
 * channel that only the holder of a join line can open (join_channel.h). A line is good for one machine, once, for a quarter of an hour. No hamon is
 * needed on either side.
 */
#include "hamon/hamonctl/hamonctl.h"
#include "hamon/hamonctl/progress.h"

#include "hamon/hamonctl/cluster_config.h"
#include "hamon/hamonctl/cluster_files.h"
#include "hamon/hamonctl/cluster_secrets.h"
#include "hamon/identity.h"
#include "hamon/join/host.h"
#include "hamon/net/seal.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *folder(const struct command_line *c)
{
        return c->dir ? c->dir : "/etc/hamon";
}

static bool folder_is_usable(const struct command_line *c)
{
        const char *dir = folder(c);
        if (*dir == '/' && strlen(dir) < 200 && !strpbrk(dir, " \t\n\"'\\$%;#"))
                return true;
        fprintf(stderr, "hamonctl: --dir is an absolute path without blanks and quotes, not '%.60s'\n", dir);
        return false;
}

/* -- The files -------------------------------------------------------------------------------------------------------------------------- */

/* Something that has come true, or is to be done: one line for each. `name` and `command` may be NULL. */
static void step(const struct command_line *c, const char *what, const char *name, const char *command, const char *format, ...) __attribute__((format(printf, 5, 6)));
static void step(const struct command_line *c, const char *what, const char *name, const char *command, const char *format, ...)
{
        char said[1024];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(said, sizeof said, format, args); /* fits */
        va_end(args);
        progress_end();
        if (c->json)
                out_json_line(json_pack("{s:s, s:s*, s:s*, s:s}", "what", what, "name", name, "command", command, "said", said));
        else
                printf("%s\n", said);
        fflush(stdout);
}

/* Which machine of it this is: its host name, or --node. */
static int who_am_i(const struct command_line *c, const struct config *config)
{
        char why[512];
        int self = identity_find(config, c->node, false, why, sizeof why);
        if (self == -ENOTSUP)
                self = identity_find(config, c->node, true, why, sizeof why);
        if (self < 0)
                fprintf(stderr, "hamonctl: %s\nhamonctl: next: name the machines as they are called (hostname), or say which one this is: --node NAME\n", why);
        return self;
}

/* Where the packages are installed and systemd runs, the machine begins its work; else somebody is told how. False: printed. */
static bool start_units(const struct command_line *c, int self)
{
        char *const node[] = {(char *)"systemctl", (char *)"start", (char *)"hamon-act", (char *)"hamon", NULL};
        char *const witness[] = {(char *)"systemctl", (char *)"start", (char *)"hamon-witness", NULL};
        const char *units = self == WITNESS ? "hamon-witness" : "hamon-act hamon";
        pid_t pid;
        int status = -1;
        if (c->no_start || c->dir || access("/run/systemd/system", F_OK) < 0) {
                step(c, "to-start", NULL, NULL, "next, on this machine: systemctl start %s", units);
                return true;
        }
        progress_begin("systemctl starts %s", units);
        int r = posix_spawnp(&pid, "systemctl", NULL, NULL, self == WITNESS ? witness : node, environ);
        while (r == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        progress_end();
        if (r == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
                step(c, "started", NULL, NULL, "started: %s", units);
                return true;
        }
        fprintf(stderr, "hamonctl: this machine is in the cluster, and systemctl could not start %s; next: journalctl -u %s\n", units, self == WITNESS ? "hamon-witness" : "hamon");
        return false;
}

/* -- Inviting ------------------------------------------------------------------------------------------------------------------------ */

static void tell(void *userdata, enum join_told what, const char *name, const char *why)
{
        const struct command_line *c = userdata;
        progress_end();
        if (what == JOIN_TOLD_JOINED)
                step(c, "joined", name, NULL, "%s has joined", name);
        else if (what == JOIN_TOLD_UNCONFIRMED)
                fprintf(stderr, "hamonctl: %s got the files and did not confirm; if it is not in the cluster: hamonctl cluster invite %s\n", name, name);
        else if (what == JOIN_TOLD_FAILED)
                fprintf(stderr, "hamonctl: %s: %s\n", name, why);
        else
                fprintf(stderr, "hamonctl: somebody without a valid join line was refused: %s\n", why);
}

static uint64_t now_s(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec;
}

/* Prints a line for each, and waits until all have come or the time is over. Takes `files` over. */
static int invite(const struct command_line *c, const struct config *config, int self, const char *const *names, unsigned count, json_t *files)
{
        struct join_host h;
        char why[JOIN_ERROR_SIZE];
        uint64_t until_s = now_s() + (c->timeout_given ? c->timeout_s : JOIN_OPEN_S);
        int r = join_host_open(&h, config, self, c->listen, names, count, files, why);
        if (r < 0) {
                fprintf(stderr, r == -ENOENT ? "hamonctl: %s\n" : "hamonctl: %s\nhamonctl: next: correct that (--listen ADDRESS:PORT), then hamonctl cluster invite NAME...\n", why);
                return EXIT_REFUSED;
        }
        for (unsigned i = 0; i < h.count; i++) {
                char line[JOIN_LINE_SIZE];
                join_host_line(&h, i, line);
                step(c, "invited", h.guest[i].name, line, "on %s, as root, within %" PRIu64 " minutes:\n    %s", h.guest[i].name, (until_s - now_s() + 59) / 60, line);
                explicit_bzero(line, sizeof line);
        }
        bool calm = true;
        while (calm && join_host_left(&h) > 0 && now_s() < until_s) {
                progress_begin("waiting for %u more, %" PRIu64 " min at most", join_host_left(&h), (until_s - now_s() + 59) / 60);
                calm = join_host_serve(&h, 1000, tell, (void *)c);
        }
        progress_end();
        if (!calm)
                fprintf(stderr, "hamonctl: %d were refused: look who connects to '%s', no longer waiting\n", JOIN_REFUSALS_MAX, h.where);
        for (unsigned i = 0; i < h.count; i++)
                if (join_host_waits_for(&h, i))
                        fprintf(stderr, "hamonctl: %s has not come, its line is no longer good: hamonctl cluster invite %s\n", h.guest[i].name, h.guest[i].name);
        r = join_host_left(&h) == 0 ? EXIT_DONE : EXIT_REFUSED;
        join_host_close(&h);
        return r;
}

int verb_cluster_create(const struct command_line *c, const char *cluster, const char *const *operands, unsigned count)
{
        static struct config config;
        const char *invited[VOTERS], *dir = folder(c);
        unsigned guests = 0;
        if (!*cluster || strpbrk(cluster, " \t\r\n[]#;=\"")) { /* the rest is judged with the whole configuration */
                fprintf(stderr, "hamonctl: '%.40s' is not the name of a cluster: letters, digits, \"_\", \"-\" and \".\"\n", cluster);
                return EXIT_USAGE;
        }
        if (!folder_is_usable(c) || !cluster_files_none(dir))
                return EXIT_REFUSED;
        json_t *files = json_object();
        char *text = cluster_config_make(c, dir, cluster, operands, count);
        bool good = text && json_object_set_new(files, "hamon.conf", json_string(text)) == 0 && cluster_secrets_add_key(dir, files) && cluster_files_check(dir, files, &config);
        free(text);
        int self = good ? who_am_i(c, &config) : -EINVAL;
        char *authority_key = NULL;
        good = self >= 0 && (!c->api || cluster_secrets_add_pair(dir, &config, files, &authority_key));
        int r = !good ? EXIT_REFUSED : c->dry_run ? out_rehearsal(c, true, json_string_value(json_object_get(files, "hamon.conf"))) : EXIT_DONE;
        if (good && !c->dry_run && (!cluster_secrets_set_aside(dir, files) || !cluster_files_write(dir, authority_key, files)))
                r = EXIT_REFUSED;
        if (authority_key)
                explicit_bzero(authority_key, strlen(authority_key));
        free(authority_key);
        if (r != EXIT_DONE || c->dry_run) {
                json_decref(files);
                return r;
        }
        step(c, "made", config.voters[self].name, NULL, "%s/hamon.conf: cluster %s, this is %s", dir, config.cluster, config.voters[self].name);
        bool started = start_units(c, self);
        for (int v = 0; v < VOTERS; v++)
                if (v != self && *config.voters[v].name)
                        invited[guests++] = config.voters[v].name;
        r = invite(c, &config, self, invited, guests, files);
        return r == EXIT_DONE && !started ? EXIT_REFUSED : r;
}

int verb_cluster_invite(const struct command_line *c, const char *const *names, unsigned count)
{
        static struct config config;
        json_t *files = folder_is_usable(c) ? cluster_files_read(folder(c)) : NULL;
        int self = files && cluster_files_check(folder(c), files, &config) ? who_am_i(c, &config) : -EINVAL;
        if (self >= 0)
                return invite(c, &config, self, names, count, files);
        json_decref(files);
        return EXIT_REFUSED;
}

/* -- Joining -------------------------------------------------------------------------------------------------------------------------- */

static int connect_to(const char *where, char *why, size_t why_size)
{
        struct addrinfo *a = NULL;
        const struct timeval patience = {.tv_sec = JOIN_PATIENCE_MS / 1000};
        int r = join_address(where, &a), fd = r < 0 ? r : socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (r == 0 && fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 || connect(fd, a->ai_addr, a->ai_addrlen) < 0)) {
                r = -errno;
                close(fd);
                fd = r;
        }
        if (a)
                freeaddrinfo(a);
        if (fd < 0)
                (void)snprintf(why, why_size, r == -EINVAL ? "not an address and a port" : "%s; is 'hamonctl cluster create' or 'invite' still waiting there?", strerrordesc_np(-fd));
        return fd;
}

/* A join line's second word: "NAME:HEX". */
static bool is_token(const char *token)
{
        const char *colon = strchr(token, ':');
        return colon && colon > token && colon - token < CONFIG_NAME_SIZE && strlen(colon + 1) == JOIN_SECRET_TEXT - 1 &&
               strspn(colon + 1, "0123456789abcdef") == JOIN_SECRET_TEXT - 1;
}

int verb_cluster_join(const struct command_line *c, const char *where, const char *token)
{
        static struct config config;
        struct join_channel ch;
        char why[512] = "", line[256];
        if (strcmp(token, "-") == 0) { /* not in the list of processes */
                if (!fgets(line, sizeof line, stdin))
                        line[0] = '\0';
                line[strcspn(line, "\r\n")] = '\0';
                token = line;
        }
        if (!is_token(token)) {
                fprintf(stderr, "hamonctl: that is not the end of a join line, NAME:SECRET with 64 hexadecimal digits; copy the whole line\n");
                return EXIT_USAGE;
        }
        if (!folder_is_usable(c) || !cluster_files_none(folder(c)))
                return EXIT_REFUSED;
        int fd = connect_to(where, why, sizeof why), r = fd < 0 ? fd : join_channel_open(&ch, fd, false, token, why, sizeof why);
        if (r < 0) {
                fprintf(stderr, "hamonctl: cannot join through '%.80s': %s; nothing was changed\n", where, why);
                if (fd >= 0)
                        fprintf(stderr, "hamonctl: next: a line is good once, for one machine, for a while; when it was used or is too old, there: hamonctl cluster invite %.*s\n",
                                (int)strcspn(token, ":"), token);
                return EXIT_REFUSED;
        }
        json_t *hello = json_pack("{s:i, s:s}", "join", 1, "version", NBDD_VERSION), *answer = NULL;
        r = join_channel_send(&ch, hello);
        r = r < 0 ? r : join_channel_receive(&ch, &answer);
        json_decref(hello);
        const json_t *files = json_object_get(answer, "files");
        bool good = r == 0 && json_is_object(files);
        if (!good)
                fprintf(stderr, "hamonctl: the other machine broke off: %s; nothing was changed\n", r < 0 ? strerrordesc_np(-r) : "not an answer that this version knows");
        int self = good && cluster_files_check(folder(c), files, &config) ? who_am_i(c, &config) : -EINVAL;
        if (self >= 0 && strncmp(token, config.voters[self].name, strcspn(token, ":")) != 0) {
                fprintf(stderr, "hamonctl: that line is for '%.*s', and this machine is '%s'; nothing was changed\n", (int)strcspn(token, ":"), token, config.voters[self].name);
                self = -EINVAL;
        }
        good = self >= 0 && cluster_files_write(folder(c), NULL, files);
        if (good) {
                json_t *done = json_pack("{s:b}", "done", 1);
                (void)join_channel_send(&ch, done); /* the other side says what to do when it does not hear it; this machine has joined */
                json_decref(done);
                step(c, "made", config.voters[self].name, NULL, "%s/hamon.conf: cluster %s, this is %s", folder(c), config.cluster, config.voters[self].name);
        }
        json_decref(answer);
        join_channel_close(&ch);
        return good && start_units(c, self) ? EXIT_DONE : EXIT_REFUSED;
}
