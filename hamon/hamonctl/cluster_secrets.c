/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/hamonctl/cluster_secrets.h"

#include "hamon/hamonctl/cluster_files.h"
#include "hamon/join/channel.h"
#include "hamon/join/files.h"
#include "hamon/net/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cluster_secrets_add_key(const char *dir, json_t *files)
{
        char path[256], text[2 * SEAL_KEY_BYTES + 2];
        uint8_t key[SEAL_KEY_BYTES];
        (void)snprintf(path, sizeof path, "%.200s/cluster.key", dir); /* fits */
        int r = seal_key_load(path, key);
        if (r == 0)
                fprintf(stderr, "hamonctl: '%s' is there and is used\n", path);
        if (r == -ENOENT) {
                r = join_secret(text);
                (void)strcat(text, "\n");
        } else if (r == 0) {
                FILE *f = fopen(path, "r");
                r = f && fgets(text, sizeof text, f) ? 0 : -EIO;
                if (f)
                        fclose(f);
        }
        if (r < 0)
                fprintf(stderr, "hamonctl: cannot use '%s': %s\n", path, strerrordesc_np(-r));
        else
                json_object_set_new(files, "cluster.key", json_string(text));
        explicit_bzero(text, sizeof text);
        explicit_bzero(key, sizeof key);
        return r == 0;
}

/* A pair that an interrupted attempt has left is the pair. */
static bool add_pair_there(const char *dir, json_t *files)
{
        char path[2][256], authority[256], *text[2] = {0}, *by;
        bool both = true;
        for (unsigned i = 0; i < 2; i++) {
                join_file_path(dir, i == 0 ? "api.key" : "api.crt", path[i], sizeof path[i]);
                text[i] = join_file_read(path[i]);
                both = both && text[i];
        }
        if (both) {
                fprintf(stderr, "hamonctl: '%s' and '%s' are there and are used\n", path[0], path[1]);
                json_object_set_new(files, "api.key", json_string(text[0]));
                json_object_set_new(files, "api.crt", json_string(text[1]));
                join_file_path(dir, AUTHORITY, authority, sizeof authority);
                by = join_file_read(authority);
                if (by) /* none: the certificate is somebody else's */
                        json_object_set_new(files, AUTHORITY, json_string(by));
                free(by);
        }
        for (unsigned i = 0; i < 2; i++) {
                if (text[i])
                        explicit_bzero(text[i], strlen(text[i]));
                free(text[i]);
        }
        return both;
}

bool cluster_secrets_set_aside(const char *dir, const json_t *files)
{
        char key[256], aside[256], certificate[256];
        join_file_path(dir, "api.key", key, sizeof key);
        join_file_path(dir, "api.key.old", aside, sizeof aside);
        join_file_path(dir, "api.crt", certificate, sizeof certificate);
        if (!json_object_get(files, "api.key") || access(key, F_OK) < 0 || access(certificate, F_OK) == 0)
                return true;
        if (renameat2(AT_FDCWD, key, AT_FDCWD, aside, RENAME_NOREPLACE) < 0) {
                fprintf(stderr, "hamonctl: '%s' is there without its certificate, and cannot be made '%s': %s\nhamonctl: next: move it away if nobody uses it\n", key, aside, strerrordesc_np(errno));
                return false;
        }
        fprintf(stderr, "hamonctl: '%s' was there without its certificate, and is '%s' now\n", key, aside);
        return true;
}

/* The authority that an interrupted attempt, or an earlier cluster, has left in the folder is used. False: said. */
static bool read_authority(const char *dir, char **ret_crt, char **ret_key)
{
        char path[256];
        join_file_path(dir, AUTHORITY, path, sizeof path);
        *ret_crt = join_file_read(path);
        bool readable = *ret_crt || errno == ENOENT;
        if (readable) {
                join_file_path(dir, AUTHORITY_KEY, path, sizeof path);
                *ret_key = join_file_read(path);
                readable = *ret_key || errno == ENOENT;
        }
        if (!readable)
                fprintf(stderr, "hamonctl: cannot read '%s': %s\n", path, strerrordesc_np(errno));
        else if (*ret_key)
                fprintf(stderr, "hamonctl: '%s' is there and is used\n", path);
        return readable;
}

static void wipe(char *text)
{
        if (text)
                explicit_bzero(text, strlen(text));
        free(text);
}

bool cluster_secrets_make_certificate(const char *dir, const struct config *config, struct certificate_made *ret, char **ret_authority)
{
        char error[512], *key = NULL;
        *ret_authority = NULL;
        if (!read_authority(dir, ret_authority, &key)) {
                free(*ret_authority);
                return false;
        }
        int r = 0;
        if (*ret_authority && !key) {
                r = -ENOENT;
                fprintf(stderr, "hamonctl: '%s/" AUTHORITY "' is there, and its key '%s/" AUTHORITY_KEY "' is not\n"
                                "hamonctl: next: do this on the machine that has the key; when it is lost, move " AUTHORITY " away on all machines for a new authority, and give that to the clients\n", dir, dir);
        } else {
                r = certificate_make(config, *ret_authority, key, ret, error, sizeof error);
                if (r < 0)
                        fprintf(stderr, "hamonctl: %s\n", error);
                if (r == -EBADMSG || r == -EKEYEXPIRED)
                        fprintf(stderr, "hamonctl: next: look at '%s/" AUTHORITY "' and '%s/" AUTHORITY_KEY "'; with both moved away on all machines a new authority is made, which the clients must be given\n", dir, dir);
        }
        wipe(key);
        if (r < 0) {
                free(*ret_authority);
                *ret_authority = NULL;
        } else if (!*ret_authority) {
                *ret_authority = strdup(ret->authority);
        }
        return r == 0;
}

bool cluster_secrets_add_pair(const char *dir, const struct config *config, json_t *files, char **ret_authority_key)
{
        struct certificate_made made;
        char *authority;
        *ret_authority_key = NULL;
        if (add_pair_there(dir, files))
                return true;
        if (!cluster_secrets_make_certificate(dir, config, &made, &authority))
                return false;
        json_object_set_new(files, AUTHORITY, json_string(authority));
        json_object_set_new(files, "api.crt", json_string(made.chain));
        json_object_set_new(files, "api.key", json_string(made.key));
        *ret_authority_key = made.authority_key; /* the caller's now */
        made.authority_key = NULL;
        certificate_made_release(&made);
        free(authority);
        return true;
}
