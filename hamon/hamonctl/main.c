/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hamonctl: the command line. What each command does is in verbs.c. */
#include "hamon/hamonctl/hamonctl.h"

#include "base/cli.h"
#include "base/text.h"
#include "hamon/api/api.h"
#include "hamon/core/effect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OPT_JSON = 1, OPT_WATCH, OPT_FOLLOW, OPT_OVERWRITE, OPT_YES, OPT_SOCKET, OPT_CLUSTER, OPT_TIMEOUT, OPT_ROLE, OPT_DRY_RUN, OPT_SINCE, OPT_SEVERITY, OPT_MIRROR,
       OPT_NODE, OPT_LISTEN, OPT_DIR, OPT_API, OPT_FOR, OPT_WITHOUT, OPT_SERVICE, OPT_NO_START, OPT_WITH_SERVICE };

static const struct cli_option options[] = {
        {0, "json", NULL, "print JSON, as docs/openapi.yaml describes it", OPT_JSON},
        {'w', "watch", NULL, "print the status again each second", OPT_WATCH},
        {'f', "follow", NULL, "go on with new events", OPT_FOLLOW},
        {0, "since", "WHEN", "events of the last 90s, 10m, 2h or 3d, or after the event of this number", OPT_SINCE},
        {0, "severity", "LEVEL", "events that are at least as urgent: info, warning or critical", OPT_SEVERITY},
        {0, "mirror", "NAME", "of this mirror only (events, simulate)", OPT_MIRROR},
        {0, "overwrite", NULL, "consent to lose what is on this node's disk (mirror create, mirror join)", OPT_OVERWRITE},
        {'y', "yes", NULL, "consent without being asked", OPT_YES},
        {0, "role", "ROLE", "of a token: viewer (default) or operator", OPT_ROLE},
        {0, "dry-run", NULL, "say what a change would do and what stands in its way, change nothing", OPT_DRY_RUN},
        {0, "node", "NAME", "which machine of the cluster this is (cluster ...; default: the host name), or whose nbdd is meant (export, session)", OPT_NODE},
        {0, "listen", "ADDR:PORT", "where the other machines join (cluster create, invite; default: port 4346 of this machine's first address)", OPT_LISTEN},
        {0, "dir", "DIR", "where the cluster's files are, alike on all machines (cluster ...; default /etc/hamon)", OPT_DIR},
        {0, "api", NULL, "serve the API and the page on port 4345, with a new certificate (cluster create)", OPT_API},
        {0, "service", "MIRROR=MOUNT[,ADDRESS/LENGTH][,INTERFACE][,UNIT]", "what runs on a mirror, may repeat (cluster create)", OPT_SERVICE},
        {0, "no-start", NULL, "do not start hamon's units (cluster create, join)", OPT_NO_START},
        {0, "for", "TIME", "how long: 90s, 30m, 2h or 1d (maintenance on, by default 2h; mirror resync pause)", OPT_FOR},
        {0, "without", "NAME[,NAME]", "apply it though these machines are silent; they take it over when they are back (config, mirror rename, mirror remove)", OPT_WITHOUT},
        {0, "with-service", NULL, "stop the mirror's service for good, too (mirror remove)", OPT_WITH_SERVICE},
        {0, "timeout", "SECONDS", "how long to wait for a command's end (default 120)", OPT_TIMEOUT},
        {0, "socket", "SOCKET", "of hamon (default " API_SOCKET ")", OPT_SOCKET},
        {0, "control", "SOCKET", NULL, OPT_SOCKET},
        {0, "cluster", "NAME", "the witness of that cluster on this machine, which is the witness of many (hamon-witness@NAME.service)", OPT_CLUSTER},
        {0, NULL, NULL, NULL, 0},
};

static const struct cli cli = {
        .program = "hamonctl",
        .summary = "look at hamon and command it",
        .usage = "hamonctl cluster create CLUSTER NAME=ADDR[,ADDR]... [MIRROR=DEVICE,DEVICE]... [--service MIRROR=MOUNT,...]... [--api] [--dry-run] [--json]\n"
                 "hamonctl cluster invite NAME... [--json]\n"
                 "hamonctl cluster join ADDR:PORT NAME:SECRET [--json]\n"
                 "hamonctl status [--json] [--watch]\n"
                 "hamonctl explain [NAME] [--json]\n"
                 "hamonctl simulate PART [--mirror NAME] [--json]\n"
                 "hamonctl events [--since WHEN] [--severity LEVEL] [--mirror NAME] [--follow] [--json]\n"
                 "hamonctl exports [--json]\n"
                 "hamonctl sessions [--json]\n"
                 "hamonctl export start|clear ID [--node NAME] [--json]\n"
                 "hamonctl export stop|remove ID [--node NAME] [--yes] [--dry-run] [--json]\n"
                 "hamonctl export add ID DEVICE [--node NAME] [--json]\n"
                 "hamonctl session kick NUMBER [--node NAME] [--yes] [--dry-run] [--json]\n"
                 "hamonctl mirror create|join NAME [--overwrite] [--dry-run] [--json]\n"
                 "hamonctl mirror start-alone NAME [--yes] [--dry-run] [--json]\n"
                 "hamonctl mirror force-primary NAME [--yes] [--dry-run] [--json]\n"
                 "hamonctl mirror resync pause NAME [--for TIME] [--json]\n"
                 "hamonctl mirror resync resume NAME [--json]\n"
                 "hamonctl mirror resync rate NAME RATE|auto [--json]\n"
                 "hamonctl mirror replace NAME [--yes] [--dry-run] [--json]\n"
                 "hamonctl mirror adopt NAME DEVICE [--yes] [--dry-run] [--json]\n"
                 "hamonctl mirror grow NAME [--timeout SECONDS] [--dry-run] [--json]\n"
                 "hamonctl mirror rename NAME NEW-NAME [--without NAME] [--yes] [--dry-run] [--json]\n"
                 "hamonctl mirror remove NAME [--with-service] [--without NAME] [--timeout SECONDS] [--yes] [--dry-run] [--json]\n"
                 "hamonctl mirror verify start NAME [--timeout SECONDS] [--dry-run] [--json]\n"
                 "hamonctl mirror verify pause NAME [--for TIME] [--json]\n"
                 "hamonctl mirror verify resume|cancel NAME [--json]\n"
                 "hamonctl switchover NAME [--dry-run] [--json]\n"
                 "hamonctl service restart NAME [--json]\n"
                 "hamonctl node leave [--dry-run] [--json]\n"
                 "hamonctl node retire [--yes] [--dry-run] [--json]\n"
                 "hamonctl node confirm-dead NODE [--yes] [--dry-run] [--json]\n"
                 "hamonctl witness replace [--dry-run] [--json]\n"
                 "hamonctl maintenance on|off [NAME] [--for TIME] [--json]\n"
                 "hamonctl is primary NAME [--json]\n"
                 "hamonctl check [--json]\n"
                 "hamonctl test notify [--json]\n"
                 "hamonctl test fence NODE [--yes] [--dry-run] [--json]\n"
                 "hamonctl test failover NAME [--yes] [--dry-run] [--json]\n"
                 "hamonctl support-bundle [FILE] [--json]\n"
                 "hamonctl config show [--json]\n"
                 "hamonctl config check [FILE] [--without NAME] [--json]\n"
                 "hamonctl config apply FILE [--without NAME] [--yes] [--dry-run] [--json]\n"
                 "hamonctl config edit [--without NAME] [--yes] [--json]\n"
                 "hamonctl config discard [--yes] [--dry-run] [--json]\n"
                 "hamonctl key generate|swap FILE [--json]\n"
                 "hamonctl cert create [FILE] [--json]\n"
                 "hamonctl token create NAME [--role ROLE] [--json]\n"
                 "hamonctl token list [--json]\n"
                 "hamonctl token revoke NAME [--yes] [--dry-run] [--json]",
        .epilog = "PART is the name of a node, or witness, link (between the nodes), leg (of the standby) or primary-leg.\n"
                  "\n"
                  "What can lose data, or takes something away, says first what it will do, and wants the name typed, or --yes where there is no\n"
                  "terminal; --dry-run says it and changes nothing. What takes longer than a second shows on a terminal how far it is. Colours are for\n"
                  "a terminal, and NO_COLOR turns them off.\n"
                  "\n"
                  "Exit status: 0 done, 1 refused, failed or not reachable, 2 wrong usage. With --dry-run: 0 nothing stands in the way, 1 something does.\n"
                  "'is primary': 0 yes, 2 no, 1 cannot tell. 'node retire': 3 hamon does not answer. 'check': 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, as monitoring plugins do.",
        .options = options,
};

/* The commands: their words, how many operands follow, what they are called in an error, and which options have a meaning. */
enum verb { CLUSTER_CREATE, CLUSTER_INVITE, CLUSTER_JOIN, STATUS, EXPLAIN, SIMULATE, EVENTS, EXPORTS, SESSIONS, EXPORT, SESSION_KICK, CREATE, JOIN, START_ALONE, FORCE_PRIMARY, VERIFY, REPLACE, ADOPT, GROW, RENAME, REMOVE, RESYNC, SWITCHOVER, SERVICE_RESTART, LEAVE, RETIRE, CONFIRM_DEAD, WITNESS_REPLACE, MAINTENANCE, IS_PRIMARY, CHECK,
            SUPPORT_BUNDLE, TEST_NOTIFY, TEST_FENCE, TEST_FAILOVER, CONFIG_SHOW, CONFIG_CHECK, CONFIG_APPLY, CONFIG_EDIT, CONFIG_DISCARD, KEY_GENERATE, KEY_SWAP, CERT_CREATE, TOKEN_CREATE, TOKEN_LIST, TOKEN_REVOKE };

enum { JSON = 1, DRY = 2, OF_MIRROR = 4, OF_EVENTS = 8, OF_CLUSTER = 16, FOR = 32, WITHOUT = 64, ON_NODE = 128, WITH_SERVICE = 256 };

static const struct {
        const char *first, *second;
        unsigned least, most; /* operands after the words */
        const char *operand;
        unsigned takes;
} verbs[] = {
        [CLUSTER_CREATE] = {"cluster", "create", 3, 12, "CLUSTER NAME=ADDR NAME=ADDR", JSON | DRY | OF_CLUSTER},
        [CLUSTER_INVITE] = {"cluster", "invite", 1, 2, "NAME", JSON | OF_CLUSTER},
        [CLUSTER_JOIN] = {"cluster", "join", 2, 2, "ADDR:PORT NAME:SECRET", JSON | OF_CLUSTER},
        [STATUS] = {"status", NULL, 0, 0, NULL, JSON},
        [EXPLAIN] = {"explain", NULL, 0, 1, "NAME", JSON},
        [SIMULATE] = {"simulate", NULL, 1, 1, "PART", JSON | OF_MIRROR},
        [EVENTS] = {"events", NULL, 0, 0, NULL, JSON | OF_MIRROR | OF_EVENTS},
        [EXPORTS] = {"exports", NULL, 0, 0, NULL, JSON},
        [SESSIONS] = {"sessions", NULL, 0, 0, NULL, JSON},
        [EXPORT] = {"export", NULL, 2, 3, "start, stop, clear, remove or add, and the ID of an export,", JSON | DRY | ON_NODE},
        [SESSION_KICK] = {"session", "kick", 1, 1, "NUMBER", JSON | DRY | ON_NODE},
        [CREATE] = {"mirror", "create", 1, 1, "NAME", JSON | DRY},
        [JOIN] = {"mirror", "join", 1, 1, "NAME", JSON | DRY},
        [START_ALONE] = {"mirror", "start-alone", 1, 1, "NAME", JSON | DRY},
        [FORCE_PRIMARY] = {"mirror", "force-primary", 1, 1, "NAME", JSON | DRY},
        [RESYNC] = {"mirror", "resync", 2, 3, "pause, resume or rate, and the NAME of a mirror,", JSON | FOR},
        [REPLACE] = {"mirror", "replace", 1, 1, "NAME", JSON | DRY},
        [ADOPT] = {"mirror", "adopt", 2, 2, "NAME DEVICE", JSON | DRY},
        [GROW] = {"mirror", "grow", 1, 1, "NAME", JSON | DRY},
        [RENAME] = {"mirror", "rename", 2, 2, "NAME NEW-NAME", JSON | DRY | WITHOUT},
        [REMOVE] = {"mirror", "remove", 1, 1, "NAME", JSON | DRY | WITHOUT | WITH_SERVICE},
        [VERIFY] = {"mirror", "verify", 2, 2, "start, pause, resume or cancel, and the NAME of a mirror,", JSON | DRY | FOR},
        [SWITCHOVER] = {"switchover", NULL, 1, 1, "NAME", JSON | DRY},
        [SERVICE_RESTART] = {"service", "restart", 1, 1, "NAME", JSON},
        [LEAVE] = {"node", "leave", 0, 0, NULL, JSON | DRY},
        [RETIRE] = {"node", "retire", 0, 0, NULL, JSON | DRY},
        [CONFIRM_DEAD] = {"node", "confirm-dead", 1, 1, "NODE", JSON | DRY},
        [WITNESS_REPLACE] = {"witness", "replace", 0, 0, NULL, JSON | DRY},
        [MAINTENANCE] = {"maintenance", NULL, 1, 2, "on or off", JSON | FOR},
        [IS_PRIMARY] = {"is", "primary", 1, 1, "NAME", JSON},
        [CHECK] = {"check", NULL, 0, 0, NULL, JSON},
        [TEST_NOTIFY] = {"test", "notify", 0, 0, NULL, JSON},
        [TEST_FENCE] = {"test", "fence", 1, 1, "NODE", JSON | DRY},
        [TEST_FAILOVER] = {"test", "failover", 1, 1, "NAME", JSON | DRY},
        [SUPPORT_BUNDLE] = {"support-bundle", NULL, 0, 1, "FILE", JSON},
        [CONFIG_SHOW] = {"config", "show", 0, 0, NULL, JSON},
        [CONFIG_CHECK] = {"config", "check", 0, 1, "FILE", JSON | WITHOUT},
        [CONFIG_APPLY] = {"config", "apply", 1, 1, "FILE", JSON | DRY | WITHOUT},
        [CONFIG_EDIT] = {"config", "edit", 0, 0, NULL, JSON | WITHOUT},
        [CONFIG_DISCARD] = {"config", "discard", 0, 0, NULL, JSON | DRY},
        [KEY_GENERATE] = {"key", "generate", 1, 1, "FILE", JSON},
        [KEY_SWAP] = {"key", "swap", 1, 1, "FILE", JSON},
        [CERT_CREATE] = {"cert", "create", 0, 1, "FILE", JSON},
        [TOKEN_CREATE] = {"token", "create", 1, 1, "NAME", JSON},
        [TOKEN_LIST] = {"token", "list", 0, 0, NULL, JSON},
        [TOKEN_REVOKE] = {"token", "revoke", 1, 1, "NAME", JSON | DRY},
};
enum { VERBS = sizeof verbs / sizeof *verbs };

static int usage_error(const char *what, const char *word, const char *near)
{
        char shown[100];
        fprintf(stderr, "hamonctl: %s '%s'", what, text_printable(word, shown, sizeof shown));
        if (near)
                fprintf(stderr, "; did you mean '%s'?", near);
        fprintf(stderr, near ? "\n" : "; see hamonctl --help\n");
        return EXIT_USAGE;
}

static int unknown_verb(const struct command_line *c)
{
        const char *first[VERBS + 1], *second[VERBS + 1];
        unsigned firsts = 0, seconds = 0;
        for (unsigned i = 0; i < VERBS; i++) {
                first[firsts++] = verbs[i].first;
                if (verbs[i].second && strcmp(verbs[i].first, c->words[0]) == 0)
                        second[seconds++] = verbs[i].second;
        }
        first[firsts] = second[seconds] = NULL;
        if (seconds == 0)
                return usage_error("unknown command", c->words[0], text_nearest(c->words[0], first));
        if (c->count < 2)
                return usage_error("incomplete command", c->words[0], NULL);
        return usage_error("unknown command", c->words[1], text_nearest(c->words[1], second));
}

static int dispatch(const struct command_line *c, enum verb verb, const char *operand)
{
        switch (verb) {
        case CLUSTER_CREATE:
                return verb_cluster_create(c, operand, c->words + 3, c->count - 3);
        case CLUSTER_INVITE:
                return verb_cluster_invite(c, c->words + 2, c->count - 2);
        case CLUSTER_JOIN:
                return verb_cluster_join(c, operand, c->words[3]);
        case STATUS:
                return verb_status(c);
        case EXPLAIN:
                return verb_explain(c, operand);
        case SIMULATE:
                return verb_simulate(c, operand);
        case EVENTS:
                return verb_events(c);
        case EXPORTS:
        case SESSIONS:
                return verb_nbdd(c, verbs[verb].first);
        case EXPORT:
                return verb_export(c);
        case SESSION_KICK:
                return verb_session_kick(c, operand);
        case CREATE:
        case JOIN:
                return verb_mirror_prepare(c, verbs[verb].second, operand);
        case START_ALONE:
                return verb_start_alone(c, operand);
        case FORCE_PRIMARY:
                return verb_force_primary(c, operand);
        case RESYNC:
                return verb_resync(c);
        case REPLACE:
                return verb_replace(c, operand);
        case ADOPT:
                return verb_adopt(c, operand, c->words[3]);
        case GROW:
                return verb_grow(c, operand);
        case RENAME:
                return verb_rename(c, operand, c->words[3]);
        case REMOVE:
                return verb_remove(c, operand);
        case VERIFY:
                return verb_verify(c);
        case SWITCHOVER:
                return verb_switchover(c, operand);
        case SERVICE_RESTART:
                return verb_service_restart(c, operand);
        case LEAVE:
                return verb_leave(c);
        case RETIRE:
                return verb_retire(c);
        case CONFIRM_DEAD:
                return verb_confirm_dead(c, operand);
        case WITNESS_REPLACE:
                return verb_witness_replace(c);
        case MAINTENANCE:
                return verb_maintenance(c);
        case IS_PRIMARY:
                return verb_is_primary(c);
        case CHECK:
                return verb_check(c);
        case TEST_NOTIFY:
                return verb_test_notify(c);
        case TEST_FENCE:
                return verb_test_fence(c, operand);
        case TEST_FAILOVER:
                return verb_test_failover(c, operand);
        case SUPPORT_BUNDLE:
                return verb_support_bundle(c, operand);
        case CONFIG_SHOW:
                return verb_config_show(c);
        case CONFIG_APPLY:
                return verb_config_apply(c, operand);
        case CONFIG_EDIT:
                return verb_config_edit(c);
        case CONFIG_DISCARD:
                return verb_config_discard(c);
        case CONFIG_CHECK:
                return verb_config_check(c, operand ? operand : CONFIG_PATH);
        case KEY_GENERATE:
                return verb_key_generate(c, operand);
        case KEY_SWAP:
                return verb_key_swap(c, operand);
        case CERT_CREATE:
                return verb_cert_create(c, operand ? operand : CONFIG_PATH);
        case TOKEN_CREATE:
                return verb_token_create(c, operand);
        case TOKEN_LIST:
                return verb_token_list(c);
        case TOKEN_REVOKE:
                return verb_token_revoke(c, operand);
        }
        abort();
}

/* An option without a meaning is never passed over: --dry-run of what has no rehearsal would do it. NULL: all is well. */
static const char *misplaced(const struct command_line *c, unsigned takes)
{
        if (c->dry_run && !(takes & DRY))
                return "--dry-run has no meaning for";
        if (c->json && !(takes & JSON))
                return "--json has no meaning for";
        if (c->mirror && !(takes & OF_MIRROR))
                return "--mirror has no meaning for";
        if ((c->listen || c->dir || c->api || c->services || c->no_start) && !(takes & OF_CLUSTER))
                return "--listen, --dir, --api, --service and --no-start are for cluster, not for";
        if (c->node && !(takes & (OF_CLUSTER | ON_NODE)))
                return "--node has no meaning for";
        if (c->without && !(takes & WITHOUT))
                return "--without has no meaning for";
        if (c->with_service && !(takes & WITH_SERVICE))
                return "--with-service has no meaning for";
        if (c->for_s && !(takes & FOR))
                return "--for has no meaning for";
        return (c->since || c->severity || c->follow) && !(takes & OF_EVENTS) ? "--since, --severity and --follow are for events, not for" : NULL;
}

static int run(const struct command_line *c)
{
        for (unsigned i = 0; i < VERBS; i++) {
                unsigned words = verbs[i].second ? 2 : 1;
                if (c->count < words || strcmp(c->words[0], verbs[i].first) != 0 || (words == 2 && strcmp(c->words[1], verbs[i].second) != 0))
                        continue;
                if (c->count < words + verbs[i].least) {
                        fprintf(stderr, "hamonctl: %s is missing: hamonctl %s%s%s %s\n", verbs[i].operand, verbs[i].first, words == 2 ? " " : "",
                                words == 2 ? verbs[i].second : "", verbs[i].operand);
                        return EXIT_USAGE;
                }
                if (c->count > words + verbs[i].most)
                        return usage_error("unexpected word", c->words[words + verbs[i].most], NULL);
                const char *wrong = misplaced(c, verbs[i].takes);
                if (wrong)
                        return usage_error(wrong, words == 2 ? verbs[i].second : verbs[i].first, NULL);
                return dispatch(c, (enum verb)i, c->count > words ? c->words[words] : NULL);
        }
        return unknown_verb(c);
}

/* "90s", "30m", "2h", "1d". */
static bool parse_time(const char *text, uint64_t *ret_s)
{
        char *end;
        errno = 0;
        unsigned long long v = strtoull(text, &end, 10);
        uint64_t unit = strcmp(end, "s") == 0 ? 1 : strcmp(end, "m") == 0 ? 60 : strcmp(end, "h") == 0 ? 3600 : strcmp(end, "d") == 0 ? 86400 : 0;
        if (*text < '0' || *text > '9' || errno || unit == 0 || v == 0 || v > RESYNC_PAUSE_MOST_S / unit)
                return false;
        *ret_s = v * unit;
        return true;
}

static bool parse_seconds(const char *text, uint64_t *ret)
{
        char *end;
        errno = 0;
        unsigned long long v = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || errno || v > 86400)
                return false;
        *ret = v;
        return true;
}

/* Where an instance of hamon-witness@.service listens. */
static bool witness_socket(const char *cluster, char *ret, size_t size_bytes)
{
        if (*cluster == '\0' || *cluster == '.' || strchr(cluster, '/'))
                return false;
        int n = snprintf(ret, size_bytes, "/run/hamon-witness/%s/control.sock", cluster);
        return n > 0 && (size_t)n < size_bytes;
}

int main(int argc, char **argv)
{
        struct command_line c = {.socket = API_SOCKET, .timeout_s = 120};
        const char *cluster = NULL;
        char socket[128];
        const struct cli_place places[] = {
                {OPT_JSON, NULL, &c.json},
                {OPT_WATCH, NULL, &c.watch},
                {OPT_FOLLOW, NULL, &c.follow},
                {OPT_OVERWRITE, NULL, &c.overwrite},
                {OPT_YES, NULL, &c.yes},
                {OPT_DRY_RUN, NULL, &c.dry_run},
                {OPT_SOCKET, &c.socket, NULL},
                {OPT_CLUSTER, &cluster, NULL},
                {OPT_ROLE, &c.role, NULL},
                {OPT_SINCE, &c.since, NULL},
                {OPT_WITHOUT, &c.without, NULL},
                {OPT_SEVERITY, &c.severity, NULL},
                {OPT_MIRROR, &c.mirror, NULL},
                {OPT_NODE, &c.node, NULL},
                {OPT_LISTEN, &c.listen, NULL},
                {OPT_DIR, &c.dir, NULL},
                {OPT_API, NULL, &c.api},
                {OPT_NO_START, NULL, &c.no_start},
                {OPT_WITH_SERVICE, NULL, &c.with_service},
                {0, NULL, NULL},
        };
        struct cli_parser p;
        cli_start(&p, &cli, argc, argv);
        for (int id; (id = cli_next(&p)) != CLI_END;) {
                int answered = cli_answer(&p, id);
                if (answered >= 0)
                        return answered;
                if (cli_place(&p, id, places))
                        continue;
                if (id == OPT_FOR) {
                        if (!parse_time(p.value, &c.for_s))
                                return usage_error("not a time (90s, 30m, 2h, up to 30d):", p.value, NULL);
                        continue;
                }
                if (id == OPT_SERVICE) {
                        if (c.services == SERVICES_MOST)
                                return usage_error("more than eight services, at", p.value, NULL);
                        c.service[c.services++] = p.value;
                        continue;
                }
                if (id == OPT_TIMEOUT) {
                        if (!parse_seconds(p.value, &c.timeout_s))
                                return usage_error("not a number of seconds (0 to 86400):", p.value, NULL);
                        c.timeout_given = true;
                        continue;
                }
                if (c.count == sizeof c.words / sizeof *c.words)
                        return usage_error("unexpected word", p.value, NULL);
                c.words[c.count++] = p.value;
        }
        if (cluster && strcmp(c.socket, API_SOCKET) != 0)
                return usage_error("--socket and --cluster exclude each other, at", cluster, NULL);
        if (cluster && !witness_socket(cluster, socket, sizeof socket))
                return usage_error("not the name of a cluster:", cluster, NULL);
        if (cluster)
                c.socket = socket;
        if (c.count == 0) {
                cli_print_help(&cli, stderr);
                return EXIT_USAGE;
        }
        return run(&c);
}
