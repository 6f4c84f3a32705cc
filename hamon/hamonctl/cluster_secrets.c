/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/hamonctl/cluster_secrets.h"

#include "hamon/api/certificate.h"
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
        char path[2][256], *text[2] = {0};
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

bool cluster_secrets_add_pair(const char *dir, const struct config *config, json_t *files)
{
        if (add_pair_there(dir, files))
                return true;
        char made[] = "/tmp/hamon-XXXXXX", certificate[64], key[64], error[512], *text = NULL, *key_text = NULL;
        if (!mkdtemp(made)) {
                fprintf(stderr, "hamonctl: cannot make a folder in /tmp: %s\n", strerrordesc_np(errno));
                return false;
        }
        (void)snprintf(certificate, sizeof certificate, "%s/crt", made); /* fits */
        (void)snprintf(key, sizeof key, "%s/key", made);                /* fits */
        int r = certificate_create(config, certificate, key, error, sizeof error);
        if (r < 0)
                fprintf(stderr, "hamonctl: %s\n", error);
        r = r < 0 ? r : certificate_read(certificate, &text);
        r = r < 0 ? r : certificate_read(key, &key_text);
        if (r == 0) {
                json_object_set_new(files, "api.crt", json_string(text));
                json_object_set_new(files, "api.key", json_string(key_text));
                explicit_bzero(key_text, strlen(key_text));
        }
        free(text);
        free(key_text);
        (void)unlink(certificate);
        (void)unlink(key);
        (void)rmdir(made);
        return r == 0;
}
