/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/join/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct join_file join_files[JOIN_FILES] = {{"cluster.key", true, 0600}, {"ca.crt", false, 0644}, {"api.key", false, 0600}, {"api.crt", false, 0644}, {"hamon.conf", true, 0640}};

void join_file_path(const char *dir, const char *name, char *ret, size_t size)
{
        (void)snprintf(ret, size, "%.200s/%s", dir, name); /* fits: a folder's name was looked at */
}

char *join_file_read(const char *path)
{
        char *text = calloc(1, JOIN_FILE_MAX + 1);
        int fd = open(path, O_RDONLY | O_CLOEXEC), e = errno;
        ssize_t n = fd < 0 || !text ? -1 : read(fd, text, JOIN_FILE_MAX + 1);
        if (fd >= 0) {
                e = n < 0 ? errno : n > JOIN_FILE_MAX ? EFBIG : 0;
                close(fd);
        }
        if (e == 0 && text)
                return text;
        free(text);
        errno = e;
        return NULL;
}

json_t *join_files_read(const char *dir, char why[JOIN_ERROR_SIZE])
{
        json_t *files = json_object();
        for (unsigned i = 0; i < JOIN_FILES; i++) {
                char path[256];
                join_file_path(dir, join_files[i].name, path, sizeof path);
                char *text = join_file_read(path);
                if (!text && (join_files[i].needed || errno != ENOENT)) {
                        (void)snprintf(why, JOIN_ERROR_SIZE, "cannot read '%s': %s\ninvite from a machine that is in the cluster, as root", path, strerrordesc_np(errno));
                        json_decref(files);
                        return NULL;
                }
                if (text)
                        json_object_set_new(files, join_files[i].name, json_string(text));
                free(text);
        }
        return files;
}

bool join_files_check(const char *dir, const json_t *files, struct ini_errors *errors, struct config *ret, char why[JOIN_ERROR_SIZE])
{
        const char *name;
        json_t *value;
        char path[256];
        json_object_foreach((json_t *)files, name, value)
        {
                unsigned i = 0;
                while (i < JOIN_FILES && strcmp(join_files[i].name, name) != 0)
                        i++;
                if (i == JOIN_FILES || !json_is_string(value)) {
                        (void)snprintf(why, JOIN_ERROR_SIZE, "the other machine sent a file '%.40s' that this version does not know: bring both to the same version", name);
                        return false;
                }
        }
        for (unsigned i = 0; i < JOIN_FILES; i++)
                if (join_files[i].needed && !json_object_get(files, join_files[i].name)) {
                        (void)snprintf(why, JOIN_ERROR_SIZE, "'%s' is missing among the cluster's files", join_files[i].name);
                        return false;
                }
        join_file_path(dir, "hamon.conf", path, sizeof path);
        if (config_parse(path, json_string_value(json_object_get(files, "hamon.conf")), errors, ret) < 0) {
                (void)snprintf(why, JOIN_ERROR_SIZE, "the configuration is not valid; nothing was changed");
                return false;
        }
        join_file_path(dir, "cluster.key", path, sizeof path);
        if (strcmp(ret->key_file, path) != 0) {
                (void)snprintf(why, JOIN_ERROR_SIZE, "the cluster keeps its key in '%.250s', not in '%s'; nothing was changed\ngive --dir with that folder", ret->key_file, path);
                return false;
        }
        return true;
}
