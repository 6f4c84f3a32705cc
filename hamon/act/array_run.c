/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Assembly, of one leg alone or of two, by the kernel's own ioctls: nothing is scanned, no program is started on the way of a
 * take-over, and md claims the leg exclusively or refuses.
 */
#include "hamon/act/array.h"

#include "hamon/act/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/major.h>
#include <linux/raid/md_p.h>
#include <linux/raid/md_u.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define NEW_ARRAY MD_SYSFS_ROOT "/module/md_mod/parameters/new_array"
#define NODE_MS 2000u /* devtmpfs makes the node before the write below returns; this is for a system without */
#define STEP_MS 10u

static void pause_ms(unsigned ms)
{
        struct timespec ts = {.tv_nsec = (long)ms * 1000000};

        (void)nanosleep(&ts, NULL); /* woken early means looked early */
}

static int write_new_array(const char *md)
{
        int fd = open(NEW_ARRAY, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        int r = write(fd, md, strlen(md)) < 0 ? -errno : 0;
        close(fd);
        return r == -EEXIST ? 0 : r;
}

/* Opens the array's device, made if it is not there. */
static int open_new(const struct array *a, struct trouble *t)
{
        const char *modprobe[] = {"/sbin/modprobe", "md-mod", NULL};

        int r = write_new_array(a->md);
        if (r == -ENOENT && (r = child_run(modprobe, a->timeout_ms, t)) == 0)
                r = write_new_array(a->md);
        if (r < 0)
                return trouble_errno(t, r, "cannot make %s", a->md);
        for (unsigned waited_ms = 0;; waited_ms += STEP_MS) {
                int fd = open(a->md_path, O_RDWR | O_CLOEXEC);
                if (fd >= 0)
                        return fd;
                if ((errno != ENOENT && errno != ENXIO) || waited_ms >= NODE_MS)
                        return trouble_errno(t, -errno, "cannot open %s", a->md_path);
                pause_ms(STEP_MS);
        }
}

static int add_member(int fd, const struct array *a, dev_t device, const char *path, struct trouble *t)
{
        mdu_disk_info_t disk = {.major = (int)major(device), .minor = (int)minor(device)};

        return ioctl(fd, ADD_NEW_DISK, &disk) < 0 ? trouble_errno(t, -errno, "%s does not take \"%s\"", a->md, path) : 0;
}

int array_run(const struct array *a, bool both, struct trouble *t)
{
        mdu_array_info_t version = {.major_version = 1, .minor_version = 2};

        if (a->own == 0 || (both && a->peer == 0))
                return trouble_say(t, -ENODEV, "\"%s\" is not there", a->own == 0 ? a->own_path : a->peer_path);
        int fd = open_new(a, t);
        if (fd < 0)
                return fd;
        int r = ioctl(fd, SET_ARRAY_INFO, &version) < 0 ? trouble_errno(t, -errno, "cannot set %s up", a->md) : 0;
        if (r == 0)
                r = add_member(fd, a, a->own, a->own_path, t);
        if (r == 0 && both)
                r = add_member(fd, a, a->peer, a->peer_path, t);
        if (r == 0 && ioctl(fd, RUN_ARRAY, NULL) < 0)
                r = trouble_errno(t, -errno, "%s does not run with %s", a->md, both ? "both legs" : "the own leg alone");
        if (r < 0)
                (void)ioctl(fd, STOP_ARRAY, NULL); /* lets go of the leg; the first error is the one to report */
        close(fd);
        return r;
}
