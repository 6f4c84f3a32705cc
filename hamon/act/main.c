/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hamon-act: hamon's root helper. It does to the machine what hamon asks and decides nothing; the command line and the
 * loop.
 *
 * Starting and ending it touches no array, mount or address: it finds what runs and reports it.
 */
#include "base/cli.h"
#include "base/log.h"
#include "base/process.h"
#include "hamon/act/server.h"
#include "hamon/act/verify_server.h"
#include "hamon/act/watchdog.h"
#include "hamon/identity.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum {
        EXIT_CONFIG = 78,             /* EX_CONFIG: a restart does not help, and the unit does not try */
        THREAD_STACK_BYTES = 256 << 10, /* locked in memory with all the rest, some six threads a mirror; no frame of ours has more than 16 KiB */
};

enum { OPT_CONFIG = 1, OPT_NODE, OPT_SOCKET, OPT_STATE, OPT_NBDD, OPT_NBDD_STATE, OPT_DEBUG };

#define SOCKET "/run/hamon-act/act.sock"
#define STATE_DIR "/var/lib/hamon-act"
#define NBDD_STATE_DIR "/var/lib/nbdd"

static const struct cli_option options[] = {
    {0, "config", "FILE", "the configuration (default " CONFIG_PATH ")", OPT_CONFIG},
    {0, "node", "NAME", "which node of it this is (default: the host name)", OPT_NODE},
    {0, "socket", "SOCKET", "where hamon finds us (default " SOCKET ")", OPT_SOCKET},
    {0, "state-dir", "DIR", "where debt and notes are kept (default " STATE_DIR ")", OPT_STATE},
    {0, "nbdd-control", "SOCKET", "nbdd's control socket (default: nbdd's own)", OPT_NBDD},
    {0, "nbdd-state-dir", "DIR", "nbdd's state (default " NBDD_STATE_DIR ")", OPT_NBDD_STATE},
    {0, "debug", NULL, "log more", OPT_DEBUG},
    {0, NULL, NULL, NULL, 0},
};

static const struct cli cli = {
    .program = "hamon-act",
    .summary = "do to this machine what hamon decides",
    .usage = "hamon-act [--config FILE] [--node NAME]",
    .epilog = "hamon-act runs in the foreground as root. It acts on disks, arrays, addresses, mounts and units when "
              "hamon says so, and never by\n"
              "itself: starting or ending it changes nothing on the node.\n"
              "\n"
              "Exit status: 0 after SIGTERM or SIGINT, 1 failure, 2 wrong usage, 78 the configuration cannot be used.",
    .options = options,
};

struct command_line {
        const char *config, *node, *socket;
        struct mirror_paths paths;
        bool debug;
};

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct command_line *c)
{
        const struct cli_place places[] = {
                {OPT_CONFIG, &c->config, NULL},
                {OPT_NODE, &c->node, NULL},
                {OPT_SOCKET, &c->socket, NULL},
                {OPT_STATE, &c->paths.state_dir, NULL},
                {OPT_NBDD, &c->paths.nbdd_socket, NULL},
                {OPT_NBDD_STATE, &c->paths.nbdd_state_dir, NULL},
                {OPT_DEBUG, NULL, &c->debug},
                {0, NULL, NULL},
        };
        struct cli_parser p;

        cli_start(&p, &cli, argc, argv);
        for (int id; (id = cli_next(&p)) != CLI_END;) {
                int answered = cli_answer(&p, id);
                if (answered >= 0)
                        return answered;
                if (!cli_place(&p, id, places)) {
                        log_error("unexpected operand '%s'; see hamon-act --help", p.value);
                        return CLI_EXIT_USAGE;
                }
        }
        return -1;
}

static void report(void *userdata, const char *message)
{
        (void)userdata;
        log_error("%s", message);
}

/* Under memory pressure the disks of this node may wait for what we do: we must not wait for them. Before any thread
 * starts. */
static void lock_memory(void)
{
        process_use_small_stacks(THREAD_STACK_BYTES);
        (void)mallopt(M_ARENA_MAX, 2); /* cannot fail: else what each of many threads once had stays with it, and is locked */
        int r = process_lock_memory();
        if (r < 0)
                log_info("memory is not locked (%s), continuing", strerrordesc_np(-r));
}

static int make_folders(const struct command_line *c, char *ret_run_dir, size_t size)
{
        snprintf(ret_run_dir, size, "%s", c->socket);
        char *slash = strrchr(ret_run_dir, '/');
        if (!slash || slash == ret_run_dir) {
                log_error("socket \"%s\" is not an absolute path in a folder of its own", c->socket);
                return -EINVAL;
        }
        *slash = '\0';
        if ((mkdir(ret_run_dir, 0750) < 0 && errno != EEXIST) ||
            (mkdir(c->paths.state_dir, 0700) < 0 && errno != EEXIST)) {
                log_error("cannot make \"%s\" or \"%s\": %s", ret_run_dir, c->paths.state_dir, strerrordesc_np(errno));
                return -errno;
        }
        return 0;
}

/* What the file was when it was read. */
static struct {
        const char *path, *node;
        struct stat st;
        const struct config *config;
} file;

static void note(void *userdata, const char *message)
{
        (void)userdata;
        log_warning("%s", message);
}

/* Another file that cannot be used changes nothing: hamon says the same of it. */
static bool outdated(void)
{
        static struct config next;
        struct ini_errors errors = {.report = note};
        struct stat st;
        char why[512];

        if (stat(file.path, &st) < 0 || (st.st_ino == file.st.st_ino && st.st_mtim.tv_sec == file.st.st_mtim.tv_sec &&
                                         st.st_mtim.tv_nsec == file.st.st_mtim.tv_nsec && st.st_size == file.st.st_size))
                return false;
        if (config_load(file.path, &errors, &next) < 0)
                return false;
        return identity_find(&next, file.node, false, why, sizeof why) == identity_find(file.config, file.node, false, why, sizeof why);
}

static int begin_anew(char **argv)
{
        execv("/proc/self/exe", argv); /* threads that wait for work end with the old program */
        log_error("cannot begin anew: %s", strerrordesc_np(errno));
        _exit(EXIT_FAILURE); /* the unit starts it again */
}

static int run(struct command_line *c, const struct config *config, unsigned self, char **argv)
{
        static struct mirror mirrors[MIRRORS_MAX];
        struct server_options o = {.socket_path = c->socket, .config = config, .mirrors = mirrors, .outdated = outdated};
        struct server *server = NULL;
        sd_event *loop = NULL;
        char run_dir[200];

        (void)process_block_signals((const int[]){SIGTERM, SIGINT, 0}); /* the loop reads them; cannot fail */
        int r = make_folders(c, run_dir, sizeof run_dir);
        if (r < 0)
                return EXIT_FAILURE;
        lock_memory();
        c->paths.run_dir = run_dir;
        for (unsigned i = 0; i < config->mirrors; i++)
                mirror_init(&mirrors[i], config, i, self, &c->paths);
        watchdog_use(config->voters[self].watchdog);
        struct trouble t;
        if (watchdog_arm(&t) < 0) /* an array may run; without one it is disarmed soon */
                log_warning("%s, continuing", t.text);
        if (config->mirrors > 0)
                r = array_write_config(mirrors[0].mdadm_config);
        if (r == 0)
                r = sd_event_default(&loop);
        if (r >= 0)
                r = sd_event_add_signal(loop, NULL, SIGTERM, NULL, NULL);
        if (r >= 0)
                r = sd_event_add_signal(loop, NULL, SIGINT, NULL, NULL);
        if (r >= 0)
                r = server_start(loop, &o, &server);
        if (r < 0) {
                log_error("cannot start: %s%s", strerrordesc_np(-r),
                          r == -EADDRINUSE ? ": another hamon-act is running" : "");
                return EXIT_FAILURE;
        }
        r = verify_server_start(config, mirrors, c->socket);
        if (r < 0)
                log_warning("verify is not possible: its socket cannot be made (%s), continuing", strerrordesc_np(-r));
        r = process_raise_priority(); /* an address that is renewed late is gone: this thread alone, what works has its own */
        if (r < 0)
                log_info("no real-time priority (%s), continuing", strerrordesc_np(-r));
        (void)sd_event_set_watchdog(loop, true); /* when systemd asks for it */
        log_info("node %s, %u mirror%s", config->voters[self].name, config->mirrors, config->mirrors == 1 ? "" : "s");
        (void)sd_notify(0, "READY=1"); /* nobody may be listening */
        r = sd_event_loop(loop);
        server_end(server);
        if (r < 0)
                log_error("the loop failed: %s", strerrordesc_np(-r));
        if (r == SERVER_RENEW)
                return begin_anew(argv);
        /* Workers may be inside the kernel: the process ends around them, and what they began is found by the next one.
         */
        _exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
        static struct config config;
        struct command_line c = {.config = CONFIG_PATH,
                                 .socket = SOCKET,
                                 .paths = {.state_dir = STATE_DIR, .nbdd_state_dir = NBDD_STATE_DIR}};
        char why[512];

        process_set_name("hamon-act");
        log_init("hamon-act", LOG_LEVEL_INFO);
        int status = parse(argc, argv, &c);
        if (status >= 0)
                return status;
        if (c.debug)
                log_init("hamon-act", LOG_LEVEL_DEBUG);
        struct ini_errors errors = {.report = report};
        file.path = c.config;
        file.node = c.node;
        file.config = &config;
        if (stat(c.config, &file.st) < 0 || config_load(c.config, &errors, &config) < 0) {
                if (errors.count == 0)
                        log_error("cannot read '%s': %s", c.config, strerrordesc_np(errno));
                return EXIT_CONFIG;
        }
        int self = identity_find(&config, c.node, false, why, sizeof why);
        if (self < 0) {
                log_error("%s", why);
                return EXIT_CONFIG;
        }
        return run(&c, &config, (unsigned)self, argv);
}
