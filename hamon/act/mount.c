/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/mount.h"

#include "hamon/act/child.h"
#include "hamon/act/holders.h"
#include "hamon/act/units.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MOUNT_MS 60000u   /* a journal replay on a slow disk */
#define FSCK_MS 1800000u  /* of a file system that an error was noted on; of any other it is done at once */
#define FSCK_MENDED 1     /* fsck(8): below that nothing was wrong, from 2 on the machine or a person has to do something */

/* mountinfo writes blank, tab, newline and backslash as three octal digits. */
static bool same_path(const char *field, size_t length, const char *path)
{
        size_t i = 0;

        for (; i < length && *path; path++) {
                unsigned char c = (unsigned char)field[i++];

                if (c == '\\' && i + 3 <= length) {
                        c = (unsigned char)((field[i] - '0') << 6 | (field[i + 1] - '0') << 3 | (field[i + 2] - '0'));
                        i += 3;
                }
                if (c != (unsigned char)*path)
                        return false;
        }
        return i == length && !*path;
}

/* Does a list of options, up to the next blank, have one that keeps writes out? A kernel's word for it after an error is either. */
static bool is_read_only(const char *options)
{
        size_t all = strcspn(options, " \n");

        for (size_t at = 0, n; at < all; at += n + 1) {
                n = strcspn(options + at, ", \n");
                if ((n == 2 && strncmp(options + at, "ro", 2) == 0) || (n == 12 && strncmp(options + at, "emergency_ro", 12) == 0))
                        return true;
        }
        return false;
}

/* `field` at the mount's own options; those of the file system are the third word behind " - ". */
static bool line_is_read_only(const char *field)
{
        size_t length = strcspn(field, "\n");
        const char *dash = memmem(field, length, " - ", 3), *end = field + length;

        if (is_read_only(field))
                return true;
        for (int i = 0; dash && i < 3; i++) {
                dash = memchr(dash + 1, ' ', (size_t)(end - dash - 1));
        }
        return dash && is_read_only(dash + 1);
}

enum mount_state mount_parse(const char *text, const char *where, unsigned major_number, unsigned minor_number)
{
        enum mount_state found = MOUNT_NOTHING;

        /* "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT ..."; a later line covers an earlier one. */
        for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                unsigned line_major, line_minor;
                const char *field = line;

                if (sscanf(line, "%*u %*u %u:%u", &line_major, &line_minor) != 2)
                        continue;
                for (int i = 0; i < 4; i++) {
                        field += strcspn(field, " \n");
                        field += *field == ' ';
                }
                if (!same_path(field, strcspn(field, " \n"), where))
                        continue;
                field += strcspn(field, " \n");
                field += *field == ' ';
                found = line_major != major_number || line_minor != minor_number ? MOUNT_OTHER : line_is_read_only(field) ? MOUNT_READ_ONLY : MOUNT_OURS;
        }
        return found;
}

static char *read_mountinfo(void)
{
        size_t size = 0, room = 1 << 16;
        char *text = malloc(room);
        FILE *f = fopen("/proc/self/mountinfo", "re");

        while (text && f) {
                size_t n = fread(text + size, 1, room - size - 1, f);
                size += n;
                if (n == 0)
                        break;
                if (room - size < 2) {
                        char *more = realloc(text, room *= 2);
                        if (!more)
                                break;
                        text = more;
                }
        }
        if (text)
                text[size] = '\0';
        if (f)
                fclose(f);
        return text;
}

int mount_look(const char *where, const char *device)
{
        struct stat st;
        char *text = read_mountinfo();

        if (!text)
                return -ENOMEM;
        /* Without the device nothing of it can be mounted there; whatever else is, is not ours. */
        if (stat(device, &st) < 0)
                st.st_rdev = makedev(0, 0);
        int r = (int)mount_parse(text, where, major(st.st_rdev), minor(st.st_rdev));
        free(text);
        return r;
}

int mount_look_closely(const struct config_service *s, const char *device, struct mount_errors *known)
{
        int r = mount_look(s->mount, device);
        struct stat st;

        if (r != MOUNT_OURS || stat(device, &st) < 0) {
                *known = (struct mount_errors){.instance = 0};
                return r;
        }
        mount_errors_look("/sys", st.st_rdev, s->mount, mount_errors_takes_writes, known);
        return known->stopped ? MOUNT_READ_ONLY : r;
}

bool mount_has_turned(const struct config_service *s, int state)
{
        return state == MOUNT_READ_ONLY && !is_read_only(s->options);
}

/* What can be mended without losing anything, and no more: as a boot would do it. */
static int check(const struct config_service *s, const char *device, struct trouble *t)
{
        char program[64], node[PATH_MAX];
        const char *argv[] = {program, "-p", device, NULL};
        struct trouble said = {""};
        int status = -1;

        snprintf(program, sizeof program, "/usr/sbin/fsck.%s", s->type); /* fits: a type is a short name */
        int r = child_run_full(&(struct child){.argv = argv, .timeout_ms = FSCK_MS}, &status, &said);
        if (r == 0 || status == FSCK_MENDED)
                return 0;
        if (r == -ENOENT || r == -ETIMEDOUT)
                return trouble_say(t, r, "%s", said.text);
        const char *shown = realpath(device, node) ? node : device; /* what is mounted may be a link */
        return trouble_say(t, -EUCLEAN, "fsck.%s cannot mend %.30s by itself (%d): run fsck.%s %.30s by hand", s->type, shown, status, s->type, shown);
}

int mount_start(const struct config_service *s, const char *device, struct trouble *t)
{
        int r = mount_look(s->mount, device);

        if (r == MOUNT_OTHER)
                return trouble_say(t, -EBUSY, "something else is mounted on \"%s\"", s->mount);
        if (r == MOUNT_NOTHING && s->fsck && (r = check(s, device, t)) < 0)
                return r;
        if (r == MOUNT_NOTHING && (r = units_mount(s->mount, device, s->type, s->options, MOUNT_MS, t)) < 0)
                return r;
        r = mount_look(s->mount, device);
        return r == MOUNT_OURS || r == MOUNT_READ_ONLY ? 0 : trouble_say(t, -EIO, "\"%s\" is not mounted although systemd says so", s->mount);
}

int mount_stop(const struct config_service *s, const char *device, struct trouble *t)
{
        char who[96];
        struct stat st;

        int state = mount_look(s->mount, device);
        if (state != MOUNT_OURS && state != MOUNT_READ_ONLY)
                return 0;
        int r = units_unmount(s->mount, MOUNT_MS, t);
        state = mount_look(s->mount, device);
        if (state != MOUNT_OURS && state != MOUNT_READ_ONLY)
                return r;
        if (stat(device, &st) < 0 || holders_find("/proc", st.st_rdev, who, sizeof who) == 0)
                return r < 0 ? r : trouble_say(t, -EBUSY, "\"%s\" is still mounted", s->mount);
        return trouble_say(t, -EBUSY, "\"%.40s\" is held by %s", s->mount, who);
}
