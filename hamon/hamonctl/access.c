/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hamonctl cert and token: who may use the API on TCP. */
#include "hamon/hamonctl/answer.h"
#include "hamon/hamonctl/hamonctl.h"

#include "hamon/api/certificate.h"
#include "hamon/config.h"
#include "net/http_client.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

static void print_config_error(void *userdata, const char *message)
{
        (void)userdata;
        fprintf(stderr, "%s\n", message);
}

int verb_cert_create(const struct command_line *c, const char *path)
{
        static struct config config;
        struct ini_errors errors = {.report = print_config_error};
        char error[512], fingerprint[96] = "";
        if (config_load(path, &errors, &config) < 0)
                return EXIT_REFUSED;
        int r = certificate_create(&config, config.api.certificate, config.api.key, error, sizeof error);
        if (r < 0) {
                fprintf(stderr, "hamonctl: %s\n", error);
                if (r == -EEXIST)
                        fprintf(stderr, "hamonctl: next: what is there stays as it is; remove both files first if they are to be replaced\n");
                return EXIT_REFUSED;
        }
        if (give_to_hamon(config.api.key) < 0)
                fprintf(stderr, "hamonctl: '%s' is made, but only root can read it: chgrp hamon and chmod 0640 it\n", config.api.key);
        (void)certificate_fingerprint(config.api.certificate, fingerprint); /* it was made a moment ago */
        return out_done(c, json_pack("{s:s, s:s, s:s}", "file", config.api.certificate, "key", config.api.key, "sha256", fingerprint),
                        "%s and %s: new, valid for %d days; clients trust a copy of the first, and the same two files do for every node\nSHA-256 %s", config.api.certificate, config.api.key,
                        CERTIFICATE_DAYS, fingerprint);
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
