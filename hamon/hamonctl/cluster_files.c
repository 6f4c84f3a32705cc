/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/hamonctl/cluster_files.h"

#include "hamon/hamonctl/hamonctl.h"
#include "hamon/join/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What hamon/join says, line by line: what is wrong, and behind it what to do. */
static void print_why(const char *why)
{
        const char *next = strchr(why, '\n');
        fprintf(stderr, "hamonctl: %.*s\n", next ? (int)(next - why) : (int)strlen(why), why);
        if (next)
                fprintf(stderr, "hamonctl: next: %s\n", next + 1);
}

bool cluster_files_none(const char *dir)
{
        char path[256];
        join_file_path(dir, "hamon.conf", path, sizeof path);
        if (access(path, F_OK) < 0 && errno == ENOENT)
                return true;
        fprintf(stderr, "hamonctl: '%s' is there: this machine is in a cluster already; nothing was changed\n"
                        "hamonctl: next: to bring the other machines in: hamonctl cluster invite NAME...; to leave it, stop hamon and hamon-act, and move that file away\n", path);
        return false;
}

json_t *cluster_files_read(const char *dir)
{
        char why[JOIN_ERROR_SIZE];
        json_t *files = join_files_read(dir, why);
        if (!files)
                print_why(why);
        return files;
}

static void print_config_error(void *userdata, const char *message)
{
        (void)userdata;
        fprintf(stderr, "%s\n", message);
}

bool cluster_files_check(const char *dir, const json_t *files, struct config *ret)
{
        char why[JOIN_ERROR_SIZE];
        struct ini_errors errors = {.report = print_config_error};
        bool good = join_files_check(dir, files, &errors, ret, why);
        if (!good)
                print_why(why);
        return good;
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
        join_file_path(dir, name, path, sizeof path);
        (void)snprintf(fresh, sizeof fresh, "%s.new", path); /* fits */
        char *there = join_file_read(path);
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
        for (unsigned i = 0; i < JOIN_FILES; i++) {
                const char *text = json_string_value(json_object_get(files, join_files[i].name));
                int r = text ? put(dir, join_files[i].name, join_files[i].mode, text) : 0;
                if (r == 0)
                        continue;
                fprintf(stderr, "hamonctl: cannot put '%s/%s' in place: %s; this machine is in no cluster yet\n", dir, join_files[i].name,
                        r == -EEXIST ? "another one is there" : strerrordesc_np(-r));
                fprintf(stderr, "hamonctl: next: %s\n", r == -EEXIST ? "move it away if nobody uses it, and ask for a new join line: hamonctl cluster invite NAME"
                                                                     : "correct that, and ask for a new join line: hamonctl cluster invite NAME");
                return false;
        }
        return true;
}
