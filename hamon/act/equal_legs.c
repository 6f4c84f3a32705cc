/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hamon/act/equal_legs.h"

static const char *one_leg(const struct leg_face *f, unsigned slot)
{
        const struct md_super *s = &f->super;

        if (s->role != slot || !md_super_is_in_sync(s))
                return "a leg is no member in sync, in its own slot";
        if (!s->slot_present[0] || !s->slot_present[1])
                return "a leg calls the other one failed";
        if (s->feature_map & (MD_FEATURE_BAD_BLOCKS | MD_FEATURE_RESHAPE_ACTIVE | MD_FEATURE_REPLACEMENT | MD_FEATURE_RECOVERY_OFFSET))
                return "a leg is in the middle of something else";
        if (!md_super_is_clean(s))
                return "a leg was not stopped cleanly";
        if (!(s->feature_map & MD_FEATURE_BITMAP) || !md_bitmap_is_current(&f->bitmap, s->events))
                return "a leg has no bitmap that is up to date";
        if (!f->bitmap_empty)
                return "a leg's bitmap is not empty";
        return NULL;
}

const char *equal_legs_obstacle(const struct leg_face *own, const struct leg_face *peer, unsigned own_slot)
{
        const char *why = one_leg(own, own_slot);

        if (!why)
                why = one_leg(peer, own_slot ^ 1u);
        if (why)
                return why;
        if (!uuid_equal(&own->super.array, &peer->super.array))
                return "the legs are of two arrays";
        if (uuid_equal(&own->super.device, &peer->super.device) || own->super.dev_number == peer->super.dev_number)
                return "the legs say that they are the same one";
        if (own->super.size_sectors != peer->super.size_sectors || own->bitmap.chunk_bytes != peer->bitmap.chunk_bytes)
                return "the legs are of two sizes";
        if (own->super.events != peer->super.events)
                return "the legs have different event counts";
        if (own->bitmap.events_cleared != peer->bitmap.events_cleared)
                return "the legs' bitmaps were cleared at different times";
        return NULL;
}
