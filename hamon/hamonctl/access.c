/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hamonctl cert and token: who may use the API on TCP. */
#include "hamon/hamonctl/answer.h"
#include "hamon/hamonctl/cluster_files.h"
#include "hamon/hamonctl/cluster_secrets.h"
#include "hamon/hamonctl/hamonctl.h"
#include "hamon/hamonctl/put_file.h"

#include "hamon/api/certificate.h"
#include "hamon/config.h"
#include "net/http_client.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void print_config_error(void *userdata, const char *message)
{
        (void)userdata;
        fprintf(stderr, "%s\n", message);
}

/* One file for both is whole or not there; of two, a key alone is of no use. */
static int put_certificate(const struct config_api *api, const struct certificate_made *made, const char **ret_path)
{
        char *both = NULL;
        int r;
        *ret_path = api->key;
        if (strcmp(api->certificate, api->key) == 0) {
                if (asprintf(&both, "%s%s", made->chain, made->key) < 0)
                        return -ENOMEM;
                r = put_file(api->key, 0600, PUT_OWNER_HAMON, both);
                explicit_bzero(both, strlen(both));
                free(both);
                return r;
        }
        r = put_file(api->key, 0600, PUT_OWNER_HAMON, made->key);
        if (r < 0)
                return r;
        *ret_path = api->certificate;
        r = put_file(api->certificate, 0644, PUT_OWNER_ROOT, made->chain);
        if (r < 0)
                (void)unlink(api->key); /* made a moment ago */
        return r;
}

/* The authority first: a certificate of one that nobody has kept could never be followed by another. */
static int put_all(const struct config_api *api, const char *dir, const struct certificate_made *made, const char **ret_path)
{
        static char path[2][PUT_PATH_SIZE];
        (void)snprintf(path[0], sizeof path[0], "%s/" AUTHORITY_KEY, dir); /* fits */
        (void)snprintf(path[1], sizeof path[1], "%s/" AUTHORITY, dir);     /* fits */
        int r = 0;
        if (made->authority_key) {
                *ret_path = path[0];
                r = put_file(path[0], 0600, PUT_OWNER_ROOT, made->authority_key);
        }
        if (r == 0 && made->authority) {
                *ret_path = path[1];
                r = put_file(path[1], 0644, PUT_OWNER_ROOT, made->authority);
        }
        return r < 0 ? r : put_certificate(api, made, ret_path);
}

int verb_cert_create(const struct command_line *c, const char *file)
{
        static struct config config;
        struct ini_errors errors = {.report = print_config_error};
        struct certificate_made made;
        char fingerprint[96] = "", folder[256], *authority;
        const char *path = "";
        if (config_load(file, &errors, &config) < 0)
                return EXIT_REFUSED;
        for (unsigned i = 0; i < 2; i++) {
                path = i ? config.api.certificate : config.api.key;
                if (access(path, F_OK) == 0) {
                        fprintf(stderr, "hamonctl: '%s' is there and stays as it is\nhamonctl: next: move both files away first if they are to be replaced (docs/OPERATIONS.md, \"Another certificate for the API\")\n", path);
                        return EXIT_REFUSED;
                }
        }
        (void)snprintf(folder, sizeof folder, "%.255s", config.api.certificate); /* fits */
        const char *dir = dirname(folder);
        if (!cluster_secrets_make_certificate(dir, &config, &made, &authority))
                return EXIT_REFUSED;
        int r = put_all(&config.api, dir, &made, &path);
        if (r < 0)
                fprintf(stderr, "hamonctl: cannot make '%s': %s\nhamonctl: next: correct that, and the same command again; it goes on with the authority that is there\n", path,
                        r == -EEXIST ? "another one is there" : strerrordesc_np(-r));
        (void)certificate_fingerprint(made.chain, fingerprint); /* it was made a moment ago */
        certificate_made_release(&made);
        free(authority);
        if (r < 0)
                return EXIT_REFUSED;
        return out_done(c, json_pack("{s:s, s:s, s:s+, s:s}", "file", config.api.certificate, "key", config.api.key, "authority", dir, "/" AUTHORITY, "sha256", fingerprint),
                        "%s and %s: new, valid for %d days; the same two files do for every node, and clients trust %s/" AUTHORITY "\nSHA-256 %s", config.api.certificate, config.api.key,
                        CERTIFICATE_DAYS, dir, fingerprint);
}

int verb_token_create(const struct command_line *c, const char *name)
{
        struct http_answer answer;
        json_t *body = json_pack("{s:s, s:s}", "name", name, "role", c->role ? c->role : "viewer");
        if (!body) {
                fprintf(stderr, "hamonctl: '%.40s' is not a name\n", name);
                return EXIT_USAGE;
        }
        bool done = call_change(c, "POST", "/v1/tokens", "/v1/tokens", body, &answer);
        json_decref(body);
        if (!done)
                return EXIT_REFUSED;
        if (c->json)
                out_json(answer.json);
        else
                printf("%s\n", answer_text(answer.json, "token"));
        fprintf(stderr, "hamonctl: this is the only time that the token is shown; it is good on this node\n");
        http_answer_release(&answer);
        return EXIT_DONE;
}

int verb_token_list(const struct command_line *c)
{
        json_t *answer, *token;
        size_t i;
        if (!call_get(c, "/v1/tokens", &answer))
                return EXIT_REFUSED;
        if (c->json)
                out_json(answer);
        json_array_foreach(json_object_get(answer, "tokens"), i, token)
        {
                time_t created = (time_t)json_integer_value(json_object_get(token, "created"));
                struct tm local;
                char day[32];
                localtime_r(&created, &local);
                (void)strftime(day, sizeof day, "%F", &local); /* fits */
                if (!c->json)
                        printf("%-32s %-9s made %s, used %" PRIi64 " times since hamon started\n", json_string_value(json_object_get(token, "name")),
                               json_string_value(json_object_get(token, "role")), day, (int64_t)json_integer_value(json_object_get(token, "uses")));
        }
        json_decref(answer);
        return EXIT_DONE;
}

/* And what comes to an end with it. */
static int is_there(const struct command_line *c, const char *name, char *ret_will, size_t size_bytes)
{
        json_t *answer, *token;
        size_t i;
        bool found = false;
        if (!call_get(c, "/v1/tokens", &answer))
                return EXIT_REFUSED;
        json_array_foreach(json_object_get(answer, "tokens"), i, token)
                if (strcmp(answer_text(token, "name"), name) == 0) {
                        found = true;
                        (void)snprintf(ret_will, size_bytes, "token '%.40s' (%s, used %" PRIi64 " times since hamon started) is good no more, and whoever uses it is refused", name,
                                       answer_text(token, "role"), answer_integer(token, "uses"));
                }
        json_decref(answer);
        if (!found)
                fprintf(stderr, "hamonctl: no token has the name '%.40s' [unknown-token]\nhamonctl: next: hamonctl token list\n", name);
        return found ? EXIT_DONE : EXIT_REFUSED;
}

int verb_token_revoke(const struct command_line *c, const char *name)
{
        struct http_answer answer;
        char path[160], encoded[128], will[256];
        if (http_encode(name, encoded, sizeof encoded) < 0) {
                fprintf(stderr, "hamonctl: '%.40s...' is too long for the name of a token\n", name);
                return EXIT_USAGE;
        }
        (void)snprintf(path, sizeof path, "/v1/tokens/%s", encoded); /* fits */
        int r = is_there(c, name, will, sizeof will);
        if (r != EXIT_DONE || !out_agreed(c, will, name, &r))
                return r;
        if (!call_change(c, "DELETE", path, "/v1/tokens", NULL, &answer))
                return EXIT_REFUSED;
        http_answer_release(&answer);
        return out_done(c, NULL, "token '%.40s' is revoked", name);
}
