/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/mount_errors.h"

#include "hamon/act/md_sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

bool mount_errors_takes_writes(const char *where)
{
        int fd = open(where, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

        if (fd < 0)
                return errno != EROFS; /* it may be full, or know no files without a name */
        close(fd);
        return true;
}

void mount_errors_look(const char *sysfs, dev_t device, const char *where, bool (*takes_writes)(const char *where), struct mount_errors *known)
{
        char link[320], target[256], path[640], text[32];
        struct stat st;

        (void)snprintf(link, sizeof link, "%s/dev/block/%u:%u", sysfs, major(device), minor(device));
        ssize_t n = readlink(link, target, sizeof target - 1);
        if (n < 0)
                n = 0;
        target[n] = '\0';
        const char *slash = strrchr(target, '/');
        (void)snprintf(path, sizeof path, "%s/fs/ext4/%s", sysfs, slash ? slash + 1 : target);
        if (n == 0 || stat(path, &st) < 0) {
                *known = (struct mount_errors){.instance = 0};
                return;
        }
        if (known->instance != (unsigned)st.st_ino)
                *known = (struct mount_errors){.instance = (unsigned)st.st_ino};
        (void)snprintf(path + strlen(path), sizeof path - strlen(path), "/errors_count"); /* fits */
        if (known->stopped || md_sysfs_text(path, text, sizeof text) < 0)
                return;
        unsigned count = (unsigned)strtoul(text, NULL, 10);
        if (count != known->count && !takes_writes(where))
                known->stopped = true;
        else
                known->count = count;
}
