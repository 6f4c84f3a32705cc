/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/holders.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { HOLDERS_SHOWN = 2 };

static bool is_on(int folder, const char *name, dev_t device)
{
        struct statx st;

        return statx(folder, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &st) == 0 && makedev(st.stx_dev_major, st.stx_dev_minor) == device;
}

static bool has_open_file(int process, dev_t device)
{
        int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
        const struct dirent *e;
        bool found = false;

        while (d && !found && (e = readdir(d)))
                found = isdigit((unsigned char)e->d_name[0]) && is_on(dirfd(d), e->d_name, device);
        if (d)
                closedir(d);
        return found;
}

/* "ADDRESS PERMISSIONS OFFSET MAJOR:MINOR INODE PATH": a mapping outlives the descriptor that it was made from. */
static bool has_mapping(int process, dev_t device)
{
        int fd = openat(process, "maps", O_RDONLY | O_CLOEXEC);
        FILE *f = fd >= 0 ? fdopen(fd, "re") : NULL;
        char line[512];
        bool found = false;

        while (f && !found && fgets(line, sizeof line, f)) {
                unsigned major_number, minor_number;
                found = sscanf(line, "%*s %*s %*s %x:%x", &major_number, &minor_number) == 2 && makedev(major_number, minor_number) == device;
        }
        if (f)
                fclose(f);
        return found;
}

/* What it holds, or NULL. */
static const char *what_it_holds(int process, dev_t device)
{
        return is_on(process, "cwd", device)    ? "its directory"
               : is_on(process, "root", device) ? "its root"
               : is_on(process, "exe", device)  ? "its program"
               : has_open_file(process, device) ? "an open file"
               : has_mapping(process, device)   ? "a mapped file"
                                                : NULL;
}

static void name_of(int process, char ret[32])
{
        int fd = openat(process, "comm", O_RDONLY | O_CLOEXEC);
        FILE *f = fd >= 0 ? fdopen(fd, "re") : NULL;

        ret[0] = '\0';
        if (f) {
                if (!fgets(ret, 32, f))
                        ret[0] = '\0';
                fclose(f);
        }
        ret[strcspn(ret, "\n")] = '\0';
}

unsigned holders_find(const char *proc, dev_t device, char *ret, size_t size)
{
        DIR *d = opendir(proc);
        const struct dirent *e;
        unsigned count = 0;
        size_t used = 0;

        ret[0] = '\0';
        while (d && (e = readdir(d))) {
                int process = isdigit((unsigned char)e->d_name[0]) ? openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
                const char *what = process >= 0 ? what_it_holds(process, device) : NULL;
                if (what && count++ < HOLDERS_SHOWN && used < size) {
                        char name[32];
                        name_of(process, name);
                        used += (size_t)snprintf(ret + used, size - used, "%s%s (pid %.10s, %s)", used ? ", " : "", name, e->d_name, what);
                }
                if (process >= 0)
                        close(process);
        }
        if (d)
                closedir(d);
        if (count > HOLDERS_SHOWN && used < size)
                (void)snprintf(ret + used, size - used, " and %u more", count - HOLDERS_SHOWN); /* may be cut */
        return count;
}
