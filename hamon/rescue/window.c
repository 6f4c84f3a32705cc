/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See window.h; LOOP_CONFIGURE is of Linux 5.8 (drivers/block/loop.c). */
#include "hamon/rescue/window.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TRIES 16 /* another process may take the free device before us */

static int configure(int backing, const char *path, uint64_t offset_bytes, uint64_t size_bytes, const char *device)
{
        struct loop_config config = {
            .fd = (__u32)backing,
            .info = {.lo_offset = offset_bytes, .lo_sizelimit = size_bytes, .lo_flags = LO_FLAGS_READ_ONLY},
        };
        int fd = open(device, O_RDONLY | O_CLOEXEC), r;

        if (fd < 0)
                return -errno;
        (void)snprintf((char *)config.info.lo_file_name, sizeof config.info.lo_file_name, "%s", path);
        r = ioctl(fd, LOOP_CONFIGURE, &config) < 0 ? -errno : 0;
        (void)close(fd);
        return r;
}

int window_open(const char *path, uint64_t offset_bytes, uint64_t size_bytes, char ret_device[WINDOW_PATH_SIZE], struct trouble *t)
{
        int backing = open(path, O_RDONLY | O_CLOEXEC), control, r = -EBUSY;

        if (backing < 0)
                return trouble_errno(t, -errno, "cannot open %s", path);
        control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        if (control < 0) {
                r = -errno;
                (void)close(backing);
                return trouble_errno(t, r, "cannot make a loop device (modprobe loop?)");
        }
        for (int i = 0; r == -EBUSY && i < TRIES; i++) {
                int number = ioctl(control, LOOP_CTL_GET_FREE);
                if (number < 0) {
                        r = -errno;
                        break;
                }
                (void)snprintf(ret_device, WINDOW_PATH_SIZE, "/dev/loop%d", number);
                r = configure(backing, path, offset_bytes, size_bytes, ret_device);
        }
        (void)close(control);
        (void)close(backing);
        return r < 0 ? trouble_errno(t, r, "cannot make a loop device over %s", path) : 0;
}
