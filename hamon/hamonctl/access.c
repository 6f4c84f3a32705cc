/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hamonctl cert and token: who may use the API on TCP. */
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

int verb_cert_create(const char *path)
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
        printf("%s and %s: new, valid for %d days; clients trust a copy of the first, and the same two files do for every node\n"
               "SHA-256 %s\n",
               config.api.certificate, config.api.key, CERTIFICATE_DAYS, fingerprint);
        return EXIT_DONE;
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
                (void)json_dumpf(answer.json, stdout, JSON_INDENT(2));
        printf("%s\n", c->json ? "" : json_string_value(json_object_get(answer.json, "token")));
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
        if (c->json) {
                (void)json_dumpf(answer, stdout, JSON_INDENT(2));
                fputc('\n', stdout);
        }
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

int verb_token_revoke(const struct command_line *c, const char *name)
{
        struct http_answer answer;
        char path[160], encoded[128];
        if (http_encode(name, encoded, sizeof encoded) < 0) {
                fprintf(stderr, "hamonctl: '%.40s...' is too long for the name of a token\n", name);
                return EXIT_USAGE;
        }
        (void)snprintf(path, sizeof path, "/v1/tokens/%s", encoded); /* fits */
        if (!call_change(c, "DELETE", path, "/v1/tokens", NULL, &answer))
                return EXIT_REFUSED;
        http_answer_release(&answer);
        printf("token '%s' is revoked\n", name);
        return EXIT_DONE;
}
