/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/door.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define USER "hamon"

int door_open(const char *path, int *ret_fd)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        const struct group *group = getgrnam(USER);

        if (strlen(path) >= sizeof address.sun_path)
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        bool lives = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
        close(fd);
        if (lives)
                return -EADDRINUSE;
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        (void)unlink(path); /* of one that died; there may be none */
        mode_t old = umask(0177);
        int r = bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ? -errno : 0;
        umask(old);
        if (r == 0 && group && chown(path, (uid_t)-1, group->gr_gid) == 0)
                (void)chmod(path, 0660); /* else only root gets in */
        if (r == 0 && listen(fd, 4) < 0)
                r = -errno;
        if (r < 0)
                close(fd);
        else
                *ret_fd = fd;
        return r;
}

bool door_admits(int fd, struct ucred *ret)
{
        struct passwd entry, *user = NULL;
        char text[1024];
        socklen_t size = sizeof *ret;

        *ret = (struct ucred){.pid = 0};
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &size) < 0)
                return false;
        if (ret->uid == 0)
                return true;
        return getpwnam_r(USER, &entry, text, sizeof text, &user) == 0 && user && ret->uid == user->pw_uid;
}
