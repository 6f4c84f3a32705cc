/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/revoke.h"

#include "hamon/act/grants_file.h"
#include "hamon/act/nbdd_export.h"
#include "hamon/act/units.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define NBDD_UNIT "nbdd.service"
#define HOLD_MS 5000u /* a killed process whose requests the disk still has lets go when they end */
#define STEP_MS 20u

static void pause_ms(unsigned ms)
{
        struct timespec ts = {.tv_nsec = (long)ms * 1000000};

        (void)nanosleep(&ts, NULL); /* woken early means looked early */
}

int revoke_take_hold(struct mirror *m, unsigned timeout_ms, struct trouble *t)
{
        struct array a = mirror_array(m);
        int fd = m->hold_fd;

        int ended = fd < 0 ? array_end_halfway(&a, t) : 0;
        if (ended < 0)
                return ended;
        for (unsigned waited_ms = 0; fd < 0; waited_ms += STEP_MS) {
                fd = open(m->leg_path, O_RDWR | O_EXCL | O_CLOEXEC);
                if (fd >= 0)
                        break;
                if (errno != EBUSY)
                        return trouble_errno(t, -errno, "cannot open \"%s\"", m->leg_path);
                if (waited_ms >= timeout_ms)
                        return trouble_say(t, -EBUSY, "somebody has \"%s\" open", m->leg_path);
                pause_ms(STEP_MS);
        }
        m->hold_fd = fd;
        /* What a dead server left in the page cache must be on the disk or gone before anybody reads. */
        int r = fsync(fd) < 0 ? -errno : 0;
        if (r == 0 && ioctl(fd, BLKFLSBUF) < 0)
                r = -errno;
        if (r < 0) {
                mirror_release_hold(m);
                return trouble_errno(t, r, "cannot flush \"%s\"", m->leg_path);
        }
        return 0;
}

static int kill_nbdd(struct mirror *m, struct trouble *t)
{
        log_warning("mirror %s: nbdd does not answer: killing it, and taking the leg's grant out of its file", m->cm->name);
        int r = units_kill(NBDD_UNIT, UNITS_ALL, SIGKILL, t);
        if (r < 0)
                return r;
        r = grants_file_forget(m->grants_path, m->cm->id);
        if (r < 0)
                return trouble_errno(t, r, "cannot take the grant out of \"%s\"", m->grants_path);
        return units_kill(NBDD_UNIT, UNITS_ALL, SIGKILL, t);
}

int revoke_own_leg(struct mirror *m, struct trouble *t)
{
        struct md_state s;

        int r = mirror_md_state(m, &s);
        if (r < 0)
                return mirror_md_trouble(m, r, t);
        if (s.running && s.own.present)
                return 0; /* md has it exclusively: nobody else can */
        r = nbdd_export_revoke(m, t);
        if (r == -EIO)
                return r; /* drained, but this disk does not take a flush: not one to serve from */
        if (r < 0 && (r = kill_nbdd(m, t)) < 0)
                return r;
        return revoke_take_hold(m, HOLD_MS, t);
}
