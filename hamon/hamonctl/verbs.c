/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/hamonctl/hamonctl.h"

#include "base/text.h"
#include "hamon/config.h"
#include "hamon/core/effect.h"
#include "hamon/core/reasons.h"
#include "hamon/identity.h"
#include "hamon/net/seal.h"
#include "net/http_client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WATCH_MS = 1000 };

static void pause_ms(long ms)
{
        const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
        (void)nanosleep(&t, NULL);
}

int verb_status(const struct command_line *c)
{
        for (;;) {
                json_t *status;
                bool got = call_get(c, "/v1/status", &status);
                if (!got && !c->watch)
                        return EXIT_REFUSED;
                if (c->watch && !c->json && isatty(STDOUT_FILENO))
                        fputs("\033[H\033[2J", stdout);
                if (got && c->json)
                        c->watch ? out_json_line(json_incref(status)) : out_json(status);
                else if (got)
                        status_text(status, stdout);
                if (got)
                        json_decref(status);
                if (!c->watch || ferror(stdout) || fflush(stdout) == EOF)
                        return EXIT_DONE;
                pause_ms(WATCH_MS);
        }
}

/* The plugin's answer, which stands on stdout also when hamon gives none. */
int verb_check(const struct command_line *c)
{
        json_t *status = NULL;
        char error[512], *said = NULL;
        unsigned code = 0;
        size_t size;
        int level = 3;
        FILE *to = open_memstream(&said, &size);
        int r = to ? http_call(c->socket, "GET", "/v1/status", NULL, 0, &code, &status, error, sizeof error) : -ENOMEM;
        if (r == 0 && code < 400)
                level = check_text(status, to);
        else if (to && r < 0)
                fprintf(to, "HAMON UNKNOWN - %s\n", error);
        else if (to)
                fprintf(to, "HAMON UNKNOWN - hamon answered with status %u\n", code);
        json_decref(status);
        if (!to || fclose(to) != 0)
                return 3;
        if (c->json) {
                said[strcspn(said, "\n")] = '\0';
                json_t *j = json_pack("{s:i, s:s}", "level", level, "said", said);
                out_json(j);
                json_decref(j);
        } else {
                fputs(said, stdout);
        }
        free(said);
        return level;
}

bool mirror_path(char ret[160], const char *mirror, const char *verb)
{
        char encoded[100];
        if (http_encode(mirror, encoded, sizeof encoded) < 0) {
                fprintf(stderr, "hamonctl: '%.40s...' is too long for the name of a mirror\n", mirror);
                return false;
        }
        (void)snprintf(ret, 160, "/v1/mirrors/%s/%s", encoded, verb); /* fits */
        return true;
}

/* 0 yes, 2 no, 1 cannot tell: for scripts and load balancers. */
int verb_is_primary(const struct command_line *c)
{
        char path[160], error[512];
        unsigned status;
        json_t *answer = NULL;
        if (!mirror_path(path, c->words[2], "primary"))
                return 1;
        int r = http_call(c->socket, "GET", path, NULL, 0, &status, &answer, error, sizeof error);
        if (r < 0 || !json_is_boolean(json_object_get(answer, "primary"))) {
                fprintf(stderr, "hamonctl: cannot tell whether '%s' is active here: %s\n", c->words[2],
                        r < 0 ? error : status == 404 ? "no such mirror" : "hamon does not know its own role (hamonctl status)");
                json_decref(answer);
                return 1;
        }
        bool yes = json_is_true(json_object_get(answer, "primary"));
        if (c->json)
                out_json(answer);
        json_decref(answer);
        return yes ? 0 : 2;
}

static json_t *prepare_body(bool overwrite, uint64_t leg_bytes)
{
        json_t *body = json_pack("{s:b}", "overwrite", (int)overwrite);
        char text[24];
        (void)snprintf(text, sizeof text, "%" PRIu64, leg_bytes);
        if (leg_bytes)
                json_object_set_new(body, "leg_bytes", json_string(text)); /* 64 bits are text in the API */
        return body;
}

int verb_mirror_prepare(const struct command_line *c, const char *verb, const char *mirror)
{
        char path[160], code[32] = "";
        if (!mirror_path(path, mirror, verb))
                return EXIT_USAGE;
        uint64_t leg_bytes = 0;
        if (strcmp(verb, "create") == 0)
                leg_bytes = create_leg_bytes(c, mirror);
        else
                join_say_unused(c, mirror);
        if (c->dry_run)
                return rehearse(c, verb, mirror);
        if (c->overwrite || c->yes)
                announce(c, verb, mirror);
        int r = call_command(c, path, prepare_body(c->overwrite || c->yes, leg_bytes), code);
        if (r == EXIT_DONE || strcmp(code, reason_code(REASON_COMMAND_CONSENT)) != 0)
                return r;
        char question[256];
        announce(c, verb, mirror);
        (void)snprintf(question, sizeof question, "the disk of this node for mirror '%.64s' is not blank, and all that is on it would be lost",
                       mirror);
        if (!ask_typed(question, mirror))
                return EXIT_REFUSED;
        return call_command(c, path, prepare_body(true, leg_bytes), NULL);
}

int verb_start_alone(const struct command_line *c, const char *mirror)
{
        char path[160], question[512];
        if (!mirror_path(path, mirror, "start-alone"))
                return EXIT_USAGE;
        (void)snprintf(question, sizeof question,
                       "mirror '%.64s' starts with what this node's disk holds; writes that were acknowledged after it fell behind are lost for "
                       "good, and the other node's disk will be overwritten with this one's",
                       mirror);
        if (c->dry_run)
                return rehearse(c, "start-alone", mirror);
        announce(c, "start-alone", mirror);
        if (!c->yes && !ask_typed(question, mirror))
                return EXIT_REFUSED;
        return call_command(c, path, json_pack("{s:b}", "confirm", 1), NULL);
}

int verb_force_primary(const struct command_line *c, const char *mirror)
{
        char path[160], question[512];
        if (!mirror_path(path, mirror, "force-primary"))
                return EXIT_USAGE;
        (void)snprintf(question, sizeof question,
                       "mirror '%.64s' starts with a copy that lacks acknowledged writes; they are lost for good, on the other node's disk too, which "
                       "will be overwritten as a whole",
                       mirror);
        if (c->dry_run)
                return rehearse(c, "force-primary", mirror);
        announce(c, "force-primary", mirror);
        if (!c->yes && !ask_typed(question, mirror))
                return EXIT_REFUSED;
        return call_command(c, path, json_pack("{s:b}", "confirm", 1), NULL);
}

int verb_switchover(const struct command_line *c, const char *mirror)
{
        char path[160];
        if (!mirror_path(path, mirror, "switchover"))
                return EXIT_USAGE;
        if (c->dry_run)
                return rehearse(c, "switchover", mirror);
        char code[32] = "";
        int r = call_command(c, path, NULL, code);
        if (strcmp(code, reason_code(REASON_COMMAND_WRONG_STATE)) == 0 && !c->json)
                say_obstacles(c, "switchover", mirror);
        return r;
}

/* "50M" is 50 MiB a second; *ret_kib 0 for "auto". */
static bool parse_rate(const char *text, uint32_t *ret_kib)
{
        char *end;
        errno = 0;
        unsigned long long v = strtoull(text, &end, 10);
        uint64_t unit = strcmp(end, "K") == 0 ? 1 : strcmp(end, "M") == 0 ? 1024 : strcmp(end, "G") == 0 ? 1 << 20 : 0;
        if (strcmp(text, "auto") == 0) {
                *ret_kib = 0;
                return true;
        }
        if (*text < '0' || *text > '9' || errno || unit == 0 || v > RESYNC_RATE_MOST_KIB / unit || v * unit < RESYNC_RATE_LEAST_KIB)
                return false;
        *ret_kib = (uint32_t)(v * unit);
        return true;
}

static int order_usage(const char *what, const char *word)
{
        char shown[100];
        fprintf(stderr, "hamonctl: %s%s%s; see hamonctl --help\n", what, word ? " " : "", word ? text_printable(word, shown, sizeof shown) : "");
        return EXIT_USAGE;
}

int verb_resync(const struct command_line *c)
{
        const char *action = c->words[2], *mirror = c->words[3];
        bool rate = strcmp(action, "rate") == 0, pause = strcmp(action, "pause") == 0;
        json_t *body = json_pack("{s:s}", "action", action);
        char path[160];
        uint32_t kib;
        int r = EXIT_DONE;
        if (!rate && !pause && strcmp(action, "resume") != 0)
                r = order_usage("resync can be paused (pause), resumed (resume) and bounded (rate), not:", action);
        else if (c->for_s && !pause)
                r = order_usage("--for is for a pause, not for:", action);
        else if (rate && c->count < 5)
                r = order_usage("a rate is missing: 50M for 50 MiB a second, or auto", NULL);
        else if (!rate && c->count > 4)
                r = order_usage("unexpected word", c->words[4]);
        else if (rate && !parse_rate(c->words[4], &kib))
                r = order_usage("not a rate (64K to 4G a second, with K, M or G, or auto):", c->words[4]);
        else if (!mirror_path(path, mirror, "resync"))
                r = EXIT_USAGE;
        if (r != EXIT_DONE || !body) {
                json_decref(body);
                return r != EXIT_DONE ? r : EXIT_REFUSED;
        }
        if (rate)
                json_object_set_new(body, "rate_kib", kib ? json_integer(kib) : json_null());
        if (pause && c->for_s)
                json_object_set_new(body, "for_s", json_integer((json_int_t)c->for_s));
        return call_command(c, path, body, NULL);
}

enum { MAINTENANCE_S = 7200 };

static int maintain(const struct command_line *c, const char *mirror, bool on)
{
        char path[160];
        if (!mirror_path(path, mirror, "maintenance"))
                return EXIT_USAGE;
        return call_command(c, path, on ? json_pack("{s:b, s:I}", "on", 1, "for_s", (json_int_t)(c->for_s ? c->for_s : MAINTENANCE_S)) : json_pack("{s:b}", "on", 0), NULL);
}

/* Of one mirror, or of all: the first that is refused ends it. */
int verb_maintenance(const struct command_line *c)
{
        bool on = strcmp(c->words[1], "on") == 0;
        if (!on && strcmp(c->words[1], "off") != 0)
                return order_usage("maintenance is on or off, not:", c->words[1]);
        if (!on && c->for_s)
                return order_usage("--for is for maintenance on", NULL);
        if (c->count > 2)
                return maintain(c, c->words[2], on);
        json_t *answer;
        if (!call_get(c, "/v1/mirrors", &answer))
                return EXIT_REFUSED;
        size_t i;
        const json_t *mirror;
        int r = EXIT_DONE;
        json_array_foreach(json_object_get(answer, "mirrors"), i, mirror)
                if (r == EXIT_DONE)
                        r = maintain(c, json_string_value(json_object_get(mirror, "name")), on);
        json_decref(answer);
        return r;
}

int verb_leave(const struct command_line *c)
{
        return c->dry_run ? rehearse(c, "leave", NULL) : call_command(c, "/v1/node/leave", NULL, NULL);
}

int verb_witness_replace(const struct command_line *c)
{
        return c->dry_run ? rehearse(c, "replace-witness", NULL) : call_command(c, "/v1/witness/replace", NULL, NULL);
}

int verb_confirm_dead(const struct command_line *c, const char *node)
{
        char question[256];
        (void)snprintf(question, sizeof question,
                       "this node will go on alone as if '%.64s' were off; if it still runs, what it writes is lost: look at its power switch",
                       node);
        if (c->dry_run)
                return rehearse(c, "confirm-dead", NULL);
        announce(c, "confirm-dead", NULL);
        if (!c->yes && !ask_typed(question, node))
                return EXIT_REFUSED;
        return call_command(c, "/v1/node/confirm-dead", json_pack("{s:s, s:b}", "node", node, "confirm", 1), NULL);
}
