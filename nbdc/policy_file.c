/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nbdc/policy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void path_of(int index, const char *suffix, char *ret, size_t size)
{
        snprintf(ret, size, "%s/nbd%d.policy%s", nbdc_rundir(), index, suffix);
}

int policy_file_write(int index, enum nbdc_policy policy)
{
        char path[160], next[160];
        const char *name = nbdc_policy_name(policy);
        path_of(index, "", path, sizeof path);
        path_of(index, ".new", next, sizeof next);
        int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        int rc = write(fd, name, strlen(name)) == (ssize_t)strlen(name) ? 0 : -EIO;
        close(fd);
        if (rc == 0 && rename(next, path) < 0)
                rc = -errno;
        return rc;
}

int policy_file_read(int index, enum nbdc_policy *ret)
{
        char path[160], text[16] = "";
        path_of(index, "", path, sizeof path);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        ssize_t n = read(fd, text, sizeof text - 1);
        close(fd);
        if (n < 0)
                return -EIO;
        /* Anything unexpected is the careful one. */
        *ret = strcmp(text, nbdc_policy_name(NBDC_OPTIONAL)) == 0 ? NBDC_OPTIONAL : NBDC_REQUIRED;
        return 0;
}

void policy_file_remove(int index)
{
        char path[160];
        path_of(index, "", path, sizeof path);
        (void)unlink(path); /* there may be none */
}
