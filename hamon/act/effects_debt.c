/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Effects on what the legs differ in: it is captured before an assembly, united with the other leg's bitmap, and dropped when both are in sync. */
#include "hamon/act/effects.h"

#include "hamon/act/attach.h"
#include "hamon/act/blank.h"
#include "hamon/act/effects_debt.h"
#include "hamon/act/leg.h"
#include "hamon/act/leg_header.h"
#include "hamon/act/peer_guard.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 8000 }; /* some hundred KiB over the leg */

int mirror_open_own(const struct mirror *m, struct member *ret, struct md_super *ret_super, struct trouble *t)
{
        int r = member_open(m->disk, LEG_MEMBER_OFFSET, ret);

        if (r == 0)
                r = member_read_super(ret, ret_super);
        return r < 0 ? trouble_errno(t, r, "cannot read the superblock on \"%s\"", m->disk) : 0;
}

static int save_debt(const struct mirror *m, const struct debt *d, struct trouble *t)
{
        int r = debt_save(m->debt_path, d);

        return r < 0 ? trouble_errno(t, r, "cannot write the debt \"%s\"", m->debt_path) : 0;
}

int mirror_load_debt(const struct mirror *m, const struct member *own, const struct md_super *s, struct debt *ret, struct trouble *t)
{
        bool gone;

        int r = member_load_debt(own, s, array_chunk_bytes(s->size_sectors * 512), m->debt_path, ret, &gone);
        if (r < 0)
                return trouble_errno(t, r, "cannot read the debt \"%s\"", m->debt_path);
        if (!gone)
                return 0;
        log_warning("mirror %s: the debt \"%s\" is gone: what the legs differ in is unknown, all of it will be copied, continuing", m->cm->name, m->debt_path);
        return save_debt(m, ret, t);
}

static int add_member_debt(const struct member *m, const struct md_super *s, struct debt *d, const char *whose,
                           struct trouble *t)
{
        int r = member_add_debt(m, s, array_chunk_bytes(s->size_sectors * 512), d);

        return r < 0 ? trouble_errno(t, r, "cannot read the bitmap of %s leg", whose) : 0;
}

int effect_debt_capture(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct member own;
        struct md_super s;
        struct debt d = {0};

        (void)e, (void)ret;
        int r = mirror_open_own(m, &own, &s, t);
        if (r == 0)
                r = mirror_load_debt(m, &own, &s, &d, t);
        if (r == 0)
                r = add_member_debt(&own, &s, &d, "the own", t);
        if (r == 0)
                r = save_debt(m, &d, t);
        debt_release(&d);
        member_close(&own);
        return r;
}

int mirror_apply_debt(const struct mirror *m, bool *ret_none, struct trouble *t)
{
        struct array a = mirror_array(m);
        struct member own;
        struct md_super s;
        struct md_bitmap b;
        struct debt d = {0};
        uint8_t *bits = NULL;

#ifdef MUTANT_debt_dropped
        (void)debt_save_none(m->debt_path);
#endif
        int r = debt_load(m->debt_path, &d);
        *ret_none = r == 0 && debt_is_none(&d);
        debt_release(&d);
        if (*ret_none)
                return 0;
        r = mirror_open_own(m, &own, &s, t);
        if (r == 0)
                r = mirror_load_debt(m, &own, &s, &d, t);
        if (r == 0 && !uuid_equal(&s.array, &d.array))
                r = trouble_say(t, -EINVAL, "the debt \"%s\" is of another array", m->debt_path);
        if (r == 0 && (r = member_read_bitmap(&own, &s, &b, &bits)) < 0)
                (void)trouble_errno(t, r, "cannot read the bitmap of the own leg");
        if (r == 0)
                r = array_apply_debt(&a, &d, b.chunk_bytes, t);
        free(bits);
        debt_release(&d);
        member_close(&own);
        return r;
}

int effect_debt_apply(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        bool none;

        (void)e, (void)ret;
        return mirror_apply_debt(m, &none, t);
}

/*
 * May the peer's leg come back by bitmap? Only as the member that it was: of this array, in its own slot, with a bitmap
 * in our chunk size, and not older than the last time that bits were cleared. Half-way through a whole resync it is
 * nobody.
 */
static bool is_known(const struct mirror *m, const struct md_super *own, const struct md_bitmap *own_bitmap,
                     const struct md_super *peer, const struct md_bitmap *peer_bitmap)
{
        bool half_resynced =
            (peer->feature_map & MD_FEATURE_RECOVERY_OFFSET) && !(peer->feature_map & MD_FEATURE_RECOVERY_BITMAP);

        return uuid_equal(&own->array, &peer->array) && peer->role == (m->self ^ 1u) && !half_resynced &&
               !(peer->feature_map & MD_FEATURE_BAD_BLOCKS) && peer->size_sectors == own->size_sectors &&
               peer->dev_number != own->dev_number && !uuid_equal(&peer->device, &own->device) &&
               peer_bitmap->chunk_bytes == own_bitmap->chunk_bytes && peer->events >= own_bitmap->events_cleared;
}

/* Judges the attached leg; -errno only when a disk failed. */
static int look_at_peer(const struct mirror *m, const struct member *own, const struct md_super *own_super,
                        const struct member *peer, struct md_super *ret, bool *ret_known, struct trouble *t)
{
        struct md_bitmap own_bitmap, peer_bitmap;
        uint8_t *bits = NULL;

        *ret_known = false;
        int r = member_read_bitmap(own, own_super, &own_bitmap, &bits);
        free(bits);
        bits = NULL;
        if (r < 0)
                return trouble_errno(t, r, "cannot read the bitmap of the own leg");
        r = member_read_super(peer, ret);
        if (r == 0)
                r = member_read_bitmap(peer, ret, &peer_bitmap, &bits);
        free(bits);
        if (r == -EBADMSG || r == -EPROTO)
                return 0; /* blank, or of something else: resynced whole */
        if (r < 0)
                return trouble_errno(t, r, "cannot read the peer's leg");
        *ret_known = is_known(m, own_super, &own_bitmap, ret, &peer_bitmap);
        return 0;
}

/* Both legs began as zeroes, and all that was ever written to the array is in the own bitmap or in the debt. */
static int are_blank(const struct mirror *m, const struct member *own, const struct md_super *own_super, const struct member *peer, bool *ret)
{
        struct md_bitmap b;
        uint8_t *bits = NULL;

        *ret = false;
        int r = member_read_bitmap(own, own_super, &b, &bits);
        free(bits);
#ifdef MUTANT_blank_kept
        b.events_cleared = 0;
#endif
        if (r < 0 || !blank_kept(m->blank_path, &own_super->array, b.events_cleared))
                return 0;
        return blank_is_marked(peer->fd, peer->base_bytes, ret);
}

/* A blank leg becomes a member that lacks just that. */
static int welcome(const struct mirror *m, const struct member *own, const struct md_super *own_super, const struct member *peer, struct md_super *peer_super, bool *ret_known,
                   struct trouble *t)
{
        struct array a = mirror_array(m);
        bool blank;

        int r = are_blank(m, own, own_super, peer, &blank);
        if (r < 0)
                return trouble_errno(t, r, "cannot read the peer's leg");
        if (!blank)
                return 0;
        r = array_welcome_blank(&a, t);
        if (r == 0)
                log_notice("mirror %s: both legs began blank: the first copy is of what was written since", m->cm->name);
        return r < 0 ? r : look_at_peer(m, own, own_super, peer, peer_super, ret_known, t);
}

int effect_debt_union(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct member own, peer = {.fd = -1};
        struct md_super own_super, peer_super;
        struct peer_guard guard;
        struct debt d = {0};
        bool known = false;

        (void)e;
        int r = mirror_open_own(m, &own, &own_super, t);
        peer_guard_begin(&guard, m->peer_path, LOOK_MS);
        if (r == 0 && (r = member_open(m->peer_path, 0, &peer)) < 0)
                (void)trouble_errno(t, r, "cannot open the peer's leg");
        if (r == 0)
                r = look_at_peer(m, &own, &own_super, &peer, &peer_super, &known, t);
        if (r == 0 && !known) {
                r = welcome(m, &own, &own_super, &peer, &peer_super, &known, t);
                ret->blank = known;
        }
        if (r == 0)
                r = mirror_load_debt(m, &own, &own_super, &d, t);
        if (r == 0)
                r = add_member_debt(&own, &own_super, &d, "the own", t);
        if (r == 0 && known)
                r = add_member_debt(&peer, &peer_super, &d, "the peer's", t);
        (void)peer_guard_end(&guard); /* when it fired, the reads have failed */
        if (r == 0)
                r = save_debt(m, &d, t);
        if (r == 0)
                ret->known = known;
        debt_release(&d);
        member_close(&peer);
        member_close(&own);
        return r;
}

int effect_debt_drop(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        (void)e, (void)ret;
        int r = debt_save_none(m->debt_path);
        return r < 0 ? trouble_errno(t, r, "cannot write the debt \"%s\"", m->debt_path) : 0;
}
