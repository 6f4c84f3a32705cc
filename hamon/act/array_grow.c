/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A running array takes the room that its devices have got: sysfs alone (Documentation/admin-guide/md.rst: dev-XXX/size, component_size). */
#include "hamon/act/array.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define KIB 1024u

static int read_kib(const struct array *a, const char *attribute, uint64_t *ret)
{
        char path[128], text[32], *end;

        snprintf(path, sizeof path, MD_SYSFS_ROOT "/block/%s/md/%s", a->md, attribute); /* fits: kernel names */
        int r = md_sysfs_text(path, text, sizeof text);
        if (r < 0)
                return r;
        errno = 0;
        *ret = strtoull(text, &end, 10);
        return errno || end == text || *end ? -EBADMSG : 0;
}

/* "0" is all that the device has behind its data offset; md writes the superblock and refuses less than the array uses. */
static int take_all_room(const struct array *a, const struct md_member *m, uint64_t *ret_kib, struct trouble *t)
{
        char attribute[64];

        snprintf(attribute, sizeof attribute, "dev-%s/size", m->name); /* fits: name is 32 */
        int r = md_sysfs_write(MD_SYSFS_ROOT, a->md, attribute, "0");
        if (r == 0)
                r = read_kib(a, attribute, ret_kib);
        return r < 0 ? trouble_errno(t, r, "%s does not take what %s has grown to", a->md, m->name) : 0;
}

int array_grow(const struct array *a, struct array_growth *ret, struct trouble *t)
{
        uint64_t own_kib, peer_kib, old_kib, new_kib;
        struct md_state s;
        char text[32];

        int r = md_sysfs_read(MD_SYSFS_ROOT, a->md, a->own, a->peer, &s);
        if (r < 0)
                return trouble_errno(t, r, "cannot read the state of %s", a->md);
        if (!s.running || !s.own.present || !s.own.in_sync || !s.peer.present || !s.peer.in_sync)
                return trouble_say(t, -EAGAIN, "%s does not run with both legs in sync: it is grown when it does", a->md);
        if (!s.sync_idle)
                return trouble_say(t, -EAGAIN, "%s is being copied or compared: it is grown when that is over", a->md);
        r = read_kib(a, "component_size", &old_kib);
        if (r < 0)
                return trouble_errno(t, r, "cannot read the size of %s", a->md);
        r = take_all_room(a, &s.own, &own_kib, t);
        if (r == 0)
                r = take_all_room(a, &s.peer, &peer_kib, t);
        if (r < 0)
                return r;
        new_kib = own_kib < peer_kib ? own_kib : peer_kib;
        *ret = (struct array_growth){
            .before_bytes = old_kib * KIB,
            .after_bytes = (new_kib > old_kib ? new_kib : old_kib) * KIB,
            .own_bytes = own_kib * KIB,
            .peer_bytes = peer_kib * KIB,
        };
        if (new_kib <= old_kib)
                return 0;
        snprintf(text, sizeof text, "%" PRIu64, new_kib);
        r = md_sysfs_write(MD_SYSFS_ROOT, a->md, "component_size", text);
        return r < 0 ? trouble_errno(t, r, "%s does not grow", a->md) : 0;
}
