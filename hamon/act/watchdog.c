/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/watchdog.h"

#include "hamon/act/thread.h"

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
/* Two locks: a driver that asks a management controller may hold its caller for seconds, and the loop waits for nothing. */
static pthread_mutex_t io_lock = PTHREAD_MUTEX_INITIALIZER; /* of fd, and of what is done to the device; the outer one */
static int fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below; never held for long */
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static bool armed, starving, feeds; /* `feeds`: there is a thread for it */
static uint64_t armed_at_ms;
static enum watchdog_deed wanted;
static bool said; /* `wanted` was not done yet */

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

/* What was said before is over: above all a disarming. */
static void is_armed(void)
{
        pthread_mutex_lock(&lock);
        armed = true;
        armed_at_ms = now_ms();
        said = false;
        pthread_mutex_unlock(&lock);
}

static void *feed(void *userdata);

/* A loop that says nothing any more feeds nothing: the thread does each deed once. */
static int start_feeding(void)
{
        pthread_mutex_lock(&lock);
        int r = feeds ? 0 : thread_start(feed, NULL);
        feeds = r == 0;
        pthread_mutex_unlock(&lock);
        return r;
}

int watchdog_arm(struct trouble *t)
{
        if (!device[0])
                return 0;
        int r = start_feeding();
        pthread_mutex_lock(&io_lock);
        if (r == 0 && fd < 0)
                r = open_device();
        else if (r == 0)
                (void)ioctl(fd, WDIOC_KEEPALIVE, 0); /* the next look of the loop feeds it anyway */
        if (r == 0)
                is_armed();
        pthread_mutex_unlock(&io_lock);
        return r < 0 ? trouble_errno(t, r, "cannot arm the watchdog \"%s\": no promotion without it", device) : 0;
}

void watchdog_look(struct self_view *ret)
{
        pthread_mutex_lock(&lock);
        ret->watchdog_open = armed;
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

/* Does what was said last, unless it was armed anew since. Holds io_lock. */
static void perform(void)
{
        pthread_mutex_lock(&lock);
        enum watchdog_deed deed = said && fd >= 0 ? wanted : WATCHDOG_NOTHING;
        said = false;
        if (deed == WATCHDOG_DISARM)
                armed = false;
        pthread_mutex_unlock(&lock);
        if (deed == WATCHDOG_DISARM)
                disarm();
        else if (deed == WATCHDOG_FEED)
                (void)ioctl(fd, WDIOC_KEEPALIVE, 0); /* one that does not take it will reboot us, as it should */
}

static void *feed(void *userdata)
{
        for (;;) {
                pthread_mutex_lock(&lock);
                while (!said)
                        pthread_cond_wait(&wake, &lock);
                pthread_mutex_unlock(&lock);
                pthread_mutex_lock(&io_lock);
                perform();
                pthread_mutex_unlock(&io_lock);
        }
        return userdata;
}

void watchdog_do(enum watchdog_deed deed)
{
        pthread_mutex_lock(&lock);
        if (armed && deed == WATCHDOG_STARVE && !starving)
                log_error("watchdog \"%s\" is fed no more: an array runs here and no hamon watches over it", device);
        starving = deed == WATCHDOG_STARVE;
        wanted = deed;
        said = armed && (deed == WATCHDOG_FEED || deed == WATCHDOG_DISARM);
        pthread_cond_signal(&wake);
        pthread_mutex_unlock(&lock);
}

void watchdog_end(void)
{
        pthread_mutex_lock(&io_lock);
        pthread_mutex_lock(&lock);
        wanted = WATCHDOG_DISARM;
        said = armed;
        pthread_mutex_unlock(&lock);
        perform();
        pthread_mutex_unlock(&io_lock);
}

void watchdog_hand_over(void)
{
        int timeout_s = WATCHDOG_HANDOVER_S;

        pthread_mutex_lock(&io_lock);
        if (fd >= 0) {
                (void)ioctl(fd, WDIOC_SETTIMEOUT, &timeout_s); /* else the shorter one holds */
                (void)ioctl(fd, WDIOC_KEEPALIVE, 0);           /* as in perform() */
        }
        pthread_mutex_unlock(&io_lock);
}
