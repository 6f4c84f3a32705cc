/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nbdd: the server (--serve) and the admin command of the same name. This file is the command line; see serve.h and admin.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/id.h"
#include "base/ini.h"
#include "base/log.h"
#include "nbdd/admin.h"
#include "nbdd/client/nbdd.h"
#include "nbdd/config.h"
#include "nbdd/serve.h"

enum {
        OPT_SERVE = 1,
        OPT_LISTEN,
        OPT_CONTROL,
        OPT_STATE_DIR,
        OPT_OPERATOR,
        OPT_WORKERS,
        OPT_TLS,
        OPT_TLS_PSK,
        OPT_TLS_CA,
        OPT_TLS_CERT,
        OPT_TLS_KEY,
        OPT_TLS_RECORDS,
        OPT_CLASSIC,
        OPT_CLASSIC_SECRETS,
        OPT_DEFINE,
        OPT_REMOVE,
        OPT_LIST,
        OPT_ALL,
        OPT_STATUS,
        OPT_START,
        OPT_STOP,
        OPT_CLEAR,
        OPT_CONFIGURE,
        OPT_MAXCONNECT,
        OPT_DEVICE,
        OPT_ID,
        OPT_STATS,
        OPT_CONFIG,
        OPT_CHECK_CONFIG,
        OPT_RELOAD,
        OPT_READ_ONLY,
        OPT_READ_WRITE,
        OPT_CHANGE,
        OPT_REVOKE,
        OPT_SESSIONS,
        OPT_KICK,
        OPT_FORCE,
        OPT_OFFSET,
        OPT_SIZE,
        OPT_WRITERS,
        OPT_ALLOW,
        OPT_ALIAS,
        OPT_DESCRIPTION,
        OPT_HIDDEN,
        OPT_VISIBLE,
        OPT_JSON,
        OPT_COUNT
};

static const struct cli_option options[] = {
    {'m', "define", NULL, "define an export: needs -d and -i", OPT_DEFINE},
    {'r', "remove", NULL, "remove an export that is not available to clients", OPT_REMOVE},
    {0, "start", NULL, "make an export available to clients", OPT_START},
    {0, "stop", NULL, "make it unavailable; returns when nothing more can reach the device", OPT_STOP},
    {0, "clear-error", NULL, "forget a latched disk error, after the disk was looked at", OPT_CLEAR},
    {0, "clear", NULL, NULL, OPT_CLEAR},
    {0, "change", NULL, "change what an export is: with the options of -m below", OPT_CHANGE},
    {0, "revoke", NULL, "take a leg's grant back; returns when nothing more can reach the device", OPT_REVOKE},
    {0, "sessions", NULL, "list the clients", OPT_SESSIONS},
    {0, "kick", "N", "end session N; the client may come back", OPT_KICK},
    {'l', "list", NULL, "list exports; all, unless -d or -i is given", OPT_LIST},
    {'a', "all", NULL, "with -l: all exports", OPT_ALL},
    {'s', "status", NULL, "with -l: with their status (always shown)", OPT_STATUS},
    {0, "stats", NULL, "with -l and --sessions: operations, bytes, errors and how long they took", OPT_STATS},
    {'c', "configure", NULL, "show limits, or change them with -x", OPT_CONFIGURE},
    {'x', "maxconnect", "N", "with -c: how many clients may be connected", OPT_MAXCONNECT},
    {'d', "device", "DEV", "block device or regular file, an absolute path", OPT_DEVICE},
    {'i', "id", "ID", "export id, 1 to 2^64-1, decimal or 0x hex", OPT_ID},
    {0, "read-only", NULL, "with -m: clients may only read", OPT_READ_ONLY},
    {0, "read-write", NULL, "with --change: clients may write again", OPT_READ_WRITE},
    {0, "offset", "BYTES", "with -m: where the export begins in the device; 64MiB and such are understood", OPT_OFFSET},
    {0, "size", "BYTES", "with -m: of the export (default: to the end of the device, and grows with it)", OPT_SIZE},
    {0, "writers", "POLICY", "with -m: what a second client meets: shared (default), refuse, readonly or fence", OPT_WRITERS},
    {0, "allow", "LIST", "with -m: who may attach: addresses, networks, cn=NAME, psk=NAME, tls, with commas; \"\": everybody", OPT_ALLOW},
    {0, "alias", "NAMES", "with -m: other names that clients may use", OPT_ALIAS},
    {0, "description", "TEXT", "with -m: what clients see beside the name", OPT_DESCRIPTION},
    {0, "hidden", NULL, "with -m: not in the list that clients get", OPT_HIDDEN},
    {0, "visible", NULL, "with --change: in that list again", OPT_VISIBLE},
    {0, "force", NULL, "also on an export that belongs to a mirror of hamon", OPT_FORCE},
    {0, "reload", NULL, "have the server read its configuration file and its keys anew; what has not changed goes on", OPT_RELOAD},
    {0, "check-config", NULL, "say what is wrong with the configuration file; needs no server", OPT_CHECK_CONFIG},
    {0, "config", "FILE", "with --serve and --check-config: the configuration file (default " CONFIG_DEFAULT_PATH ")", OPT_CONFIG},
    {0, "json", NULL, "print JSON", OPT_JSON},
    {0, "control", "SOCKET", "control socket (default " NBDD_DEFAULT_SOCKET ")", OPT_CONTROL},
    {0, "serve", NULL, "be the server, in the foreground", OPT_SERVE},
    {0, "listen", "ADDR:PORT", "with --serve, may repeat: where clients connect (default: all addresses, 4343); ADDR:PORT,tls=MODE for a TLS mode of its own", OPT_LISTEN},
    {0, "state-dir", "DIR", "with --serve: where exports and grants are kept (default " SERVE_DEFAULT_STATE_DIR ")", OPT_STATE_DIR},
    {0, "operator", "USER", "with --serve: an account that may change ordinary exports, and no leg of a mirror (hamon, for its API)", OPT_OPERATOR},
    {0, "workers", "N", "with --serve: data threads (default: one for each core)", OPT_WORKERS},
    {0, "tls", "MODE", "with --serve: off, offer or require (default: require when there are keys)", OPT_TLS},
    {0, "tls-psk", "FILE", "with --serve: pre-shared keys, lines IDENTITY:HEXKEY as psktool writes them, readable by its owner alone", OPT_TLS_PSK},
    {0, "tls-ca", "FILE", "with --serve: PEM, who signs clients' certificates", OPT_TLS_CA},
    {0, "tls-cert", "FILE", "with --serve: PEM, the server's certificate", OPT_TLS_CERT},
    {0, "tls-key", "FILE", "with --serve: PEM, its private key, readable by its owner alone", OPT_TLS_KEY},
    {0, "tls-records", "WHERE", "with --serve: kernel (default, where it can) or user", OPT_TLS_RECORDS},
    {0, "classic", "ADDR:PORT", "with --serve, may repeat: listen for the 0.2 protocol of the year 2000, too: not encrypted, at most 4 GiB", OPT_CLASSIC},
    {0, "classic-secrets", "FILE", "with --classic: lines ID:SECRET-IN-HEX, readable by its owner alone", OPT_CLASSIC_SECRETS},
    {0, NULL, NULL, NULL, 0},
};

static const struct cli cli = {
    .program = "nbdd",
    .summary = "Network block device server, and the command that administers it.",
    .usage = "nbdd --serve [--listen ADDR:PORT]... [--control SOCKET] [--state-dir DIR]\n"
             "nbdd -m -d DEV -i ID [--read-only] [--offset BYTES] [--size BYTES] [--writers POLICY] [--allow LIST] ...\n"
             "nbdd --change -i ID [options of -m]\n"
             "nbdd --start|--stop|--clear-error|--revoke|-r -d DEV|-i ID [--force]\n"
             "nbdd --sessions [--json]\n"
             "nbdd --kick N [--force]\n"
             "nbdd -l [-a] [-s] [-d DEV|-i ID] [--stats] [--json]\n"
             "nbdd -c [-x N]\n"
             "nbdd --reload\n"
             "nbdd --check-config [--config FILE] [--state-dir DIR]",
    .epilog = "exit status: 0 done, 1 refused or failed, 2 wrong command line, 3 -l of something that is not exported (UNDEFINED)\n"
              "\n"
              "example: nbdd -m -d /dev/sdb2 -i 0x12345678 && nbdd --start -i 0x12345678 && nbdd -las",
    .options = options,
};

struct command_line {
        struct admin_options admin;
        struct serve_options serve;
        bool serving;
        bool checks; /* --check-config */
        const char *only_admin;  /* an option that the server does not take, as typed */
        const char *only_serve;
        const char *verb_name;
        bool list_words; /* -a or -s */
        const char *of_export; /* an option of -m and --change, as typed */
        bool given[OPT_COUNT];
};

__attribute__((format(printf, 1, 2))) static int usage_error(const char *format, ...)
{
        va_list args;
        (void)fprintf(stderr, "nbdd: ");
        va_start(args, format);
        (void)vfprintf(stderr, format, args);
        va_end(args);
        (void)fprintf(stderr, "\n");
        return ADMIN_EXIT_USAGE;
}

static int set_verb(struct command_line *c, enum admin_verb verb, const char *name)
{
        if (c->admin.verb != ADMIN_NONE && c->admin.verb != verb)
                return usage_error("%s and %s do not go together: one command at a time", c->verb_name, name);
        c->admin.verb = verb;
        c->verb_name = c->only_admin = name;
        return 0;
}

static int parse_count(const char *text, unsigned max, const char *name, unsigned *ret)
{
        char *end;
        errno = 0;
        unsigned long v = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno || v < 1 || v > max)
                return usage_error("%s \"%s\" must be a number from 1 to %u", name, text, max);
        *ret = (unsigned)v;
        return 0;
}

static int take_id(struct command_line *c, const char *text)
{
        char reason[256];

        c->only_admin = "-i";
        if (export_id_parse(text, &c->admin.id, reason, sizeof reason) < 0)
                return usage_error("%s", reason);
        c->admin.has_id = true;
        return 0;
}

static int take_tls_option(struct command_line *c, int option, const char *value)
{
        struct security_options *o = &c->serve.security;
        const struct {
                int option;
                const char *name;
                const char **where;
        } words[] = {{OPT_TLS, "--tls", &o->mode},          {OPT_TLS_PSK, "--tls-psk", &o->files.psk},
                     {OPT_TLS_CA, "--tls-ca", &o->files.ca}, {OPT_TLS_CERT, "--tls-cert", &o->files.certificate},
                     {OPT_TLS_KEY, "--tls-key", &o->files.key}, {OPT_TLS_RECORDS, "--tls-records", &o->records}};

        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (words[i].option == option) {
                        c->only_serve = words[i].name;
                        *words[i].where = value;
                }
        return 0;
}

static int take_server_option(struct command_line *c, int option, const char *value)
{
        switch (option) {
        case OPT_TLS:
        case OPT_TLS_PSK:
        case OPT_TLS_CA:
        case OPT_TLS_CERT:
        case OPT_TLS_KEY:
        case OPT_TLS_RECORDS:
                return take_tls_option(c, option, value);
        case OPT_SERVE:
                c->serving = true;
                return 0;
        case OPT_LISTEN:
                c->only_serve = "--listen";
                if (c->serve.listen_count == SERVE_LISTEN_MAX)
                        return usage_error("more than %u --listen", SERVE_LISTEN_MAX);
                c->serve.listen[c->serve.listen_count++] = value;
                return 0;
        case OPT_CLASSIC:
                c->only_serve = "--classic";
                if (c->serve.classic_listen_count == SERVE_LISTEN_MAX)
                        return usage_error("more than %u --classic", SERVE_LISTEN_MAX);
                c->serve.classic_listen[c->serve.classic_listen_count++] = value;
                return 0;
        case OPT_CLASSIC_SECRETS:
                c->only_serve = "--classic-secrets";
                c->serve.classic_secrets = value;
                return 0;
        case OPT_CHECK_CONFIG:
                c->checks = true;
                return 0;
        case OPT_CONFIG:
                c->only_serve = "--config";
                c->serve.config = value;
                return 0;
        case OPT_STATE_DIR:
                c->only_serve = "--state-dir";
                c->serve.state_dir = value;
                return 0;
        case OPT_OPERATOR:
                c->only_serve = "--operator";
                c->serve.operator_name = value;
                return 0;
        default:
                c->only_serve = "--workers";
                return parse_count(value, SERVE_WORKERS_MAX, "--workers", &c->serve.workers);
        }
}

static int take_size(const char *text, const char *name, bool *ret_has, uint64_t *ret)
{
        if (ini_parse_size(text, ret) < 0)
                return usage_error("%s \"%s\" must be a size: 4096, 64KiB, 10GiB", name, text);
        *ret_has = true;
        return 0;
}

/* What an export is: -m and --change. */
static int take_export_option(struct command_line *c, int option, const char *value)
{
        struct admin_options *a = &c->admin;

        switch (option) {
        case OPT_READ_ONLY:
        case OPT_READ_WRITE:
                c->of_export = option == OPT_READ_ONLY ? "--read-only" : "--read-write";
                a->has_read_only = true;
                a->read_only = option == OPT_READ_ONLY;
                return 0;
        case OPT_HIDDEN:
        case OPT_VISIBLE:
                c->of_export = option == OPT_HIDDEN ? "--hidden" : "--visible";
                a->has_hidden = true;
                a->hidden = option == OPT_HIDDEN;
                return 0;
        case OPT_OFFSET:
                c->of_export = "--offset";
                return take_size(value, "--offset", &a->has_offset, &a->offset_bytes);
        case OPT_SIZE:
                c->of_export = "--size";
                return take_size(value, "--size", &a->has_size, &a->size_bytes);
        case OPT_WRITERS:
                c->of_export = "--writers";
                a->writers = value;
                return 0;
        case OPT_ALLOW:
                c->of_export = "--allow";
                a->allow = value;
                return 0;
        case OPT_ALIAS:
                c->of_export = "--alias";
                a->aliases = value;
                return 0;
        case OPT_DESCRIPTION:
                c->of_export = "--description";
                a->description = value;
                return 0;
        default:
                return take_server_option(c, option, value);
        }
}

static int take_session(struct command_line *c, const char *text)
{
        char *end;

        errno = 0;
        c->admin.session = strtoull(text, &end, 10);
        if (*text < '1' || *text > '9' || *end || errno)
                return usage_error("--kick \"%s\" must be a session's number (see --sessions)", text);
        return set_verb(c, ADMIN_KICK, "--kick");
}

/* Whoever gives two values means one of them, and nobody knows which. */
static int check_once(struct command_line *c, int option)
{
        const struct cli_option *o = options;

        while (o->id != option)
                o++;
        if (c->given[option] && o->value_name && option != OPT_LISTEN && option != OPT_CLASSIC)
                return usage_error("--%s is given twice", o->long_name);
        c->given[option] = true;
        return 0;
}

static int take_option(struct command_line *c, int option, const char *value)
{
        int r = check_once(c, option);

        if (r != 0)
                return r;
        switch (option) {
        case OPT_DEFINE:
                return set_verb(c, ADMIN_DEFINE, "-m");
        case OPT_REMOVE:
                return set_verb(c, ADMIN_REMOVE, "-r");
        case OPT_START:
                return set_verb(c, ADMIN_START, "--start");
        case OPT_STOP:
                return set_verb(c, ADMIN_STOP, "--stop");
        case OPT_CLEAR:
                return set_verb(c, ADMIN_CLEAR, "--clear-error");
        case OPT_CHANGE:
                return set_verb(c, ADMIN_CHANGE, "--change");
        case OPT_REVOKE:
                return set_verb(c, ADMIN_REVOKE, "--revoke");
        case OPT_SESSIONS:
                return set_verb(c, ADMIN_SESSIONS, "--sessions");
        case OPT_RELOAD:
                return set_verb(c, ADMIN_RELOAD, "--reload");
        case OPT_KICK:
                return take_session(c, value);
        case OPT_FORCE:
                c->only_admin = "--force";
                c->admin.force = true;
                return 0;
        case OPT_LIST:
                return set_verb(c, ADMIN_LIST, "-l");
        case OPT_CONFIGURE:
                return set_verb(c, ADMIN_CONFIGURE, "-c");
        case OPT_ALL:
        case OPT_STATUS:
                c->list_words = true;
                return 0;
        case OPT_MAXCONNECT:
                c->admin.has_maxconnect = true;
                return parse_count(value, 65536, "-x", &c->admin.maxconnect);
        case OPT_DEVICE:
                c->only_admin = "-d";
                c->admin.device = value;
                return 0;
        case OPT_ID:
                return take_id(c, value);
        case OPT_STATS:
                c->only_admin = "--stats";
                c->admin.stats = true;
                return 0;
        case OPT_JSON:
                c->admin.json = true;
                return 0;
        case OPT_CONTROL:
                c->admin.socket = c->serve.control_socket = value;
                return 0;
        default:
                return take_export_option(c, option, value);
        }
}

/* What the options mean together. */
static int check(const struct command_line *c)
{
        const struct admin_options *a = &c->admin;

        if (c->given[OPT_READ_ONLY] && c->given[OPT_READ_WRITE])
                return usage_error("--read-only and --read-write do not go together");
        if (c->given[OPT_HIDDEN] && c->given[OPT_VISIBLE])
                return usage_error("--hidden and --visible do not go together");
        if (c->serving && c->only_admin)
                return usage_error("%s is not for --serve", c->only_admin);
        if (!c->serve.classic_secrets != !c->serve.classic_listen_count)
                return usage_error("--classic ADDR:PORT and --classic-secrets FILE go together");
        if (c->serving && c->of_export)
                return usage_error("%s is not for --serve", c->of_export);
        if (c->checks && (c->serving || c->only_admin || c->of_export))
                return usage_error("--check-config goes with --config and --state-dir alone");
        if (c->serving || c->checks)
                return 0;
        if (c->only_serve)
                return usage_error("%s is for --serve", c->only_serve);
        if (a->verb == ADMIN_NONE)
                return usage_error("nothing to do: --serve, -l, -m, -r, --start, --stop, --change, --clear-error, --revoke, --sessions, --kick, --reload, --check-config or -c (see --help)");
        if (c->list_words && a->verb != ADMIN_LIST)
                return usage_error("-a and -s go with -l");
        if (a->has_maxconnect && a->verb != ADMIN_CONFIGURE)
                return usage_error("-x goes with -c: nbdd -c -x %u", a->maxconnect);
        if (a->stats && a->verb != ADMIN_LIST && !(a->verb == ADMIN_SESSIONS && a->json))
                return usage_error("--stats goes with -l, or with --sessions --json");
        bool of_exports = a->verb != ADMIN_CONFIGURE && a->verb != ADMIN_SESSIONS && a->verb != ADMIN_KICK && a->verb != ADMIN_RELOAD;
        if (!of_exports && (a->has_id || a->device))
                return usage_error("%s takes neither -d nor -i", c->verb_name);
        if (c->of_export && a->verb != ADMIN_DEFINE && a->verb != ADMIN_CHANGE)
                return usage_error("%s goes with -m or --change", c->of_export);
        if (a->verb == ADMIN_CHANGE && (!c->of_export || !a->has_id))
                return usage_error("--change needs an id and what is to change: nbdd --change -i ID --writers refuse");
        if (a->verb == ADMIN_DEFINE && !(a->device && a->has_id))
                return usage_error("-m needs a device and an id: nbdd -m -d DEV -i ID");
        if (a->device && a->device[0] != '/')
                return usage_error("the device \"%s\" must be an absolute path", a->device);
        if (of_exports && a->verb != ADMIN_LIST && !a->device && !a->has_id)
                return usage_error("%s needs -d DEV or -i ID", c->verb_name);
        return 0;
}

int main(int argc, char **argv)
{
        struct command_line c = {
            .admin = {.socket = NBDD_DEFAULT_SOCKET},
            .serve = {.control_socket = NBDD_DEFAULT_SOCKET, .state_dir = SERVE_DEFAULT_STATE_DIR},
        };
        struct cli_parser p;
        int option, r = 0;

        cli_start(&p, &cli, argc, argv);
        while (r == 0 && (option = cli_next(&p)) != CLI_END) {
                switch (option) {
                case CLI_ERROR:
                        return usage_error("%s", p.error);
                case CLI_HELP:
                        cli_print_help(&cli, stdout);
                        return 0;
                case CLI_VERSION:
                        cli_print_version(&cli, stdout);
                        return 0;
                case CLI_PRINT_OPTIONS:
                        cli_print_options(&cli, stdout);
                        return 0;
                case CLI_OPERAND:
                        return usage_error("unexpected word \"%s\" (see --help)", p.value);
                default:
                        r = take_option(&c, option, p.value);
                        break;
                }
        }
        if (r == 0)
                r = check(&c);
        if (r != 0)
                return r;
        if (c.checks)
                return admin_check_config(c.serve.config, c.serve.state_dir);
        if (!c.serving)
                return admin_run(&c.admin);
        log_init("nbdd", getenv("NBDD_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
        return serve(&c.serve);
}
