/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The last thing that is done to a leg whose mirror is being removed: nobody can write to its disk any more through us, and nothing of ours holds it.
 *
 * The array has stopped before, by a decided record that nobody goes on from. What is on the disk stays: the leg's header, md's superblock and the data, so that
 * hamon-rescue reads them. So do note and debt, a few bytes beside hamon-act's other state: a removal may be taken back, and a new leg begins with its own. An nbdd
 * that does not answer is not killed as in a take-over, for the legs of the other mirrors are in it: the step is tried again.
 */
#include "hamon/act/effects.h"

#include "hamon/act/nbdd_export.h"

#include <errno.h>

int effect_leg_close(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct array a = mirror_array(m);
        struct md_state s;

        (void)e, (void)ret;
        int r = mirror_md_state(m, &s);
        if (r < 0)
                return mirror_md_trouble(m, r, t);
        if (s.running)
                return trouble_say(t, -EBUSY, "the array of mirror \"%s\" is running: its leg is not closed", m->cm->name);
        r = array_end_halfway(&a, t);
        if (r == 0)
                r = nbdd_export_forget(m, t);
        if (r < 0)
                return r;
        mirror_release_hold(m);
        return dm_leg_remove(m->cm->label, t);
}
