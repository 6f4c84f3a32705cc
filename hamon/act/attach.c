/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/attach.h"

#include "hamon/act/turns.h"
#include "hamon/act/units.h"

#include "base/log.h"
#include "nbdc/nbdc_client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ATTACH_MS 12000u /* connect, negotiate (the server may drain an older session first), configure */
#define TURN_MS (2 * ATTACH_MS) /* what waits behind this attach waits as long */
#define ASK_MS 3000u
#define LOOK_MS 500u /* the monitor must not go blind behind a hung nbdc */
#define DETACH_MS 10000u
#define STEP_MS 50u
#define ARGUMENTS_SIZE 900

/* Of all mirrors: after a boot of the peer they all come at once. */
static struct turns starts = TURNS_OF(2);

static void pause_ms(unsigned ms)
{
        struct timespec ts = {.tv_nsec = (long)ms * 1000000};

        (void)nanosleep(&ts, NULL); /* woken early means looked early */
}

static void unit_name(const struct mirror *m, char *ret, size_t size)
{
        snprintf(ret, size, "nbdc@%s.service", m->peer_name);
}

/* Lives in /run: it need not survive a power cut, only be whole when systemd reads it. */
static int write_environment(const struct mirror *m, uint64_t epoch, const struct uuid *session, struct trouble *t)
{
        char text[ARGUMENTS_SIZE], path[256], temporary[264];

        int r = attach_format_environment(m, epoch, session, text, sizeof text);
        snprintf(path, sizeof path, "%.200s/%s.env", nbdc_rundir(), m->peer_name);
        snprintf(temporary, sizeof temporary, "%s.tmp", path);
        (void)mkdir(nbdc_rundir(), 0755);
        (void)unlink(temporary); /* a left-over of a crash */
        int fd = r < 0 ? -1 : open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (r == 0 && fd < 0)
                r = -errno;
        if (r == 0) {
                ssize_t n = write(fd, text, strlen(text));
                r = n < 0 ? -errno : (size_t)n == strlen(text) ? 0 : -EIO;
        }
        if (fd >= 0)
                close(fd);
        if (r == 0 && rename(temporary, path) < 0)
                r = -errno;
        return r < 0 ? trouble_errno(t, r, "cannot write \"%s\"", path) : 0;
}

/* Is the device configured in the kernel, whoever supervises it? */
static bool configured(const struct mirror *m)
{
        char path[64];

        snprintf(path, sizeof path, "/sys/block/%s/pid", m->peer_name);
        return access(path, F_OK) == 0;
}

/* A device that was disconnected stays configured until its last opener has closed it. */
static bool becomes_free(const struct mirror *m)
{
        for (unsigned waited_ms = 0; configured(m); waited_ms += STEP_MS) {
                if (waited_ms >= DETACH_MS)
                        return false;
                pause_ms(STEP_MS);
        }
        return true;
}

static bool same_session(const struct nbdc_status *s, uint64_t epoch, const struct uuid *session)
{
        char text[UUID_TEXT_SIZE];

        uuid_format(session, text);
        return s->has_epoch && s->epoch == epoch && strcasecmp(s->session, text) == 0;
}

static int fail_attach(const struct mirror *m, int error)
{
        char unit[64];
        struct trouble ignored; /* the first error is the one to report */

        unit_name(m, unit, sizeof unit);
        if (attach_end(m, &ignored) < 0 || !configured(m))
                (void)units_stop(unit, DETACH_MS, &ignored);
        return error;
}

/* A leg that joins a running array can wait: nobody does meanwhile. For one that is handed over a service waits, and what other mirrors do is none of its business. */
static int start_in_turn(const struct mirror *m, const char *unit, struct trouble *t)
{
        struct md_state md;
        bool joins = mirror_md_state(m, &md) == 0 && md.running;

        if (joins && !turns_take(&starts, TURN_MS))
                return trouble_say(t, -EAGAIN, "the legs of other mirrors are being attached: it is tried again");
        int r = units_start(unit, ATTACH_MS, t);
        if (joins)
                turns_leave(&starts);
        return r;
}

int attach_leg(const struct mirror *m, uint64_t epoch, const struct uuid *session, struct trouble *t)
{
        struct nbdc_status s;
        struct trouble ignored;
        char unit[64];

        unit_name(m, unit, sizeof unit);
        int r = nbdc_status(m->peer_path, ASK_MS, &s);
        if (r == 0 && s.state == NBDC_ATTACHED && same_session(&s, epoch, session))
                return 0;
        if (r == 0 && s.state != NBDC_CONNECTING) {
                struct md_state md;
                int look = mirror_md_state(m, &md);
                if (look < 0)
                        return mirror_md_trouble(m, look, t);
                if (md.running && (md.peer.present || md.members > 1))
                        return trouble_say(t, -EBUSY, "%s is attached with another session: detach it first",
                                           m->peer_path);
                /* Left over from an array that was stopped: nothing uses it, and no record says a word about it. */
                look = attach_end(m, t);
                if (look < 0)
                        return look;
                if (!becomes_free(m))
                        return trouble_say(t, -EBUSY, "%s was detached and is still in use", m->peer_path);
        } else if (r == 0) { /* one that never got through: out of the way */
                (void)units_stop(unit, DETACH_MS, &ignored);
        } else if (!becomes_free(m)) {
                return trouble_say(t, -EBUSY, "%s is attached by nobody that answers: detach it first", m->peer_path);
        }
        r = write_environment(m, epoch, session, t);
        if (r < 0)
                return r;
        r = start_in_turn(m, unit, t);
        if (r < 0) {
                if (nbdc_status(m->peer_path, ASK_MS, &s) == 0 && s.last_error[0])
                        (void)trouble_say(t, r, "%.120s", s.last_error);
                return fail_attach(m, r);
        }
        r = nbdc_status(m->peer_path, ASK_MS, &s);
        if (r < 0)
                return fail_attach(m, trouble_errno(t, r, "nbdc for %s does not answer", m->peer_path));
        if (s.state != NBDC_ATTACHED || !same_session(&s, epoch, session))
                return fail_attach(m, trouble_say(t, -EIO, "%s is not attached: %.90s", m->peer_path, s.last_error));
        return 0;
}

static int set_policy(const struct mirror *m, enum nbdc_policy policy, struct trouble *t)
{
        char error[NBDC_ERROR_SIZE];

        int r = nbdc_set_policy(m->peer_path, policy, ASK_MS, error);
        return r < 0 ? trouble_say(t, r, "cannot make %s %s: %.80s", m->peer_path, nbdc_policy_name(policy),
                                   *error ? error : "no answer")
                     : 0;
}

int attach_require(const struct mirror *m, struct trouble *t)
{
        return set_policy(m, NBDC_REQUIRED, t);
}

/*
 * A configured device without a supervisor that answers: nbdc crashed and systemd gave up, or it hangs (`hung`) and is in the way of the next one. Start
 * one, it re-adopts the device. The main process alone is killed: nbdc's keeper holds the kernel's connection meanwhile.
 */
static int revive(const struct mirror *m, bool hung, struct trouble *t)
{
        struct nbdc_status s;
        char unit[64];
        int r = 0;

        unit_name(m, unit, sizeof unit);
        if (hung) {
                log_warning("mirror %s: the nbdc of %s does not answer: killing it, another takes the device over", m->cm->name, m->peer_path);
                r = units_kill(unit, UNITS_MAIN, SIGKILL, t);
        }
        if (r == 0)
                r = units_start(unit, ATTACH_MS, t);
        for (unsigned waited_ms = 0; waited_ms < ASK_MS; waited_ms += STEP_MS) {
                if (nbdc_status(m->peer_path, ASK_MS, &s) == 0)
                        return 0;
                pause_ms(STEP_MS);
        }
        return r < 0 ? r : trouble_say(t, -ETIMEDOUT, "no nbdc takes %s over", m->peer_path);
}

static int detach(const struct mirror *m, const char *version, struct trouble *t)
{
        char error[NBDC_ERROR_SIZE], unit[64];
        struct trouble ignored;

        unit_name(m, unit, sizeof unit);
        int r = nbdc_detach(m->peer_path, version, ASK_MS, error);
        if ((r == -ENOENT || r == -ETIMEDOUT) && configured(m)) {
                r = revive(m, r == -ETIMEDOUT, t);
                if (r < 0)
                        return r;
                r = nbdc_detach(m->peer_path, version, ASK_MS, error);
        }
        if (r == -ENOENT)
                r = 0; /* neither a supervisor nor a device: it is as it was wanted */
        if (r < 0)
                return trouble_say(t, r, "cannot detach %s: %.90s", m->peer_path, *error ? error : "no answer");
        (void)units_stop(unit, DETACH_MS, &ignored); /* it ends by itself; this waits for it */
        return 0; /* every request has ended; the kernel keeps the device configured until md, too, lets go of it
                     (LEG_REMOVE) */
}

int attach_detach(const struct mirror *m, uint64_t version, struct trouble *t)
{
        char text[24];

        snprintf(text, sizeof text, "%" PRIu64, version);
        return detach(m, version ? text : NULL, t);
}

int attach_end(const struct mirror *m, struct trouble *t)
{
        struct trouble ignored;

        (void)set_policy(m, NBDC_OPTIONAL, &ignored); /* without a supervisor the detach says what is wrong */
        return detach(m, NULL, t);
}

void attach_session(const struct mirror *m, struct uuid *ret)
{
        struct nbdc_status s;

        if (nbdc_status(m->peer_path, LOOK_MS, &s) < 0 || (s.state != NBDC_ATTACHED && s.state != NBDC_RECONNECTING) ||
            uuid_parse(s.session, ret) < 0)
                *ret = (struct uuid){{0}};
}

void attach_look(const struct mirror *m, struct attach_view *ret)
{
        struct nbdc_status s;

        *ret = (struct attach_view){0};
        if (nbdc_status(m->peer_path, LOOK_MS, &s) < 0) {
                ret->attached = configured(m); /* its requests wait; how long is not known */
                return;
        }
        ret->attached = s.state == NBDC_ATTACHED || s.state == NBDC_RECONNECTING;
        ret->connected = s.state == NBDC_ATTACHED && s.connected;
        ret->refused = s.refused;
        ret->oldest_ms = s.oldest_request_ms < 0            ? 0
                         : s.oldest_request_ms > UINT32_MAX ? UINT32_MAX
                                                            : (uint32_t)s.oldest_request_ms;
}
