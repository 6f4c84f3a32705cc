/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The planned switchover on the new primary: both legs are looked at, proved equal (equal_legs.h) and run together.
 *
 * The peer's leg is attached OPTIONAL while it is only read. It is made REQUIRED before md may write to it: from then on md cannot lose it
 * before the record says so (R2g).
 */
#include "hamon/act/effects.h"

#include "hamon/act/attach.h"
#include "hamon/act/bounded.h"
#include "hamon/act/equal_legs.h"
#include "hamon/act/leg_header.h"
#include "hamon/act/member.h"
#include "hamon/act/peer_guard.h"
#include "hamon/act/revoke.h"
#include "hamon/act/watchdog.h"

#include <errno.h>
#include <stdlib.h>

enum {
        LOOK_MS = 5000, /* some hundred KiB over the leg */
        RUN_MS = 8000,  /* some superblocks over the leg */
};

static int read_face(const char *device, uint64_t base_bytes, struct leg_face *ret, const char *whose, struct trouble *t)
{
        struct member m;
        uint8_t *bits = NULL;

        int r = member_open(device, base_bytes, &m);
        if (r == 0)
                r = member_read_super(&m, &ret->super);
        if (r == 0)
                r = member_read_bitmap(&m, &ret->super, &ret->bitmap, &bits);
        if (r == 0) {
                ret->bitmap_empty = true;
                for (uint64_t i = 0; i < ret->bitmap.chunks && ret->bitmap_empty; i++)
                        ret->bitmap_empty = !(bits[i / 8] & 1u << i % 8);
        }
        free(bits);
        member_close(&m);
        return r < 0 ? trouble_errno(t, r, "cannot read superblock and bitmap of %s leg", whose) : 0;
}

static int prove_equal(const struct mirror *m, struct trouble *t)
{
        struct leg_face own = {.bitmap_empty = false}, peer = {.bitmap_empty = false};
        struct peer_guard guard;

        int r = read_face(m->disk, LEG_MEMBER_OFFSET, &own, "the own", t);
        if (r < 0)
                return r;
        peer_guard_begin(&guard, m->peer_path, LOOK_MS);
        r = read_face(m->peer_path, 0, &peer, "the peer's", t);
        if (peer_guard_end(&guard) && r == 0)
                r = trouble_say(t, -ETIMEDOUT, "the peer's leg did not answer in time");
        if (r < 0)
                return r;
        const char *why = equal_legs_obstacle(&own, &peer, m->self);
        return why ? trouble_say(t, -ESTALE, "the legs cannot be taken over together: %s", why) : 0;
}

int effect_assemble_both(struct mirror *m, const struct effect *e, struct effect_result *ret, struct trouble *t)
{
        struct trouble ignored;
        struct md_state md;

        (void)e, (void)ret;
        int r = mirror_md_state(m, &md);
        if (r < 0)
                return mirror_md_trouble(m, r, t);
        struct array a = mirror_array(m);
        if (!(md.running && md.own.present)) {
                r = prove_equal(m, t);
                if (r == 0)
                        r = revoke_take_hold(m, 0, t);
                if (r == 0)
                        r = watchdog_arm(t);
                if (r == 0)
                        r = attach_require(m, t);
                if (r < 0)
                        return r;
                mirror_release_hold(m); /* between our exclusive hold and md's claim nobody else comes in: only this worker grants */
        }
        r = bounded_run(array_assemble_both, &a, RUN_MS, "run both legs", t);
        if (r < 0 && r != -ETIMEDOUT) { /* as before; the first error is the one to report */
                (void)array_stop(&a, &ignored);
                (void)revoke_take_hold(m, 0, &ignored);
        }
        return r;
}
