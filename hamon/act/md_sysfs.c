/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/md_sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PATH_SIZE 384

int md_sysfs_text(const char *path, char *ret, size_t size)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        ssize_t n = read(fd, ret, size - 1);
        int error = n < 0 ? errno : 0;
        close(fd);
        if (error)
                return -error;
        ret[n] = '\0';
        ret[strcspn(ret, "\n")] = '\0';
        return 0;
}

static int attribute(const char *root, const char *md, const char *name, char *ret, size_t size)
{
        char path[PATH_SIZE];

        snprintf(path, sizeof path, "%s/block/%s/md/%s", root, md, name);
        return md_sysfs_text(path, ret, size);
}

static int parse_device(const char *text, dev_t *ret)
{
        unsigned major_number, minor_number;
        char more;

        if (sscanf(text, "%u:%u%c", &major_number, &minor_number, &more) != 2)
                return -EBADMSG;
        *ret = makedev(major_number, minor_number);
        return 0;
}

int md_sysfs_device(const char *root, const char *name, dev_t *ret)
{
        char path[PATH_SIZE], text[32];

        snprintf(path, sizeof path, "%s/class/block/%s/dev", root, name);
        int r = md_sysfs_text(path, text, sizeof text);
        return r < 0 ? r : parse_device(text, ret);
}

/* Is `word` one of the comma-separated words of `text`? */
static bool has_word(const char *text, const char *word)
{
        size_t n = strlen(word);

        for (const char *p = text; *p; p += strspn(p, ",")) {
                size_t length = strcspn(p, ",");
                if (length == n && strncmp(p, word, n) == 0)
                        return true;
                p += length;
        }
        return false;
}

bool md_sysfs_is_gone(int r)
{
        return r == -ENOENT || r == -ENODEV || r == -ENOTDIR || r == -EBUSY; /* busy: md is deleting the array */
}

static int read_member(const char *root, const char *md, const char *name, struct md_member *ret)
{
        char key[128], text[128];
        struct md_member m = {.present = true, .slot = -1};

        snprintf(m.name, sizeof m.name, "%s", name);
        snprintf(key, sizeof key, "dev-%s/state", name);
        int r = attribute(root, md, key, text, sizeof text);
        if (r < 0)
                return md_sysfs_is_gone(r) ? 0 : r; /* it left while we looked */
        m.in_sync = has_word(text, "in_sync");
        m.faulty = has_word(text, "faulty");
        m.write_mostly = has_word(text, "write_mostly");
        snprintf(key, sizeof key, "dev-%s/slot", name);
        r = attribute(root, md, key, text, sizeof text);
        if (r < 0 && !md_sysfs_is_gone(r))
                return r;
        if (r == 0 && *text >= '0' && *text <= '9')
                m.slot = atoi(text);
        snprintf(key, sizeof key, "dev-%s/errors", name);
        if (attribute(root, md, key, text, sizeof text) == 0)
                m.errors = strtoull(text, NULL, 10);
        *ret = m;
        return 0;
}

static int read_members(const char *root, const char *md, dev_t own, dev_t peer, struct md_state *s)
{
        char path[PATH_SIZE], key[160], text[32];
        struct dirent *e;
        dev_t device;

        snprintf(path, sizeof path, "%s/block/%s/md", root, md);
        DIR *d = opendir(path);
        if (!d)
                return md_sysfs_is_gone(-errno) ? 0 : -errno;
        int r = 0;
        while (r == 0 && (errno = 0, e = readdir(d))) {
                if (strncmp(e->d_name, "dev-", 4) != 0)
                        continue;
                snprintf(key, sizeof key, "%.128s/block/dev", e->d_name);
                r = attribute(root, md, key, text, sizeof text);
                if (r == 0)
                        r = parse_device(text, &device);
                if (r < 0) {
                        r = md_sysfs_is_gone(r) ? 0 : r;
                        continue;
                }
                s->members++;
                if (own && device == own)
                        r = read_member(root, md, e->d_name + 4, &s->own);
                else if (peer && device == peer)
                        r = read_member(root, md, e->d_name + 4, &s->peer);
        }
        if (r == 0 && !e)
                r = -errno;
        closedir(d);
        return r;
}

static bool is_running(const char *array_state)
{
        return strcmp(array_state, "clear") != 0 && strcmp(array_state, "inactive") != 0;
}

int md_sysfs_read(const char *root, const char *md, dev_t own, dev_t peer, struct md_state *ret)
{
        char text[128];
        struct md_state s = {.own.slot = -1, .peer.slot = -1, .sync_idle = true};

        int r = attribute(root, md, "array_state", text, sizeof text);
        if (md_sysfs_is_gone(r)) {
                *ret = s;
                return 0;
        }
        if (r < 0)
                return r;
        s.running = is_running(text);
        s.read_auto = strcmp(text, "read-auto") == 0;
        if (attribute(root, md, "sync_action", text, sizeof text) == 0) {
                s.sync_idle = strcmp(text, "idle") == 0;
                s.sync_frozen = strcmp(text, "frozen") == 0;
                s.checking = strcmp(text, "check") == 0 || strcmp(text, "repair") == 0;
                s.recovering = strcmp(text, "recover") == 0 || strcmp(text, "resync") == 0;
        }
        if (!s.sync_idle && attribute(root, md, "sync_completed", text, sizeof text) == 0 &&
            sscanf(text, "%" SCNu64 " / %" SCNu64, &s.sync_done_sectors, &s.sync_total_sectors) != 2)
                s.sync_done_sectors = s.sync_total_sectors = 0;
        r = read_members(root, md, own, peer, &s);
        if (r < 0)
                return r;
        bool ran = s.running, holds_own = s.own.present;
        /* An array that was stopped while we looked has no members any more: that is no failed leg. */
        r = attribute(root, md, "array_state", text, sizeof text);
        if (r < 0 && !md_sysfs_is_gone(r))
                return r;
        if (r < 0 || !is_running(text))
                s = (struct md_state){.own.slot = -1,
                                      .peer.slot = -1,
                                      .sync_idle = true,
                                      .members = s.members,
                                      .halfway = r == 0 && !ran && holds_own};
        if (own && s.running && s.members > 0 && !s.own.present && !s.peer.present)
                return MD_SOMEBODY_ELSES;
        s.own_known = own != 0;
        *ret = s;
        return 0;
}

int md_sysfs_other_holder(const char *root, const char *md, dev_t device, char *ret, size_t size)
{
        char path[PATH_SIZE];
        struct dirent *e;

        snprintf(path, sizeof path, "%s/dev/block/%u:%u/holders", root, major(device), minor(device));
        DIR *d = opendir(path);
        if (!d)
                return errno == ENOENT ? 0 : -errno;
        while (errno = 0, (e = readdir(d)))
                if (strncmp(e->d_name, "md", 2) == 0 && strcmp(e->d_name, md) != 0)
                        break;
        int r = e ? 1 : -errno;
        if (e)
                snprintf(ret, size, "%s", e->d_name);
        closedir(d);
        return r;
}

int md_sysfs_write(const char *root, const char *md, const char *name, const char *text)
{
        char path[PATH_SIZE];
        size_t size = strlen(text);

        snprintf(path, sizeof path, "%s/block/%s/md/%s", root, md, name);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        ssize_t n = write(fd, text, size);
        int r = n < 0 ? -errno : (size_t)n == size ? 0 : -EIO;
        close(fd);
        return r;
}
