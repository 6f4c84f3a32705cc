/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nbdc: the command line. Everything that attaches is in attach.c; the rest asks a running nbdc (nbdc_client.h) or a
 * server (list.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cli.h"
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "nbdc/attach.h"
#include "nbdc/classic.h"
#include "nbdc/device.h"
#include "nbdc/keeper.h"
#include "nbdc/limits.h"
#include "nbdc/list.h"
#include "nbdc/nbdc_client.h"
#include "nbdc/orphan.h"
#include "nbdc/show.h"
#include "nbdc/supervise.h"
#include "nbdc/tls_options.h"
#include "net/classic_auth.h"
#include "wire/nbd_proto.h"

enum {
        OPT_EPOCH = 1,
        OPT_SESSION,
        OPT_TIMEOUT,
        OPT_READ_ONLY,
        OPT_CONNECTIONS,
        OPT_OPTIONAL,
        OPT_WAIT,
        OPT_DETACH,
        OPT_DECIDED,
        OPT_STATUS,
        OPT_JSON,
        OPT_LIST,
        OPT_POLICY,
        OPT_TLS_PSK,
        OPT_TLS_IDENTITY,
        OPT_TLS_CA,
        OPT_TLS_CERT,
        OPT_TLS_KEY,
        OPT_TLS_HOSTNAME,
        OPT_CLASSIC,
        OPT_CLASSIC_SECRETS,
        OPT_KEEP,
        OPT_RELAY,
        OPT_NO_TRIM
};

static const struct cli_option options[] = {
    {0, "epoch", "N", "the epoch of the grant that this attach uses; with --session", OPT_EPOCH},
    {0, "session", "UUID", "the session of the grant; with --epoch", OPT_SESSION},
    {0, "read-only", NULL, "attach read-only", OPT_READ_ONLY},
    {0, "no-trim", NULL, "a device without discards, also where the server offers them", OPT_NO_TRIM},
    {0, "connections", "N",
     "several connections to the server, for a plain attach whose server offers it (default 1)", OPT_CONNECTIONS},
    {0, "optional", NULL, "let a detach go ahead without a decided record version (default: required)", OPT_OPTIONAL},
    {0, "wait", NULL, "keep trying while the server cannot be reached", OPT_WAIT},
    {0, "timeout", "MS", "look at waiting requests this often, to send them again after a reconnect (default 500)",
     OPT_TIMEOUT},
    {0, "detach", NULL, "shut the connection of DEVICE and disconnect it; its waiting requests fail", OPT_DETACH},
    {0, "decided", "VERSION", "with --detach: the decided record version that leaves a required leg out", OPT_DECIDED},
    {0, "status", NULL, "show DEVICE, or all devices", OPT_STATUS},
    {0, "json", NULL, "with --status: as JSON", OPT_JSON},
    {0, "list", NULL, "show the exports of a server", OPT_LIST},
    {0, "policy", "POLICY", "make DEVICE required or optional", OPT_POLICY},
    {0, "tls-psk", "FILE", "encrypt, with a pre-shared key of FILE: lines IDENTITY:HEXKEY, readable by its owner alone", OPT_TLS_PSK},
    {0, "tls-identity", "NAME", "with --tls-psk: which key (default: the only one)", OPT_TLS_IDENTITY},
    {0, "tls-ca", "FILE", "encrypt, with certificates: PEM, who signs the server's", OPT_TLS_CA},
    {0, "tls-cert", "FILE", "with --tls-ca: PEM, the own certificate", OPT_TLS_CERT},
    {0, "tls-key", "FILE", "with --tls-ca: PEM, its private key, readable by its owner alone", OPT_TLS_KEY},
    {0, "tls-hostname", "NAME", "with --tls-ca: the name in the server's certificate (default: the first HOST)", OPT_TLS_HOSTNAME},
    {0, "classic", NULL, "the server speaks the 0.2 protocol of the year 2000 (nbdd --classic): not encrypted, at most 4 GiB, never for a mirror's leg",
     OPT_CLASSIC},
    {0, "classic-secrets", "FILE", "with --classic: lines ID:SECRET-IN-HEX, readable by its owner alone", OPT_CLASSIC_SECRETS},
    {0, "keep", NULL, NULL, OPT_KEEP},   /* nbdc starts itself with this: keeper.h */
    {0, "relay", NULL, NULL, OPT_RELAY}, /* and with this: classic.h */
    {0, NULL, NULL, NULL, 0},
};

static const struct cli cli = {
    .program = "nbdc",
    .summary = "attach a network block device and keep it attached",
    .usage = "nbdc [OPTIONS] HOST[,HOST2] PORT ID DEVICE\n"
             "nbdc --status [DEVICE] [--json]\n"
             "nbdc --detach DEVICE [--decided VERSION]\n"
             "nbdc --policy required|optional DEVICE\n"
             "nbdc --list [--tls-...] HOST PORT",
    .epilog = "Example: nbdc 10.0.0.2 4343 0x12345678 /dev/nbd0 &\n"
              "\n"
              "nbdc stays in the foreground to supervise the device. While the server is away the device's requests "
              "wait; they never fail\n"
              "on their own. Ending nbdc does not detach: the same command takes the device over again.\n"
              "\n"
              "Exit status: 0 success, 1 wrong usage, 2 refused by the server or by the policy, 3 the server (or nbdc) "
              "cannot be reached,\n"
              "4 the kernel refuses.",
    .options = options,
};

#define FULL_FORM "nbdc HOST PORT ID DEVICE, for example: nbdc 10.0.0.2 4343 0x12345678 /dev/nbd0"

struct command_line {
        int verb; /* 0: attach */
        const char *operands[5];
        unsigned operand_count;
        const char *epoch, *session, *timeout, *connections, *decided, *policy;
        const char *classic_secrets;
        bool read_only, no_trim, optional, wait, json, classic;
        struct tls_files tls;
};

static int __attribute__((format(printf, 1, 2))) usage_error(const char *format, ...)
{
        va_list args;
        va_start(args, format);
        log_writev(LOG_LEVEL_ERR, format, args);
        va_end(args);
        return NBDC_EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct command_line *c)
{
        const struct cli_place places[] = {
            {OPT_EPOCH, &c->epoch, NULL},
            {OPT_SESSION, &c->session, NULL},
            {OPT_TIMEOUT, &c->timeout, NULL},
            {OPT_READ_ONLY, NULL, &c->read_only},
            {OPT_NO_TRIM, NULL, &c->no_trim},
            {OPT_CONNECTIONS, &c->connections, NULL},
            {OPT_OPTIONAL, NULL, &c->optional},
            {OPT_WAIT, NULL, &c->wait},
            {OPT_JSON, NULL, &c->json},
            {OPT_DECIDED, &c->decided, NULL},
            {OPT_TLS_PSK, &c->tls.psk, NULL},
            {OPT_TLS_IDENTITY, &c->tls.identity, NULL},
            {OPT_TLS_CA, &c->tls.ca, NULL},
            {OPT_TLS_CERT, &c->tls.certificate, NULL},
            {OPT_TLS_KEY, &c->tls.key, NULL},
            {OPT_TLS_HOSTNAME, &c->tls.hostname, NULL},
            {OPT_CLASSIC, NULL, &c->classic},
            {OPT_CLASSIC_SECRETS, &c->classic_secrets, NULL},
            {0, NULL, NULL},
        };
        struct cli_parser parser;
        int id;
        cli_start(&parser, &cli, argc, argv);
        while ((id = cli_next(&parser)) != CLI_END) {
                int answered = cli_answer(&parser, id);
                if (answered >= 0)
                        return answered == 0 ? NBDC_EXIT_OK : NBDC_EXIT_USAGE;
                if (cli_place(&parser, id, places))
                        continue;
                if (id == CLI_OPERAND) {
                        if (c->operand_count == sizeof c->operands / sizeof *c->operands)
                                return usage_error("too many operands at '%s'; expected " FULL_FORM, parser.value);
                        c->operands[c->operand_count++] = parser.value;
                        continue;
                }
                if (c->verb && c->verb != id)
                        return usage_error("--status, --detach, --policy and --list exclude each other; see nbdc --help");
                c->verb = id;
                if (id == OPT_POLICY)
                        c->policy = parser.value;
        }
        return -1;
}

static int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
        char *end;
        errno = 0;
        uint64_t v = strtoull(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end || errno || v < min || v > max)
                return -EINVAL;
        *ret = v;
        return 0;
}

static int parse_port(const char *text, uint16_t *ret)
{
        uint64_t port;
        if (parse_number(text, 1, UINT16_MAX, &port) < 0)
                return usage_error("'%s' is not a port; expected 1 to 65535 (nbdd's own is %d)", text,
                                   NBD_DEFAULT_PORT);
        *ret = (uint16_t)port;
        return 0;
}

static int parse_device(const char *text, int *ret)
{
        *ret = nbdc_device_index(text);
        if (*ret < 0)
                return usage_error("'%s' is not a network block device; expected for example /dev/nbd0", text);
        return 0;
}

static int parse_session(const struct command_line *c, struct export_name *name)
{
        if (!c->epoch && !c->session)
                return 0;
        if (!c->epoch || !c->session)
                return usage_error("--epoch and --session belong together: give both or none");
        if (parse_number(c->epoch, 1, UINT64_MAX, &name->epoch) < 0)
                return usage_error("'%s' is not an epoch; expected a decimal number from 1", c->epoch);
        if (uuid_parse(c->session, &name->session) < 0)
                return usage_error(
                    "'%s' is not a session; expected a UUID such as 123e4567-e89b-12d3-a456-426614174000", c->session);
        name->has_session = true;
        return 0;
}

/* What does not go with --classic, and whether its secret is there: before anything is attached. */
static int check_classic(const struct command_line *c, const struct export_name *name)
{
        char reason[NBDC_ERROR_SIZE];
        struct classic_secret secret;
        if (c->classic != (c->classic_secrets != NULL))
                return usage_error("--classic and --classic-secrets FILE go together");
        if (!c->classic)
                return 0;
        if (name->has_session)
                return usage_error("--classic does not go with --epoch and --session: the 0.2 protocol has no grant, and is not for a mirror's leg");
        if (c->connections)
                return usage_error("--classic does not go with --connections: the 0.2 protocol has no way to say that several are safe");
        if (tls_files_given(&c->tls))
                return usage_error("--classic does not go with --tls-...: the 0.2 protocol cannot be encrypted; leave one of them out");
        int rc = classic_secret_load(c->classic_secrets, name->id, &secret, reason, sizeof reason);
        explicit_bzero(&secret, sizeof secret);
        return rc < 0 ? usage_error("%s", reason) : 0;
}

static int run_attach(const struct command_line *c)
{
        struct attach_options o = {.hosts = c->operands[0],
                                   .policy = c->optional ? NBDC_OPTIONAL : NBDC_REQUIRED,
                                   .wait = c->wait,
                                   .read_only = c->read_only,
                                   .no_trim = c->no_trim,
                                   .request_timeout_ms = NBDC_REQUEST_TIMEOUT_DEFAULT_MS};
        char reason[256];
        uint64_t number;
        if (c->operand_count == 3) /* the form that the HOWTO of 2000 shows after it lost its host */
                return usage_error("three operands, and one is missing (the %s?); the full form is " FULL_FORM,
                                   parse_number(c->operands[0], 1, UINT16_MAX, &number) == 0 ? "host" : "port");
        if (c->operand_count != 4)
                return usage_error("%u operands, expected four: " FULL_FORM, c->operand_count);
        if (c->json || c->decided)
                return usage_error("%s does not belong to an attach; see nbdc --help",
                                   c->json ? "--json" : "--decided");
        if (strlen(o.hosts) == 0 || strlen(o.hosts) >= NBDC_HOST_SIZE)
                return usage_error("'%.100s' is not a host; expected a name or an address", o.hosts);
        if (parse_port(c->operands[1], &o.port) || parse_device(c->operands[3], &o.index) || parse_session(c, &o.name))
                return NBDC_EXIT_USAGE;
        if (export_id_parse(c->operands[2], &o.name.id, reason, sizeof reason) < 0)
                return usage_error("%s", reason);
        if (c->timeout) {
                if (parse_number(c->timeout, 100, 3600000, &number) < 0)
                        return usage_error("'%s' is not a time-out; expected milliseconds, 100 to 3600000", c->timeout);
                o.request_timeout_ms = (uint32_t)number;
        }
        o.connections = 1;
        if (c->connections) {
                if (parse_number(c->connections, 1, NBDC_CONNECTIONS_MAX, &number) < 0)
                        return usage_error("'%s' is not a number of connections; expected 1 to %u", c->connections,
                                           NBDC_CONNECTIONS_MAX);
                o.connections = (unsigned)number;
                if (number > 1 && o.name.has_session)
                        return usage_error("--connections does not go with --epoch and --session: a leg uses one "
                                           "connection, or a late write could land; leave --connections out");
        }
        if (check_classic(c, &o.name))
                return NBDC_EXIT_USAGE;
        o.classic_secrets = c->classic_secrets;
        if (c->classic)
                log_warning("the 0.2 protocol: nothing that passes is encrypted or authenticated, and no export is larger than 4 GiB");
        struct tls_keys *keys = NULL;
        int rc = tls_options_load(&c->tls, o.hosts, &keys);
        if (rc == NBDC_EXIT_OK && keys)
                rc = tls_options_need_kernel(&o.records_max);
        o.keys = keys;
        if (rc == NBDC_EXIT_OK)
                rc = attach_run(&o);
        tls_keys_free(keys);
        return rc;
}

static int status_of(int rc)
{
        return rc == 0                         ? NBDC_EXIT_OK
               : rc == -EPERM || rc == -EINVAL ? NBDC_EXIT_REFUSED
               : rc == -EIO                    ? NBDC_EXIT_KERNEL
                                               : NBDC_EXIT_UNREACHABLE;
}

static int run_detach(const struct command_line *c)
{
        char error[NBDC_ERROR_SIZE];
        int index;
        if (c->operand_count != 1)
                return usage_error("expected nbdc --detach DEVICE [--decided VERSION]");
        if (parse_device(c->operands[0], &index))
                return NBDC_EXIT_USAGE;
        uint64_t version = 0;
        if (c->decided && parse_number(c->decided, 0, UINT64_MAX, &version) < 0)
                return usage_error("'%s' is not a record version; expected a decimal number", c->decided);
        int rc = nbdc_detach(c->operands[0], c->decided, 0, error);
        if (rc == -ENOENT && device_is_configured(index))
                rc = orphan_detach(index, c->decided != NULL && version > 0, error);
        else if (rc == -ENOENT)
                snprintf(error, sizeof error, "it is not attached; nbdc --status shows what is");
        if (rc < 0)
                log_error("%s is not detached: %s", c->operands[0], error);
        return status_of(rc);
}

static int run_policy(const struct command_line *c)
{
        char error[NBDC_ERROR_SIZE];
        int index;
        bool optional = strcmp(c->policy, "optional") == 0;
        if (!optional && strcmp(c->policy, "required") != 0)
                return usage_error("'%s' is not a policy; expected required or optional", c->policy);
        if (c->operand_count != 1)
                return usage_error("expected nbdc --policy required|optional DEVICE");
        if (parse_device(c->operands[0], &index))
                return NBDC_EXIT_USAGE;
        int rc = nbdc_set_policy(c->operands[0], optional ? NBDC_OPTIONAL : NBDC_REQUIRED, 0, error);
        if (rc < 0)
                log_error("%s", error);
        return status_of(rc);
}

static void print_export(void *userdata, const char *name, size_t bytes)
{
        char text[256], shown[256];
        (void)userdata;
        snprintf(text, sizeof text, "%.*s", (int)(bytes < 200 ? bytes : 200), name);
        puts(text_printable(text, shown, sizeof shown));
}

static int run_list(const struct command_line *c)
{
        char reason[NBDC_ERROR_SIZE];
        uint16_t port;
        if (c->operand_count != 2)
                return usage_error("expected nbdc --list HOST PORT");
        if (c->classic || c->classic_secrets)
                return usage_error("the 0.2 protocol has no list of exports: nbdd -l shows them on the server, nbdc --list at its NBD port");
        if (parse_port(c->operands[1], &port))
                return NBDC_EXIT_USAGE;
        struct tls_keys *keys = NULL;
        int rc = tls_options_load(&c->tls, c->operands[0], &keys);
        if (rc != NBDC_EXIT_OK)
                return rc;
        rc = list_exports(c->operands[0], port, keys, print_export, NULL, reason, sizeof reason);
        tls_keys_free(keys);
        if (rc < 0)
                log_error("%s", reason);
        return rc == 0 ? NBDC_EXIT_OK : rc == -EPERM ? NBDC_EXIT_REFUSED : NBDC_EXIT_UNREACHABLE;
}

static int run_status(const struct command_line *c)
{
        int index;
        if (c->operand_count > 1)
                return usage_error("expected nbdc --status [DEVICE] [--json]");
        if (c->operand_count == 0)
                return show_all(c->json);
        if (parse_device(c->operands[0], &index))
                return NBDC_EXIT_USAGE;
        return show_one(index, c->json);
}

int main(int argc, char **argv)
{
        struct command_line c = {0};
        log_init("nbdc", LOG_LEVEL_INFO);
        int rc = parse(argc, argv, &c);
        if (rc >= 0)
                return rc;
        switch (c.verb) {
        case OPT_STATUS:
                return run_status(&c);
        case OPT_DETACH:
                return run_detach(&c);
        case OPT_POLICY:
                return run_policy(&c);
        case OPT_LIST:
                return run_list(&c);
        case OPT_KEEP:
                return keeper_main();
        case OPT_RELAY:
                return c.operand_count == 2 ? classic_relay_main(c.operands[0], c.operands[1]) : NBDC_EXIT_USAGE;
        default:
                return run_attach(&c);
        }
}
