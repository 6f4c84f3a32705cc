/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/nbdd_export.h"

#include "nbdd/client/nbdd.h"

#include <errno.h>
#include <string.h>

#define CALL_MS 5000u   /* what touches no disk */
#define DRAIN_MS 10000u /* of a grant or a removal, which revoke first: what the disk has is waited for */
#define REVOKE_MS 4000u /* the same in a take-over: the disk has just taken a probe, past it nbdd counts as hung */
#define HEALTH_MS 1000u

/* Opens a handle and says so when that fails. */
static int open_nbdd(const struct mirror *m, struct nbdd **ret, struct trouble *t)
{
        int r = nbdd_open(m->nbdd_socket, ret);

        /* The export is this mirror's by its id, under whatever name it was registered: a mirror that was renamed must still be revoked. */
        if (r == 0)
                nbdd_set_force(*ret, true);
        return r < 0 ? trouble_errno(t, r, "cannot use nbdd's control socket") : 0;
}

static int say(struct nbdd *n, int error, const char *what, struct trouble *t)
{
        return trouble_say(t, error, "nbdd: %s: %.90s", what, nbdd_error(n));
}

static bool unreachable(int error)
{
        return error == -ECONNREFUSED || error == -ETIMEDOUT || error == -ECONNRESET || error == -EPIPE ||
               error == -ENOTCONN;
}

/* -ENOENT is both "no such export" and "no socket": only a list tells them apart. */
static int find_export(struct nbdd *n, uint64_t id, struct nbdd_export *ret)
{
        struct nbdd_health health;

        int r = nbdd_export_get(n, id, CALL_MS, ret);
        if (r == -ENOENT && nbdd_health(n, CALL_MS, &health) < 0)
                return -ENOTCONN;
        return unreachable(r) ? -ENOTCONN : r;
}

int nbdd_export_ensure(const struct mirror *m, const struct uuid *leg, struct trouble *t)
{
        char text[UUID_TEXT_SIZE];
        struct nbdd_export e;
        struct nbdd *n;

        int r = open_nbdd(m, &n, t);
        if (r < 0)
                return r;
        uuid_format(leg, text);
        r = find_export(n, m->cm->id, &e);
        bool there = r == 0;
        if (there) {
                bool same = e.leg && strcmp(e.device, m->leg_path) == 0 && strcmp(e.leg_uuid, text) == 0;
                bool ours = e.leg && strcmp(e.owner, m->cm->label) == 0;
                nbdd_export_release(&e);
                if (same || !ours) {
                        nbdd_close(n);
                        return same ? 0
                                    : trouble_say(t, -EEXIST, "export id 0x%llx is used for something else in nbdd",
                                                  (unsigned long long)m->cm->id);
                }
                r = nbdd_leg_revoke(n, m->cm->id, DRAIN_MS);
                if (r == 0)
                        r = nbdd_export_remove(n, m->cm->id, CALL_MS);
        }
        if (r == 0 || r == -ENOENT) {
                struct nbdd_export_options o = {
                    .device = m->leg_path, .id = m->cm->id, .leg = true, .leg_uuid = text, .owner = m->cm->label};
                r = nbdd_export_add(n, &o, CALL_MS);
        }
        if (r < 0)
                (void)say(n, r, "cannot register the leg", t);
        nbdd_close(n);
        return r;
}

int nbdd_export_grant(const struct mirror *m, const struct uuid *leg, uint64_t epoch, const struct uuid *session,
                      struct trouble *t)
{
        char leg_text[UUID_TEXT_SIZE], session_text[UUID_TEXT_SIZE];
        struct nbdd *n;

        int r = nbdd_export_ensure(m, leg, t);
        if (r == 0)
                r = open_nbdd(m, &n, t);
        if (r < 0)
                return r;
        uuid_format(leg, leg_text);
        uuid_format(session, session_text);
        r = (mirror_discards(m) ? nbdd_leg_grant_with_trim : nbdd_leg_grant)(n, m->cm->id, epoch, session_text, leg_text, DRAIN_MS);
        if (r < 0)
                (void)say(n, r, "cannot grant the leg", t);
        nbdd_close(n);
        return r;
}

int nbdd_export_revoke(const struct mirror *m, struct trouble *t)
{
        struct nbdd_health health;
        struct nbdd *n;

        int r = open_nbdd(m, &n, t);
        if (r < 0)
                return -ENOTCONN;
        r = nbdd_leg_revoke(n, m->cm->id, REVOKE_MS); /* one call: a take-over waits for it */
        if (r < 0)
                (void)say(n, r, "cannot revoke the leg", t);
        /* It answers and knows no such export: nobody can be in it. The same error without an answer says nothing. */
        if (r == -ENOENT && nbdd_health(n, HEALTH_MS, &health) == 0)
                r = 0;
        nbdd_close(n);
        return r == 0 || r == -EIO ? r : -ENOTCONN; /* anything else leaves open what may still land */
}

/* The end of what only takes away: what is not there is gone, and nbdd has answered (find_export()). */
static int conclude(struct nbdd *n, int r, const char *what, struct trouble *t)
{
        if (r == -ENOENT)
                r = 0;
        if (r < 0)
                (void)say(n, r, what, t);
        nbdd_close(n);
        return r;
}

int nbdd_export_follow_size(const struct mirror *m, uint64_t size_bytes, struct trouble *t)
{
        struct nbdd_export e;
        struct nbdd *n;

        int r = open_nbdd(m, &n, t);
        if (r < 0)
                return r;
        r = find_export(n, m->cm->id, &e);
        bool shorter = r == 0 && e.epoch != 0 && e.size_bytes < size_bytes; /* a grant is of the size that the leg had */
        if (r == 0)
                nbdd_export_release(&e);
        if (shorter)
                r = nbdd_leg_revoke(n, m->cm->id, DRAIN_MS);
        return conclude(n, r, "cannot take back the grant of the shorter leg", t);
}

int nbdd_export_forget(const struct mirror *m, struct trouble *t)
{
        struct nbdd_export e;
        struct nbdd *n;

        int r = open_nbdd(m, &n, t);
        if (r < 0)
                return r;
        r = find_export(n, m->cm->id, &e);
        bool there = r == 0, ours = there && e.leg && strcmp(e.owner, m->cm->label) == 0;
        if (there)
                nbdd_export_release(&e);
        if (there && !ours) {
                nbdd_close(n);
                return trouble_say(t, -EEXIST, "export id 0x%llx is used for something else in nbdd", (unsigned long long)m->cm->id);
        }
        if (there)
                r = nbdd_leg_revoke(n, m->cm->id, DRAIN_MS);
        if (there && r == -EIO)
                r = nbdd_leg_revoke(n, m->cm->id, DRAIN_MS); /* drained and closed, the disk refused the flush: what it lost does not matter here */
        if (there && r == 0)
                r = nbdd_export_remove(n, m->cm->id, CALL_MS);
        return conclude(n, r, "cannot take the export of the leg away", t);
}

bool nbdd_export_answers(const char *socket_path)
{
        struct nbdd_health health;
        struct nbdd *n;

        if (nbdd_open(socket_path, &n) < 0)
                return false;
        bool answers = nbdd_health(n, HEALTH_MS, &health) == 0;
        nbdd_close(n);
        return answers;
}
