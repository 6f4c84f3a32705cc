/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/hamonctl/put_file.h"

#include "hamon/hamonctl/hamonctl.h"
#include "hamon/join/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static int sync_folder_of(const char *path)
{
        char copy[PUT_PATH_SIZE];
        (void)snprintf(copy, sizeof copy, "%s", path); /* fits */
        int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
        if (fd >= 0)
                close(fd);
        return r;
}

int put_file(const char *path, mode_t mode, enum put_owner owner, const char *text)
{
        char fresh[PUT_PATH_SIZE + 8];
        if (strlen(path) >= PUT_PATH_SIZE)
                return -ENAMETOOLONG;
        (void)snprintf(fresh, sizeof fresh, "%s.new", path); /* fits */
        char *there = join_file_read(path);
        if (!there && errno != ENOENT)
                return errno == EFBIG ? -EEXIST : -errno;
        if (there) {
                int r = strcmp(there, text) == 0 ? 0 : -EEXIST;
                explicit_bzero(there, strlen(there));
                free(there);
                return r;
        }
        (void)unlink(fresh); /* of an attempt that was cut off; what else is wrong open() says */
        int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        int r = write_whole(fd, text);
        close(fd);
        r = r == 0 && owner == PUT_OWNER_HAMON ? give_to_hamon(fresh) : r;
        if (r == 0 && renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
                r = -errno;
        if (r < 0)
                (void)unlink(fresh);
        return r < 0 ? r : sync_folder_of(path);
}
