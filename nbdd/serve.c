/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server's main thread: an sd-event loop that accepts connections and hands each to a worker, and starts and ends everything else.
 *
 * Threads and why: workers (the data path must use every core and wait for nothing else), control (a revoke may wait for a disk), the engine's
 * keeper (fsync of state files). This loop itself never touches a disk after the start.
 */
#include "nbdd/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "base/ini.h"
#include "base/log.h"
#include "nbdd/backend.h"
#include "nbdd/classic.h"
#include "nbdd/control.h"
#include "nbdd/engine.h"
#include "nbdd/listen.h"
#include "nbdd/reload.h"
#include "nbdd/worker.h"

#define STATUS_PERIOD_US 5000000u
#define ACCEPT_BURST 64 /* connections taken in one turn of the loop */
#define ACCEPT_PAUSE_US 200000u /* after "too many open files": the waiting client would wake us for nothing */

struct server {
        const struct serve_options *options;
        sd_event *loop;
        struct engine *engine;
        struct control *control;
        struct worker workers[SERVE_WORKERS_MAX];
        unsigned worker_count;
        struct security security;
        struct listen_socket sockets[LISTEN_SOCKETS_MAX];
        sd_event_source *sources[LISTEN_SOCKETS_MAX]; /* of `sockets`, owned; NULL before they are watched */
        size_t socket_count;
        struct reload reload;
        struct classic *classic; /* NULL: no such listener */
        struct listen_socket classic_sockets[LISTEN_SOCKETS_MAX];
        size_t classic_socket_count;
};

static struct worker *least_loaded(struct server *s)
{
        struct worker *best = &s->workers[0];
        for (unsigned i = 1; i < s->worker_count; i++)
                if (atomic_load(&s->workers[i].conn_count) < atomic_load(&best->conn_count))
                        best = &s->workers[i];
        return best;
}

static bool take_client(struct server *s, int fd, const char *address, enum session_tls tls)
{
        struct worker_message m = {.type = WORKER_CONNECT, .fd = fd, .tls = tls, .from = net_address_of(address)};
        char reason[ENGINE_REASON_SIZE];

        if (!engine_admit(s->engine, &m.from, &m.session, reason)) {
                log_warning("connection of %s refused: %s", address, reason);
                (void)close(fd);
                return false;
        }
        (void)snprintf(m.text, sizeof m.text, "%s", address);
        struct worker *w = least_loaded(s);
        atomic_fetch_add(&w->conn_count, 1);
        worker_post(w, &m);
        return true;
}

/* Any thread. The relay's own end of such a connection never leaves this process. */
static bool take_classic_client(void *userdata, int fd, const char *address)
{
        return take_client(userdata, fd, address, SESSION_TLS_NONE);
}

static int on_pause_over(sd_event_source *timer, uint64_t now_us, void *userdata)
{
        (void)timer;
        (void)now_us;
        return sd_event_source_set_enabled(userdata, SD_EVENT_ON);
}

static void pause_accepting(struct server *s, sd_event_source *source)
{
        if (sd_event_add_time_relative(s->loop, NULL, CLOCK_MONOTONIC, ACCEPT_PAUSE_US, 0, on_pause_over, source) >= 0)
                (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

static void accept_all(struct server *s, sd_event_source *source, int fd,
                       void (*take)(struct server *, int listener, int fd, const char *address))
{
        char address[LISTEN_ADDRESS_SIZE];
        int client = -1, r = 0;

        for (int i = 0; i < ACCEPT_BURST && (r = listen_accept(fd, &client, address)) == 0; i++)
                take(s, fd, client, address);
        if (r < 0 && r != -EAGAIN) {
                log_warning("cannot accept a connection: %s, continuing", strerror(-r));
                pause_accepting(s, source);
        }
}

static void take_nbd(struct server *s, int listener, int fd, const char *address)
{
        int tls = SESSION_TLS_REQUIRED;

        for (size_t i = 0; i < s->socket_count; i++)
                if (s->sockets[i].fd == listener)
                        tls = s->sockets[i].tls;
        (void)take_client(s, fd, address, security_mode(&s->security, tls));
}

static void take_classic(struct server *s, int listener, int fd, const char *address)
{
        (void)listener;
        classic_take(s->classic, fd, address);
}

static int on_listen(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        (void)events;
        accept_all(userdata, source, fd, take_nbd);
        return 0;
}

static int watch(struct server *s, size_t i)
{
        static const char *const tls_words[] = {[SESSION_TLS_NONE] = "", [SESSION_TLS_OFF] = ", without TLS",
                                                [SESSION_TLS_OFFERED] = ", TLS offered", [SESSION_TLS_REQUIRED] = ", TLS required"};

        log_info("listening on %s%s", s->sockets[i].address, tls_words[security_mode(&s->security, s->sockets[i].tls)]);
        return sd_event_add_io(s->loop, &s->sources[i], s->sockets[i].fd, EPOLLIN, on_listen, s);
}

static void unlisten(struct server *s, const char *word)
{
        for (size_t i = 0; i < s->socket_count;) {
                if (strcmp(s->sockets[i].word, word) != 0) {
                        i++;
                        continue;
                }
                log_info("no longer listening on %s", s->sockets[i].address);
                (void)sd_event_source_disable_unref(s->sources[i]);
                (void)close(s->sockets[i].fd);
                s->socket_count--;
                s->sockets[i] = s->sockets[s->socket_count];
                s->sources[i] = s->sources[s->socket_count];
        }
}

/* A reload has been through. */
static int on_reloaded(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct server *s = userdata;
        struct listen_socket opened[LISTEN_SOCKETS_MAX];
        char closed[CONFIG_LISTEN_MAX][LISTEN_WORD_SIZE];
        size_t opened_count, closed_count;

        (void)source;
        (void)fd;
        (void)events;
        reload_collect(&s->reload, opened, &opened_count, closed, &closed_count);
        for (size_t i = 0; i < closed_count; i++)
                unlisten(s, closed[i]);
        for (size_t i = 0; i < opened_count; i++) {
                if (s->socket_count == LISTEN_SOCKETS_MAX) {
                        log_error("more than %u listening sockets: not listening on %s", LISTEN_SOCKETS_MAX, opened[i].address);
                        (void)close(opened[i].fd);
                        continue;
                }
                s->sockets[s->socket_count] = opened[i];
                s->sources[s->socket_count] = NULL;
                if (watch(s, s->socket_count++) < 0)
                        log_error("cannot watch %s, continuing without it", opened[i].address);
        }
        return 0;
}

static int on_sighup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        struct server *s = userdata;

        (void)source;
        (void)info;
        reload_in_thread(&s->reload);
        return 0;
}

static int on_classic_listen(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        (void)events;
        accept_all(userdata, source, fd, take_classic);
        return 0;
}

static int on_status(sd_event_source *source, uint64_t now_us, void *userdata)
{
        struct server *s = userdata;
        unsigned exports, sessions;

        engine_counts(s->engine, &exports, &sessions);
        (void)sd_notifyf(0, "STATUS=%u exports, %u sessions", exports, sessions);
        (void)sd_event_source_set_time(source, now_us + STATUS_PERIOD_US);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int add_signal(struct server *s, int number)
{
        return sd_event_add_signal(s->loop, NULL, number, NULL, NULL); /* no handler: leaves the loop */
}

static int start_loop(struct server *s)
{
        sigset_t mask;
        int r;

        (void)sigemptyset(&mask);
        (void)sigaddset(&mask, SIGTERM);
        (void)sigaddset(&mask, SIGINT);
        (void)sigaddset(&mask, SIGHUP);
        (void)pthread_sigmask(SIG_BLOCK, &mask, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
        if ((r = sd_event_new(&s->loop)) < 0 || (r = add_signal(s, SIGTERM)) < 0 || (r = add_signal(s, SIGINT)) < 0 ||
            (r = sd_event_set_watchdog(s->loop, 1)) < 0)
                log_error("cannot make the event loop: %s", strerror(-r));
        return r;
}

/* A reload, too, in its own thread: only what is constant is used. */
static int listen_one(void *userdata, const struct security_state *state, const char *word, struct listen_socket *sockets, size_t *count, char *reason,
                      size_t reason_size)
{
        char address[LISTEN_WORD_SIZE];
        size_t before = *count;
        int tls, r = security_listener(state, word, address, &tls, reason, reason_size);

        (void)userdata;
        if (r == 0)
                r = listen_open(address, sockets, count, reason, reason_size);
        for (size_t i = before; i < *count; i++) {
                sockets[i].tls = tls;
                (void)snprintf(sockets[i].word, sizeof sockets[i].word, "%s", word);
        }
        return r;
}

/* The command line's word, or if it says nothing about TLS the file's. */
static struct security_options security_of(const struct serve_options *o, const struct config *config)
{
        if (o->security.mode || o->security.records || tls_files_given(&o->security.files))
                return o->security;
        return reload_security(config);
}

/* Likewise. Listeners that are there already are checked here, too: their keys may go. */
static int secure(void *userdata, const struct config *config, struct security_state *ret, char *reason, size_t reason_size)
{
        const struct serve_options *o = ((const struct server *)userdata)->options;
        const struct security_options wanted = security_of(o, config);
        char address[LISTEN_WORD_SIZE];
        int tls, r = security_prepare(&wanted, ret, reason, reason_size);

        if (r < 0)
                return r;
        for (size_t i = 0; r == 0 && i < o->listen_count; i++)
                r = security_listener(ret, o->listen[i], address, &tls, reason, reason_size);
        for (size_t i = 0; r == 0 && o->listen_count == 0 && i < config->listen_count; i++)
                r = security_listener(ret, config->listen[i].address, address, &tls, reason, reason_size);
        if (r < 0)
                security_state_release(ret);
        return r;
}

static int start_listening(struct server *s, const struct config *config)
{
        const struct serve_options *o = s->options;
        struct security_state state;
        char reason[512];
        int r = secure(s, config, &state, reason, sizeof reason);

        if (r < 0)
                goto out;
        for (size_t i = 0; r == 0 && i < o->listen_count; i++)
                r = listen_one(s, &state, o->listen[i], s->sockets, &s->socket_count, reason, sizeof reason);
        for (size_t i = 0; r == 0 && o->listen_count == 0 && i < config->listen_count; i++)
                r = listen_one(s, &state, config->listen[i].address, s->sockets, &s->socket_count, reason, sizeof reason);
        if (r == 0 && s->socket_count == 0)
                r = listen_one(s, &state, "", s->sockets, &s->socket_count, reason, sizeof reason);
        for (size_t i = 0; r == 0 && i < o->classic_listen_count; i++)
                r = listen_open(o->classic_listen[i], s->classic_sockets, &s->classic_socket_count, reason, sizeof reason);
        security_exchange(&s->security, &state);
out:
        if (r < 0)
                log_error("%s", reason);
        return r;
}

static int start_workers(struct server *s)
{
        const struct backend *backend = backend_choose();
        cpu_set_t cpus;
        unsigned n = s->options->workers;

        if (n == 0)
                n = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
        if (n > SERVE_WORKERS_MAX)
                n = SERVE_WORKERS_MAX;
        for (; s->worker_count < n; s->worker_count++) {
                int r = worker_start(&s->workers[s->worker_count], s->worker_count, s->engine, &s->security, backend);
                if (r < 0) {
                        log_error("cannot start a worker with %s: %s", backend->name, strerror(-r));
                        return r;
                }
        }
        log_info("%u workers with %s", n, backend->name);
        return 0;
}

static int start_accepting(struct server *s)
{
        uint64_t now;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < s->socket_count; i++)
                r = watch(s, i);
        for (size_t i = 0; r >= 0 && i < s->classic_socket_count; i++) {
                r = sd_event_add_io(s->loop, NULL, s->classic_sockets[i].fd, EPOLLIN, on_classic_listen, s);
                log_warning("listening on %s for the 0.2 protocol: no encryption, and exports of at most 4 GiB", s->classic_sockets[i].address);
        }
        if (r >= 0)
                r = sd_event_add_io(s->loop, NULL, s->reload.wake_fd, EPOLLIN, on_reloaded, s);
        if (r >= 0)
                r = sd_event_add_signal(s->loop, NULL, SIGHUP, on_sighup, s);
        if (r >= 0)
                r = sd_event_now(s->loop, CLOCK_MONOTONIC, &now);
        if (r >= 0)
                r = sd_event_add_time(s->loop, NULL, CLOCK_MONOTONIC, now, 0, on_status, s);
        if (r < 0)
                log_error("cannot watch the listening sockets: %s", strerror(-r));
        return r < 0 ? r : 0;
}

/* Many sessions need many descriptors. */
static void raise_limits(void)
{
        struct rlimit l;
        if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
                l.rlim_cur = l.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &l);
        }
}

/* Sessions drained, flushed, closed; then whoever could touch them. */
static void stop(struct server *s)
{
        for (size_t i = 0; i < s->socket_count; i++) {
                (void)sd_event_source_disable_unref(s->sources[i]);
                (void)close(s->sockets[i].fd);
        }
        for (size_t i = 0; i < s->classic_socket_count; i++)
                (void)close(s->classic_sockets[i].fd);
        if (s->engine) /* also without a worker: the keeper runs */
                engine_shutdown(s->engine);
        classic_free(s->classic); /* its sessions were ordinary ones, and have ended */
        control_stop(s->control);
        reload_release(&s->reload);
        for (unsigned i = 0; i < s->worker_count; i++)
                worker_stop(&s->workers[i]);
        engine_free(s->engine);
        security_release(&s->security);
        sd_event_unref(s->loop);
}

static void log_line(void *userdata, const char *message)
{
        (void)userdata;
        log_error("%s", message);
}

/* Listeners, and the engine with what the table and the configuration file say. */
static int start_engine(struct server *s)
{
        struct ini_errors errors = {.report = log_line};
        struct config config;
        char reason[512];
        int r = reload_first(&s->reload, &config);

        if (r < 0)
                return r;
        r = start_listening(s, &config);
        if (r == 0 && (r = engine_new(s->options->state_dir, &s->engine, reason, sizeof reason)) < 0)
                log_error("%s", reason);
        if (r == 0)
                r = engine_configure(s->engine, &config, true, &errors);
        if (r == 0 && (r = engine_start(s->engine)) < 0)
                log_error("cannot start the keeper: %s", strerror(-r));
        s->reload.engine = s->engine;
        config_release(&config);
        return r;
}

/* An account that is not there (hamon's, where only nbdd is installed) operates nothing. */
static bool find_operator(const char *name, uid_t *ret)
{
        const struct passwd *user = name ? getpwnam(name) : NULL;
        if (name && !user)
                log_info("there is no user \"%s\": nobody operates exports but root, continuing", name);
        if (user)
                *ret = user->pw_uid;
        return user;
}

int serve(const struct serve_options *options)
{
        static struct server s;
        int r;

        s = (struct server){.options = options};
        security_init(&s.security);
        raise_limits();
        if ((r = reload_init(&s.reload, options->config, options->listen_count == 0 ? listen_one : NULL, secure, &s.security, &s)) < 0 || (r = start_loop(&s)) < 0 ||
            (r = start_engine(&s)) < 0)
                goto out;
        if ((r = start_workers(&s)) < 0)
                goto out;
        if (security_mode(&s.security, SECURITY_DEFAULT) > SESSION_TLS_NONE)
                log_info("TLS records are %s", security_kernel(&s.security) ? "left to the kernel" : "done here: this kernel has no TLS (module tls), or --tls-records says so");
        uid_t operator_uid;
        bool has_operator = find_operator(options->operator_name, &operator_uid);
        if ((r = control_start(options->control_socket, has_operator ? &operator_uid : NULL, s.engine, reload_run, &s.reload, &s.control)) < 0) {
                log_error("cannot serve the control socket \"%s\": %s", options->control_socket,
                          r == -EADDRINUSE ? "another nbdd answers there" : strerror(-r));
                goto out;
        }
        if (s.classic_socket_count > 0 && (r = classic_new(options->classic_secrets, take_classic_client, &s, &s.classic)) < 0) {
                log_error("cannot start the classic listener: %s", strerror(-r));
                goto out;
        }
        if ((r = start_accepting(&s)) < 0)
                goto out;
        log_info("control socket %s, state in %s", options->control_socket, options->state_dir);
        (void)sd_notify(0, "READY=1");
        r = sd_event_loop(s.loop);
        (void)sd_notify(0, "STOPPING=1");
        log_info("stopping");
out:
        if (r == -ENOMEM) /* not every place on the way had words for it */
                log_error("nbdd ends: out of memory; give it more, or lower the limits on connections and memory");
        stop(&s);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
