/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Creation by mdadm, the stop, and what every assembly sets; the assembly itself is in array_run.c, the peer's leg in
 * array_peer.c. */
#include "hamon/act/array.h"

#include "hamon/act/bounded.h"
#include "hamon/act/child.h"

#include "base/log.h"
#include "hamon/core/types.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/major.h>
#include <linux/raid/md_p.h>
#include <linux/raid/md_u.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MDADM "/sbin/mdadm"
#define FLUSH_MS 5000u
#define BUSY_MS 4000u /* while udev looks at the device */
#define STEP_MS 20u

int array_write_config(const char *path)
{
        static const char text[] = "# written by hamon-act at each start\nCREATE bbl=no\nAUTO -all\nHOMEHOST <none>\n";
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return -errno;
        ssize_t n = write(fd, text, sizeof text - 1);
        int r = n < 0 ? -errno : n == (ssize_t)sizeof text - 1 ? 0 : -EIO;
        close(fd);
        return r;
}

static int state(const struct array *a, struct md_state *ret, struct trouble *t)
{
        int r = md_sysfs_read(MD_SYSFS_ROOT, a->md, a->own, a->peer, ret);

        return r < 0 ? trouble_errno(t, r, "cannot read the state of %s", a->md) : 0;
}

#define LINKS "/dev/md"

/* Each link to the array's device but one of the name `but` (NULL: none is left). */
static void remove_links(const struct array *a, const char *but)
{
        char target[32], found[64];
        struct dirent *e;
        DIR *d = opendir(LINKS);

        snprintf(target, sizeof target, "../%s", a->md);
        while (d && (e = readdir(d))) {
                ssize_t n = readlinkat(dirfd(d), e->d_name, found, sizeof found - 1);
                if (n < 0)
                        continue;
                found[n] = '\0';
                if (strcmp(found, target) == 0 && !(but && strcmp(e->d_name, but) == 0))
                        (void)unlinkat(dirfd(d), e->d_name, 0);
        }
        if (d)
                closedir(d);
}

/* Does the link lead to an array that is there, and not to ours? */
static bool leads_elsewhere(const char *path, const char *ours)
{
        char target[64], md[96], state[32];
        ssize_t n = readlink(path, target, sizeof target - 1);

        if (n <= 0)
                return false;
        target[n] = '\0';
        const char *name = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
        unsigned number;
        if (strcmp(name, ours) == 0 || (sscanf(name, "md%u", &number) == 1 && number >= ARRAY_MD_FIRST && number < ARRAY_MD_FIRST + MIRRORS_MAX))
                return false; /* of a mirror that has been renamed: it gets its own */
        snprintf(md, sizeof md, MD_SYSFS_ROOT "/block/%s/md/array_state", name);
        return md_sysfs_text(md, state, sizeof state) == 0 && strcmp(state, "clear") != 0 && strcmp(state, "inactive") != 0;
}

/* A node of devtmpfs would do; /dev/md/NAME is what people and the file system table use. */
void array_name(const struct array *a)
{
        char path[64], target[32];

        (void)mkdir(LINKS, 0755);
        remove_links(a, a->name);
        snprintf(path, sizeof path, LINKS "/%s", a->name);
        snprintf(target, sizeof target, "../%s", a->md);
        if (symlink(target, path) < 0 && errno == EEXIST) { /* a convenience: nothing of ours depends on it */
                if (leads_elsewhere(path, a->md)) {
                        log_warning("%s is another array's name, and stays that: this one is %s, continuing", path, a->md_path);
                        return;
                }
                (void)unlink(path);
                (void)symlink(target, path);
        }
}

static void unname(const struct array *a)
{
        remove_links(a, NULL);
}

static int set_peer_write_mostly(const struct array *a, const struct md_state *s, struct trouble *t)
{
        char key[64];

        snprintf(key, sizeof key, "dev-%s/state", s->peer.name);
        int r = s->peer.write_mostly ? 0 : md_sysfs_write(MD_SYSFS_ROOT, a->md, key, "writemostly");
        return r < 0 ? trouble_errno(t, r, "cannot make the peer's leg write-mostly in %s", a->md) : 0;
}

/* What has to be set after each assembly, because md keeps it from the other role or does not keep it. */
static int settle(const struct array *a, bool both, struct trouble *t)
{
        struct md_state s;
        char key[64], delay[16];

        int r = state(a, &s, t);
        if (r < 0)
                return r;
        if (!s.running || !s.own.present || !s.own.in_sync)
                return trouble_say(t, -EIO, "%s does not run with its own leg in sync", a->md);
        if (s.members != (both ? 2 : 1))
                return trouble_say(t, -EIO, "%s was assembled with %u members, expected %s", a->md, s.members,
                                   both ? "both legs" : "the own leg alone");
        if (both && (!s.peer.present || !s.peer.in_sync || s.peer.faulty || !s.sync_idle))
                return trouble_say(t, -EIO, "%s does not run with both legs in sync", a->md);
        if (both && (r = set_peer_write_mostly(a, &s, t)) < 0)
                return r;
        snprintf(key, sizeof key, "dev-%s/state", s.own.name);
        if (s.own.write_mostly && (r = md_sysfs_write(MD_SYSFS_ROOT, a->md, key, "-writemostly")) < 0)
                return trouble_errno(t, r, "cannot clear write-mostly of the own leg in %s", a->md);
        snprintf(delay, sizeof delay, "%d", ARRAY_SAFE_MODE_S);
        r = md_sysfs_write(MD_SYSFS_ROOT, a->md, "safe_mode_delay", delay);
        if (r < 0)
                return trouble_errno(t, r, "cannot set safe_mode_delay of %s", a->md);
        array_set_discards(a, both);
        /* Debian assembles "auto-read-only": bits and a re-add would wait for the first write. */
        if (s.read_auto && (r = md_sysfs_write(MD_SYSFS_ROOT, a->md, "array_state", "active")) < 0)
                return trouble_errno(t, r, "cannot make %s writable", a->md);
        array_name(a);
        return 0;
}

#define DATA_OFFSET_BYTES (1u << 20) /* where mdadm is told to put the data of a member */

int array_create(const struct array *a, uint64_t member_bytes, struct trouble *t)
{
        char config[352], name[64], chunk[40], size[40];
        struct md_state s;

        int r = state(a, &s, t);
        if (r < 0)
                return r;
        if (s.running || s.members > 0)
                return trouble_say(t, -EEXIST, "%s is there already", a->md);
        snprintf(config, sizeof config, "--config=%s", a->config);
        snprintf(name, sizeof name, "--name=%s", a->label);
        snprintf(chunk, sizeof chunk, "--bitmap-chunk=%llu", (unsigned long long)(array_chunk_bytes(member_bytes) / 1024));
        snprintf(size, sizeof size, "--size=%llu", (unsigned long long)((member_bytes - DATA_OFFSET_BYTES) / 1024));
        /* The set name becomes "hamon:LABEL": no host's own, so that nothing assembles it by itself. */
        const char *argv[] = {MDADM,
                              "--create",
                              a->md_path,
                              config,
                              name,
                              "--homehost=hamon",
                              "--run",
                              "--quiet",
                              "--metadata=1.2",
                              "--level=1",
                              "--raid-devices=2",
                              "--bitmap=internal",
                              chunk,
                              "--data-offset=1M",
                              size,
                              "--assume-clean",
                              a->own_slot == 0 ? a->own_path : "missing",
                              a->own_slot == 0 ? "missing" : a->own_path,
                              NULL};
        r = child_run(argv, a->timeout_ms, t);
        return r < 0 ? r : settle(a, false, t);
}

static int run_and_settle(const struct array *a, bool both, struct trouble *t)
{
        struct trouble ignored;

        int r = array_run(a, both, t);
        if (r < 0)
                return r;
        r = settle(a, both, t);
        if (r < 0 && !both)
                (void)array_stop(a, &ignored); /* what was begun is not left behind; the first error is the one to report */
        return r;
}

int array_assemble(const struct array *a, struct trouble *t)
{
        struct md_state s;

        int r = state(a, &s, t);
        if (r < 0)
                return r;
        if (s.running && s.own.present)
                return s.members == 1 ? settle(a, false, t) : 0; /* asked again */
        if (s.running || s.members > 0)
                return trouble_say(
                    t, -EBUSY,
                    "%s is there without the own leg: another array has that number, or an assembly stopped half-way",
                    a->md);
        return run_and_settle(a, false, t);
}

int array_assemble_both(const struct array *a, struct trouble *t)
{
        struct md_state s;

        int r = state(a, &s, t);
        if (r < 0)
                return r;
        if (s.running && s.own.present)
                return settle(a, true, t); /* asked again */
        if (s.running || s.members > 0)
                return trouble_say(t, -EBUSY, "%s is there without the own leg", a->md);
        return run_and_settle(a, true, t);
}

static int flush(const struct array *a, struct trouble *t)
{
        int fd = open(a->md_path, O_RDONLY | O_CLOEXEC);
        int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;

        if (fd >= 0)
                close(fd);
        return r < 0 ? trouble_errno(t, r, "cannot flush %s", a->md) : 0;
}

int array_flush(const struct array *a, struct trouble *t)
{
        return bounded_run(flush, a, FLUSH_MS, "flush the array", t);
}

/* Whoever looks at the device has it open: udev does for a moment, a file system for as long as it is mounted. */
static int stop(const struct array *a, struct trouble *t)
{
        struct timespec step = {.tv_nsec = STEP_MS * 1000000L};

        for (unsigned waited_ms = 0;; waited_ms += STEP_MS) {
                int fd = open(a->md_path, O_RDWR | O_CLOEXEC);
                int r = fd < 0 || ioctl(fd, STOP_ARRAY, NULL) < 0 ? -errno : 0;

                if (fd >= 0)
                        close(fd);
                if (r == 0 || r == -ENOENT || r == -ENXIO || r == -ENODEV)
                        return 0;
                if (r != -EBUSY || waited_ms >= BUSY_MS)
                        return trouble_errno(t, r, "cannot stop %s", a->md);
                (void)nanosleep(&step, NULL); /* woken early means looked early */
        }
}

int array_stop(const struct array *a, struct trouble *t)
{
        struct md_state s;
        struct stat st;

        int r = state(a, &s, t);
        if (r < 0)
                return r;
        if (stat(a->md_path, &st) < 0 && errno == ENOENT && !s.running) {
                unname(a);
                return 0;
        }
        r = bounded_run(stop, a, a->timeout_ms, "stop the array", t);
        int again = state(a, &s, t);
        if (again < 0)
                return again;
        if (s.running || s.members > 0)
                return r < 0 ? r : trouble_say(t, -EBUSY, "%s is still there after its stop", a->md);
        unname(a);
        return 0;
}

int array_end_halfway(const struct array *a, struct trouble *t)
{
        struct md_state s;

        int r = state(a, &s, t);
        return r < 0 || !s.halfway ? r : array_stop(a, t);
}
