/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/reboot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <sys/reboot.h>
#include <unistd.h>

int reboot_now(void)
{
        int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

        if (fd >= 0) {
                (void)!write(fd, "b", 1); /* when it returns at all it did not work, and the next way is tried */
                close(fd);
        }
        return reboot((int)LINUX_REBOOT_CMD_RESTART) < 0 ? -errno : -EIO;
}
