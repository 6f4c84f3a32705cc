/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/hamonctl/cluster_files.h"

#include "hamon/hamonctl/hamonctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 64 << 10 };

/* In the order in which they are put in place. */
static const struct {
        const char *name;
        bool needed;
        mode_t mode;
} known[] = {{"cluster.key", true, 0600}, {"api.key", false, 0600}, {"api.crt", false, 0644}, {"hamon.conf", true, 0640}};
enum { KNOWN = sizeof known / sizeof *known };

static void path_of(const char *dir, const char *name, char *ret, size_t size)
{
        (void)snprintf(ret, size, "%.200s/%s", dir, name); /* fits: --dir was looked at */
}

/* malloc'ed. NULL and errno. */
static char *read_text(const char *path)
{
        char *text = calloc(1, FILE_MAX + 1);
        int fd = open(path, O_RDONLY | O_CLOEXEC), e = errno;
        ssize_t n = fd < 0 || !text ? -1 : read(fd, text, FILE_MAX + 1);
        if (fd >= 0) {
                e = n < 0 ? errno : n > FILE_MAX ? EFBIG : 0;
                close(fd);
        }
        if (e == 0 && text)
                return text;
        free(text);
        errno = e;
        return NULL;
}

bool cluster_files_none(const char *dir)
{
        char path[256];
        path_of(dir, "hamon.conf", path, sizeof path);
        if (access(path, F_OK) < 0 && errno == ENOENT)
                return true;
        fprintf(stderr, "hamonctl: '%s' is there: this machine is in a cluster already; nothing was changed\n"
                        "hamonctl: next: to leave that one stop hamon and hamon-act, and move that file away\n", path);
        return false;
}

json_t *cluster_files_read(const char *dir)
{
        json_t *files = json_object();
        for (unsigned i = 0; i < KNOWN; i++) {
                char path[256];
                path_of(dir, known[i].name, path, sizeof path);
                char *text = read_text(path);
                if (!text && (known[i].needed || errno != ENOENT)) {
                        fprintf(stderr, "hamonctl: cannot read '%s': %s\nhamonctl: next: invite from a machine that is in the cluster, as root\n", path, strerrordesc_np(errno));
                        json_decref(files);
                        return NULL;
                }
                if (text)
                        json_object_set_new(files, known[i].name, json_string(text));
                free(text);
        }
        return files;
}

static void print_config_error(void *userdata, const char *message)
{
        (void)userdata;
        fprintf(stderr, "%s\n", message);
}

bool cluster_files_check(const char *dir, const json_t *files, struct config *ret)
{
        const char *name;
        json_t *value;
        char path[256];
        struct ini_errors errors = {.report = print_config_error};
        json_object_foreach((json_t *)files, name, value)
        {
                unsigned i = 0;
                while (i < KNOWN && strcmp(known[i].name, name) != 0)
                        i++;
                if (i == KNOWN || !json_is_string(value)) {
                        fprintf(stderr, "hamonctl: the other machine sent a file '%.40s' that this version does not know: bring both to the same version\n", name);
                        return false;
                }
        }
        for (unsigned i = 0; i < KNOWN; i++)
                if (known[i].needed && !json_object_get(files, known[i].name)) {
                        fprintf(stderr, "hamonctl: '%s' is missing among the cluster's files\n", known[i].name);
                        return false;
                }
        path_of(dir, "hamon.conf", path, sizeof path);
        if (config_parse(path, json_string_value(json_object_get(files, "hamon.conf")), &errors, ret) < 0) {
                fprintf(stderr, "hamonctl: the configuration is not valid; nothing was changed\n");
                return false;
        }
        path_of(dir, "cluster.key", path, sizeof path);
        if (strcmp(ret->key_file, path) != 0) {
                fprintf(stderr, "hamonctl: the cluster keeps its key in '%s', not in '%s'; nothing was changed\nhamonctl: next: give --dir with that folder\n", ret->key_file, path);
                return false;
        }
        return true;
}

static int write_whole(int fd, const char *text)
{
        for (size_t left = strlen(text); left > 0;) {
                ssize_t n = write(fd, text, left);
                if (n < 0 && errno != EINTR)
                        return -errno;
                text += n > 0 ? n : 0;
                left -= n > 0 ? (size_t)n : 0;
        }
        return fsync(fd) < 0 ? -errno : 0;
}

static int sync_folder(const char *dir)
{
        int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
        if (fd >= 0)
                close(fd);
        return r;
}

/* Durable when it returns. -EEXIST: another content is there, and stays. */
static int put(const char *dir, const char *name, mode_t mode, const char *text)
{
        char path[256], fresh[264];
        path_of(dir, name, path, sizeof path);
        (void)snprintf(fresh, sizeof fresh, "%s.new", path); /* fits */
        char *there = read_text(path);
        if (there) {
                int r = strcmp(there, text) == 0 ? 0 : -EEXIST;
                free(there);
                return r;
        }
        (void)unlink(fresh); /* of an attempt that was cut off; what else is wrong open() says */
        int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        int r = write_whole(fd, text);
        close(fd);
        r = r == 0 && mode != 0644 ? give_to_hamon(fresh) : r;
        if (r == 0 && renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
                r = -errno;
        if (r < 0)
                (void)unlink(fresh);
        return r < 0 ? r : sync_folder(dir);
}

bool cluster_files_write(const char *dir, const json_t *files)
{
        if (mkdir(dir, 0750) < 0 && errno != EEXIST) {
                fprintf(stderr, "hamonctl: cannot make '%s': %s\n", dir, strerrordesc_np(errno));
                return false;
        }
        for (unsigned i = 0; i < KNOWN; i++) {
                const char *text = json_string_value(json_object_get(files, known[i].name));
                int r = text ? put(dir, known[i].name, known[i].mode, text) : 0;
                if (r == 0)
                        continue;
                fprintf(stderr, "hamonctl: cannot put '%s/%s' in place: %s; this machine is in no cluster yet\n", dir, known[i].name,
                        r == -EEXIST ? "another one is there" : strerrordesc_np(-r));
                fprintf(stderr, "hamonctl: next: %s\n", r == -EEXIST ? "move it away if nobody uses it, and ask for a new join line: hamonctl cluster invite NAME"
                                                                     : "correct that, and ask for a new join line: hamonctl cluster invite NAME");
                return false;
        }
        return true;
}
