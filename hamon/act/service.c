/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/service.h"

#include "hamon/act/address_probe.h"
#include "hamon/act/holders.h"
#include "hamon/act/units.h"

#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MOUNT_MS 60000u /* a journal replay on a slow disk */
#define UNIT_MS 120000u /* crash recovery of a data base */
#define KILLED_MS 10000u /* until what was killed is gone */

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

int service_parse_mountinfo(const char *text, const char *where, unsigned major_number, unsigned minor_number)
{
        int found = 0;

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
                if (same_path(field, strcspn(field, " \n"), where))
                        found = line_major == major_number && line_minor == minor_number ? 1 : -EBUSY;
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

static int mounted(const char *where, const char *device)
{
        struct stat st;
        char *text = read_mountinfo();

        if (!text)
                return -ENOMEM;
        /* Without the device nothing of it can be mounted there; whatever else is, is not ours. */
        if (stat(device, &st) < 0)
                st.st_rdev = makedev(0, 0);
        int r = service_parse_mountinfo(text, where, major(st.st_rdev), minor(st.st_rdev));
        free(text);
        return r;
}

static int start_all(const struct config_service *s, const char *device, struct trouble *t)
{
        if (s->has_mount) {
                int r = mounted(s->mount, device);
                if (r == -EBUSY)
                        return trouble_say(t, r, "something else is mounted on \"%s\"", s->mount);
                if (r == 0 && (r = units_mount(s->mount, device, s->type, s->options, MOUNT_MS, t)) < 0)
                        return r;
                if (mounted(s->mount, device) != 1)
                        return trouble_say(t, -EIO, "\"%s\" is not mounted although systemd says so", s->mount);
        }
        for (unsigned i = 0; i < s->units; i++) {
                int r = units_start(s->unit[i], UNIT_MS, t);
                if (r < 0)
                        return r;
        }
        return 0;
}

int service_start(const struct config_service *s, const char *device, struct trouble *t)
{
        struct address_probe probe;
        struct trouble taken;

        address_probe_start(s, &probe);
        int r = start_all(s, device, t);
        int probed = address_probe_end(&probe, &taken);
        if (r == 0 && probed < 0) {
                *t = taken;
                r = probed;
        }
        return r;
}

/* A unit that does not end is killed: what waits for the stop may be the other node, and every client. */
static int stop_unit(const char *unit, unsigned timeout_ms, struct trouble *t)
{
        int r = units_stop(unit, timeout_ms, t);

        if (r != -ETIMEDOUT)
                return r;
        log_warning("unit %s did not stop within %u s: its processes are killed", unit, timeout_ms / 1000);
        r = units_kill(unit, SIGKILL, t);
        if (r == 0)
                r = units_stop(unit, KILLED_MS, t);
        return r == -ETIMEDOUT ? trouble_say(t, r, "unit %s: its processes were killed and do not end: they wait for a disk", unit) : r;
}

static int unmount(const struct config_service *s, const char *device, struct trouble *t)
{
        char who[96];
        struct stat st;

        int r = units_unmount(s->mount, MOUNT_MS, t);
        if (mounted(s->mount, device) != 1)
                return r;
        if (stat(device, &st) < 0 || holders_find("/proc", st.st_rdev, who, sizeof who) == 0)
                return r < 0 ? r : trouble_say(t, -EBUSY, "\"%s\" is still mounted", s->mount);
        return trouble_say(t, -EBUSY, "\"%.40s\" is held by %s", s->mount, who);
}

int service_stop(const struct config_service *s, const char *device, struct trouble *t)
{
        int first = 0;

        for (unsigned i = s->units; i-- > 0;) {
                int r = stop_unit(s->unit[i], s->stop_timeout_ms, t);
                if (r < 0 && first == 0)
                        first = r;
        }
        if (first < 0)
                return first;
        return s->has_mount && mounted(s->mount, device) == 1 ? unmount(s, device, t) : 0;
}

int service_look(const struct config_service *s, const char *device)
{
        char state[32];
        struct trouble ignored;

        int r = s->has_mount ? mounted(s->mount, device) : 1;
        if (r != 1)
                return r == -EBUSY ? 0 : r;
        for (unsigned i = 0; i < s->units; i++) {
                r = units_state(s->unit[i], state, sizeof state, &ignored);
                if (r < 0)
                        return r;
                if (strcmp(state, "active") != 0 && strcmp(state, "reloading") != 0)
                        return 0;
        }
        return 1;
}
