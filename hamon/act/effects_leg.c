/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Effects on the own leg: its header, its grant, its fence. */
#include "hamon/act/effects.h"

#include "hamon/act/attach.h"
#include "hamon/act/blank.h"
#include "hamon/act/leg.h"
#include "hamon/act/member.h"
#include "hamon/act/nbdd_export.h"
#include "hamon/act/note.h"
#include "hamon/act/revoke.h"
#include "hamon/act/watchdog.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>

/* The own member's superblock from the raw disk; -EBADMSG and -EPROTO mean that there is no usable one. */
static int read_own_super(const struct mirror *m, struct md_super *ret)
{
        struct member own;

        int r = member_open(m->disk, LEG_MEMBER_OFFSET, &own);
        if (r == 0)
                r = member_read_super(&own, ret);
        member_close(&own);
        return r;
}

static int describe_leg(struct mirror *m, const struct leg_header *h, struct effect_result *ret, struct trouble *t)
{
        struct md_super s;
        struct md_state md;
        struct debt d = {0};

        ret->leg.present = true;
        ret->leg.uuid = h->uuid;
        ret->leg.last_epoch = leg_header_last_epoch(h);
        int r = read_own_super(m, &s);
        if (r == 0) {
                ret->leg.has_superblock = true;
                ret->leg.calls_peer_failed = md_super_calls_peer_failed(&s, m->self);
                ret->leg.clean = md_super_is_clean(&s);
                ret->leg.updated_s = s.updated_s;
                ret->leg.md_events = s.events;
        } else if (r != -EBADMSG && r != -EPROTO) {
                return trouble_errno(t, r, "cannot read the superblock on \"%s\"", m->disk);
        }
        r = note_read(m->note_path, &ret->leg.note);
        if (r < 0)
                log_warning("mirror %s: the note \"%s\" %s: it counts as set, continuing", m->cm->name, m->note_path,
                            r == -ENOENT ? "is gone" : "cannot be read");
        r = debt_load(m->debt_path, &d);
        ret->leg.debt = r < 0 || !debt_is_none(&d); /* one that cannot be read stops the next assembly, one that is gone is everything */
        debt_release(&d);
        r = mirror_md_state(m, &md);
        if (r < 0)
                return mirror_md_trouble(m, r, t);
        if (md.running && !md.own_known)
                return trouble_say(t, -ENODEV,
                                   "the array runs and \"%s\" is not there: whether it has the own leg cannot be seen",
                                   m->leg_path);
        ret->leg.array_running = md.running && md.own.present;
        if (ret->leg.array_running) {
                struct array a = mirror_array(m);
                array_name(&a);
        }
        if (md.running && md.peer.present && !md.peer.faulty)
                attach_session(m, &ret->leg.session);
        return 0;
}

/* Arrays are named by the numbers of the mirrors: with another number, the array of this leg would be taken for not
 * running.
 */
static int check_holder(const struct mirror *m, dev_t leg, struct trouble *t)
{
        struct array a = mirror_array(m);
        char other[32];

        int r = md_sysfs_other_holder(MD_SYSFS_ROOT, a.md, leg, other, sizeof other);
        if (r < 0)
                return trouble_errno(t, r, "cannot see who holds the leg of mirror \"%s\"", m->cm->name);
        if (r > 0)
                return trouble_say(t, -EBUSY,
                                   "%s holds the leg of mirror \"%s\": restore the order and the numbers of [mirror] sections", other,
                                   m->cm->name);
        return 0;
}

static void say_proof(const struct mirror *m, enum discard_proof proof)
{
        static const char *const words[] = {
                [DISCARD_NOT_TAKEN] = "takes no discards",
                [DISCARD_NOT_ZERO] = "does not read zeroes exactly where something was discarded",
                [DISCARD_FAILED] = "failed while it was tried what it reads after a discard",
        };

        if (proof == DISCARD_PROVEN)
                log_notice("mirror %s: \"%s\" reads zeroes after a discard", m->cm->name, m->disk);
        else
                log_warning("mirror %s: \"%s\" %s: there are none on this mirror, although its configuration says discard = zeroes", m->cm->name, m->disk, words[proof]);
}

/*
 * Once for each start of hamon-act and each leg that is made: a disk does not change its ways, and a take-over does not wait for it. An array that runs
 * from before has its discards ended when they are not wanted any more, or not proven any more.
 */
static void prove_discards(struct mirror *m, bool runs)
{
        if (m->cm->discard == DISCARD_ZEROES && (m->discard_proof == DISCARD_UNPROVEN || m->discard_proof == DISCARD_FAILED)) {
                m->discard_proof = discard_prove(m->disk);
                say_proof(m, m->discard_proof);
        }
        struct array a = mirror_array(m);
        if (runs && !a.discards)
                array_end_discards(&a);
}

int effect_leg_open(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct leg_header h;
        struct trouble later;
        uint64_t size;
        dev_t device;

        (void)e;
        int r = leg_read(m->disk, m->config->cluster, m->cm->label, &h, t);
        if (r == -ENODATA || r == -EREMOTE)
                return 0; /* present is false: blank, or somebody else's */
        if (r == 0)
                r = dm_leg_ensure(m->cm->label, m->disk, &device, &size, t);
        if (r == 0)
                r = check_holder(m, device, t);
        if (r == 0)
                r = describe_leg(m, &h, ret, t);
        if (r == 0)
                prove_discards(m, ret->leg.array_running);
        if (r == 0 && nbdd_export_ensure(m, &h.uuid, &later) < 0)
                log_warning("mirror %s: the leg is not registered in nbdd yet: %s, continuing", m->cm->name,
                            later.text);
        return r;
}

int effect_leg_create(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct leg_header h;
        struct md_state md;
        struct trouble ignored;

        int r = mirror_md_state(m, &md);
        if (r < 0)
                return mirror_md_trouble(m, r, t);
        if (md.running)
                return trouble_say(t, -EBUSY, "the array of mirror \"%s\" is running on this disk", m->cm->name);
        if (!leg_is_there(m->disk, m->config->cluster, m->cm->label, &e->leg, e->overwrite, &h)) {
                /* Nobody may be writing behind the new header: the grant goes, and the device with it. */
                (void)nbdd_export_revoke(m, &ignored);
                mirror_release_hold(m);
                r = dm_leg_remove(m->cm->label, t);
                if (r == 0)
                        r = leg_create(m->disk, m->config->cluster, m->cm->label, &e->leg, e->overwrite, &h, t);
                /* What is known about an older leg says nothing about this one. */
                m->discard_proof = DISCARD_UNPROVEN;
                if (r == 0 && (debt_save_none(m->debt_path) < 0 || note_clear(m->note_path) < 0 || blank_forget(m->blank_path) < 0))
                        r = trouble_say(t, -EIO, "cannot write the debt and the note of the new leg");
        }
        return r < 0 ? r : effect_leg_open(m, e, ret, t);
}

int effect_probe(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct md_state md;

        (void)e, (void)ret;
        /* Before the swap: a node that cannot arm it, or has another array in the place of this mirror's, leaves primacy to the other one. */
        int r = mirror_md_state(m, &md);
        if (r == MD_SOMEBODY_ELSES)
                return mirror_md_trouble(m, r, t);
        r = watchdog_arm(t);
        return r < 0 ? r : leg_probe(m->disk, t);
}

/* The header must be there, and with the UUID that is meant (null: any). */
static int read_named_leg(const struct mirror *m, const struct uuid *leg, struct leg_header *ret, struct trouble *t)
{
        int r = leg_read(m->disk, m->config->cluster, m->cm->label, ret, t);

        if (r == 0 && !uuid_is_null(leg) && !uuid_equal(leg, &ret->uuid))
                return trouble_say(t, -ESTALE, "disk \"%s\" is another leg than the one that is meant", m->disk);
        return r;
}

int effect_grant(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct leg_header h;
        struct md_state md;
        uint64_t size;
        dev_t device;

        (void)ret;
        int r = mirror_md_state(m, &md);
        if (r < 0)
                return mirror_md_trouble(m, r, t);
        if (md.running)
                return trouble_say(t, -EBUSY, "the own leg is in a running array: it cannot be granted");
        struct array a = mirror_array(m);
        r = array_end_halfway(&a, t);
        if (r < 0)
                return r;
        r = read_named_leg(m, &e->leg, &h, t);
        if (r == 0)
                r = dm_leg_ensure(m->cm->label, m->disk, &device, &size, t);
        if (r < 0)
                return r;
        mirror_release_hold(m);
        return nbdd_export_grant(m, &h.uuid, e->epoch, &e->session, t);
}

int effect_revoke(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        uint64_t size;
        dev_t device;

        (void)e, (void)ret;
        int r = dm_leg_ensure(m->cm->label, m->disk, &device, &size, t);
        return r < 0 ? r : revoke_own_leg(m, t);
}

int effect_release(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        (void)e, (void)ret, (void)t;
        mirror_release_hold(m);
        return 0;
}

int effect_check_leg(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct leg_header h;
        struct md_super s;

        int r = read_named_leg(m, &e->leg, &h, t);
        if (r < 0)
                return r;
        r = read_own_super(m, &s);
        if (r < 0 && r != -EBADMSG && r != -EPROTO)
                return trouble_errno(t, r, "cannot read the superblock on \"%s\"", m->disk);
        ret->permits =
            r == 0 && s.role == m->self && md_super_is_in_sync(&s) && !(s.feature_map & MD_FEATURE_BAD_BLOCKS);
        return 0;
}

int effect_history(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        (void)ret;
        return leg_add_epoch(m->disk, m->config->cluster, m->cm->label, e->epoch, t);
}
