/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/unix_listen.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int address_of(const char *path, struct sockaddr_un *ret)
{
        size_t length = strlen(path);

        *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
        if (length == 0)
                return -EINVAL;
        if (length >= sizeof ret->sun_path)
                return -ENAMETOOLONG;
        memcpy(ret->sun_path, path, length);
        return 0;
}

/* Removes the socket file of a dead process: only a refused connection proves that nobody listens. */
static int remove_stale(const struct sockaddr_un *address)
{
        struct stat st;

        if (lstat(address->sun_path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(st.st_mode))
                return -EEXIST;
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        int error = connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? errno : 0;
        close(fd);
        if (error == ENOENT)
                return 0;
        if (error != ECONNREFUSED)
                return -EADDRINUSE;
        return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

int unix_listen(const char *path, mode_t mode, int backlog, int *ret_fd)
{
        struct sockaddr_un address;

        int r = address_of(path, &address);
        if (r < 0)
                return r;
        r = remove_stale(&address);
        if (r < 0)
                return r;
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        /* Linux makes the file with the socket's own mode less the umask, never wider than asked; chmod then undoes the umask. */
        if (fchmod(fd, mode) < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        if (chmod(path, mode) < 0 || listen(fd, backlog) < 0) {
                r = -errno;
                (void)unlink(path); /* the first error is the one to report */
                close(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}

struct unix_file unix_file_of(const char *path)
{
        struct stat st;

        if (lstat(path, &st) < 0)
                return (struct unix_file){0};
        return (struct unix_file){st.st_dev, st.st_ino};
}

void unix_file_remove(const char *path, const struct unix_file *file)
{
        struct unix_file now = unix_file_of(path);

        if (now.inode != 0 && now.inode == file->inode && now.device == file->device)
                (void)unlink(path);
}
