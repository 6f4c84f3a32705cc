/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/watchdog.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static char device[128];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static int fd = -1;
static uint64_t armed_at_ms;
static bool starving;

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_BOOTTIME, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void watchdog_use(const char *path)
{
        snprintf(device, sizeof device, "%s", path ? path : "");
}

static int open_device(void)
{
        int timeout_s = WATCHDOG_TIMEOUT_S;

        fd = open(device, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (ioctl(fd, WDIOC_SETTIMEOUT, &timeout_s) < 0) {
                int r = -errno;
                /* Some devices have one time-out only: better that one than none. Anything that is no watchdog at all is refused. */
                if (ioctl(fd, WDIOC_GETTIMEOUT, &timeout_s) < 0) {
                        close(fd);
                        fd = -1;
                        return r;
                }
        }
        log_notice("watchdog \"%s\" is armed, %d s", device, timeout_s);
        return 0;
}

int watchdog_arm(struct trouble *t)
{
        int r = 0;

        if (!device[0])
                return 0;
        pthread_mutex_lock(&lock);
        if (fd < 0)
                r = open_device();
        else
                (void)ioctl(fd, WDIOC_KEEPALIVE, 0); /* the next look of the loop feeds it anyway */
        if (r == 0)
                armed_at_ms = now_ms();
        pthread_mutex_unlock(&lock);
        return r < 0 ? trouble_errno(t, r, "cannot arm the watchdog \"%s\": no promotion without it", device) : 0;
}

void watchdog_look(struct self_view *ret)
{
        pthread_mutex_lock(&lock);
        ret->watchdog_open = fd >= 0;
        ret->watchdog_armed_ms = now_ms() - armed_at_ms;
        pthread_mutex_unlock(&lock);
}

static void disarm(void)
{
        if (write(fd, "V", 1) < 0) /* the character that says that the close is meant */
                log_warning("watchdog \"%s\" is not disarmed: %s, continuing", device, strerror(errno));
        else
                log_notice("watchdog \"%s\" is disarmed: no array runs here", device);
        close(fd);
        fd = -1;
}

void watchdog_do(enum watchdog_deed deed)
{
        pthread_mutex_lock(&lock);
        if (fd >= 0 && deed == WATCHDOG_DISARM)
                disarm();
        else if (fd >= 0 && deed == WATCHDOG_FEED)
                (void)ioctl(fd, WDIOC_KEEPALIVE, 0); /* one that does not take it will reboot us, as it should */
        if (fd >= 0 && deed == WATCHDOG_STARVE && !starving)
                log_error("watchdog \"%s\" is fed no more: an array runs here and no hamon watches over it", device);
        starving = deed == WATCHDOG_STARVE;
        pthread_mutex_unlock(&lock);
}

void watchdog_hand_over(void)
{
        int timeout_s = WATCHDOG_HANDOVER_S;

        pthread_mutex_lock(&lock);
        if (fd >= 0) {
                (void)ioctl(fd, WDIOC_SETTIMEOUT, &timeout_s); /* else the shorter one holds */
                (void)ioctl(fd, WDIOC_KEEPALIVE, 0);           /* as in watchdog_do() */
        }
        pthread_mutex_unlock(&lock);
}
