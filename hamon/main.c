/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hamon: the command line, the configuration, and what the process asks of the system. The rest is hamon/driver.
 */
#include "base/cli.h"
#include "base/log.h"
#include "base/process.h"
#include "hamon/api/api.h"
#include "hamon/driver/driver.h"
#include "hamon/identity.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum {
        EXIT_CONFIG = 78,              /* EX_CONFIG: a restart does not help, and the unit does not try */
        THREAD_STACK_BYTES = 256 << 10, /* locked in memory with all the rest; no frame of ours has more than 8 KiB, a TLS handshake needs some 30 */
        OOM_SCORE = -900,
};

enum { OPT_CONFIG = 1, OPT_NODE, OPT_WITNESS, OPT_ANY_HOST, OPT_CHECK, OPT_IS_MINE, OPT_CONTROL, OPT_STATE, OPT_ACT, OPT_NBDD, OPT_DEBUG };

static const struct cli_option options[] = {
        {0, "config", "FILE", "the configuration (default " CONFIG_PATH ")", OPT_CONFIG},
        {0, "node", "NAME", "which node of it this is (default: the host name)", OPT_NODE},
        {0, "witness", NULL, "be the witness: one vote, no data", OPT_WITNESS},
        {0, "any-host", NULL, "with --witness: whatever this machine is called (hamon-witness@.service, a witness of many clusters)", OPT_ANY_HOST},
        {0, "check", NULL, "check the configuration and that it names this machine, then exit", OPT_CHECK},
        {0, "is-mine", NULL, "exit with 1 when this machine has the other role, else 0 (ExecCondition= of the units)", OPT_IS_MINE},
        {0, "control", "SOCKET", "where hamonctl finds this hamon (default " API_SOCKET ")", OPT_CONTROL},
        {0, "state-dir", "DIR", "where this voter's memory is kept (default " DRIVER_STATE_DIRECTORY ")", OPT_STATE},
        {0, "act", "SOCKET", "where hamon-act listens (default " DRIVER_ACT_SOCKET ")", OPT_ACT},
        {0, "nbdd", "SOCKET", "the control socket of nbdd (default " API_NBDD_SOCKET ")", OPT_NBDD},
        {0, "debug", NULL, "log more", OPT_DEBUG},
        {0, NULL, NULL, NULL, 0},
};

static const struct cli cli = {
        .program = "hamon",
        .summary = "decide which node is active, and when it is safe to go on alone",
        .usage = "hamon [--config FILE] [--node NAME]\n"
                 "hamon --witness [--config FILE] [--node NAME|--any-host]",
        .epilog = "hamon runs in the foreground, without root rights; hamon-act does what needs them. Ending it changes nothing on the node:\n"
                  "a restarted hamon goes on with what runs. People talk to it with hamonctl. On SIGHUP it reads the cluster key anew, the second\n"
                  "one that it accepts (the key file's name with \".also\"), and the certificate of its API with its key.\n"
                  "\n"
                  "Exit status: 0 after SIGTERM or SIGINT, 1 failure, 2 wrong usage, 78 the configuration or the state cannot be used.",
        .options = options,
};

struct command_line {
        const char *config, *node;
        bool witness, any_host, check, is_mine, debug;
        struct driver_options driver;
};

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct command_line *c)
{
        const struct cli_place places[] = {
                {OPT_CONFIG, &c->config, NULL},
                {OPT_NODE, &c->node, NULL},
                {OPT_WITNESS, NULL, &c->witness},
                {OPT_ANY_HOST, NULL, &c->any_host},
                {OPT_CHECK, NULL, &c->check},
                {OPT_IS_MINE, NULL, &c->is_mine},
                {OPT_CONTROL, &c->driver.control_socket, NULL},
                {OPT_STATE, &c->driver.state_directory, NULL},
                {OPT_ACT, &c->driver.act_socket, NULL},
                {OPT_NBDD, &c->driver.nbdd_socket, NULL},
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
                        log_error("unexpected operand '%s'; see hamon --help", p.value);
                        return CLI_EXIT_USAGE;
                }
        }
        if (c->any_host && (!c->witness || c->node)) {
                log_error("--any-host goes with --witness, and without --node");
                return CLI_EXIT_USAGE;
        }
        return -1;
}

static void report(void *userdata, const char *message)
{
        (void)userdata;
        log_error("%s", message);
}

/* Before any thread starts: their stacks are locked as well, so they get small ones. */
static void lock_memory(void)
{
        struct rlimit limit;
        process_use_small_stacks(THREAD_STACK_BYTES);
        if (geteuid() != 0 && getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
                log_info("memory is not locked: its limit is not infinite, continuing"); /* a lock now could fail allocations later */
                return;
        }
        int r = process_lock_memory();
        if (r < 0)
                log_info("memory is not locked (%s), continuing", strerrordesc_np(-r));
}

/* For the loop's thread alone: called after the others were started. */
static void raise_priority(void)
{
        int r = process_raise_priority();
        if (r < 0)
                log_info("no real-time priority (%s), continuing", strerrordesc_np(-r));
}

/* The configuration is read once, by the whole program: another one means a new program in the same process, whose unit notices nothing. */
static int begin_anew(char **argv)
{
        execv("/proc/self/exe", argv);
        log_error("cannot begin anew: %s", strerrordesc_np(errno));
        return EXIT_FAILURE; /* the unit starts it again */
}

static int run(struct command_line *c, const struct config *config, int self, char **argv)
{
        struct driver *d;
        bool renew = false;
        (void)process_block_signals((const int[]){SIGTERM, SIGINT, SIGHUP, 0}); /* the loop reads them; cannot fail */
        int r = process_set_oom_score(OOM_SCORE);
        if (r < 0) /* without the right to: systemd's OOMScoreAdjust= has done it */
                log_debug("oom_score_adj is not set: %s", strerrordesc_np(-r));
        lock_memory();
        c->driver.config = config;
        c->driver.config_path = c->config;
        c->driver.self = (uint8_t)self;
        r = driver_new(&c->driver, &d);
        if (r < 0) {
                log_error("cannot start: %s", strerrordesc_np(-r));
                return r == -EBADMSG || r == -EPROTO ? EXIT_CONFIG : EXIT_FAILURE;
        }
        raise_priority();
        r = driver_run(d, &renew);
        if (r < 0)
                log_error("the loop failed: %s", strerrordesc_np(-r));
        if (r >= 0 && renew)
                return begin_anew(argv); /* at once: whoever waits for a thread that waits sends no heartbeats. What was under way is as after a crash */
        driver_free(d);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/*
 * Both units may be installed on a machine; the one that is not meant ends at once, as a success. Here and not in an ExecCondition=: that is
 * a second start of the program, and each restart on a primary must be over long before its peer calls it dead.
 */
static int not_here(const char *why)
{
        log_info("nothing to do on this machine: %s", why);
        (void)sd_notify(0, "READY=1");
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        static struct config config;
        struct command_line c = {
                .config = CONFIG_PATH,
                .driver = {.state_directory = DRIVER_STATE_DIRECTORY, .control_socket = API_SOCKET, .act_socket = DRIVER_ACT_SOCKET,
                           .nbdd_socket = API_NBDD_SOCKET},
        };
        process_set_name("hamon");
        log_init("hamon", LOG_LEVEL_INFO);
        int status = parse(argc, argv, &c);
        if (status >= 0)
                return status;
        if (c.debug)
                log_init("hamon", LOG_LEVEL_DEBUG);
        struct ini_errors errors = {.report = report};
        if (config_load(c.config, &errors, &config) < 0)
                return c.is_mine ? EXIT_SUCCESS : EXIT_CONFIG; /* the program itself shall fail on it, for all to see */
        char why[512];
        int self = c.any_host ? identity_find_witness(&config, why, sizeof why) : identity_find(&config, c.node, c.witness, why, sizeof why);
        if (c.is_mine)
                return self == -ENOTSUP ? EXIT_FAILURE : EXIT_SUCCESS;
        if (self == -ENOTSUP && !c.any_host && getenv("NOTIFY_SOCKET"))
                return not_here(why);
        if (self < 0) {
                log_error("%s", why);
                return EXIT_CONFIG;
        }
        return c.check ? EXIT_SUCCESS : run(&c, &config, self, argv);
}
