/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `hamonctl cluster create`, `invite` and `join`. The machine that has the cluster's files waits for the others and gives each of them a copy, over a
 * channel that only the holder of a join line can open (join_channel.h). A line is good for one machine, once, for a quarter of an hour. No hamon is
 * needed on either side.
 */
#include "hamon/hamonctl/hamonctl.h"
#include "hamon/hamonctl/progress.h"

#include "hamon/api/certificate.h"
#include "hamon/hamonctl/cluster_config.h"
#include "hamon/hamonctl/cluster_files.h"
#include "hamon/hamonctl/join_channel.h"
#include "hamon/identity.h"
#include "hamon/net/seal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOIN_PORT = 4346, INVITE_S = 900, BACKLOG = 8, REFUSALS_MAX = 100 };

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

/* A key that an interrupted attempt has left is the key. */
static bool add_key(const char *dir, json_t *files)
{
        char path[256], text[2 * SEAL_KEY_BYTES + 2];
        uint8_t key[SEAL_KEY_BYTES];
        (void)snprintf(path, sizeof path, "%.200s/cluster.key", dir); /* fits */
        int r = seal_key_load(path, key);
        if (r == 0)
                fprintf(stderr, "hamonctl: '%s' is there and is used\n", path);
        if (r == -ENOENT) {
                r = join_secret(text);
                (void)strcat(text, "\n");
        } else if (r == 0) {
                FILE *f = fopen(path, "r");
                r = f && fgets(text, sizeof text, f) ? 0 : -EIO;
                if (f)
                        fclose(f);
        }
        if (r < 0)
                fprintf(stderr, "hamonctl: cannot use '%s': %s\n", path, strerrordesc_np(-r));
        else
                json_object_set_new(files, "cluster.key", json_string(text));
        explicit_bzero(text, sizeof text);
        explicit_bzero(key, sizeof key);
        return r == 0;
}

static bool add_certificate(const struct config *config, json_t *files)
{
        char dir[] = "/tmp/hamon-XXXXXX", certificate[64], key[64], error[512], *text = NULL, *key_text = NULL;
        if (!mkdtemp(dir)) {
                fprintf(stderr, "hamonctl: cannot make a folder in /tmp: %s\n", strerrordesc_np(errno));
                return false;
        }
        (void)snprintf(certificate, sizeof certificate, "%s/crt", dir); /* fits */
        (void)snprintf(key, sizeof key, "%s/key", dir);                 /* fits */
        int r = certificate_create(config, certificate, key, error, sizeof error);
        if (r < 0)
                fprintf(stderr, "hamonctl: %s\n", error);
        r = r < 0 ? r : certificate_read(certificate, &text);
        r = r < 0 ? r : certificate_read(key, &key_text);
        if (r == 0) {
                json_object_set_new(files, "api.crt", json_string(text));
                json_object_set_new(files, "api.key", json_string(key_text));
                explicit_bzero(key_text, strlen(key_text));
        }
        free(text);
        free(key_text);
        (void)unlink(certificate);
        (void)unlink(key);
        (void)rmdir(dir);
        return r == 0;
}

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

struct invitation {
        const char *name; /* NULL: used */
        char secret[JOIN_SECRET_TEXT];
};

/* "ADDR:PORT" or "[ADDR]:PORT". -errno. */
static int address_of(const char *text, struct addrinfo **ret)
{
        char host[128], copy[160], *colon;
        const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
        (void)snprintf(copy, sizeof copy, "%s", text); /* a longer one is no address */
        colon = strrchr(copy, ':');
        if (!colon || strlen(text) >= sizeof copy)
                return -EINVAL;
        *colon = '\0';
        size_t n = strlen(copy);
        bool brackets = n > 2 && copy[0] == '[' && copy[n - 1] == ']';
        (void)snprintf(host, sizeof host, "%.*s", (int)(brackets ? n - 2 : n), copy + brackets); /* too long: no address */
        return getaddrinfo(host, colon + 1, &hints, ret) == 0 ? 0 : -EINVAL;
}

static int listen_at(const char *text)
{
        struct addrinfo *a = NULL;
        const int on = 1;
        int r = address_of(text, &a), fd = r < 0 ? r : socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (r == 0 && (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 || bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)) {
                r = -errno;
                if (fd >= 0)
                        close(fd);
                fd = r;
        }
        if (a)
                freeaddrinfo(a);
        return fd;
}

/* One machine's turn. True: it has the files, and its line is used up, whatever comes after. */
static bool give(const struct command_line *c, struct join_channel *ch, const struct invitation *to, const json_t *files)
{
        json_t *hello = NULL, *answer = json_pack("{s:s, s:O}", "name", to->name, "files", (json_t *)files), *done = NULL;
        int r = join_channel_receive(ch, &hello);
        bool same = r == 0 && json_integer_value(json_object_get(hello, "join")) == 1;
        if (r == 0 && same)
                r = join_channel_send(ch, answer);
        if (r < 0 || !same)
                fprintf(stderr, "hamonctl: %s: %s\n", to->name, r < 0 ? strerrordesc_np(-r) : "its hamonctl is of another version");
        else if (join_channel_receive(ch, &done) == 0 && json_is_true(json_object_get(done, "done")))
                step(c, "joined", to->name, NULL, "%s has joined", to->name);
        else
                fprintf(stderr, "hamonctl: %s got the files and did not confirm; if it is not in the cluster: hamonctl cluster invite %s\n", to->name, to->name);
        json_decref(hello);
        json_decref(answer);
        json_decref(done);
        return r == 0 && same;
}

static void serve_one(const struct command_line *c, int fd, struct invitation *list, unsigned count, const json_t *files)
{
        char psks[VOTERS * (64 + JOIN_SECRET_TEXT + 2)] = "", why[TLS_REASON_SIZE];
        struct join_channel ch;
        for (unsigned i = 0; i < count; i++)
                if (list[i].name)
                        (void)snprintf(psks + strlen(psks), sizeof psks - strlen(psks), "%s:%s\n", list[i].name, list[i].secret); /* fits */
        int r = join_channel_open(&ch, fd, true, psks, why, sizeof why);
        explicit_bzero(psks, sizeof psks);
        if (r < 0) {
                fprintf(stderr, "hamonctl: somebody without a valid join line was refused: %s\n", why);
                return;
        }
        for (unsigned i = 0; i < count; i++)
                if (list[i].name && strcmp(tls_identity(ch.tls), list[i].name) == 0 && give(c, &ch, &list[i], files)) {
                        list[i].name = NULL;
                        explicit_bzero(list[i].secret, sizeof list[i].secret);
                }
        join_channel_close(&ch);
}

static unsigned left_of(const struct invitation *list, unsigned count)
{
        unsigned left = 0;
        for (unsigned i = 0; i < count; i++)
                left += list[i].name != NULL;
        return left;
}

static uint64_t now_s(void)
{
        struct timespec t;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec;
}

/* Prints a line for each, and waits until all have come or the time is over. */
static int invite(const struct command_line *c, const struct config *config, int self, struct invitation *list, unsigned count, const json_t *files)
{
        char at[CONFIG_ADDRESS_SIZE + 16];
        const struct config_address *own = &config->voters[self].link[0];
        unsigned refused = 0;
        uint64_t until_s = now_s() + (c->timeout_given ? c->timeout_s : INVITE_S);
        (void)snprintf(at, sizeof at, own->family == AF_INET6 ? "[%s]:%d" : "%s:%d", own->text, JOIN_PORT); /* fits */
        const char *where = c->listen ? c->listen : at;
        int fd = listen_at(where);
        if (fd < 0) {
                fprintf(stderr, "hamonctl: cannot listen on '%.80s': %s\nhamonctl: next: correct that (--listen ADDRESS:PORT), then hamonctl cluster invite NAME...\n", where,
                        strerrordesc_np(-fd));
                return EXIT_REFUSED;
        }
        for (unsigned i = 0; i < count; i++)
                if (join_secret(list[i].secret) == 0) {
                        char join[300];
                        (void)snprintf(join, sizeof join, "hamonctl cluster join %.100s %s:%s", where, list[i].name, list[i].secret); /* fits */
                        step(c, "invited", list[i].name, join, "on %s, as root, within %" PRIu64 " minutes:\n    %s", list[i].name, (until_s - now_s() + 59) / 60, join);
                        explicit_bzero(join, sizeof join);
                }
        while (left_of(list, count) > 0 && now_s() < until_s && refused < REFUSALS_MAX) {
                struct pollfd p = {.fd = fd, .events = POLLIN};
                progress_begin("waiting for %u more, %" PRIu64 " min at most", left_of(list, count), (until_s - now_s() + 59) / 60);
                if (poll(&p, 1, 1000) <= 0)
                        continue;
                int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
                progress_end(); /* it may have something to say */
                unsigned before = left_of(list, count);
                if (peer >= 0)
                        serve_one(c, peer, list, count, files);
                refused += left_of(list, count) == before;
        }
        progress_end();
        close(fd);
        if (refused >= REFUSALS_MAX)
                fprintf(stderr, "hamonctl: %d were refused: look who connects to '%s', no longer waiting\n", REFUSALS_MAX, where);
        for (unsigned i = 0; i < count; i++)
                if (list[i].name)
                        fprintf(stderr, "hamonctl: %s has not come, its line is no longer good: hamonctl cluster invite %s\n", list[i].name, list[i].name);
        return left_of(list, count) == 0 ? EXIT_DONE : EXIT_REFUSED;
}

int verb_cluster_create(const struct command_line *c, const char *cluster, const char *const *operands, unsigned count)
{
        static struct config config;
        struct invitation list[VOTERS];
        unsigned invited = 0;
        const char *dir = folder(c);
        if (!*cluster || strpbrk(cluster, " \t\r\n[]#;=\"")) { /* the rest is judged with the whole configuration */
                fprintf(stderr, "hamonctl: '%.40s' is not the name of a cluster: letters, digits, \"_\", \"-\" and \".\"\n", cluster);
                return EXIT_USAGE;
        }
        if (!folder_is_usable(c) || !cluster_files_none(dir))
                return EXIT_REFUSED;
        json_t *files = json_object();
        char *text = cluster_config_make(c, dir, cluster, operands, count);
        bool good = text && json_object_set_new(files, "hamon.conf", json_string(text)) == 0 && add_key(dir, files) && cluster_files_check(dir, files, &config);
        free(text);
        int self = good ? who_am_i(c, &config) : -EINVAL;
        if (self < 0 || (c->api && !add_certificate(&config, files))) {
                json_decref(files);
                return EXIT_REFUSED;
        }
        if (c->dry_run) {
                int would = out_rehearsal(c, true, json_string_value(json_object_get(files, "hamon.conf")));
                json_decref(files);
                return would;
        }
        if (!cluster_files_write(dir, files)) {
                json_decref(files);
                return EXIT_REFUSED;
        }
        step(c, "made", config.voters[self].name, NULL, "%s/hamon.conf: cluster %s, this is %s", dir, config.cluster, config.voters[self].name);
        bool started = start_units(c, self);
        for (int v = 0; v < VOTERS; v++)
                if (v != self && *config.voters[v].name)
                        list[invited++].name = config.voters[v].name;
        int r = invite(c, &config, self, list, invited, files);
        json_decref(files);
        return r == EXIT_DONE && !started ? EXIT_REFUSED : r;
}

int verb_cluster_invite(const struct command_line *c, const char *const *names, unsigned count)
{
        static struct config config;
        struct invitation list[VOTERS];
        json_t *files = folder_is_usable(c) ? cluster_files_read(folder(c)) : NULL;
        int self = files && cluster_files_check(folder(c), files, &config) ? who_am_i(c, &config) : -EINVAL, r = EXIT_REFUSED;
        unsigned invited = 0;
        for (unsigned i = 0; self >= 0 && i < count && i < VOTERS; i++) {
                int v = config_voter_index(&config, names[i]);
                if (v < 0 || v == self) {
                        fprintf(stderr, "hamonctl: '%.40s' is %s\n", names[i], v < 0 ? "no machine of this cluster's configuration" : "this machine");
                        json_decref(files);
                        return EXIT_REFUSED;
                }
                list[invited++].name = config.voters[v].name;
        }
        if (self >= 0)
                r = invite(c, &config, self, list, invited, files);
        json_decref(files);
        return r;
}

/* -- Joining -------------------------------------------------------------------------------------------------------------------------- */

static int connect_to(const char *where, char *why, size_t why_size)
{
        struct addrinfo *a = NULL;
        const struct timeval patience = {.tv_sec = JOIN_PATIENCE_MS / 1000};
        int r = address_of(where, &a), fd = r < 0 ? r : socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
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
        good = self >= 0 && cluster_files_write(folder(c), files);
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
