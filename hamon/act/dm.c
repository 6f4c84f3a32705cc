/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/dm.h"

#include "hamon/act/direct_io.h"
#include "hamon/act/dm_mapping.h"
#include "hamon/act/leg_header.h"
#include "hamon/core/effect.h"

#include <errno.h>
#include <inttypes.h>
#include <libdevmapper.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SECTOR 512u
#define MIB LEG_GRAIN_BYTES

/* udev neither probes the leg nor offers it to anybody; it only makes the link in /dev/mapper. */
#define UDEV_FLAGS                                                                                                     \
        (DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG | DM_UDEV_DISABLE_DISK_RULES_FLAG | DM_UDEV_DISABLE_OTHER_RULES_FLAG)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void quiet(int level, const char *file, int line, int dm_errno, const char *format, ...)
{
        (void)level, (void)file, (void)line, (void)dm_errno, (void)format; /* the caller says it once, with context */
}

static void leg_name(const char *mirror, char ret[DM_PATH_SIZE])
{
        snprintf(ret, DM_PATH_SIZE, "nbdd-leg-%s", mirror);
}

void dm_leg_path(const char *mirror, char ret[DM_PATH_SIZE])
{
        snprintf(ret, DM_PATH_SIZE, "/dev/mapper/nbdd-leg-%s", mirror);
}

static int disk_mapping(const char *disk, struct dm_mapping *ret, struct trouble *t)
{
        struct stat st;
        uint64_t size;

        int fd = direct_open(disk, false);
        if (fd < 0)
                return trouble_errno(t, fd, "cannot open disk \"%s\"", disk);
        int r = fstat(fd, &st) < 0 ? -errno : direct_size_bytes(fd, &size);
        close(fd);
        if (r < 0)
                return trouble_errno(t, r, "cannot read the size of disk \"%s\"", disk);
        if (!S_ISBLK(st.st_mode))
                return trouble_say(t, -ENOTBLK, "\"%s\" is not a block device", disk);
        if (size < LEG_MEMBER_OFFSET + LEG_LEAST_BYTES)
                return trouble_say(t, -ENOSPC, "disk \"%s\" is too small for a leg: it needs %u MiB", disk,
                                   (LEG_MEMBER_OFFSET + LEG_LEAST_BYTES) / MIB);
        *ret = (struct dm_mapping){
            .disk = st.st_rdev,
            .start_sectors = LEG_MEMBER_OFFSET / SECTOR,
            .size_sectors = (size - LEG_MEMBER_OFFSET) / MIB * (MIB / SECTOR),
        };
        return 0;
}

/* 1: there, with its device number and mapping (start_sectors UINT64_MAX when it is not one linear target); 0: not
 * there. */
static int query(const char *name, dev_t *ret_device, struct dm_mapping *ret)
{
        struct dm_info info;
        uint64_t start, length;
        char *type, *parameters;
        unsigned major_number, minor_number;
        int r = -EIO;

        struct dm_task *task = dm_task_create(DM_DEVICE_TABLE);
        if (!task)
                return -ENOMEM;
        if (!dm_task_set_name(task, name))
                r = -ENOMEM;
        else if (!dm_task_run(task))
                r = dm_task_get_errno(task) == ENXIO ? 0 : -(dm_task_get_errno(task) ? dm_task_get_errno(task) : EIO);
        else if (dm_task_get_info(task, &info))
                r = info.exists ? 1 : 0;
        if (r == 1) {
                *ret_device = makedev(info.major, (unsigned)info.minor);
                *ret = (struct dm_mapping){.start_sectors = UINT64_MAX};
                void *next = dm_get_next_target(task, NULL, &start, &length, &type, &parameters);
                if (!next && start == 0 && type && strcmp(type, "linear") == 0 &&
                    sscanf(parameters, "%u:%u %" SCNu64, &major_number, &minor_number, &ret->start_sectors) == 3) {
                        ret->disk = makedev(major_number, minor_number);
                        ret->size_sectors = length;
                }
        }
        dm_task_destroy(task);
        return r;
}

static void format_linear(const struct dm_mapping *m, char ret[64])
{
        snprintf(ret, 64, "%u:%u %" PRIu64, major(m->disk), minor(m->disk), m->start_sectors);
}

static int error_of(struct dm_task *task)
{
        return -(dm_task_get_errno(task) ? dm_task_get_errno(task) : EIO);
}

static int create(const char *name, const struct dm_mapping *m)
{
        char parameters[64];
        uint32_t cookie = 0;
        int r = -ENOMEM;

        format_linear(m, parameters);
        struct dm_task *task = dm_task_create(DM_DEVICE_CREATE);
        if (!task)
                return r;
        if (dm_task_set_name(task, name) && dm_task_set_add_node(task, DM_ADD_NODE_ON_CREATE) &&
            dm_task_add_target(task, 0, m->size_sectors, "linear", parameters) &&
            dm_task_set_cookie(task, &cookie, UDEV_FLAGS)) {
                r = dm_task_run(task) ? 0 : error_of(task);
                (void)dm_udev_wait(
                    cookie); /* without udev there is nothing to wait for, and the node was made by the library */
        }
        dm_task_destroy(task);
        return r;
}

/* What the leg's device is to be, and is; `change` makes the one the other, under the lock (1: it did; 0: nothing to do). 1: it is there; 0: it is not; -errno with a sentence. */
static int with_device(const char *mirror, const char *disk, int (*change)(const char *name, const struct dm_mapping *want, int there, const struct dm_mapping *have),
                       dev_t *ret_device, struct dm_mapping *ret, struct trouble *t)
{
        char name[DM_PATH_SIZE];
        struct dm_mapping want = {0};

        *ret = (struct dm_mapping){0};
        int r = disk_mapping(disk, &want, t);
        if (r < 0)
                return r;
        leg_name(mirror, name);
        pthread_mutex_lock(&lock);
        dm_log_with_errno_init(quiet);
        int there = query(name, ret_device, ret);
        r = there < 0 ? there : change(name, &want, there, ret);
        if (r > 0)
                there = query(name, ret_device, ret); /* as it is now */
        pthread_mutex_unlock(&lock);
        if (r < 0 || there < 0)
                return trouble_errno(t, r < 0 ? r : there, "cannot make device-mapper device \"%s\" over \"%s\"", name, disk);
        if (there && !dm_mapping_is_of_leg(ret, &want))
                return trouble_say(t, -EEXIST, "device-mapper device \"%s\" is there with another mapping: remove it with dmsetup", name);
        return there;
}

static int create_missing(const char *name, const struct dm_mapping *want, int there, const struct dm_mapping *have)
{
        (void)have;
        int r = there ? 0 : create(name, want);
        return there || r < 0 ? r : 1;
}

int dm_leg_ensure(const char *mirror, const char *disk, dev_t *ret_device, uint64_t *ret_size_bytes, struct trouble *t)
{
        struct dm_mapping have;

        int r = with_device(mirror, disk, create_missing, ret_device, &have, t);
        if (r == 0)
                return trouble_say(t, -ENODEV, "the device-mapper device of mirror \"%s\" went away as it was made", mirror);
        *ret_size_bytes = have.size_sectors * SECTOR;
        return r < 0 ? r : 0;
}

static int load_table(const char *name, const struct dm_mapping *m)
{
        char parameters[64];
        int r = -ENOMEM;

        format_linear(m, parameters);
        struct dm_task *task = dm_task_create(DM_DEVICE_RELOAD);
        if (!task)
                return r;
        if (dm_task_set_name(task, name) && dm_task_add_target(task, 0, m->size_sectors, "linear", parameters))
                r = dm_task_run(task) ? 0 : error_of(task);
        dm_task_destroy(task);
        return r;
}

/*
 * The loaded table holds from here on; the kernel suspends first (dm-ioctl.c, do_resume()). Whoever takes a cookie must run its task: for one that nobody
 * runs dm_udev_wait() waits for ever.
 */
static int resume(const char *name)
{
        uint32_t cookie = 0;
        int r = -ENOMEM;

        struct dm_task *task = dm_task_create(DM_DEVICE_RESUME);
        if (!task)
                return r;
        if (dm_task_set_name(task, name) && dm_task_set_cookie(task, &cookie, UDEV_FLAGS)) {
                r = dm_task_run(task) ? 0 : error_of(task);
                (void)dm_udev_wait(cookie);
        }
        dm_task_destroy(task);
        return r;
}

static int lengthen(const char *name, const struct dm_mapping *want, int there, const struct dm_mapping *have)
{
        if (!there || !dm_mapping_is_of_leg(have, want) || have->size_sectors == want->size_sectors)
                return 0;
        int r = load_table(name, want);
        if (r == 0)
                r = resume(name);
        return r < 0 ? r : 1;
}

int dm_leg_grow(const char *mirror, const char *disk, uint64_t *ret_size_bytes, struct trouble *t)
{
        struct dm_mapping have;
        dev_t device;

        int r = with_device(mirror, disk, lengthen, &device, &have, t);
        if (r == 0)
                return trouble_say(t, -ENXIO, "the device-mapper device of mirror \"%s\" is not there", mirror);
        *ret_size_bytes = have.size_sectors * SECTOR;
        return r < 0 ? r : 0;
}

int dm_leg_remove(const char *mirror, struct trouble *t)
{
        char name[DM_PATH_SIZE];
        uint32_t cookie = 0;
        int r = -ENOMEM;

        leg_name(mirror, name);
        pthread_mutex_lock(&lock);
        dm_log_with_errno_init(quiet);
        struct dm_task *task = dm_task_create(DM_DEVICE_REMOVE);
        if (task && dm_task_set_name(task, name) && dm_task_set_cookie(task, &cookie, UDEV_FLAGS)) {
                r = dm_task_run(task) ? 0 : error_of(task);
                (void)dm_udev_wait(cookie);
        }
        if (task)
                dm_task_destroy(task);
        pthread_mutex_unlock(&lock);
        if (r == -ENXIO)
                r = 0;
        return r < 0 ? trouble_errno(t, r, "cannot remove device-mapper device \"%s\"", name) : 0;
}
