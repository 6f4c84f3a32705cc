/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `hamonctl support-bundle`: hamon's, or, where no hamon answers, what can be had without one. */
#include "hamon/hamonctl/answer.h"
#include "hamon/hamonctl/hamonctl.h"
#include "hamon/hamonctl/progress.h"

#include "hamon/api/bundle_logs.h"
#include "net/http_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BUNDLE_TIMEOUT_MS = 40000 };

static void note_error(void *userdata, const char *message)
{
        json_array_append_new(userdata, json_string(message));
}

/* hamon does not run: its journal says why, and the configuration may. */
static json_t *without_hamon(const char *why)
{
        static struct config config;
        char host[256] = "";
        json_t *errors = json_array(), *parts = bundle_logs();
        struct ini_errors found = {.report = note_error, .userdata = errors};
        bool readable = config_load(CONFIG_PATH, &found, &config) == 0;
        (void)gethostname(host, sizeof host - 1); /* cannot fail: the buffer is long enough */
        json_object_set_new(parts, "config_errors", errors);
        char *text = parts ? json_dumps(parts, JSON_COMPACT) : NULL;
        json_decref(parts);
        if (!text)
                return NULL;
        if (readable)
                bundle_scrub(&config, text);
        parts = json_loads(text, 0, NULL);
        free(text);
        return json_pack("{s:I, s:s, s:[{s:s, s:s, s:o*, s:s}]}", "made", (json_int_t)time(NULL), "cluster", readable ? config.cluster : "", "nodes", "node", host,
                         "version", NBDD_VERSION, "parts", parts, "error", why);
}

static int write_bundle(const char *path, const json_t *bundle)
{
        int fd = strcmp(path, "-") == 0 ? dup(STDOUT_FILENO) : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        int r = fd < 0 ? -errno : json_dumpfd(bundle, fd, JSON_INDENT(1)) < 0 ? -EIO : 0;
        if (fd >= 0 && close(fd) < 0 && r == 0)
                r = -errno;
        return r;
}

int verb_support_bundle(const struct command_line *c, const char *path)
{
        char error[512], name[160];
        unsigned status = 0;
        json_t *bundle = NULL;
        const json_t *node;
        size_t i;
        progress_begin("all machines are asked for their part");
        int r = http_call(c->socket, "GET", "/v1/support-bundle", NULL, BUNDLE_TIMEOUT_MS, &status, &bundle, error, sizeof error);
        progress_end();
        if (r == 0 && status >= 400)
                (void)snprintf(error, sizeof error, "hamon answered with status %u", status);
        if (r < 0 || status >= 400) {
                fprintf(stderr, "hamonctl: %s; the bundle has only what can be had without hamon\n", error);
                json_decref(bundle);
                bundle = without_hamon(error);
        }
        if (!path) {
                char stamp[32];
                time_t now = time(NULL);
                struct tm tm;
                const char *cluster = json_string_value(json_object_get(bundle, "cluster"));
                (void)strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm)); /* fits */
                (void)snprintf(name, sizeof name, "hamon-%.64s-%s.json", cluster && *cluster ? cluster : "bundle", stamp);
                path = name;
        }
        r = bundle ? write_bundle(path, bundle) : -ENOMEM;
        if (r < 0) {
                fprintf(stderr, "hamonctl: cannot write '%s': %s\n", path, strerrordesc_np(-r));
                json_decref(bundle);
                return EXIT_REFUSED;
        }
        json_t *nodes = json_object();
        json_array_foreach(json_object_get(bundle, "nodes"), i, node)
        {
                const char *why = json_string_value(json_object_get(node, "error"));
                json_object_set_new(nodes, answer_text(node, "node"), why ? json_string(why) : json_null());
                fprintf(stderr, "hamonctl: %s: %s\n", json_string_value(json_object_get(node, "node")), why ? why : "whole");
        }
        json_t *more = json_pack("{s:s, s:O}", "file", path, "nodes", nodes);
        if (strcmp(path, "-") != 0)
                (void)out_done(c, json_incref(more), "%s", path);
        json_decref(more);
        json_decref(nodes);
        fprintf(stderr, "hamonctl: no key and no token is in it, but names, addresses and logs are: look at it before you give it away\n");
        json_decref(bundle);
        return EXIT_DONE;
}
