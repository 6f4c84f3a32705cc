/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Effects on the array and the peer's leg in it. */
#include "hamon/act/effects.h"

#include "hamon/act/attach.h"
#include "hamon/act/blank.h"
#include "hamon/act/effects_debt.h"
#include "hamon/act/leg.h"
#include "hamon/act/leg_header.h"
#include "hamon/act/note.h"
#include "hamon/act/peer_guard.h"
#include "hamon/act/revoke.h"
#include "hamon/act/watchdog.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ADD_MS = 25000 }; /* longer than mdadm may take by itself */

/* Between our exclusive hold and md's claim nobody else comes in: only this worker grants. */
static int with_hold_given_to_md(struct mirror *m,
                                 int (*start)(const struct array *a, uint64_t member_bytes, struct trouble *t),
                                 const struct array *a, uint64_t member_bytes, struct trouble *t)
{
        struct trouble ignored;

        int r = revoke_take_hold(m, 0, t);
        if (r < 0)
                return r;
        mirror_release_hold(m);
        r = start(a, member_bytes, t);
        if (r < 0)
                (void)revoke_take_hold(m, 0, &ignored); /* as before; the first error is the one to report */
        return r;
}

static int start_assembly(const struct array *a, uint64_t member_bytes, struct trouble *t)
{
        (void)member_bytes;
        return array_assemble(a, t);
}

/* Without it the first copy is of everything. */
static void keep_blank(const struct mirror *m)
{
        struct trouble t;
        struct member own;
        struct md_super s;
        struct md_bitmap b;
        uint8_t *bits = NULL;

        int r = mirror_open_own(m, &own, &s, &t);
        if (r == 0)
                r = member_read_bitmap(&own, &s, &b, &bits);
        free(bits);
        member_close(&own);
        if (r == 0)
                r = blank_keep(m->blank_path, &s.array, b.events_cleared);
        if (r < 0)
                log_warning("mirror %s: that its disk was blank cannot be kept in \"%s\": %s; the first copy will be of everything, continuing", m->cm->name, m->blank_path,
                            strerrordesc_np(-r));
}

int effect_array_create(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct trouble ignored;
        struct member own;
        struct md_super s;
        uint64_t size;
        dev_t device;

        int r = watchdog_arm(t);
        if (r == 0)
                r = dm_leg_ensure(m->cm->label, m->disk, &device, &size, t);
        if (r < 0)
                return r;
        if (e->leg_bytes > 0 && e->leg_bytes < size)
                size = e->leg_bytes / LEG_GRAIN_BYTES * LEG_GRAIN_BYTES;
        if (size < LEG_LEAST_BYTES)
                return trouble_say(t, -ENOSPC, "a leg of %llu bytes is too small", (unsigned long long)size);
        struct array a = mirror_array(m);
        /* Asked again after a crash: what was created is started, not created anew. */
        bool created = mirror_open_own(m, &own, &s, &ignored) == 0 && s.role == m->self, blank = false;
        if (!created && own.fd >= 0 && (r = blank_is_marked(own.fd, own.base_bytes, &blank)) < 0)
                (void)trouble_errno(t, r, "cannot read \"%s\"", m->disk);
        member_close(&own);
        if (r < 0)
                return r;
        struct md_state md;
        r = mirror_md_state(m, &md);
        if (r < 0)
                return mirror_md_trouble(m, r, t);
        if (!(md.running && md.own.present))
                r = with_hold_given_to_md(m, created ? start_assembly : array_create, &a, size, t);
        if (r == 0 && blank)
                keep_blank(m);
        return r < 0 ? r : effect_leg_open(m, e, ret, t);
}

int effect_assemble(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct member own;
        struct md_super s;
        struct md_state md;
        struct debt d = {0};

        (void)e, (void)ret;
        struct array a = mirror_array(m);
        int r = mirror_md_state(m, &md);
        if (r < 0)
                return mirror_md_trouble(m, r, t);
        if (md.running && md.own.present)
                return array_assemble(&a, t);
        r = mirror_open_own(m, &own, &s, t);
        if (r == 0)
                r = watchdog_arm(t);
        if (r == 0)
                r = mirror_load_debt(m, &own, &s, &d, t);
        member_close(&own);
        bool captured = d.bits && uuid_equal(&d.array, &s.array);
        debt_release(&d);
        if (r < 0)
                return r;
        if (!captured)
                return trouble_say(t, -EINVAL, "the debt was not captured: no assembly before it");
        if (s.role != m->self || !md_super_is_in_sync(&s))
                return trouble_say(t, -EINVAL, "the superblock on \"%s\" does not permit an assembly alone", m->disk);
        return with_hold_given_to_md(m, start_assembly, &a, 0, t);
}

int effect_leg_add(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct array a = mirror_array(m);
        bool none;

        (void)ret;
        /* Already for the debt: asked again after a restart of this process the leg may be in the array, and md writes the bits to it. */
        struct peer_guard guard;
        peer_guard_begin(&guard, m->peer_path, ADD_MS);
        int r = mirror_apply_debt(m, &none, t);
#ifndef MUTANT_debt_dropped
        if (r == 0 && none && !e->whole)
                r = trouble_say(t, -EINVAL, "the bitmaps were not united: no re-add before it");
#endif
#ifndef MUTANT_blank_kept
        /* From now on md clears bits of what this leg has been given: another blank one would lack it. */
        if (r == 0 && blank_forget(m->blank_path) < 0)
                r = trouble_say(t, -EIO, "cannot remove \"%s\"", m->blank_path);
#endif
        if (r == 0)
                r = e->whole ? array_add_new(&a, t) : array_readd(&a, t);
        (void)peer_guard_end(&guard);
        return r;
}

int effect_leg_remove(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct array a = mirror_array(m);

        (void)e, (void)ret;
        return array_remove_peer(&a, t);
}

int effect_require(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct array a = mirror_array(m);

        (void)e, (void)ret;
        int r = attach_require(m, t);
        return r < 0 ? r : array_flush(&a, t);
}

int effect_array_stop(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct array a = mirror_array(m);
        struct md_state s;

        (void)ret;
        int r = mirror_md_state(m, &s);
        if (r < 0)
                return mirror_md_trouble(m, r, t);
        /* A leg that does not answer shows here, where the array can still let it go. md ignores flush errors, so do
         * we.
         */
        bool both = s.running && s.own.present && !s.own.faulty && s.peer.present && !s.peer.faulty;
        if (both && array_flush(&a, t) == -ETIMEDOUT)
                return trouble_say(t, -ETIMEDOUT,
                                   "the peer's leg does not answer: %s is not stopped before it has left", a.md);
        /* Nor do we ignore them of the own disk: a leg that lost what was flushed must not pass for one that was stopped in
         * order - but for one that a decided record keeps out already: then this stop is how the service gets to the other.
         */
        if (both && e->version == 0 && (r = leg_probe(m->disk, t)) < 0)
                return r;
        r = array_stop(&a, t);
        if (r == 0)
                r = attach_end(m, t);
        if (r == 0)
                mirror_release_hold(m);
        /* md ignores a flush that failed: what the stop wrote counts only when the disk then takes one. */
        return r == 0 && leg_probe(m->disk, t) < 0 ? -EBADE : r;
}

int effect_note_clear(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct md_state s;

        (void)e, (void)ret;
        int r = mirror_md_state(m, &s);
        if (r < 0)
                return mirror_md_trouble(m, r, t);
        if (s.running && s.peer.present)
                return trouble_say(t, -EBUSY, "the peer's leg is still in the array: the note stays");
        r = note_clear(m->note_path);
        return r < 0 ? trouble_errno(t, r, "cannot write \"%s\"", m->note_path) : 0;
}
