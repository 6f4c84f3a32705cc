/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration of all machines: shown, checked, applied. */
#include "hamon/hamonctl/hamonctl.h"
#include "hamon/hamonctl/progress.h"

#include "hamon/config.h"
#include "net/http_client.h"
#include "net/problem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 32 << 10, APPLY_TIMEOUT_MS = 60000, BACK_TIMEOUT_S = 20 };

static void print_config_error(void *userdata, const char *message)
{
        (void)userdata;
        fprintf(stderr, "%s\n", message);
}

/* malloc'ed; NULL: printed. "-": stdin. */
static char *read_file(const char *path)
{
        bool standard = strcmp(path, "-") == 0;
        char *text = calloc(1, TEXT_MAX + 2);
        size_t used = 0;
        int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = -1;
        while (text && fd >= 0 && used <= TEXT_MAX && (n = read(fd, text + used, TEXT_MAX + 1 - used)) > 0)
                used += (size_t)n;
        int e = fd < 0 || n < 0 ? errno : used > TEXT_MAX ? EFBIG : 0;
        if (fd >= 0 && !standard)
                close(fd);
        if (text && e == 0)
                return text;
        fprintf(stderr, "hamonctl: cannot read '%s': %s\n", path, strerrordesc_np(text ? e : ENOMEM));
        free(text);
        return NULL;
}

static bool is_valid(const char *path, const char *text, struct config *ret)
{
        struct ini_errors errors = {.report = print_config_error};
        if (config_parse(path, text, &errors, ret) == 0)
                return true;
        fprintf(stderr, "hamonctl: %u error%s in '%s'\n", errors.count, errors.count == 1 ? "" : "s", path);
        return false;
}

static const char *text_of(const json_t *j, const char *key)
{
        const char *text = json_string_value(json_object_get(j, key));
        return text ? text : "";
}

/* Changes, then what stands in the way: what is wrong first. */
static void print_findings(const json_t *answer, FILE *to)
{
        static const char *const severities[] = {"error", "warning", "info"};
        size_t i;
        const json_t *j;
        json_array_foreach(json_object_get(answer, "changes"), i, j)
                fprintf(to, "  %s %s%s\n", strcmp(text_of(j, "effect"), "impossible") == 0 ? "!" : "*", text_of(j, "what"),
                        strcmp(text_of(j, "effect"), "at-once") == 0 ? " (at once)" : "");
        for (unsigned s = 0; s < 3; s++)
                json_array_foreach(json_object_get(answer, "findings"), i, j)
                        if (strcmp(text_of(j, "severity"), severities[s]) == 0) {
                                fprintf(to, "%s: %s: %s [%s]\n", severities[s], text_of(j, "node"), text_of(j, "what"), text_of(j, "code"));
                                if (*text_of(j, "next"))
                                        fprintf(to, "         next: %s\n", text_of(j, "next"));
                        }
}

json_t *config_names(const char *list)
{
        json_t *array = json_array();
        for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
                json_array_append_new(array, json_stringn(p, strcspn(p, ",")));
        return array;
}

static json_t *request(const struct command_line *c, const char *text, bool accept)
{
        json_t *body = json_pack("{s:s}", "text", text);
        if (c->without)
                json_object_set_new(body, "without", config_names(c->without));
        if (accept)
                json_object_set_new(body, "accept_warnings", json_true());
        return body;
}

/* False: hamon could not be asked; *ret_code says why, and nothing was printed. */
static bool ask_check(const struct command_line *c, const char *text, json_t **ret, int *ret_error, char *error, size_t size)
{
        unsigned status = 0;
        json_t *body = request(c, text, false);
        *ret = NULL;
        progress_begin("all machines look at it");
        *ret_error = http_call(c->socket, "POST", "/v1/config/check", body, APPLY_TIMEOUT_MS, &status, ret, error, size);
        progress_end();
        json_decref(body);
        if (*ret_error == 0 && status >= 400) {
                const char *said = problem_text(*ret);
                (void)snprintf(error, size, "%s", said ? said : "hamon refuses to look");
                *ret_error = -EPROTO;
        }
        return *ret_error == 0 && json_is_object(*ret);
}

static int conclude_check(const struct command_line *c, const json_t *answer)
{
        bool good = json_is_true(json_object_get(answer, "good"));
        if (c->json) {
                out_json(answer);
                return good ? EXIT_DONE : EXIT_REFUSED;
        }
        if (json_array_size(json_object_get(answer, "changes")) == 0)
                printf("it means the same as what runs\n");
        print_findings(answer, stdout);
        printf("%s\n", !good                                                           ? "it cannot be applied as it is"
                       : json_is_true(json_object_get(answer, "needs_consent")) ? "it can be applied, with consent to the warnings"
                                                                                       : "nothing stands in its way");
        return good ? EXIT_DONE : EXIT_REFUSED;
}

int verb_config_check(const struct command_line *c, const char *path)
{
        static struct config config;
        char error[512];
        json_t *answer;
        int r, result = EXIT_DONE;
        char *text = read_file(path);
        if (!text || !is_valid(path, text, &config)) {
                free(text);
                return EXIT_REFUSED;
        }
        if (!c->json)
                printf("%s: cluster %s, %s, %u mirror%s: no errors\n", path, config.cluster, config.has_witness ? "two nodes and a witness" : "two nodes", config.mirrors,
                       config.mirrors == 1 ? "" : "s");
        if (ask_check(c, text, &answer, &r, error, sizeof error))
                result = conclude_check(c, answer);
        else if (c->json || r == -EPROTO) {
                fprintf(stderr, "hamonctl: %s\n", error);
                result = EXIT_REFUSED;
        } else
                fprintf(stderr, "hamonctl: the machines were not asked about it: %s\n", error);
        json_decref(answer);
        free(text);
        return result;
}

int verb_config_show(const struct command_line *c)
{
        json_t *answer;
        if (!call_get(c, c->json ? "/v1/config" : "/v1/config/text", &answer))
                return EXIT_REFUSED;
        if (c->json)
                out_json(answer);
        else
                fputs(text_of(answer, "text"), stdout);
        json_decref(answer);
        return EXIT_DONE;
}

/* Which start of hamon answers, and with which configuration; false: none does. */
static bool look_at_node(const struct command_line *c, char ret_start[static 24], char ret_hash[static 24])
{
        char error[512];
        unsigned status;
        json_t *answer = NULL;
        bool answers = http_call(c->socket, "GET", "/v1/node", NULL, 1000, &status, &answer, error, sizeof error) == 0 && status == 200;
        (void)snprintf(ret_start, 24, "%.23s", answers ? text_of(answer, "start") : "");
        (void)snprintf(ret_hash, 24, "%.23s", answers ? text_of(answer, "config_hash") : "");
        json_decref(answer);
        return answers;
}

/* This machine's hamon begins anew last; until then it runs with the old one, which may have the same hash. */
static bool is_back(const struct command_line *c, const char *before, const char *hash)
{
        for (unsigned i = 0; i < BACK_TIMEOUT_S * 5; i++) {
                const struct timespec pause = {.tv_nsec = 200000000};
                char start[24], runs[24];
                if (look_at_node(c, start, runs) && strcmp(start, before) != 0 && strcmp(runs, hash) == 0)
                        return true;
                (void)nanosleep(&pause, NULL);
        }
        return false;
}

static int conclude_apply(const struct command_line *c, const char *before, const json_t *answer)
{
        const char *name, *hash = text_of(answer, "hash");
        json_t *state;
        int result = EXIT_DONE;
        progress_begin("hamon begins anew with it");
        bool back = is_back(c, before, hash);
        progress_end();
        if (c->json) {
                out_json(answer);
                return back ? EXIT_DONE : EXIT_REFUSED;
        }
        print_findings(answer, stdout);
        printf("version %s (%s) is the configuration now\n", text_of(answer, "version"), hash);
        json_object_foreach(json_object_get(answer, "machines"), name, state)
        {
                const char *s = json_string_value(state);
                bool self = strcmp(s, "begins-anew") == 0, runs = strcmp(s, "in-force") == 0 || (self && back);
                printf("  %-16s %s\n", name, runs ? "runs it" : strcmp(s, "left-out") == 0 ? "was left out, and takes it over when it is back" : "has not said yet that it runs it");
                if (!runs && strcmp(s, "left-out") != 0)
                        result = EXIT_REFUSED;
        }
        if (result != EXIT_DONE)
                fprintf(stderr, "hamonctl: it is decided, and not everywhere yet\nhamonctl: next: hamonctl config show --json tells the hash of each machine; a machine that is silent takes it over when it is heard\n");
        return result;
}

/* The revision of what is there now, then the change. */
static int put(const struct command_line *c, const char *method, const char *path, const char *of, json_t *body, struct http_answer *ret)
{
        char error[512], header[HTTP_KEPT_SIZE + 16];
        const char *what = strncmp(path, "/v1/mirrors/", 12) == 0 ? "the mirror is stopped and taken out on all machines" : "all machines take it over";
        struct http_answer now = {0};
        const struct http_call_options look = {.socket_path = c->socket, .method = "GET", .path = of};
        int r = http_call_full(&look, &now, error, sizeof error);
        (void)snprintf(header, sizeof header, "If-Match: %s", now.etag); /* fits */
        http_answer_release(&now);
        const char *headers[] = {header, NULL};
        uint64_t patience_ms = c->timeout_s * 1000 > APPLY_TIMEOUT_MS ? c->timeout_s * 1000 : APPLY_TIMEOUT_MS;
        const struct http_call_options o = {.socket_path = c->socket, .method = method, .path = path, .body = body, .headers = headers, .timeout_ms = patience_ms};
        progress_begin("%s", what);
        if (r == 0)
                r = http_call_full(&o, ret, error, sizeof error);
        progress_end();
        if (r < 0)
                fprintf(stderr, "hamonctl: %s\n%s", error, r == -ETIMEDOUT ? "hamonctl: next: hamonctl config show --json says what runs where\n" : "");
        return r;
}

static int refused(const struct http_answer *answer)
{
        const char *said = problem_text(answer->json), *next = text_of(answer->json, "next");
        print_findings(answer->json, stderr);
        fprintf(stderr, "hamonctl: %s [%s]\n", said ? said : "hamon refused", text_of(answer->json, "code"));
        if (*next)
                fprintf(stderr, "hamonctl: next: %s\n", next);
        return EXIT_REFUSED;
}

int config_change(const struct command_line *c, const char *method, const char *path, const char *of, json_t *body)
{
        struct http_answer answer = {0};
        int result = EXIT_REFUSED;
        char before[24], hash[24];
        (void)look_at_node(c, before, hash); /* that nobody answers is said by what follows */
        for (unsigned attempt = 0; attempt < 2; attempt++) {
                if (put(c, method, path, of, body, &answer) < 0)
                        break;
                bool consent = answer.status == 409 && strcmp(text_of(answer.json, "code"), "needs-consent") == 0;
                if (consent && attempt == 0 && isatty(STDIN_FILENO)) {
                        print_findings(answer.json, stderr);
                        if (!ask_typed("there are warnings, and it would be applied all the same", "apply"))
                                break;
                        json_object_set_new(body, "accept_warnings", json_true());
                        http_answer_release(&answer);
                        answer = (struct http_answer){0};
                        continue;
                }
                result = answer.status < 400 ? conclude_apply(c, before, answer.json) : refused(&answer);
                if (consent)
                        fprintf(stderr, "hamonctl: --yes consents to the warnings\n");
                break;
        }
        http_answer_release(&answer);
        json_decref(body);
        return result;
}

int config_rehearse(const struct command_line *c, const char *path, json_t *body)
{
        struct http_answer answer = {0};
        int result = EXIT_REFUSED;
        if (put(c, "POST", path, "/v1/config", body, &answer) == 0)
                result = answer.status < 400 ? conclude_check(c, answer.json) : refused(&answer);
        http_answer_release(&answer);
        json_decref(body);
        return result;
}

int verb_config_apply(const struct command_line *c, const char *path)
{
        static struct config config;
        char *text = read_file(path);
        int result = EXIT_REFUSED;
        if (text && is_valid(path, text, &config)) {
                if (c->dry_run) {
                        char error[512];
                        json_t *answer;
                        int r;
                        if (ask_check(c, text, &answer, &r, error, sizeof error))
                                result = conclude_check(c, answer);
                        else
                                fprintf(stderr, "hamonctl: %s\n", error);
                        json_decref(answer);
                } else {
                        result = config_change(c, "PUT", "/v1/config", "/v1/config", request(c, text, c->yes));
                }
        }
        free(text);
        return result;
}

/* The editor of the person at the terminal, on a file of its own. False: printed. */
static bool edit(const char *path)
{
        const char *editor = getenv("VISUAL");
        int status = 0;
        if (!editor || !*editor)
                editor = getenv("EDITOR");
        if (!editor || !*editor)
                editor = "vi";
        pid_t child = fork();
        if (child == 0) {
                execl("/bin/sh", "sh", "-c", "exec $0 \"$1\"", editor, path, (char *)NULL); /* EDITOR may have words of its own */
                _exit(127);
        }
        if (child > 0 && waitpid(child, &status, 0) == child && status == 0)
                return true;
        fprintf(stderr, "hamonctl: the editor '%s' did not end well; nothing was changed\n", editor);
        return false;
}

/* As it runs, with its version: when somebody else applies another meanwhile, this one is refused. What was refused stays in the file. */
int verb_config_edit(const struct command_line *c)
{
        json_t *answer;
        char path[] = "/tmp/hamon-conf-XXXXXX";
        if (!call_get(c, "/v1/config/text", &answer))
                return EXIT_REFUSED;
        const char *before = text_of(answer, "text");
        int fd = mkstemp(path), result = EXIT_REFUSED;
        bool written = fd >= 0 && write(fd, before, strlen(before)) == (ssize_t)strlen(before);
        if (fd >= 0)
                close(fd);
        if (!written)
                fprintf(stderr, "hamonctl: cannot write '%s': %s\n", path, strerrordesc_np(errno));
        char *after = written && edit(path) ? read_file(path) : NULL;
        bool same = after && strcmp(after, before) == 0;
        if (same)
                printf("nothing was changed\n");
        else if (after)
                result = verb_config_apply(c, path);
        if (same || result == EXIT_DONE || !after) {
                (void)unlink(path);
                result = same ? EXIT_DONE : result;
        } else {
                fprintf(stderr, "hamonctl: what you wrote is in '%s': correct it, and hamonctl config apply %s\n", path, path);
        }
        free(after);
        json_decref(answer);
        return result;
}

int verb_config_discard(const struct command_line *c)
{
        struct http_answer answer = {0};
        char will[256];
        json_t *node;
        int r;
        if (!call_get(c, "/v1/node", &node))
                return EXIT_REFUSED;
        const json_t *waits = json_object_get(node, "config_waits");
        bool something = json_is_object(waits);
        (void)snprintf(will, sizeof will, "version %.24s of the configuration, which waits here for %.40s, is thrown away: say that only if that machine is gone for good", text_of(waits, "version"),
                       text_of(waits, "by"));
        json_decref(node);
        if (!something) {
                fprintf(stderr, "hamonctl: no configuration waits on this machine [nothing-waits]\n");
                return EXIT_REFUSED;
        }
        if (!out_agreed(c, will, "discard", &r))
                return r;
        r = put(c, "POST", "/v1/config/discard", "/v1/config", NULL, &answer);
        bool done = r == 0 && answer.status < 400;
        if (r == 0 && !done)
                (void)refused(&answer);
        if (done)
                (void)out_done(c, NULL, "version %s, which waited here, is thrown away", text_of(answer.json, "discarded"));
        http_answer_release(&answer);
        return done ? EXIT_DONE : EXIT_REFUSED;
}
